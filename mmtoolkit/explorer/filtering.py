"""The filter of an explorer, which decides which items are shown, and its errors."""

from __future__ import annotations

import contextlib
import datetime
import functools
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._rows import is_missing
from mmtoolkit._text import did_you_mean, shorten
from mmtoolkit.explorer.facets import Choices, Facet, Range, facets_of, is_time, numbers_of, zone_of
from mmtoolkit.words import say

__all__ = ["Filter", "Where"]

Where = dict[str, Any] | NDArray[np.bool_] | None
_DAY = len("2026-01-31")
_NAMED = 12


class Filter:
    """Conditions on the columns of a frame, or a mask; all of them must hold.

    Parameters
    ----------
    items : DataFrame
        The items frame.

    Attributes
    ----------
    where : dict, ndarray of bool or None
        As it was set.
    shown : ndarray of shape (n_items,), bool
        Which items pass.
    facets : list of Choices or Range
        What the page offers.
    """

    def __init__(self, items: pd.DataFrame) -> None:
        self._columns = {str(name): items[name] for name in items.columns}
        self._n = len(items)
        self.facets: list[Facet] = facets_of(items)
        self._passing: dict[str, NDArray[np.bool_]] = {}
        self.where: Where = None
        self.shown: NDArray[np.bool_] = np.ones(self._n, dtype=bool)

    def __bool__(self) -> bool:
        return self.where is not None

    def set(self, where: Any) -> None:
        """Set conditions; when they are wrong, the present ones stay."""
        passing: dict[str, NDArray[np.bool_]] = {}
        if isinstance(where, Mapping):
            passing = {str(name): self._passes(str(name), wanted) for name, wanted in where.items()}
            where = dict(where) or None
        elif where is not None:
            where = self._mask(where)
            passing = {"": where}
        self._passing, self.where, self.shown = passing, where, self._all(passing)

    def others(self, name: str) -> NDArray[np.bool_]:
        """Return which items pass the conditions on all columns but one."""
        return self._all({other: mask for other, mask in self._passing.items() if other != name})

    def _all(self, passing: Mapping[str, NDArray[np.bool_]]) -> NDArray[np.bool_]:
        return np.asarray(np.logical_and.reduce([np.ones(self._n, dtype=bool), *passing.values()]))

    # ---- what the page presses

    def toggled(self, facet: Choices, value: Any) -> dict[str, Any] | None:
        """Return the conditions with a value of a column added, or taken out again."""
        before = self.chosen(facet)
        others = [other for other in before if not _same(other, value)]
        wanted = others if len(others) < len(before) else [*others, value]
        return self._with(facet.name, wanted[0] if len(wanted) == 1 else wanted or None, empty=not wanted)

    def ranged(self, facet: Range, *, low: str | None = None, high: str | None = None) -> dict[str, Any] | None:
        """Return the conditions with a new lower or upper end; "" opens an end."""
        ends = [_end(facet, text, before) for text, before in zip((low, high), self.ends(facet), strict=True)]
        return self._with(facet.name, tuple(ends), empty=ends == [None, None])

    def _with(self, name: str, wanted: Any, *, empty: bool) -> dict[str, Any] | None:
        conditions = {k: v for k, v in self.where.items() if k != name} if isinstance(self.where, Mapping) else {}
        return (conditions if empty else {**conditions, name: wanted}) or None

    def chosen(self, facet: Choices) -> list[Any]:
        """Return the values of a column that the conditions ask for."""
        if not isinstance(self.where, Mapping) or facet.name not in self.where:
            return []
        return [None if is_missing(value) else value for value in _values(self.where[facet.name])]

    def ends(self, facet: Range) -> tuple[Any, Any]:
        """Return the ends of a range that the conditions ask for; None is open."""
        wanted = self.where.get(facet.name) if isinstance(self.where, Mapping) else None
        if facet.is_time and isinstance(wanted, str | datetime.date):
            return wanted, wanted
        return wanted if isinstance(wanted, tuple) and len(wanted) == 2 else (None, None)

    # ---- what passes

    def _mask(self, where: Any) -> NDArray[np.bool_]:
        mask = np.asarray(where)
        if mask.dtype != bool:
            what = type(where).__name__ if mask.ndim == 0 else f"{mask.dtype} values"
            msg = f"where takes a dict such as {{'kind': 'drawing', 'price': (10, 20)}}, a boolean mask of {self._n} values, or None; got {what}"
            raise TypeError(msg)
        if mask.shape != (self._n,):
            msg = f"the mask has shape {mask.shape} for {self._n} items; give one value per item"
            raise ValueError(msg)
        return mask.copy()

    def _passes(self, name: str, wanted: Any) -> NDArray[np.bool_]:
        if name not in self._columns:
            known = list(self._columns)
            msg = f"where names the column {shorten(name)!r}{did_you_mean(name, known)}, which the items do not have; they have {_listed(known)}"
            raise ValueError(msg)
        column = self._columns[name]
        if is_time(column) and isinstance(wanted, str | datetime.date):
            wanted = (wanted, wanted)
        ordered = is_time(column) or (pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))
        return _between(name, column, wanted) if ordered and isinstance(wanted, tuple) else _among(name, column, wanted)


def _between(name: str, column: pd.Series[Any], wanted: tuple[Any, ...]) -> NDArray[np.bool_]:
    if len(wanted) != 2:
        msg = f"where[{name!r}] must be a range (low, high), or a list of values; got a tuple of {len(wanted)}"
        raise ValueError(msg)
    number = functools.partial(_second, zone=zone_of(column)) if is_time(column) else _number
    low, high = (None if end is None else number(name, end, last=last) for last, end in enumerate(wanted))
    if low is not None and high is not None and low > high:
        msg = say(
            "where[{name!r}] is a range from {high!r} down to {low!r}; the lower end comes first",
            name=name,
            high=wanted[0],
            low=wanted[1],
        )
        raise ValueError(msg)
    numbers = numbers_of(column)
    passes = ~np.isnan(numbers)
    passes &= True if low is None else numbers >= low
    return np.asarray(passes & (True if high is None else numbers <= high))


def _number(name: str, end: Any, *, last: int) -> float:  # noqa: ARG001 - as _second
    if isinstance(end, bool) or not isinstance(end, int | float | np.number) or np.isnan(end):
        msg = f"where[{name!r}] must be a range of numbers such as (10, 20), None for an open end; got {end!r}"
        raise ValueError(msg)
    return float(end)


def _second(name: str, end: Any, *, last: int, zone: datetime.tzinfo | None) -> float:
    """Return a time as seconds since 1970 by the clock of the column; the upper end of a day is its last moment."""
    time = None
    with contextlib.suppress(ValueError, TypeError):
        time = None if isinstance(end, bool | int | float) else pd.Timestamp(end)
    if time is None or pd.isna(time):
        msg = say(
            "where[{name!r}] must be a range of times such as ('2026-01-01', '2026-03-31'), None for an open end; got {end!r}",
            name=name,
            end=end,
        )
        raise ValueError(msg)
    is_day = type(end) is datetime.date or (isinstance(end, str) and len(end) <= _DAY)
    time = time if time.tzinfo is None else time.tz_convert(zone or datetime.UTC).tz_localize(None)
    return float(time.timestamp()) + (86400 - 1e-6 if last and is_day else 0.0)


def _among(name: str, column: pd.Series[Any], wanted: Any) -> NDArray[np.bool_]:
    passes = np.zeros(len(column), dtype=bool)
    missing = column.isna().to_numpy(dtype=bool)
    for value in _values(wanted):
        try:
            found = missing if is_missing(value) else _equal(column, value) & ~missing
        except (TypeError, ValueError):  # a value that nothing is equal to, such as a list in a column of dates
            found = passes & False
        if not found.any():
            msg = f"no item has {_shown(value)} in the column {name!r}{_hint(value, column)}"
            raise ValueError(msg)
        passes |= found
    return passes


def _equal(column: pd.Series[Any], value: Any) -> NDArray[np.bool_]:
    if is_time(column):
        return np.asarray(numbers_of(column) == _second(str(column.name), value, last=0, zone=zone_of(column)))
    if not pd.api.types.is_numeric_dtype(column) or isinstance(value, bool | np.bool_):
        return np.array([_same(other, value) for other in column.astype(object)], dtype=bool)
    return np.asarray((column == value).to_numpy(dtype=bool, na_value=False))


def _same(one: Any, other: Any) -> bool:
    """Return whether two values are equal; True is not 1."""
    if isinstance(one, bool | np.bool_) != isinstance(other, bool | np.bool_):
        return False
    same = (one is None and other is None) or one == other
    return bool(same) if isinstance(same, bool | np.bool_) else False


def _values(wanted: Any) -> list[Any]:
    """Return the values of a condition: those of a collection, or the one value itself."""
    if isinstance(wanted, list | tuple | Set | np.ndarray | pd.Series | pd.Index):
        return list(wanted)
    return [wanted]


def _end(facet: Range, text: str | None, before: Any) -> Any:
    """Return the end of a range that was typed; None leaves it, and "" opens it."""
    if text is None:
        return before
    if not text.strip():
        return None
    return text.strip() if facet.is_time else _finite(facet.name, text)


def _finite(name: str, text: str) -> float:
    try:
        return _number(name, float(text), last=0)
    except ValueError:
        msg = say(
            "{text!r} is no number; the column {name!r} is filtered by numbers", text=shorten(text, 40), name=name
        )
        raise ValueError(msg) from None


def _hint(value: Any, column: pd.Series[Any]) -> str:
    """Say what a column has instead, and of which type that is where no value of it is of the type of this one."""
    there = column[column.notna()].iloc[:10_000].astype(object).tolist()
    known = list(dict.fromkeys(map(str, there)))
    kinds = list(dict.fromkeys(type(other).__name__ for other in there))
    alike = any(isinstance(other, str) == isinstance(value, str) for other in there)
    meant = (
        did_you_mean(value, known)
        if alike
        else f", whose values are of type {_listed(kinds)}, not {type(value).__name__}"
    )
    return f"{meant}; it has {_listed(known)}"


def _shown(value: Any) -> str:
    return repr(shorten(value)) if isinstance(value, str) else shorten(repr(value))


def _listed(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(shorten(name, 40) for name in names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
