"""The filters of the page: columns of few values, and ranges of numbers and times."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit.explorer.colours import usable_columns

__all__ = ["Choices", "Facet", "Range", "facets_of", "is_time", "numbers_of", "zone_of"]

_FEW = 30
_BINS = 24


@dataclass(frozen=True, eq=False)
class Choices:
    """A column of few values.

    Parameters
    ----------
    name : str
        The column.
    values : list
        The different values, the most frequent first; None stands for a missing one and comes last.
    codes : ndarray of shape (n_items,), int
        Place of every item's value among them.
    """

    name: str
    values: list[Any]
    codes: NDArray[np.intp]

    def counts(self, among: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Count the items of every value among some, (n_values,)."""
        return np.bincount(self.codes[among], minlength=len(self.values))


@dataclass(frozen=True, eq=False)
class Range:
    """A column of numbers or times.

    Parameters
    ----------
    name : str
        The column.
    numbers : ndarray of shape (n_items,), float64
        Times as seconds since 1970; NaN is missing.
    is_time : bool
        Whether they are times.
    """

    name: str
    numbers: NDArray[np.float64]
    is_time: bool

    @property
    def limits(self) -> tuple[float, float]:
        """Smallest and largest finite number."""
        known = self.numbers[np.isfinite(self.numbers)]
        return float(known.min()), float(known.max())

    def bars(self, among: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Count the items among some in 24 equal parts of the range."""
        halves = self.numbers[among & np.isfinite(self.numbers)] / 2  # the distance of the largest floats is none
        return np.histogram(halves, bins=_BINS, range=(self.limits[0] / 2, self.limits[1] / 2))[0]

    def shown(self, number: float) -> str:
        """Write a number as the field of a page takes it: a time as its day."""
        if self.is_time:
            return str(datetime.datetime.fromtimestamp(number, datetime.UTC).date())
        return f"{number:.12g}"


Facet = Choices | Range


def facets_of(items: pd.DataFrame) -> list[Facet]:
    """Return what an items frame can be filtered by on a page, in the order of its columns.

    Parameters
    ----------
    items : DataFrame
        Any frame with unique names of columns.

    Returns
    -------
    list of Choices or Range
        Columns of 2 to 30 different texts or flags, and columns of at least two finite numbers or times.
    """
    usable = usable_columns(items)
    found: list[Facet] = []
    for column in items.columns:
        name = str(column)
        if is_time(items[column]) or (name in usable and usable[name].dtype.kind == "f"):
            numbers = numbers_of(items[column])
            if len(np.unique(numbers[np.isfinite(numbers)])) > 1:
                found.append(Range(name, numbers, is_time(items[column])))
        elif name in usable and (choices := _choices(name, usable[name])) is not None:
            found.append(choices)
    return found


def is_time(column: pd.Series[Any]) -> bool:
    """Return whether a column holds times or days; those of an items frame are objects."""
    kinds = pd.api.types
    return kinds.is_datetime64_any_dtype(column) or (
        column.dtype == object and kinds.infer_dtype(column, skipna=True) in ("datetime", "datetime64", "date")
    )


def zone_of(column: pd.Series[Any]) -> datetime.tzinfo | None:
    """Return the zone of the first time of a column."""
    known = column[column.notna()]
    return getattr(known.iloc[0], "tzinfo", None) if len(known) else None


def numbers_of(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Return a column of numbers or times as floats; times as seconds since 1970 by the clock that wrote them, NaN for what is missing."""
    if not is_time(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if column.dtype == object:
        clock = [pd.NaT if pd.isna(time) else pd.Timestamp(time).tz_localize(None) for time in column]
        times = pd.Series(clock, dtype="datetime64[us]")
    else:
        times = column.dt.tz_localize(None)
    return np.where(times.isna(), np.nan, times.to_numpy("datetime64[us]").astype(np.int64) / 1e6)


def _choices(name: str, values: Sequence[Any] | NDArray[Any]) -> Choices | None:
    codes, found = pd.factorize(pd.Series(values, dtype=object))
    if len(found) > _FEW:
        return None
    order = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(found)), kind="stable")
    place = np.empty(len(found) + 1, dtype=np.intp)
    place[order] = np.arange(len(found))
    place[-1] = len(found)  # the code of what is missing is -1
    missing = [None] if (codes < 0).any() else []
    return Choices(name, [*(found[i] for i in order), *missing], place[codes])
