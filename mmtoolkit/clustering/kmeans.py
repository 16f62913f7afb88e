"""k-means: plain scikit-learn on small sets, a measured recipe on large ones, labels that never depend on the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.clustering.silhouette import cluster_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LARGE", "N_COMPONENTS", "Fit", "count_distinct", "kmeans", "nearest", "principal_axes"]

LARGE = 20_000  # rows above which the recipe costs less than scikit-learn
N_COMPONENTS = 64
_BLOCK = 8192
_TIE = 1e-4


@dataclass(frozen=True, eq=False)
class Fit:
    """What one run of an algorithm gave.

    Parameters
    ----------
    labels : ndarray of shape (n_items,), int64
        Cluster of each row, largest cluster first; -1 is noise.
    centers : ndarray of shape (n_clusters, n_features), float32
        Row `labels` refers to.
    """

    labels: NDArray[np.int64]
    centers: NDArray[np.float32]


def kmeans(
    X: NDArray[np.float32],
    n_clusters: int,
    *,
    n_init: int = 5,
    exact: bool = False,
    random_state: int = 0,
) -> Fit:
    """Group rows with k-means.

    Up to 20,000 rows this is scikit-learn's ``KMeans``. Above, the starts are compared on the first 64 principal
    components, and the best is refined by two exact Lloyd steps on all features.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows, used as given.
    n_clusters : int
        From 1 to the number of distinct rows.
    n_init : int, default=5
        Number of starts; the one of lowest inertia is kept.
    exact : bool, default=False
        Use plain scikit-learn on all features whatever the size.
    random_state : int, default=0
        Seed of the starts.

    Returns
    -------
    Fit
        Labels and centres; every label is the nearest centre.

    Raises
    ------
    ValueError
        If there are fewer distinct rows than clusters.

    References
    ----------
    Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding. Ding and He (2004), K-means
    clustering via principal component analysis.
    """
    from sklearn.cluster import KMeans

    check_n_clusters(X, n_clusters)
    model = KMeans(n_clusters, n_init=n_init, random_state=random_state)
    if exact or len(X) <= LARGE:
        return settle(X, model.fit(X).cluster_centers_)
    rows = np.random.default_rng(random_state).permutation(len(X))[:LARGE]
    reduced = X @ principal_axes(X[np.sort(rows)])
    labels = model.fit_predict(reduced).astype(np.int64)
    centers = cluster_means(X, labels, n_clusters)
    for _ in range(2):
        centers = lloyd_step(X, centers)
    return settle(X, centers)


def check_n_clusters(X: NDArray[np.float32], n_clusters: int) -> None:
    """Raise unless ``1 <= n_clusters <= number of distinct rows``."""
    if n_clusters < 1:
        msg = f"n_clusters must be at least 1, got {n_clusters}"
        raise ValueError(msg)
    distinct = count_distinct(X, n_clusters)
    if distinct < n_clusters:
        msg = f"n_clusters={n_clusters} is more than the {distinct} distinct vectors among {len(X)} items"
        raise ValueError(msg)


def count_distinct(X: NDArray[np.float32], stop: int) -> int:
    """Count distinct rows, but no further than `stop`."""
    seen: set[bytes] = set()
    for row in X:
        seen.add((row + 0.0).tobytes())
        if len(seen) >= stop:
            break
    return len(seen)


def principal_axes(X: NDArray[np.float32], n_components: int = N_COMPONENTS) -> NDArray[np.float32]:
    """Return the first principal axes, shape (n_features, n_components), from the covariance matrix."""
    from scipy.linalg import eigh

    d = X.shape[1]
    if d <= n_components:
        return np.eye(d, dtype=X.dtype)
    centered = X - X.mean(axis=0, dtype=np.float64).astype(X.dtype)
    _, axes = eigh(centered.T @ centered, subset_by_index=[d - n_components, d - 1])
    return np.ascontiguousarray(axes[:, ::-1])


def lloyd_step(X: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move every centre to the mean of its rows; one without rows goes to the row farthest from its own centre."""
    labels, distances = _closest(X, centers)
    empty = np.flatnonzero(np.bincount(labels, minlength=len(centers)) == 0)
    if len(empty):
        labels = _refill(labels, distances, empty)
    return cluster_means(X, labels, len(centers))


def settle(X: NDArray[np.float32], centers: NDArray[np.float32]) -> Fit:
    """Label every row by its nearest centre and put the largest cluster first."""
    centers = np.ascontiguousarray(centers, dtype=np.float32)
    labels = nearest(X, centers)
    for _ in range(len(centers)):
        sizes = np.bincount(labels, minlength=len(centers))
        if sizes.all():
            break
        centers = cluster_means(X, _refill(labels, _closest(X, centers)[1], np.flatnonzero(sizes == 0)), len(centers))
        labels = nearest(X, centers)
    centers = centers[np.argsort(-np.bincount(labels, minlength=len(centers)), kind="stable")]
    return Fit(nearest(X, centers), centers)


def nearest(X: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the nearest centre of every row; a row's answer does not depend on the rows beside it.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.
    centers : ndarray of shape (n_clusters, n_features), float32
        Centres.

    Returns
    -------
    ndarray of shape (n_items,), int64
        Number of the nearest centre, the lower one of equals.
    """
    labels = np.zeros(len(X), dtype=np.int64)
    if len(centers) == 1:
        return labels
    half = 0.5 * np.einsum("ij,ij->i", centers, centers)
    wide = centers.astype(np.float64)
    for start in range(0, len(X), _BLOCK):
        block = X[start : start + _BLOCK]
        score = block @ centers.T - half
        best = score.argmax(axis=1)
        top = np.partition(score, -2, axis=1)[:, -2:]
        scale = 1.0 + np.abs(top[:, 1])
        for row in np.flatnonzero(top[:, 1] - top[:, 0] < _TIE * scale):  # too close for float32: decide in float64
            best[row] = np.square(wide - block[row]).sum(axis=1).argmin()
        labels[start : start + _BLOCK] = best
    return labels


def _closest(X: NDArray[np.float32], centers: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the nearest centre of every row and half the squared distance to it."""
    labels = np.empty(len(X), dtype=np.int64)
    best = np.empty(len(X))
    half = 0.5 * np.einsum("ij,ij->i", centers, centers)
    for start in range(0, len(X), _BLOCK):
        rows = slice(start, start + _BLOCK)
        score = X[rows] @ centers.T - half
        labels[rows] = score.argmax(axis=1)
        length = np.einsum("ij,ij->i", X[rows], X[rows], dtype=np.float64)
        best[rows] = 0.5 * length - score.max(axis=1)
    return labels, best


def _refill(labels: NDArray[np.int64], distances: NDArray[np.float64], empty: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give every empty cluster one row, the farthest from their centres first, never the only row of a cluster."""
    labels = labels.copy()
    sizes = np.bincount(labels)
    wanted = iter(empty.tolist())
    cluster = next(wanted, None)
    for row in np.argsort(-distances, kind="stable"):
        if cluster is None:
            break
        if sizes[labels[row]] > 1:
            sizes[labels[row]] -= 1
            labels[row] = cluster
            cluster = next(wanted, None)
    return labels
