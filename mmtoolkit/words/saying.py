"""Texts that remember their template and values, so that they can be shown in another language later."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from mmtoolkit._text import did_you_mean
from mmtoolkit.words.catalogue import LANGUAGES, Language, entries

__all__ = ["Said", "chosen_language", "filled", "language", "say", "speaking", "title", "word"]

_VARIABLE = "MMTOOLKIT_LANGUAGE"
_SPOKEN: ContextVar[Language | None] = ContextVar("spoken", default=None)


class Said(str):
    """A text that is shown (``str``, f-strings, ``print``) in the language that is set at that moment.

    What it holds, and with it what is compared, joined and put into JSON, is in the language that was spoken when it was made:
    English inside of verbs.
    """

    entry: str  # its English in the catalogue
    template: str  # its English, one or many
    values: Mapping[str, Any]

    def __str__(self) -> str:
        """Return the text in the present language."""
        return _written(self.entry, self.template, self.values, language())

    def __format__(self, spec: str) -> str:
        """Return the same, formatted."""
        return format(str(self), spec)


def language() -> Language:
    """Return the present language: that of the innermost `speaking`, else of MMTOOLKIT_LANGUAGE, else English.

    Returns
    -------
    {"en", "zh"}
        The language.

    Raises
    ------
    ValueError
        If MMTOOLKIT_LANGUAGE is neither.
    """
    spoken = _SPOKEN.get()
    return _checked(os.environ.get(_VARIABLE) or "en", _VARIABLE) if spoken is None else spoken


@contextmanager
def speaking(spoken: str | None) -> Iterator[Language]:
    """Make texts in a language.

    Parameters
    ----------
    spoken : {"en", "zh"} or None
        None goes on in the language that is spoken already.

    Yields
    ------
    {"en", "zh"}
        The language.

    Raises
    ------
    ValueError
        If it is neither.

    Examples
    --------
    >>> from mmtoolkit.words import say, speaking
    >>> with speaking("zh"):
    ...     print(say("{n:,} picture", "{n:,} pictures", n=1200))
    1,200 张图片
    """
    chosen = chosen_language(spoken)
    before = _SPOKEN.set(chosen)
    try:
        yield chosen
    finally:
        _SPOKEN.reset(before)


def chosen_language(spoken: str | None) -> Language:
    """Return a given language, or for None the present one.

    Parameters
    ----------
    spoken : {"en", "zh"} or None
        As users pass it.

    Returns
    -------
    {"en", "zh"}
        The language.

    Raises
    ------
    ValueError
        If it is neither.
    """
    return language() if spoken is None else _checked(spoken, "language")


def _checked(value: object, name: str) -> Language:
    for known in LANGUAGES:
        if value == known:
            return known
    msg = f"{name} must be {' or '.join(map(repr, LANGUAGES))}; got {value!r}{did_you_mean(value, LANGUAGES)}"
    raise ValueError(msg)


def say(one: str, many: str | None = None, /, **values: Any) -> Said:
    """Make a text of a template and values, in the present language.

    Parameters
    ----------
    one : str
        English, with placeholders as of ``str.format``; a literal, because a test looks for it in the catalogue.
    many : str or None, default=None
        English for any other number than one of the value `n`; it is what the catalogue knows the text by.
    **values : object
        For the placeholders; what was said may be a value of what is said.

    Returns
    -------
    Said
        A str that can be written out in another language later.

    Examples
    --------
    >>> from mmtoolkit.words import say
    >>> say("{n:,} picture", "{n:,} pictures", n=1)
    '1 picture'
    """
    single = many is None or values["n"] == 1
    return _made(many or one, one if single else str(many), values, language())


def word(english: str) -> Said:
    """Mark a text of a table or a constant; it is translated when it is shown.

    Parameters
    ----------
    english : str
        A literal; its placeholders, if it has any, are filled by `filled`.

    Returns
    -------
    Said
        In English.
    """
    said = Said(english)
    said.entry, said.template, said.values = english, english, _Open()
    return said


def filled(text: str, **values: Any) -> str:
    """Fill the placeholders of a text that `word` has marked.

    Parameters
    ----------
    text : str
        From `word`; another text, such as a user's, is filled as it is.
    **values : object
        For the placeholders.

    Returns
    -------
    str
        In the language that is spoken.
    """
    return _made(text.entry, text.template, values, language()) if isinstance(text, Said) else text.format(**values)


class _Open(dict[str, Any]):
    """Values of a text whose placeholders are not filled yet: each stands for itself."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def title(name: object) -> str:
    """Return the name of one of our columns or fields as a heading, in the present language.

    Parameters
    ----------
    name : object
        Such as "average_precision"; a name that the catalogue does not know, such as a user's column, stays as it is.

    Returns
    -------
    str
        The heading.
    """
    if isinstance(name, Said):
        return str(name)
    plain = str(name).replace("_", " ")
    return entries(language()).get(plain, plain)


def _made(entry: str, template: str, values: Mapping[str, Any], spoken: Language) -> Said:
    said = Said(_written(entry, template, values, spoken))
    said.entry, said.template, said.values = entry, template, values
    return said


def _written(entry: str, template: str, values: Mapping[str, Any], spoken: Language) -> str:
    words = template if spoken == "en" else entries(spoken).get(entry, template)
    with speaking(spoken):
        return words.format_map(values)
