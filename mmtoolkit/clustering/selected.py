"""Items that show what a cluster is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_choice, check_least
from mmtoolkit._nearest import squares
from mmtoolkit.results import Result
from mmtoolkit.steps import UNRECORDED, Step
from mmtoolkit.vectors import ids_of, items_of
from mmtoolkit.words import listed, say, title

if TYPE_CHECKING:
    from mmtoolkit.clustering.result import Clustering

__all__ = ["HOW", "Selection", "farthest_first", "representatives", "selection"]

HOW = ("medoid", "diverse", "boundary", "far")


@dataclass(frozen=True, eq=False, repr=False)
class Selection(Result):
    """Some of the items, with the reason for each.

    Parameters
    ----------
    rows : ndarray of shape (n_selected,), int64
        Positions among the items.
    table : DataFrame
        Index id; the reason (such as cluster, rank, score) and the columns of the items.
    recipe : Step
        Verb and parameters.
    source : Embeddings or array
        Where the items are from.
    """

    rows: NDArray[np.int64]
    table: pd.DataFrame
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        return listed([say("{n} item", "{n} items", n=len(self.rows)), title(self.recipe.params["how"])])

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {say("Selection"): self.table}

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the selected rows (exact)."""
        return {"exact": {"rows": self.rows.tolist()}}

    def _repr_html_(self) -> str:
        items = items_of(self.source)
        if items is None:
            return super()._repr_html_()
        from mmtoolkit._html import Html, notebook, tag
        from mmtoolkit.thumbnails import strip_html

        parts: list[Html] = []
        groups = self.table["group"] if "group" in self.table else np.array([""] * len(self.rows))
        for group in dict.fromkeys(groups):
            inside = np.asarray(groups == group)
            parts += [tag("h4", group), strip_html(items.iloc[self.rows[inside]])]
        return notebook(self._summary(), "", *parts)


def selection(source: Any, rows: NDArray[np.int64], reason: Mapping[str, Any]) -> Selection:
    """Build a selection from rows and the columns with the reasons."""
    index = pd.Index(ids_of(source)[rows], name="id", dtype=object)
    table = pd.DataFrame({"row": rows, **reason}, index=index)
    items = items_of(source)
    if items is not None:
        others = items.drop(columns=["id", *(c for c in table.columns if c in items)]).iloc[rows].set_index(index)
        table = pd.concat([table, others], axis=1)
    return Selection(rows, table, source=source)


def representatives(clustering: Clustering, X: NDArray[np.float32], n: int, *, how: str) -> Selection:
    """Return up to `n` items of every cluster; see ``Clustering.representatives``."""
    check_choice("how", how, HOW)
    check_least("n", n, 1)
    found: list[tuple[str, int, int, int, float]] = []
    for place, (cluster, name) in enumerate(clustering.titles.items()):
        members = np.flatnonzero(clustering.labels == cluster)
        chosen, scores = _order(X[members], clustering.centers, place, n, how)
        found += [(name, cluster, rank, *one) for rank, one in enumerate(zip(members[chosen], scores, strict=True), 1)]
    table = pd.DataFrame(found, columns=["group", "cluster", "rank", "row", "score"])
    rows = table.pop("row").to_numpy(dtype=np.int64)
    return selection(clustering.source, rows, {str(name): values.to_numpy() for name, values in table.items()})


def _order(
    X: NDArray[np.float32], centers: NDArray[np.float32], cluster: int, n: int, how: str
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return positions and the score they were chosen by: distance to the centre, or for "boundary" the ratio to the next."""
    distances = np.sqrt(np.maximum(squares(X, centers), 0.0))
    own = distances[:, cluster].copy()
    if how == "diverse":
        chosen = farthest_first(X, n, first=int(own.argmin()))
        return chosen, own[chosen]
    if how == "boundary" and len(centers) > 1:
        distances[:, cluster] = np.inf
        ratio = own / np.maximum(distances.min(axis=1), 1e-12)
        chosen = np.argsort(-ratio, kind="stable")[:n]
        return chosen, ratio[chosen]
    chosen = np.argsort(own if how == "medoid" else -own, kind="stable")[:n]
    return chosen, own[chosen]


def farthest_first(
    X: NDArray[np.float32], n: int, *, first: int | None = None, taken: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Return up to `n` rows, each the farthest from those before it and from the rows `taken`.

    References
    ----------
    Gonzalez (1985), Clustering to minimize the maximum intercluster distance.
    """
    gap = np.full(len(X), np.inf)
    for row in [] if taken is None else taken:
        gap = np.minimum(gap, _squares(X, row))
        gap[row] = -1.0
    chosen: list[int] = []
    while len(chosen) < n and (gap >= 0).any():
        row = first if not chosen and first is not None else int(gap.argmax())
        chosen.append(row)
        gap = np.minimum(gap, _squares(X, row))
        gap[chosen] = -1.0
    return np.array(chosen, dtype=np.int64)


def _squares(X: NDArray[np.float32], row: int) -> NDArray[np.float64]:
    """Return squared distances to one of the rows, never below 0."""
    return np.asarray(np.maximum(squares(X, X[row : row + 1])[:, 0], 0.0))
