"""Dates of items: which columns hold them, and which items are later than a day."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._aligned import column
from mmtoolkit._text import shorten
from mmtoolkit.vectors import ids_of, items_of

__all__ = ["dates_in", "later_than"]

_ISO = re.compile(r"\d{4}-\d\d-\d\d($|[ T])")
_ZONE = re.compile(r"(?<=\d)([T ].*?)\s*(?:Z|UTC|[+-]\d\d:?\d\d)$")
_SPAN = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


def dates_in(values: pd.Series) -> pd.Series | None:
    """Return dates, also from ISO 8601 texts, without their time zones; None where some values are no dates."""
    known = values.dropna()
    if known.empty or not all(isinstance(v, date) or (isinstance(v, str) and _ISO.match(v)) for v in known):
        return None
    written = values.map(lambda value: _ZONE.sub(r"\1", str(value)))
    return pd.to_datetime(written.where(values.notna()), format="ISO8601", errors="coerce")


def later_than(embeddings: Any, given: Any) -> tuple[str, str, NDArray[np.bool_]]:
    """Return the column of dates, the day, and which items are later: those after the end of the day, month or year.

    Parameters
    ----------
    embeddings : Embeddings
        With a column of dates.
    given : str or date, or pair of str and either
        The day, such as "2026-03-15" or "2026-03", and before it the column where several hold dates.

    Raises
    ------
    ValueError
        If there is no such column or day, an item has no date, or one side would be empty.
    """
    name, text = given if _is_pair(given) else ("", given)
    text = f"{text:%Y-%m-%d}" if isinstance(text, date) else text
    if not isinstance(text, str) or not _SPAN.fullmatch(text):
        msg = f"test_after is a day, a month or a year such as '2026-03-15' or '2026-03', or (column, day), got {shorten(repr(given))}"
        raise ValueError(msg)
    try:
        span = pd.Period(text)
    except ValueError as error:
        msg = f"test_after names {text!r}, which is no day: {error}"
        raise ValueError(msg) from error
    name = name or _only_column(embeddings)
    dates = dates_in(pd.Series(column(embeddings, name, what="test_after")))
    if dates is None:
        msg = f"the column {name!r} holds something else than dates; write them as 2026-03-15"
        raise ValueError(msg)
    if dates.isna().any():
        row = int(np.argmax(dates.isna()))
        msg = (
            f"{int(dates.isna().sum())} of {len(dates)} items have no date in {name!r}, first: row {row}, id {str(ids_of(embeddings)[row])!r}; "
            f"leave them out: emb[emb.items[{name!r}].notna()]"
        )
        raise ValueError(msg)
    later = (dates > span.end_time).to_numpy()
    if later.all() or not later.any():
        side = "later" if not later.any() else "for training"
        msg = (
            f"test_after={text!r} leaves no item {side}: the dates in {name!r} go from {dates.min().date()} to {dates.max().date()}; "
            "items later than that day are tested"
        )
        raise ValueError(msg)
    return name, str(text), later


def _is_pair(given: Any) -> bool:
    return isinstance(given, tuple | list) and len(given) == 2 and isinstance(given[0], str)


def _only_column(embeddings: Any) -> str:
    frame = items_of(embeddings)
    names = [] if frame is None else [n for n in frame.columns if isinstance(n, str) and dates_in(frame[n]) is not None]
    if len(names) == 1:
        return names[0]
    if not names:
        msg = "test_after needs items with a column of dates, and there is none; write them as 2026-03-15"
    else:
        msg = f"several columns hold dates: {shorten(', '.join(names))}; say which: test_after=({names[0]!r}, ...)"
    raise ValueError(msg)
