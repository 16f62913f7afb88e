"""Columns of the items frame in a Parquet file: plain ones as they are, all others as JSON text with a mark; no pickle."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import re
import uuid
import zoneinfo
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from mmtoolkit._json import read_json
from mmtoolkit._rows import is_missing
from mmtoolkit._text import is_unicode

__all__ = ["from_json", "read_column", "to_json", "write_column"]

_DTYPES = re.compile(  # that a file may ask for
    r"category|str|string|bool|boolean|[uU]?[iI]nt(8|16|32|64)|[fF]loat(16|32|64)|complex(64|128)"
    r"|(datetime64|timedelta64|period|interval)\[[^\n]{1,60}\]"
)
_ARRAYS = re.compile(
    r"[<>|=]?([biufc][0-9]{1,2}|[mM]8\[[a-zA-Z0-9]{1,6}\])"
)  # numbers and times, which are their bytes


def write_column(column: pd.Series) -> tuple[list[Any], dict[str, Any]]:
    """Return a column in a form that Parquet can hold, and the mark that `read_column` needs to read it.

    Raises
    ------
    TypeError, ValueError
        If a value cannot be kept; the message names its type, or says what is too large.
    """
    values = [None if is_missing(value) else value for value in column.tolist()]
    mark: dict[str, Any] = {"dtype": str(column.dtype)} if _DTYPES.fullmatch(str(column.dtype)) else {}
    if isinstance(column.dtype, pd.CategoricalDtype):
        mark |= {"categories": to_json(column.cat.categories.tolist()), "ordered": bool(column.cat.ordered)}
    kinds = {type(value) for value in values if value is not None}
    fits = all(map(_fits, values))
    if len(kinds) <= 1 and kinds <= {str, bool, int, float} and fits:
        return values, mark
    if not fits and mark.get("dtype") in ("str", "string"):
        mark = {}  # the same type need not be able to hold it where it is read
    return [None if value is None else _readable(json.dumps(to_json(value))) for value in values], {
        **mark,
        "json": True,
    }


def _readable(text: str) -> str:
    """Raise at once for a value that `read_column` would refuse: one that is nested too deep or far too large."""
    if len(text) > 1_000_000 or text.count("[") + text.count("{") > 60:
        read_json(text)
    return text


def read_column(cells: list[Any], mark: Mapping[str, Any]) -> pd.Series:
    """Return the column that was given to `write_column`; missing cells of objects are None.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it was not written by it.
    """
    made = np.empty(len(cells), dtype=object)  # pandas would look into lists and arrays
    for row, cell in enumerate(cells):
        made[row] = from_json(read_json(cell)) if mark.get("json") and cell is not None else cell
    column = pd.Series(made, dtype=object)
    dtype = mark.get("dtype", "object")
    if dtype == "object":
        return column
    if not _DTYPES.fullmatch(dtype):
        msg = f"a column of type {str(dtype)[:80]!r} is not one that mmtoolkit writes"
        raise ValueError(msg)
    if dtype == "category":
        return column.astype(pd.CategoricalDtype(from_json(mark["categories"]), bool(mark["ordered"])))
    return column.astype(dtype)


def _fits(value: Any) -> bool:
    """Return whether Parquet can hold a value as it is: no large number, and no text that is not valid Unicode, as a file name may be."""
    if isinstance(value, int):
        return abs(value) < 2**63
    return not isinstance(value, str) or is_unicode(value)


def to_json(value: Any) -> Any:
    """Return a value as plain data that `from_json` takes; what JSON does not have is a mapping of one key, its kind.

    Raises
    ------
    TypeError
        If it is of a kind that is not kept.
    """
    if is_missing(value):
        return None
    if type(value) in (str, bool) or (type(value) is float and np.isfinite(value)):
        return value
    if type(value) is int:
        return value if abs(value) < 2**63 else {"int": str(value)}
    if type(value) is list:
        return list(map(to_json, value))
    for name, (kind, write, _) in _kinds().items():
        if isinstance(value, kind):
            return {name: write(value)}
    msg = f"{type(value).__module__}.{type(value).__qualname__} is not kept"
    raise TypeError(msg)


def from_json(data: Any) -> Any:
    """Return the value that `to_json` wrote.

    Raises
    ------
    KeyError, TypeError, ValueError
        If it is not of its making.
    """
    if isinstance(data, list):
        return list(map(from_json, data))
    if not isinstance(data, Mapping):
        return data
    ((name, inner),) = data.items()
    return _kinds()[name][2](inner)


@cache
def _kinds() -> Mapping[str, tuple[Any, Callable[[Any], Any], Callable[[Any], Any]]]:
    """Return how values are written and read, by the name of their kind; the narrower class comes first."""

    def items_of(value: Any) -> list[Any]:
        return [[to_json(name), to_json(inner)] for name, inner in value.items()]

    def several(value: Any) -> list[Any]:
        return list(map(to_json, value))

    def in_order(value: Any) -> list[Any]:
        return several(sorted(value, key=lambda one: (type(one).__name__, str(one))))

    return {
        "array": (np.ndarray, _array_to_json, _array_from_json),
        "number": (np.generic, lambda v: _array_to_json(np.asarray(v)), lambda d: _array_from_json(d)[()]),
        "timestamp": (pd.Timestamp, _time_to_json, lambda d: _time_from_json(pd.Timestamp(d[0]), d[1])),
        "timedelta": (pd.Timedelta, lambda v: [v.value, v.unit], lambda d: pd.Timedelta(d[0], "ns").as_unit(d[1])),
        "period": (pd.Period, lambda v: [str(v), v.freqstr], lambda d: pd.Period(d[0], d[1])),
        "interval": (
            pd.Interval,
            lambda v: [to_json(v.left), to_json(v.right), v.closed],
            lambda d: pd.Interval(from_json(d[0]), from_json(d[1]), d[2]),
        ),
        "datetime": (
            datetime.datetime,
            _time_to_json,
            lambda d: _time_from_json(datetime.datetime.fromisoformat(d[0]), d[1]),
        ),
        "date": (datetime.date, lambda v: v.isoformat(), datetime.date.fromisoformat),
        "time": (datetime.time, lambda v: v.isoformat(), datetime.time.fromisoformat),
        "duration": (
            datetime.timedelta,
            lambda v: [v.days, v.seconds, v.microseconds],
            lambda d: datetime.timedelta(*d),
        ),
        "path": (PurePath, lambda v: v.as_posix(), Path),
        "bytes": (bytes, lambda v: base64.b64encode(v).decode(), lambda d: base64.b64decode(d, validate=True)),
        "dict": (dict, items_of, lambda d: {from_json(name): from_json(inner) for name, inner in d}),
        "list": (list, several, lambda d: list(map(from_json, d))),
        "tuple": (tuple, several, lambda d: tuple(map(from_json, d))),
        "set": (set, in_order, lambda d: set(map(from_json, d))),
        "frozenset": (frozenset, in_order, lambda d: frozenset(map(from_json, d))),
        "float": (float, str, float),
        "int": ((), str, int),  # a large one; a subclass of int is no number that is kept
        "complex": (complex, str, complex),
        "decimal": (decimal.Decimal, str, decimal.Decimal),
        "uuid": (uuid.UUID, str, uuid.UUID),
    }


def _array_to_json(array: Any) -> list[Any]:
    """Write an array as its type, shape and bytes; texts and objects as a list."""
    if _ARRAYS.fullmatch(array.dtype.str):
        return [array.dtype.str, list(array.shape), base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()]
    if array.dtype.kind not in "OU":
        msg = f"an array of {array.dtype} is not kept"
        raise TypeError(msg)
    return [array.dtype.kind, list(array.shape), list(map(to_json, array.ravel().tolist()))]


def _array_from_json(data: Any) -> Any:
    dtype, shape, values = data
    if dtype in ("O", "U"):
        made = np.empty(len(values), dtype=object)
        for row, value in enumerate(values):
            made[row] = from_json(value)
        return (made if dtype == "O" else made.astype(str)).reshape(shape)
    if not _ARRAYS.fullmatch(dtype):
        msg = f"an array of type {str(dtype)[:80]!r} is not one that mmtoolkit writes"
        raise ValueError(msg)
    return np.frombuffer(base64.b64decode(values, validate=True), dtype=dtype).reshape(shape).copy()


def _time_to_json(time: Any) -> list[Any]:
    return [time.isoformat(), getattr(time.tzinfo, "key", None) or getattr(time.tzinfo, "zone", None)]


def _time_from_json(time: Any, zone: str | None) -> Any:
    return time if zone is None else time.astimezone(zoneinfo.ZoneInfo(zone))
