"""Ways to cut items into slices: columns of few values, dates by month, numbers in bands, and properties of vectors and texts."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._aligned import CHARACTERS, column
from mmtoolkit._nearest import nearest_others
from mmtoolkit._text import shorten
from mmtoolkit.classification.dating import dates_in
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.frames import COLUMNS
from mmtoolkit.vectors import items_of, vectors_of
from mmtoolkit.words import say, word

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["NEAREST", "columns_of_few_values", "cut", "derive"]

NEAREST = word("nearest other item")
_FEW = 20  # values that a column may have to be sliced without being asked for
_MISSING = word("(missing)")


def columns_of_few_values(result: Classification) -> list[str]:
    """Return the columns that have 2 to 20 values or are dates, without those that say what an item is; of texts the length too."""
    frame = items_of(result.source)
    if frame is None:
        return []
    y = result.recipe["params"]["y"]
    found = []
    for name in frame.columns:
        if not isinstance(name, str) or name in COLUMNS or name == y:
            continue
        values = frame[name]
        try:
            few = 2 <= values.nunique(dropna=False) <= _FEW
        except TypeError:  # lists and the like
            continue
        dates = None if few else dates_in(values)
        if few or (dates is not None and dates.nunique() > 1):
            found.append(name)
    lengths = (
        frame["modality"].isin(["text", "vector"]).all()
        and frame["text"].notna().all()
        and CHARACTERS not in frame.columns
    )
    return [*found, CHARACTERS] if lengths else found


def cut(result: Classification, name: object) -> NDArray[np.object_]:
    """Return for every item the name of its slice by a column: its value; a month; a third, where numbers are many.

    Raises
    ------
    ValueError
        If there is no such column, or it holds lists and the like, or too many values that are no numbers and no dates.
    TypeError
        If `name` is no text.
    """
    if not isinstance(name, str):
        msg = f"columns takes names of columns of the items, got {shorten(repr(name))}; values of your own go into derived="
        raise TypeError(msg)
    values = pd.Series(column(result.source, name, what="columns"))
    dates = dates_in(values)
    if dates is not None:
        return _spans(dates)
    if not values.map(pd.api.types.is_hashable).all():
        row = int(np.argmin(values.map(pd.api.types.is_hashable)))
        msg = f"the column {name!r} holds a {type(values[row]).__name__} in row {row}; slices need texts, numbers or dates"
        raise ValueError(msg)
    values = values.mask(values.isin([np.inf, -np.inf]))  # no number: a report keeps none
    if values.nunique() <= _FEW:
        return _named(values.map(str), values)
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.notna().sum() < values.notna().sum():
        msg = (
            f"the column {name!r} has {values.nunique()} values, and slices need at most {_FEW} of them, numbers or dates; "
            "bring them into fewer groups first"
        )
        raise ValueError(msg)
    return _thirds(numbers.to_numpy(dtype=np.float64))


def _spans(dates: pd.Series) -> NDArray[np.object_]:
    """Return months, or quarters or years where months are many."""
    for letter in "MQY":
        spans = dates.dt.to_period(letter)
        if spans.nunique() <= _FEW:
            break
    return _named(spans.astype(str), dates)


def _named(names: pd.Series, values: pd.Series) -> NDArray[np.object_]:
    """Return names, and that of what is missing, which a frame of texts would not keep in two languages."""
    made: NDArray[np.object_] = names.to_numpy(dtype=object)
    return np.array(
        [name if known else _MISSING for name, known in zip(made, values.notna(), strict=True)], dtype=object
    )


def _thirds(numbers: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return the third that each number lies in, named by its limits; equal numbers share one."""
    known = np.isfinite(numbers)
    labels: NDArray[np.object_] = np.full(len(numbers), _MISSING, dtype=object)
    if known.any():
        edges = np.unique(np.quantile(numbers[known], [1 / 3, 2 / 3], method="lower"))
        between = [say("above {a:g} to {b:g}", a=a, b=b) for a, b in pairwise(edges)]
        ends = say("up to {a:g}", a=edges[0]), say("above {a:g}", a=edges[-1])
        names = np.array([ends[0], *between, ends[1]], dtype=object)
        labels[known] = names[np.searchsorted(edges, numbers[known])]
    return labels


def derive(result: Classification) -> dict[str, NDArray[np.object_]]:
    """Return slices by properties of all items: their kind, and the similarity of the nearest other item."""
    frame = items_of(result.source)
    kinds = None if frame is None else frame["modality"]
    scored = HeldOutItems(result).rows
    likeness = nearest_others(vectors_of(result.source), result.together, scored, 1)[1].ravel()
    edges = np.quantile(likeness[scored], [1 / 3, 2 / 3])
    near = np.array([word("far"), word("between"), word("near")], dtype=object)[np.searchsorted(edges, likeness)]
    return {
        **({} if kinds is None or kinds.nunique() < 2 else {word("kind of item"): kinds.to_numpy(dtype=object)}),
        NEAREST: near,
    }
