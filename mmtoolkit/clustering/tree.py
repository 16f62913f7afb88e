"""A Ward tree: how many small groups become one, merge by merge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._blocks import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Tree", "ward_tree"]

_BLOCK = 256  # leaves


@dataclass(frozen=True, eq=False)
class Tree:
    """The merges of Ward's criterion.

    Parameters
    ----------
    merges : ndarray of shape (n_leaves - 1, 2), int64
        The two nodes that each merge joins, as in scipy's linkage: leaves are 0 to ``n_leaves - 1``, merge i makes node
        ``n_leaves + i``.
    heights : ndarray of shape (n_leaves - 1,), float64
        What each merge adds to the within-cluster sum of squares, ascending.
    """

    merges: NDArray[np.int64]
    heights: NDArray[np.float64]

    @property
    def n_leaves(self) -> int:
        """Number of leaves."""
        return len(self.merges) + 1

    def cut(self, n_clusters: int) -> NDArray[np.int64]:
        """Return the group of every leaf when the tree is cut into `n_clusters` groups.

        Parameters
        ----------
        n_clusters : int
            From 1 to the number of leaves.

        Returns
        -------
        ndarray of shape (n_leaves,), int64
            0 to ``n_clusters - 1``, numbered by their first leaf.
        """
        n = self.n_leaves
        top = np.arange(2 * n - 1)
        for at in range(n - n_clusters - 1, -1, -1):  # from the highest merge that is kept down to the leaves
            top[self.merges[at]] = top[n + at]
        _, first, groups = np.unique(top[:n], return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[groups].astype(np.int64)


def ward_tree(means: NDArray[np.floating], sizes: NDArray[np.integer] | None = None) -> Tree:
    """Merge the two groups whose union raises the inertia least, until one is left.

    To split a cluster: ``ward_tree(X[members]).cut(2)`` says which members part (above some thousand members, merge the
    centres of a k-means instead of rows). To find the clusters that belong together: ``ward_tree(centers, sizes)``; its
    first merge is the nearest pair, and ``cut(k)`` says which clusters form each of `k` larger ones.

    Parameters
    ----------
    means : ndarray of shape (n_leaves, n_features)
        Rows, or means of groups.
    sizes : ndarray of shape (n_leaves,) or None, default=None
        Rows in each group; None is one each.

    Returns
    -------
    Tree
        The same whatever the order of the leaves, but for ties. Memory and time grow with the square of the leaves:
        2,000 take about 0.2 s and 32 MB, 5,000 take 2 s and 200 MB.

    References
    ----------
    Ward (1963), Hierarchical grouping to optimize an objective function. Murtagh (1983), A survey of recent advances in
    hierarchical clustering algorithms: the nearest-neighbor chain.

    Examples
    --------
    >>> import numpy as np
    >>> from mmtoolkit.clustering.tree import ward_tree
    >>> tree = ward_tree(np.array([[0.0], [1.0], [10.0], [12.0]]))
    >>> tree.cut(2).tolist(), tree.heights.tolist()
    ([0, 0, 1, 1], [0.5, 2.0, 110.25])
    """
    n = len(means)
    weight = np.ones(n) if sizes is None else np.asarray(sizes, dtype=np.float64).copy()
    cost = _first_costs(np.asarray(means, dtype=np.float64), weight)
    node = np.arange(n)  # what is at home in each row of the costs
    alive = np.ones(n, dtype=bool)
    found: list[tuple[float, int, int]] = []
    chain: list[int] = []
    for made in range(n, 2 * n - 1):
        if not chain:
            chain.append(int(alive.argmax()))
        while True:
            tip = chain[-1]
            near = int(cost[tip].argmin())
            if len(chain) > 1 and cost[tip, chain[-2]] <= cost[tip, near]:
                break  # each is the other's nearest
            chain.append(near)
        i, j = chain.pop(), chain.pop()
        found.append((float(cost[i, j]), node[i], node[j]))
        row = (weight[i] + weight) * cost[i] + (weight[j] + weight) * cost[j] - weight * cost[i, j]
        row /= weight[i] + weight[j] + weight
        row[[i, j]] = np.inf
        cost[i], cost[:, i] = row, row
        cost[j], cost[:, j] = np.inf, np.inf
        weight[i] += weight[j]
        node[i], alive[j] = made, False
    return _in_order(found, n)


def _first_costs(means: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what joining each pair of leaves adds to the inertia."""
    means = means - means.mean(axis=0)
    squares = np.einsum("ij,ij->i", means, means)
    cost: NDArray[np.float64] = 2 * means @ means.T
    for rows in blocks(len(means), _BLOCK):  # in place: the costs alone take 200 MB of 5,000 leaves
        own = squares[rows, None] + squares - cost[rows]
        np.maximum(own, 0.0, out=own)
        cost[rows] = own * (weight[rows, None] * weight / (weight[rows, None] + weight))
    np.fill_diagonal(cost, np.inf)
    return cost


def _in_order(found: list[tuple[float, int, int]], n: int) -> Tree:
    """Return the tree with its merges in order of height; the chain finds them in another."""
    order = np.argsort([cost for cost, _, _ in found], kind="stable")
    number = np.concatenate([np.arange(n), n + np.argsort(order)])
    pairs = np.array([pair for _, *pair in found], dtype=np.int64).reshape(-1, 2)
    return Tree(
        np.sort(number[pairs[order]], axis=1).astype(np.int64),
        np.array([found[at][0] for at in order], dtype=np.float64),
    )
