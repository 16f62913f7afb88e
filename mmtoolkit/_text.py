"""Text that people will read: on one line, shortened, safe in Markdown."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["did_you_mean", "escape_markdown", "is_blank", "is_unicode", "shorten", "width_of", "writable"]

# also what turns the direction of writing around, with which "gpj.exe" can pose as "exe.jpg"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")
_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})  # control, format, and three kinds of space
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a character
_MARKDOWN = re.compile(
    r"[\\`*_{}\[\]()#+!|<>~&@$^-]"  # formats, HTML, entities, formulas
    r"|(?<=\bwww)\.|(?<=http):|(?<=https):|(?<=ftp):|(?<=mailto):|(?<=xmpp):",  # links
    re.IGNORECASE,
)
_MAIL = re.compile(r"(?<=\w)\\@(?=\w)")  # GitHub makes a link of it all the same, but not with a word joiner inside
_LIST = re.compile(r"^(\d{1,9})\.")


def is_blank(text: str) -> bool:
    """Return whether `text` has no character that a person can see."""
    return all(unicodedata.category(letter) in _INVISIBLE for letter in text)


def is_unicode(text: str) -> bool:
    """Return whether `text` can be written; names of files and JSON may hold half a character."""
    return text.isascii() or not _SURROGATE.search(text)


def writable(text: str) -> str:
    """Return `text` with half characters escaped as JSON escapes them, so that it can be written."""
    return text if is_unicode(text) else text.encode("utf-8", "backslashreplace").decode()


def width_of(text: str) -> float:
    """Return about how wide `text` is drawn, in small Latin letters."""
    return sum(2.0 if unicodedata.east_asian_width(c) in "WF" else 1.4 if c.isupper() else 1.0 for c in text)


def columns_of(text: str) -> int:
    """Return how many columns of a terminal `text` takes."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shorten(text: object, limit: int = 60, *, tail: int = 0) -> str:
    """Return `text` on one line, without control characters, at most `limit` characters long; `tail` of them are its last."""
    line = " ".join(_CONTROL.sub(" ", str(text)).encode("utf-8", "replace").decode("utf-8").split())
    return line if len(line) <= limit else f"{line[: limit - 1 - tail]}…{line[len(line) - tail :]}"


def escape_markdown(text: object, limit: int = 200) -> str:
    """Return `text` shortened, and safe anywhere in Markdown: nothing in it links or formats."""
    return _LIST.sub(r"\1\\.", _MAIL.sub("\\\\@\u2060", _MARKDOWN.sub(r"\\\g<0>", shorten(text, limit))))


def did_you_mean(name: object, known: Iterable[object]) -> str:
    """Return " (did you mean 'x'?)" for a name that is nearly a known one, else ""."""
    import difflib

    names = {str(other).casefold(): str(other) for other in known}
    found = difflib.get_close_matches(str(name).casefold(), names, 1, 0.6)
    return f" (did you mean {names[found[0]]!r}?)" if found else ""
