"""What to review: builds the queues from results of the other rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.explorer.annotations import AUDIT
from mmtoolkit.explorer.arguments import labels_of
from mmtoolkit.explorer.queue import ReviewQueue
from mmtoolkit.explorer.selection import rows_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mmtoolkit.explorer.state import State

__all__ = ["audit", "make"]

KINDS = ("label_issues", "outliers", "boundary")


def audit(rows: ArrayLike) -> ReviewQueue:
    """Return a queue in random order that answers never change."""
    return ReviewQueue(AUDIT, rows)


def make(ex: State, what: Any, *, result: Any, n: int) -> ReviewQueue:
    """Return the queue that ``ex.review(what)`` opens.

    Parameters
    ----------
    ex : State
        Whose items.
    what : str, DataFrame, ids or row numbers
        A name of `KINDS` or a list of items.
    result : Classification, Clustering or None
        Where the suspicion comes from.
    n : int
        Length.

    Returns
    -------
    ReviewQueue
        Most suspicious first, without those answered before; your own list is taken as it is.

    Raises
    ------
    ValueError
        If the name is unknown, classes or clusters are missing, or the result is of other items.
    """
    if not isinstance(what, str):
        return ReviewQueue("own list", rows_of(what, ex.ids)[:n], X=ex.X)
    if what == "label_issues":
        return _label_issues(ex, result, n)
    if what == "outliers":
        from mmtoolkit.clustering import pick

        answered = ex.notes.answered(what)
        chosen = pick(ex.X, min(n + int(answered.sum()), len(ex)), "outlier")
        left = np.flatnonzero(~answered[chosen.rows])[:n]
        return ReviewQueue(what, chosen.rows[left], chosen.table["score"].to_numpy()[left], ex.X)
    if what == "boundary":
        return _boundary(ex, result, n)
    msg = f"review takes {', '.join(KINDS)}, a frame, ids or row numbers, got {what!r}"
    raise ValueError(msg)


def _label_issues(ex: State, result: Any, n: int) -> ReviewQueue:
    if result is None:
        if ex.y is None:
            msg = "label issues need classes: mm.explore(emb, y='label'), or ex.review(result=mm.classify(...))"
            raise ValueError(msg)
        from mmtoolkit.classification import classify

        result = classify(ex.source, y=ex.y)
    rows = rows_of(result.label_issues()["id"].tolist(), ex.ids)
    return ReviewQueue("label_issues", rows[~ex.notes.answered("label_issues")[rows]][:n], X=ex.X)


def _boundary(ex: State, result: Any, n: int) -> ReviewQueue:
    clusters = ex.clusters if result is None else result
    if clusters is None or not hasattr(clusters, "per_item"):
        msg = "boundary items need a clustering: mm.explore(emb, clusters=mm.cluster(emb))"
        raise ValueError(msg)
    labels_of(ex.source, clusters, "result")
    width = clusters.per_item["silhouette"].to_numpy()
    rows = np.argsort(width, kind="stable")
    rows = rows[(np.isfinite(width) & ~ex.notes.answered("boundary"))[rows]][:n]
    return ReviewQueue("boundary", rows, -width[rows], ex.X)
