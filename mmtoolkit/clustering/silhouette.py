"""Internal scores of a clustering in one pass over the rows: O(n_items x n_clusters x n_features)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SCORES", "cluster_means", "scores", "silhouette"]

SCORES = ("silhouette", "davies_bouldin", "calinski_harabasz", "inertia")
_BLOCK = 8192  # rows at a time: memory stays flat, and the shape of a product never depends on the machine


def cluster_means(X: NDArray[np.float32], labels: NDArray[np.int64], n_clusters: int) -> NDArray[np.float32]:
    """Return the mean row of every cluster.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.
    labels : ndarray of shape (n_items,), int
        Cluster of each row, from 0 to ``n_clusters - 1``.
    n_clusters : int
        Number of clusters; one without rows gets zeros.

    Returns
    -------
    ndarray of shape (n_clusters, n_features), float32
        Means.
    """
    from scipy.sparse import csr_array

    sizes = np.bincount(labels, minlength=n_clusters)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    order = np.argsort(labels, kind="stable")
    ones = np.ones(len(labels), dtype=X.dtype)
    sums = csr_array((ones, order, starts), shape=(n_clusters, len(labels))) @ X
    return np.asarray(sums / np.maximum(sizes, 1)[:, None], dtype=X.dtype)


def silhouette(X: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the silhouette of every row without any distance between two rows.

    The mean squared distance from a row to a cluster needs only the cluster's mean and mean squared length. On unit
    rows squared distance is twice the cosine distance, so this is scikit-learn's silhouette with ``metric="cosine"``;
    on other rows it is the one with ``metric="sqeuclidean"``.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.
    labels : ndarray of shape (n_items,), int
        Cluster of each row, 0 to n_clusters - 1, none empty, at least two.

    Returns
    -------
    ndarray of shape (n_items,), float64
        From -1 to 1; 0 for the only row of a cluster.

    References
    ----------
    Rousseeuw (1987), Silhouettes: a graphical aid to the interpretation and validation of cluster analysis.
    """
    return _one_pass(X, labels)[0]


def scores(X: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    """Return mean silhouette, Davies-Bouldin, Calinski-Harabasz and inertia.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.
    labels : ndarray of shape (n_items,), int
        Cluster of each row, 0 to n_clusters - 1, none empty.

    Returns
    -------
    dict of str to float
        Keys as in ``SCORES``; all but the inertia are NaN when there is one cluster, or one per row.

    References
    ----------
    Davies and Bouldin (1979), A cluster separation measure. Calinski and Harabasz (1974), A dendrite method for
    cluster analysis.
    """
    n, k = len(labels), int(labels.max()) + 1
    width, distance, means = _one_pass(X, labels)
    inertia = float(np.square(distance).sum())
    if not 2 <= k < n:
        return dict(zip(SCORES, (np.nan, np.nan, np.nan, inertia), strict=True))
    sizes = np.bincount(labels, minlength=k)
    spread = np.bincount(labels, weights=distance, minlength=k) / sizes
    squares = np.einsum("ij,ij->i", means, means)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * means @ means.T, 0.0))
    np.fill_diagonal(apart, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num((spread[:, None] + spread) / apart, nan=0.0, posinf=0.0)
    between = float(sizes @ squares)
    calinski = 1.0 if inertia == 0 else between * (n - k) / (inertia * (k - 1))
    return dict(zip(SCORES, (float(width.mean()), float(ratio.max(axis=1).mean()), calinski, inertia), strict=True))


def _one_pass(
    X: NDArray[np.float32], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return silhouettes, distances to the own mean, and the means of the centred rows."""
    n, k = len(labels), int(labels.max()) + 1
    sizes = np.bincount(labels, minlength=k)
    middle = X.mean(axis=0, dtype=np.float64).astype(X.dtype)  # centred rows lose no digits to cancellation
    means = cluster_means(X, labels, k) - middle
    lengths = np.empty(n)
    products = np.empty((n, k), dtype=X.dtype)
    for start in range(0, n, _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = X[rows] - middle
        lengths[rows] = np.einsum("ij,ij->i", block, block, dtype=np.float64)
        products[rows] = block @ means.T
    mean_lengths = np.bincount(labels, weights=lengths, minlength=k) / sizes
    to_cluster = lengths[:, None] - 2.0 * products + mean_lengths
    at = np.arange(n), labels
    wide = means.astype(np.float64)
    own_square = np.einsum("ij,ij->i", wide, wide)
    distance = np.sqrt(np.maximum(lengths - 2.0 * products[at] + own_square[labels], 0.0))
    if k < 2:
        return np.zeros(n), distance, wide
    alone = sizes[labels] == 1
    own = np.maximum(to_cluster[at], 0.0) * (sizes / np.maximum(sizes - 1, 1))[labels]
    to_cluster[at] = np.inf
    other = np.maximum(to_cluster.min(axis=1), 0.0)
    largest = np.maximum(own, other)
    width = np.divide(other - own, largest, out=np.zeros(n), where=largest > 0)
    return np.where(alone, 0.0, width), distance, wide
