"""The clusters of the explorer: one tree to walk, and a table of counts whose cells lead to their items."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmtoolkit._arguments import check_count
from mmtoolkit.explorer.arguments import labels_of
from mmtoolkit.explorer.linked import link as linked
from mmtoolkit.explorer.walk import Walk
from mmtoolkit.words import say, speaking

if TYPE_CHECKING:
    from mmtoolkit.explorer.core import Explorer

__all__ = ["cell", "go_to", "k_range", "link", "merge", "split"]


def go_to(self: Explorer, k: int) -> None:
    """Go up or down the tree to a number of clusters."""
    check_count("n_clusters", k, 1)
    if self.clusters is None:
        from mmtoolkit.clustering import cluster

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about modalities: these clusters are for the eye
            self.clusters = cluster(self.source, int(k))
    _walk(self, lambda walk: walk.to(int(k)))


def k_range(self: Explorer) -> tuple[int, int]:
    """Return the smallest and the largest number of clusters that the slider offers."""
    sweep = getattr(self.clusters if self._walk is None else self._walk.start, "sweep", None)
    if sweep is not None and len(sweep):
        return int(sweep.index.min()), int(sweep.index.max())
    return 2, max(2, min(30, len(np.unique(self.X, axis=0)) - 1 if len(self) < 64 else 30))


def split(self: Explorer, cluster: int | None = None, n_clusters: int = 2) -> None:
    """Split a cluster; `ex.clusters` is the clustering after it, with the step recorded.

    Parameters
    ----------
    cluster : int or None, default=None
        Its number; None is the one with the largest inertia.
    n_clusters : int, default=2
        Number of parts.

    Raises
    ------
    ValueError
        If there is no clustering or no such cluster, or it holds fewer different vectors than parts.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.repeat(np.eye(3), 4, axis=0) + 0.01 * np.arange(12)[:, None]
    >>> ex = mm.explore(X, clusters=mm.cluster(X, 2), projection=X[:, :2])
    >>> ex.split()
    >>> ex.n_clusters
    3
    """
    _walk(self, lambda walk: walk.split(cluster, n_clusters))


def merge(self: Explorer, clusters: Sequence[int]) -> None:
    """Make one of several clusters; `ex.clusters` is the clustering after it, with the step recorded.

    Parameters
    ----------
    clusters : sequence of int
        At least two numbers.

    Raises
    ------
    ValueError
        If there is no clustering or no such cluster, or fewer than two are given.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.repeat(np.eye(3), 4, axis=0) + 0.01 * np.arange(12)[:, None]
    >>> ex = mm.explore(X, clusters=mm.cluster(X, 3), projection=X[:, :2])
    >>> ex.merge([0, 2])
    >>> ex.clusters.labels.tolist()
    [3, 3, 3, 3, 1, 1, 1, 1, 3, 3, 3, 3]
    """
    _walk(self, lambda walk: walk.merge(clusters))


def _walk(self: Explorer, step: Callable[[Walk], None]) -> None:
    """Take one step in the tree of clusters and show where it leads."""
    if self.clusters is None:
        msg = "there is no clustering to split or merge; pass clusters=mm.cluster(emb), or set ex.n_clusters first"
        raise ValueError(msg)
    if self._walk is None or self._walk.here is not self.clusters:
        self._walk = Walk(self.clusters)
    step(self._walk)
    self.clusters = self._walk.here
    self.labels, self.cluster_names = labels_of(self.source, self.clusters)
    if self.linked is not None and self.linked.source == "clusters":
        with speaking(self.language):
            self.linked = linked(self.state)
    self.changed("clusters", status=say("{n} cluster", "{n} clusters", n=self.n_clusters))
    self.color_by = "cluster"


def link(self: Explorer, result: Any = None) -> pd.DataFrame:
    """Show a table of counts whose cells select their items on the map.

    Parameters
    ----------
    result : Classification, Clustering or None, default=None
        A classification gives true against predicted classes; None gives classes (without `y`: the annotations
        given so far) against clusters.

    Returns
    -------
    DataFrame
        The counts.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> ex = mm.explore(np.eye(4), y=list("aabb"), clusters=[0, 0, 0, 1], projection=np.eye(4)[:, :2])
    >>> ex.link().loc["b"].to_dict()
    {'cluster 0': 1, 'cluster 1': 1}
    >>> ex.cell("b", "cluster 1")
    >>> ex.selected["id"].tolist()
    ['3']
    """
    with speaking(self.language):
        self.linked = linked(self.state, result)
    self.changed("linked")
    return self.linked.counts


def cell(self: Explorer, row: Any, column: Any = None) -> None:
    """Select the items of one cell of the linked table, or of a whole row or column.

    Parameters
    ----------
    row, column : object or None
        Names as in the table; None takes all.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> ex = mm.explore(np.eye(4), y=list("aabb"), clusters=[0, 0, 0, 1], projection=np.eye(4)[:, :2])
    >>> ex.cell("a")
    >>> ex.selected["id"].tolist()
    ['0', '1']
    """
    if self.linked is None:
        self.link()
    assert self.linked is not None
    self.select(self.linked.items(row, column), how=f"table: {self.linked.title(row, column)}")
