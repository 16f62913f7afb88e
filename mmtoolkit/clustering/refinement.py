"""Lloyd's steps and their starts: the parts of every k-means here."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._gram import centred_gram
from mmtoolkit._nearest import relative_squares
from mmtoolkit.clustering.silhouettes import cluster_means
from mmtoolkit.clustering.tree import Tree, ward_tree

__all__ = [
    "N_COMPONENTS",
    "filled",
    "lloyd",
    "partitions",
    "principal_axes",
    "rough",
    "rough_tree",
    "spread",
    "start_of_spread",
    "start_of_tree",
]

N_COMPONENTS = 64
_BLOCK = 2048
_SEGMENTS = 3  # segments per cluster of the over-segmentation
_STEPS = 5


def principal_axes(X: NDArray[np.float32], index: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
    """Return the first 64 principal axes of the rows, or of some, (n_features, n_components), from their covariances."""
    from scipy.linalg import eigh

    d = X.shape[1]
    if d <= N_COMPONENTS:
        return np.eye(d, dtype=X.dtype)
    _, axes = eigh(centred_gram(X, index)[1].astype(X.dtype), subset_by_index=[d - N_COMPONENTS, d - 1])
    return np.ascontiguousarray(axes[:, ::-1])


def lloyd(
    X: NDArray[np.float32], centers: NDArray[np.float32], n_steps: int, *, still: float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Move every centre to the mean of its rows, at most `n_steps` times; a centre without rows goes to a far row.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.
    centers : ndarray of shape (n_clusters, n_features), float32
        Where to start.
    n_steps : int
        Largest number of steps.
    still : float, default=0.0
        Stop sooner when no larger share of the rows changes its centre.

    Returns
    -------
    labels : ndarray of shape (n_items,), int64
        The centre each row was counted to.
    centers : ndarray of shape (n_clusters, n_features), float32
        The means of those rows.
    """
    labels = np.full(len(X), -1, dtype=np.int64)
    for _ in range(n_steps):
        before = labels
        labels = filled(X, centers, rough(X, centers))
        if (labels != before).mean() <= still:
            break
        centers = cluster_means(X, labels, len(centers))
    return labels, centers


def partitions(
    Z: NDArray[np.float32], ks: Sequence[int], rng: np.random.Generator
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Cluster with every number of clusters for little more than the price of one.

    Rows are over-segmented (k-means++), the segments merged by Ward's criterion, the tree cut at every k, and each cut
    refined by Lloyd steps. Where groups are apart, a cut lies nearer to the best partition than a fresh k-means++ start.

    Parameters
    ----------
    Z : ndarray of shape (n_items, n_components), float32
        Rows, best few principal components.
    ks : sequence of int
        Numbers of clusters.
    rng : numpy Generator
        Source of the start.

    Returns
    -------
    list of (labels, centers)
        One pair per k, as ``lloyd`` returns them; where k exceeds the rows, one cluster per row.

    References
    ----------
    Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding. Ward (1963), Hierarchical grouping to
    optimize an objective function.
    """
    labels, means, tree = rough_tree(Z, max(ks), rng)

    def refined(n_clusters: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        return lloyd(Z, cluster_means(Z, tree.cut(n_clusters)[labels], n_clusters), _STEPS)

    return list(in_order(refined, [min(k, len(means)) for k in ks]))


def rough_tree(
    Z: NDArray[np.float32], n_clusters: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32], Tree]:
    """Over-segment rows for `n_clusters` or fewer clusters; return segments, their means, and the tree of their merges."""
    labels, means = lloyd(Z, Z[spread(Z, min(len(Z), _SEGMENTS * n_clusters), rng)], 2)
    return labels, means, ward_tree(means, np.bincount(labels, minlength=len(means)))


def start_of_tree(n_rows: int, n_clusters: int, rng: np.random.Generator) -> np.random.Generator:
    """Return what `rough_tree` of so many rows draws from, and move `rng` on as far: the tree can then be made aside."""
    return start_of_spread(n_rows, min(n_rows, _SEGMENTS * n_clusters), rng)


def start_of_spread(n_rows: int, n: int, rng: np.random.Generator) -> np.random.Generator:
    """Return what `spread` draws `n` of so many rows from, and move `rng` on as far."""
    own = copy.deepcopy(rng)
    rng.integers(n_rows)
    rng.random(n - 1)
    return own


def spread(Z: NDArray[np.float32], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw `n` rows; the chance of a row grows with its squared distance to those before it (k-means++)."""
    lengths = np.einsum("ij,ij->i", Z, Z)
    chosen = np.empty(n, dtype=np.int64)
    gap = np.full(len(Z), np.inf)
    chosen[0] = rng.integers(len(Z))
    for at in range(1, n):
        last = chosen[at - 1]
        gap = np.minimum(gap, np.maximum(lengths + lengths[last] - 2 * (Z @ Z[last]), 0.0))
        below = np.cumsum(gap, dtype=np.float64)
        chosen[at] = min(np.searchsorted(below, rng.random() * below[-1], side="right"), len(Z) - 1)
    return chosen


def rough(X: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the nearest centre of every row in float32; that is precise enough to move centres."""
    parts = in_order(lambda rows: relative_squares(X[rows], centers).argmin(axis=1), blocks(len(X), _BLOCK))
    return np.concatenate([np.empty(0, dtype=np.int64), *parts])


def filled(X: NDArray[np.float32], centers: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give every empty cluster one row, the farthest from their centres first, never the only row of a cluster."""
    sizes = np.bincount(labels, minlength=len(centers))
    wanted = np.flatnonzero(sizes == 0).tolist()
    if not wanted:
        return labels
    labels = labels.copy()
    for row in np.argsort(-np.square(X - centers[labels]).sum(axis=1), kind="stable"):
        if wanted and sizes[labels[row]] > 1:
            sizes[labels[row]] -= 1
            labels[row] = wanted.pop(0)
    return labels
