"""HDBSCAN in the space of the vectors, with a bound on how much may be left as noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.clustering.partition import Fit, fit_of, keep_known, nearest

__all__ = ["LIMIT", "assign", "hdbscan"]

_EQUAL_DECIMALS = 5  # rows that differ less, relative to the largest number, are equal
LIMIT = 10_000  # items; the algorithm needs all pairs of them in memory


def hdbscan(
    X: NDArray[np.float32],
    *,
    min_cluster_size: int | None = None,
    max_noise: float | None = None,
    allow_single_cluster: bool = False,
) -> Fit:
    """Group rows by density; rows in thin places are noise, -1.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows, at most 10,000.
    min_cluster_size : int or None, default=None
        Smallest cluster; None is 1 % of the rows, at least 5.
    max_noise : float or None, default=None
        Share of rows that may be noise: the noise rows nearest to a centre, measured by the usual distance in that
        cluster, join it. None leaves all noise.
    allow_single_cluster : bool, default=False
        Whether one cluster may hold all that is not noise.

    Returns
    -------
    Fit
        Labels, the largest cluster first, and the means of the clusters. `n_clusters` may be 0: all is noise. Equal rows
        are never noise when there are enough of them for a cluster.

    Raises
    ------
    ValueError
        If an option is out of range or there are too many rows.

    References
    ----------
    Campello, Moulavi and Sander (2013), Density-based clustering based on hierarchical density estimates.
    """
    n = len(X)
    size = max(5, n // 100) if min_cluster_size is None else min_cluster_size
    if n > LIMIT:
        msg = f"HDBSCAN compares all pairs and takes at most {LIMIT} items, got {n}; cluster a sample and `assign` the rest"
        raise ValueError(msg)
    if not 2 <= size <= n:
        msg = f"min_cluster_size must be between 2 and the {n} items, got {size}"
        raise ValueError(msg)
    if max_noise is not None and not 0 <= max_noise <= 1:
        msg = f"max_noise must be a share between 0 and 1, got {max_noise}"
        raise ValueError(msg)
    from sklearn.cluster import HDBSCAN

    model = HDBSCAN(min_cluster_size=size, algorithm="brute", allow_single_cluster=allow_single_cluster, copy=True)
    fit = fit_of(X, _with_equal_rows(X, model.fit_predict(X), size))
    if max_noise is None or not len(fit.centers):
        return fit
    return Fit(_quieter(X, fit.labels, fit.centers, max_noise), fit.centers)


def _with_equal_rows(X: NDArray[np.float32], labels: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Make clusters of equal rows that were left as noise: their density is infinite, and the algorithm cannot compare it."""
    noise, labels = np.flatnonzero(labels < 0), labels.copy()
    scale = max(float(np.abs(X).max(initial=0.0)), float(np.finfo(np.float32).tiny))
    rounded = np.asarray(X[noise] / np.float32(scale)).round(_EQUAL_DECIMALS) + np.float32(0)  # no minus zero
    equal = [row.tobytes() for row in rounded]
    _, group, counts = np.unique(np.array(equal, dtype=object), return_inverse=True, return_counts=True)
    for g in np.flatnonzero(counts >= size):
        labels[noise[group == g]] = labels.max() + 1
    return labels


def assign(
    X: NDArray[np.float32], trained: NDArray[np.float32], labels: NDArray[np.int64], centers: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return clusters of other rows: a trained row keeps its label, others take that of the nearest trained row.

    A row farther from the nearest centre than the farthest member of that cluster is noise.
    """
    members = labels >= 0
    reach = np.zeros(len(centers))
    np.maximum.at(reach, labels[members], _distance(trained[members], centers[labels[members]]))

    def within_reach(rows: NDArray[np.float32]) -> NDArray[np.int64]:
        near = nearest(rows, centers)
        return np.where(_distance(rows, centers[near]) <= reach[near], near, -1)

    return keep_known(X, trained, labels, within_reach)


def _quieter(
    X: NDArray[np.float32], labels: NDArray[np.int64], centers: NDArray[np.float32], max_noise: float
) -> NDArray[np.int64]:
    noise = np.flatnonzero(labels < 0)
    surplus = len(noise) - int(np.floor(max_noise * len(X)))
    if surplus <= 0:
        return labels
    members = labels >= 0
    distance = _distance(X[members], centers[labels[members]])
    usual = np.array([np.median(distance[labels[members] == c]) for c in range(len(centers))])
    near = nearest(X[noise], centers)
    relative = _distance(X[noise], centers[near]) / np.maximum(usual[near], 1e-12)
    joined = np.argsort(relative, kind="stable")[:surplus]
    out = labels.copy()
    out[noise[joined]] = near[joined]
    return out


def _distance(X: NDArray[np.float32], Y: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.square(X - Y).sum(axis=1, dtype=np.float64)))
