"""The clusterings of one tree: the slider goes through them, and clusters are split or merged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmtoolkit.clustering.result import Clustering

__all__ = ["Walk"]


class Walk:
    """Finer and coarser clusterings around one, each made once; a number means the same items in all of them.

    Parameters
    ----------
    start : Clustering
        Where the walk begins.

    Attributes
    ----------
    start, here : Clustering
        Where it began, and where it is.
    """

    def __init__(self, start: Clustering) -> None:
        self.start = self.here = start
        self._made = {start.n_clusters: start}
        self._next = int(start.names.index.max()) + 1 if start.n_clusters else 0

    def to(self, n_clusters: int) -> None:
        """Go to a number of clusters: down, the nearest ones become one; up, the widest are split."""
        while n_clusters not in self._made:
            above = min((k for k in self._made if k > n_clusters), default=None)
            if above is None:
                self._keep(self._made[max(self._made)].split(numbers_from=self._next))
            else:
                self._keep(self._made[above].parent(numbers_from=self._next))
        self.here = self._made[n_clusters]

    def split(self, cluster: int | None, n_clusters: int) -> None:
        """Split one cluster; the way down stays as it was."""
        self._branch(self.here.split(cluster, n_clusters, numbers_from=self._next))

    def merge(self, clusters: Sequence[int]) -> None:
        """Make one of several clusters; the way up stays as it was."""
        self._branch(self.here.merge(clusters, numbers_from=self._next))

    def _branch(self, found: Clustering) -> None:
        k = self.here.n_clusters
        finer = found.n_clusters > k
        self._made = {n: made for n, made in self._made.items() if (n <= k if finer else n >= k)}
        self._keep(found)
        self.here = found

    def _keep(self, found: Clustering) -> None:
        self._made[found.n_clusters] = found
        self._next = max(self._next, int(found.names.index.max()) + 1)
