"""A table of counts beside the map: two groupings of the same items, whose cells lead back to the items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit.explorer.arguments import check_same_items, cluster_name, labels_of
from mmtoolkit.explorer.state import State
from mmtoolkit.words import say

__all__ = ["Linked", "link"]


@dataclass(frozen=True, eq=False)
class Linked:
    """Two values per item, and how often they meet.

    Parameters
    ----------
    rows, columns : ndarray of shape (n_items,), object
        None leaves an item out.
    row_title, column_title : str
        What they are.
    counts : DataFrame
        Index and columns are the values.
    source : {"classification", "clusters"}
        Where it comes from.
    """

    rows: NDArray[np.object_]
    columns: NDArray[np.object_]
    row_title: str
    column_title: str
    counts: pd.DataFrame
    source: Literal["classification", "clusters"]

    def items(self, row: Any = None, column: Any = None) -> NDArray[np.intp]:
        """Return the row numbers of a cell's items; None takes a whole row or column.

        Raises
        ------
        ValueError
            If the table has no such row or column.
        """
        found = np.array([r is not None and c is not None for r, c in zip(self.rows, self.columns, strict=True)])
        for value, values, names in ((row, self.rows, self.counts.index), (column, self.columns, self.counts.columns)):
            if value is None:
                continue
            if value not in names:
                msg = f"the table has no {value!r}; it has {', '.join(map(str, names[:20]))}"
                raise ValueError(msg)
            found &= values == value
        return np.flatnonzero(found)

    def counts_among(self, shown: NDArray[np.bool_]) -> pd.DataFrame:
        """Return the counts of some of the items, in a table of the same rows and columns."""
        found = pd.crosstab(*_pair(self.rows[shown], self.columns[shown]))
        return found.reindex(index=self.counts.index, columns=self.counts.columns, fill_value=0)

    def title(self, row: Any = None, column: Any = None) -> str:
        """Name a cell."""
        parts = ((self.row_title, row), (self.column_title, column))
        return ", ".join(f"{name} {value}" for name, value in parts if value is not None)


def link(state: State, result: Any = None) -> Linked:
    """Return the table of a classification, or of classes against clusters.

    Parameters
    ----------
    state : State
        The items.
    result : Classification, Clustering or None
        As ``Explorer.link`` takes it.

    Returns
    -------
    Linked
        The counts and the way back.

    Raises
    ------
    ValueError
        If there is nothing to set against each other, or the result is of other items.
    """
    if hasattr(result, "y_pred"):
        check_same_items(state.source, result.ids, "result")
        held_out: NDArray[np.object_] = np.where(result.fold >= 0, result.y_true, np.array(None))
        return _table(held_out, result.y_pred, "true", "predicted", "classification")
    labels, names = (state.labels, state.cluster_names) if result is None else labels_of(state.source, result, "result")
    if labels is None:
        msg = "there are no clusters to link; pass clusters= to mm.explore, set ex.n_clusters, or ex.link(mm.classify(...))"
        raise ValueError(msg)
    called = np.array([str(cluster_name(names, k)) for k in labels], dtype=object)
    if state.y is not None:
        return _table(state.y, called, "class", "cluster", "clusters")
    if state.notes.given.any():
        return _table(state.notes.annotation.copy(), called, "annotation", "cluster", "clusters")
    everything = np.full(len(called), str(say("all items")), dtype=object)
    return _table(called, everything, "cluster", "items", "clusters")


def _pair(rows: NDArray[np.object_], columns: NDArray[np.object_]) -> tuple[Any, Any]:
    frame = pd.DataFrame({"row": rows, "column": columns}, dtype=object).dropna()
    return frame["row"], frame["column"]


def _table(
    rows: NDArray[np.object_], columns: NDArray[np.object_], row_title: str, column_title: str, source: Any
) -> Linked:
    counts = pd.crosstab(*_pair(rows, columns))
    counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    if row_title == "true":  # a confusion table reads along its diagonal
        shared = [name for name in counts.index if name in counts.columns]
        counts = counts[[*shared, *(name for name in counts.columns if name not in shared)]]
    else:
        counts = counts[counts.sum().sort_values(ascending=False, kind="stable").index]
    return Linked(rows, columns, row_title, column_title, counts, source)
