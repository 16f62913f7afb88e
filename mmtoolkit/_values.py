"""Compare values of one column by their meaning: 1, 1.0 and "1" in one column are equal; "01" and "1E5" are codes."""

from __future__ import annotations

import datetime
import decimal
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit.words import say

__all__ = ["code_columns", "finder", "group_key", "look_alikes", "missing", "role_of", "text_of", "unified"]

_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,14})\.[0-9]+")
_LOOKS_NUMERIC = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SCIENTIFIC = re.compile(r"-?[0-9](\.[0-9]+)?e[+-][0-9]{2,3}")  # as programs write small and large numbers
_Whole = int | np.integer  # of any length
_Number = _Whole | float | np.floating


def _names(words: str) -> re.Pattern[str]:
    """Return the pattern of names that start with one of the words: "Test", "test_2", "test set"."""
    return re.compile(rf"({words})[\W_]*(set|split|data|集)?[\W_]*\d*", re.IGNORECASE)


_ROLES = {
    "train": _names("train|training|trn|训练"),
    "test": _names("test|testing|tst|holdout|eval|evaluation|测试"),
    "validation": _names("val|valid|validation|dev|development|验证"),
}


def role_of(name: Any) -> str | None:
    """Return the purpose of a split by its name."""
    if name is None:
        return None
    said = str(name).strip()
    return next((role for role, known in _ROLES.items() if known.fullmatch(said)), said)


def missing(values: Any) -> NDArray[np.bool_]:
    """Return which values of a column are missing: None, NaN and their like."""
    try:
        return np.asarray(pd.isna(values), dtype=bool)
    except decimal.InvalidOperation:  # pandas cannot look at a signalling NaN
        return np.array([v.is_nan() if isinstance(v, decimal.Decimal) else bool(np.all(pd.isna(v))) for v in values])


def _is_number(value: object) -> bool:
    return isinstance(value, _Number) and not isinstance(value, bool)


def _number_of(text: str) -> int | float | None:
    """Return the number that a text is the plain writing of; None for "01", "1E5", "1.10" and long digits."""
    if _WHOLE.fullmatch(text) and text != "-0":
        return int(text)
    if _DECIMAL.fullmatch(text) and repr(float(text)) == text:
        return float(text)
    return None


def _plain(number: Any) -> int | float:
    """Return a number as int where it is whole; 0.1 of single precision is 0.1."""
    if isinstance(number, _Whole):
        return int(number)
    return int(number) if float(number).is_integer() else float(str(number))


def text_of(value: object) -> str:
    """Return a value as text; 1, 1.0 and "1" give the same text."""
    known = _is_number(value) and (isinstance(value, _Whole) or np.isfinite(value))  # type: ignore[call-overload]
    return str(_plain(value)) if known else str(value)


def unified(values: NDArray[np.object_], *, as_text: bool = False) -> NDArray[np.object_]:
    """Return a column with one type of numbers, where it holds several or the writing of numbers as text.

    Parameters
    ----------
    values : ndarray of shape (n_items,), object
        Missing ones are None. A column of one type comes back as it is.
    as_text : bool, default=False
        Make texts of numbers that stand beside texts which are no numbers; otherwise these stay apart.

    Returns
    -------
    ndarray of shape (n_items,), object
        Whole numbers are ints.
    """
    kinds = {kind for kind in set(map(type, values)) if kind is not type(None)}
    texts = any(issubclass(kind, str) for kind in kinds)
    numbers = [kind for kind in kinds if issubclass(kind, _Number) and kind is not bool]
    if not numbers or (len(numbers) == 1 and not texts):
        return values
    read = {value: _number_of(value) for value in set(values) if isinstance(value, str)} if texts else {}
    if None in read.values():
        made = [text_of(v) if as_text and _is_number(v) else v for v in values]
    else:
        made = [
            _plain(read.get(v, v)) if _is_number(read[v] if isinstance(v, str) else v) else v for v in values.tolist()
        ]
    out = np.empty(len(values), dtype=object)
    out[:] = made
    return out


def group_key(value: Any) -> Any:
    """Return what is equal for all writings of one group: 1, 1.0, Decimal(1), "1.0" and b"1"; a day and its midnight."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    if isinstance(value, str):
        number = _number_of(value)
        return str(value) if number is None else number
    if isinstance(value, datetime.date | np.datetime64):
        return pd.Timestamp(value)
    try:
        hash(value)
    except TypeError:  # a list, or a tuple with one
        return repr(value)
    return value


def finder(known: Iterable[Any]) -> Callable[[Any], int | None]:
    """Return a function from a value to its position, by the value or by what it is written as; None for an unknown one.

    A text of digits is found by the number, and the number by the text; "01" is not 1.
    """
    places = {value: place for place, value in enumerate(known)}
    written = {text_of(value): place for value, place in places.items()}
    places = {**written, **places}
    return lambda value: places.get(value, places.get(text_of(value)))


def look_alikes(texts: Iterable[Any]) -> list[tuple[str, str, str]]:
    """Return pairs of different texts that look equal to a reader, with a word for the difference."""
    seen: dict[str, str] = {}
    pairs = []
    for text in texts:
        if not isinstance(text, str):
            continue
        key = " ".join(_visible(unicodedata.normalize("NFKC", text)).casefold().split())
        other = seen.setdefault(key, text)
        if other != text:
            pairs.append((other, text, _difference(other, text)))
    return pairs


def _visible(text: str) -> str:
    """Return a text without characters that have no looks of their own: zero-width ones, marks of direction, and their like."""
    return "".join(
        c for c in text if c.isspace() or (unicodedata.category(c) not in ("Cf", "Cc") and c not in "\ufe0e\ufe0f")
    )


def _difference(a: str, b: str) -> str:
    if _visible(a) == _visible(b):
        return say("characters that are not visible")
    if unicodedata.normalize("NFKC", a) == unicodedata.normalize("NFKC", b):
        return say("the way letters are encoded (Unicode normal forms)")
    return (
        say("blanks")
        if " ".join(a.split()) == " ".join(b.split())
        else say("case")
        if a.casefold() == b.casefold()
        else say("blanks, case or encoding")
    )


def code_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of a table read as text whose digits are codes: numbers would lose or merge some of them.

    Codes have leading zeros ("01"), an exponent ("1E5"), more digits than a float64 holds, or several writings of one
    number ("1.1" and "1.10").
    """
    return [name for name in table.columns if _are_codes(table[name])]


def _are_codes(column: pd.Series) -> bool:
    texts = column.dropna().unique().tolist()
    if not texts or not all(isinstance(t, str) and _LOOKS_NUMERIC.fullmatch(t.strip()) for t in texts):
        return False
    texts = [t.strip() for t in texts]
    sound = all(_WHOLE.fullmatch(t) or _DECIMAL.fullmatch(t) or _SCIENTIFIC.fullmatch(t) for t in texts)
    return not sound or len(set(map(float, texts))) < len({t.removesuffix(".0") for t in texts})
