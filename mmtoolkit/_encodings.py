"""Decode the bytes of a text file as Unicode, GB18030 or Latin-1 by one rule; no character is ever replaced."""

from __future__ import annotations

import codecs
import re
import unicodedata

__all__ = ["decoded"]

_MARKS = (  # UTF-32 first: its mark begins like that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8-sig", ""),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_ODD = re.compile(  # in what is no Latin-1: rare marks, letters of Iceland that are those of Turkey in another encoding, a mark inside a word, a capital after a small letter
    "[ƒ‚†‡ˆ‰‹›˜¢¤¥¦¨¬¯´¶¸¹¾ÞþÐðÝý]|[^\\W\\d_][^\\w\\s!-~’—·\\xad][^\\W\\d_]|[a-z][À-ÞŠŒŽŸ]"
)
_ISO_2022 = re.compile(rb"\x1b[$(]")
_ADVICE = "save it as UTF-8"
_KOREAN = 8  # so many characters and more of the first 25 rows alone are rather Korean than Chinese


def decoded(raw: bytes) -> tuple[str, str]:
    """Return the text of a file and the name of its encoding, "" for UTF-8.

    The rule: a byte order mark is believed; zero bytes are UTF-16 without a mark; what is valid UTF-8 is UTF-8. Of the
    rest, text of common simplified Chinese characters is GB18030, and text of plain letters with few accented ones
    among them is Latin-1 (as Windows writes it). A text of one or two characters may be valid UTF-8 by chance.

    Raises
    ------
    ValueError
        If it is none of these: nothing is guessed and nothing replaced.
    """
    for mark, codec, name in _MARKS:
        if raw.startswith(mark):
            return _strict(raw, codec, name or "UTF-8"), name
    if b"\0" in raw:
        return _wide(raw), "UTF-16"
    if _ISO_2022.search(raw):
        msg = f"the text is in an encoding of the family ISO-2022; {_ADVICE}"
        raise ValueError(msg)
    try:
        return raw.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        for recognised, name in ((_chinese, "GB18030"), (_western, "Latin-1")):
            text = recognised(raw)
            if text is not None:
                return text, name
        msg = (
            f"byte {error.start} (0x{raw[error.start]:02x}) is not UTF-8, and the text is neither clearly GB18030 nor "
            f"clearly Latin-1; {_ADVICE}"
        )
        raise ValueError(msg) from error


def _strict(raw: bytes, codec: str, name: str) -> str:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError as error:
        msg = f"the file begins as {name}, but byte {error.start} is not; {_ADVICE}"
        raise ValueError(msg) from error


def _wide(raw: bytes) -> str:
    """Decode UTF-16 without a mark; the zero bytes of its ASCII letters say which byte comes first."""
    little = raw[1::2].count(0) >= raw[0::2].count(0)
    try:
        text = raw.decode("utf-16-le" if little else "utf-16-be")
    except UnicodeDecodeError:
        text = "\0"
    if _is_odd(text):
        msg = f"the file holds zero bytes and is not UTF-16: it is no text, or cut off; {_ADVICE}"
        raise ValueError(msg)
    return text


def _chinese(raw: bytes) -> str | None:
    """Decode what is clearly GB18030: nine in ten characters are of GB 2312, most are common ones, none is Japanese."""
    try:
        text = raw.decode("gb18030")
    except UnicodeDecodeError:
        return None
    letters = [letter for letter in text if letter >= "\x80" and unicodedata.category(letter)[0] == "L"]
    if not letters or _is_odd(text) or any("\u3040" <= letter <= "\u30ff" for letter in letters):
        return None
    rows = [pair[0] - 0xA0 for letter in letters if len(pair := letter.encode("gb2312", "ignore")) == 2]
    common = sum(16 <= row <= 55 for row in rows)
    if len(rows) < 0.9 * len(letters) or common < 0.6 * len(letters):
        return None
    return None if len(rows) >= _KOREAN and max(rows) <= 40 else text


def _western(raw: bytes) -> str | None:
    """Decode what is clearly Latin-1: plain letters, fewer accented ones, and the marks of Western languages."""
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError:
        return None
    accented = re.findall(r"[^\W\d_a-zA-Z]+", text)
    plain = sum(letter.isascii() and letter.isalpha() for letter in text)
    few = plain >= max(1, sum(map(len, accented))) and all(len(run) <= 2 for run in accented)
    return text if few and not _ODD.search(text) and not _is_odd(text) else None


def _is_odd(text: str) -> bool:
    """Return whether a text holds control characters or others that show a wrong encoding."""
    return any(unicodedata.category(letter) in ("Cc", "Cn", "Co") and letter not in "\t\n\r\f" for letter in set(text))
