"""k-means: plain scikit-learn on small sets, a measured recipe on large ones, labels that never depend on the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.clustering.silhouette import cluster_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LARGE", "N_COMPONENTS", "Fit", "count_distinct", "kmeans", "nearest", "principal_axes", "rough"]

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
    return settle(X, lloyd(X, centers, 2)[1])


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


def lloyd(
    X: NDArray[np.float32], centers: NDArray[np.float32], n_steps: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Move every centre to the mean of its rows, at most `n_steps` times; a centre without rows goes to a far row.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.
    centers : ndarray of shape (n_clusters, n_features), float32
        Where to start.
    n_steps : int
        Stops sooner when no row changes its centre.

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
        labels = _filled(X, centers, rough(X, centers))
        if np.array_equal(labels, before):
            break
        centers = cluster_means(X, labels, len(centers))
    return labels, centers


def settle(X: NDArray[np.float32], centers: NDArray[np.float32]) -> Fit:
    """Label every row by its nearest centre and put the largest cluster first, of equals the one met first."""
    centers = np.ascontiguousarray(centers, dtype=np.float32)
    for _ in range(len(centers)):
        labels = nearest(X, centers)
        sizes = np.bincount(labels, minlength=len(centers))
        if sizes.all():
            break
        centers = cluster_means(X, _filled(X, centers, labels), len(centers))
    first_row = np.unique(labels, return_index=True)[1]
    centers = centers[np.lexsort((first_row, -sizes))]
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


def rough(X: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the nearest centre of every row as float32 sees it: enough to move centres by."""
    half = 0.5 * np.einsum("ij,ij->i", centers, centers)
    labels = np.empty(len(X), dtype=np.int64)
    for start in range(0, len(X), _BLOCK):
        rows = slice(start, start + _BLOCK)
        labels[rows] = (X[rows] @ centers.T - half).argmax(axis=1)
    return labels


def _filled(X: NDArray[np.float32], centers: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
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
