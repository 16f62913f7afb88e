"""How far the two sides of every split of a Ward tree lie apart, and how many groups the splits make."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.clustering.tree import Tree

__all__ = ["count_groups", "partings"]

_LEAST = 4  # rows on either side; fewer have no spread to speak of
_UNSURE = 0.01  # chance that a normal side is wider than it is taken for
_NOTHING = 1e-3  # share of the spread of all rows that is none: copies in float32


def partings(Z: NDArray[np.floating], tree: Tree) -> NDArray[np.float64]:
    """Measure how far the two sides of every merge of a tree lie apart, in their own spreads.

    The distance of the two means, less what chance makes of it, is divided by the spread of the sides along the line between
    their means: the root of the mean of both variances, each side counting as much as the other however many rows it has. The
    variance of a side is the upper end of its confidence interval, so that a few rows that happen to lie close do not count.
    Halves of a normal cloud lie 2.6 apart, those of a uniform one 3.5.

    Parameters
    ----------
    Z : ndarray of shape (n_rows, n_features)
        Rows.
    tree : Tree
        The merges of the rows.

    Returns
    -------
    ndarray of shape (n_rows - 1,), float64
        One value per merge; 0 where a side has fewer than four rows.
    """
    from scipy.special import chdtri

    order, first, sizes = _layout(tree)
    rows = np.asarray(Z, dtype=np.float64)[order]
    rows -= rows.mean(axis=0)
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0)])
    squares = np.append(0.0, np.cumsum(np.einsum("ij,ij->i", rows, rows)))
    least = _NOTHING**2 * squares[-1] / len(rows)
    free = np.arange(1, len(rows) + 1) - 1.0
    wider = np.append(np.inf, np.divide(free[1:], chdtri(free[1:], 1 - _UNSURE)))  # by number of rows less one
    apart = np.zeros(len(tree.merges))
    for at in np.flatnonzero(sizes[tree.merges].min(axis=1, initial=len(rows)) >= _LEAST):
        means, variances, by_chance = [], [], 0.0
        spans = [slice(first[node], first[node] + sizes[node]) for node in tree.merges[at]]
        for span in spans:
            n = span.stop - span.start
            mean = (sums[span.stop] - sums[span.start]) / n
            means.append(mean)
            by_chance += max(float(squares[span.stop] - squares[span.start] - n * mean @ mean), 0.0) / (n - 1) / n
        line = means[1] - means[0]
        square = float(line @ line)
        if square <= least:
            continue
        for span in spans:
            along = np.einsum("ij,j->i", rows[span], line)
            variances.append(along.var(ddof=1) / square * wider[len(along) - 1])
        apart[at] = (square - by_chance) / np.sqrt(square * max(sum(variances) / 2, least))
    return apart


def count_groups(
    merges: NDArray[np.int64], apart: NDArray[np.float64], above: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Count the groups of a tree whose splits count from a height on.

    Each side of a split that counts holds a group at least. A split that does not count adds none: what it takes off from
    rows that hold groups is stray.

    Parameters
    ----------
    merges : ndarray of shape (n_leaves - 1, 2), int64
        As in ``Tree``.
    apart : ndarray of shape (n_leaves - 1,), float64
        As ``partings`` returns it.
    above : ndarray of shape (n_heights,), float64
        Splits that are higher count.

    Returns
    -------
    ndarray of shape (n_heights,), int64
        One number for each height, 1 where no split counts.
    """
    n = len(merges) + 1
    groups = np.zeros((2 * n - 1, len(above)), dtype=np.int64)
    for at, (a, b) in enumerate(merges):
        counts = apart[at] > above
        groups[n + at] = np.maximum(groups[a], counts) + np.maximum(groups[b], counts)
    return np.asarray(np.maximum(groups[-1], 1))


def _layout(tree: Tree) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return an order of the leaves in which every node is a span, the first place of every node, and its size."""
    n = tree.n_leaves
    sizes = np.ones(2 * n - 1, dtype=np.int64)
    for at, (a, b) in enumerate(tree.merges):
        sizes[n + at] = sizes[a] + sizes[b]
    first = np.zeros(2 * n - 1, dtype=np.int64)
    for at in range(n - 2, -1, -1):
        a, b = tree.merges[at]
        first[a], first[b] = first[n + at], first[n + at] + sizes[a]
    return np.argsort(first[:n]), first, sizes
