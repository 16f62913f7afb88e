"""Make one clustering from another: split a cluster, merge some, or merge the nearest; numbers keep their meaning."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import check_count
from mmtoolkit.clustering.partition import count_distinct, kmeans, nearest, renumber
from mmtoolkit.clustering.tree import ward_tree
from mmtoolkit.words import say

if TYPE_CHECKING:
    from mmtoolkit.clustering.result import Clustering

__all__ = ["Move", "merge", "parent", "split", "widest"]


@dataclasses.dataclass(frozen=True, eq=False)
class Move:
    """How one clustering is made from another.

    Parameters
    ----------
    start : Clustering
        The other one.
    numbers : ndarray of shape (n_clusters of start,), int64
        For each of its clusters the new number, the old one where it stays, or -1 for the one that is split.
    parts : ndarray of shape (n_parts,), int64
        Numbers of the parts of the cluster that is split.
    centers : ndarray of shape (n_parts, n_features), float32
        Their means.
    """

    start: Clustering
    numbers: NDArray[np.int64]
    parts: NDArray[np.int64] = dataclasses.field(default_factory=lambda: np.array([], dtype=np.int64))
    centers: NDArray[np.float32] = dataclasses.field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))

    def __call__(self, X: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the new numbers of rows that have these labels at the start; noise stays noise."""
        found = np.append(self.numbers, -1)[renumber(labels, self.start.names.index.to_numpy())]
        torn = (found < 0) & (labels >= 0)
        if torn.any():
            found[torn] = self.parts[nearest(X[torn], self.centers)]
        return found


def split(start: Clustering, cluster: int, n_clusters: int, numbers_from: int | None) -> Move:
    """Return the move that splits one cluster; see ``Clustering.split``."""
    (place,) = _places(start, [cluster])
    check_count("n_clusters", n_clusters, 2)
    rows = start._X[start.labels == cluster]
    distinct = count_distinct(rows, n_clusters)
    if distinct < n_clusters:
        msg = say(
            "cluster {cluster} holds {n} item, so it cannot be split into {parts}",
            "cluster {cluster} holds {n} items with {vectors}, so it cannot be split into {parts}",
            cluster=cluster,
            n=len(rows),
            vectors=say("{n} different vector", "{n} different vectors", n=distinct),
            parts=n_clusters,
        )
        raise ValueError(msg)
    fit = kmeans(rows, n_clusters, random_state=start.recipe.first.params["random_state"])
    numbers = start.names.index.to_numpy(dtype=np.int64).copy()
    numbers[place] = -1
    return Move(start, numbers, _unused(start, n_clusters, numbers_from), fit.centers)


def widest(start: Clustering) -> int:
    """Return the number of the cluster with the largest inertia, the first to be split."""
    kept = start.labels >= 0
    places = start._source_labels[kept]
    squares = np.square(start._X[kept] - start.centers[places]).sum(axis=1, dtype=np.float64)
    inertia = np.bincount(places, weights=squares, minlength=start.n_clusters)
    if not len(inertia):
        msg = "there is no cluster to split: all items are noise"
        raise ValueError(msg)
    return int(start.names.index[int(inertia.argmax())])


def merge(start: Clustering, clusters: Any, numbers_from: int | None) -> Move:
    """Return the move that merges some clusters; see ``Clustering.merge``."""
    asked = list(clusters) if isinstance(clusters, Iterable) and not isinstance(clusters, str) else [clusters]
    places = _places(start, asked)
    if len(set(places)) < 2:
        msg = f"a merge needs at least two different clusters, got {asked!r}"
        raise ValueError(msg)
    numbers = start.names.index.to_numpy(dtype=np.int64).copy()
    numbers[places] = _unused(start, 1, numbers_from)
    return Move(start, numbers)


def parent(start: Clustering, n_clusters: int | None, numbers_from: int | None) -> Move:
    """Return the move that goes some steps up Ward's tree; see ``Clustering.parent``."""
    if start.n_clusters < 2:
        msg = f"a parent has fewer clusters, and this clustering has {start.n_clusters}"
        raise ValueError(msg)
    n = start.n_clusters - 1 if n_clusters is None else n_clusters
    check_count("n_clusters", n, 1)
    if n >= start.n_clusters:
        msg = f"n_clusters={n} is not fewer than the {start.n_clusters} clusters there are; c.split makes more"
        raise ValueError(msg)
    merges = ward_tree(start.centers, start.sizes["size"].to_numpy()).merges[: start.n_clusters - n]
    numbers = start.names.index.to_numpy(dtype=np.int64).copy()
    below = [[place] for place in range(start.n_clusters)]
    for number, (one, other) in zip(_unused(start, len(merges), numbers_from), merges, strict=True):
        below.append(below[one] + below[other])
        numbers[below[-1]] = number
    return Move(start, numbers)


def _places(start: Clustering, clusters: list[Any]) -> list[int]:
    """Return the rows of clusters in the tables."""
    known = start.names.index.tolist()
    for cluster in clusters:
        if isinstance(cluster, bool) or not isinstance(cluster, int | np.integer) or cluster not in known:
            few = known if len(known) <= 12 else [*known[:10], "...", known[-1]]
            msg = f"there is no cluster {cluster!r}; the clusters are {', '.join(map(str, few)) or 'none: all items are noise'}"
            raise ValueError(msg)
    return [known.index(cluster) for cluster in clusters]


def _unused(start: Clustering, n: int, numbers_from: int | None) -> NDArray[np.int64]:
    """Return numbers that no earlier cluster has had; each step gives its new clusters the next higher numbers."""
    least = int(start.names.index.max()) + 1
    first = least if numbers_from is None else numbers_from
    check_count("numbers_from", first, least)
    return np.arange(n, dtype=np.int64) + first
