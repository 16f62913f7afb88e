"""Internal scores of a clustering in one pass over the rows: O(n_items x n_clusters x n_features)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._gram import mean_row
from mmtoolkit._nearest import squared_lengths
from mmtoolkit.vectors import unit_rows

__all__ = ["SCORES", "Scorer", "cluster_means", "cluster_sums", "cohesion", "inertia", "silhouette", "widths"]

SCORES = ("silhouette", "davies_bouldin", "calinski_harabasz", "inertia")
_ROWS = 65_536  # of a sum: the sums of a block are as large as the centers
_BLOCK = 2048  # rows at a time: their memory is used again, and the shape of a product never depends on the machine


def cluster_means(
    X: NDArray[np.float32], labels: NDArray[np.int64], n_clusters: int, mean: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return the mean row of every cluster.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.
    labels : ndarray of shape (n_items,), int
        Cluster of each row, from 0 to ``n_clusters - 1``.
    n_clusters : int
        Number of clusters; one without rows gets zeros.
    mean : ndarray of shape (n_features,), float32, or None, default=None
        What is subtracted from every row before.

    Returns
    -------
    ndarray of shape (n_clusters, n_features), float32
        Means.
    """
    sums = np.zeros((n_clusters, X.shape[1]), dtype=X.dtype)

    def part(rows: slice) -> NDArray[np.float32]:
        if mean is None:
            return cluster_sums(X[rows], labels[rows], n_clusters)
        total = np.zeros((n_clusters, X.shape[1]), dtype=X.dtype)
        for start in range(rows.start, rows.stop, _BLOCK):  # a sum goes on from the last: the bytes of one sum of all
            own = slice(start, min(start + _BLOCK, rows.stop))
            total = cluster_sums(
                np.vstack([total, X[own] - mean]), np.r_[np.arange(n_clusters), labels[own]], n_clusters
            )
        return total

    for more in in_order(part, blocks(len(labels), _ROWS)):
        sums += more
    sizes = np.bincount(labels, minlength=n_clusters)
    return np.asarray(sums / np.maximum(sizes, 1)[:, None], dtype=X.dtype)


def cluster_sums(
    X: NDArray[np.float32], labels: NDArray[np.int64], n_clusters: int, weights: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return the sum of the rows of every cluster, (n_clusters, n_features), of few enough rows for float32."""
    from scipy.sparse import csc_array

    n = len(labels)
    weights = np.ones(n, dtype=X.dtype) if weights is None else weights
    members = csc_array((weights, labels, np.arange(n + 1)), shape=(n_clusters, n))
    return np.asarray(members @ X)


def cohesion(X: NDArray[np.float32], labels: NDArray[np.int64], n_clusters: int) -> NDArray[np.float64]:
    """Return the mean cosine of the rows of every cluster to the direction of their mean, (n_clusters,)."""

    def part(rows: slice) -> NDArray[np.float32]:
        lengths = np.sqrt(squared_lengths(X[rows]))
        weights = np.divide(1, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        return cluster_sums(X[rows], labels[rows], n_clusters, weights)

    directions = np.zeros((n_clusters, X.shape[1]))  # sums of unit rows
    for more in in_order(part, blocks(len(labels), _BLOCK)):
        directions += more
    sizes = np.bincount(labels, minlength=n_clusters)
    towards = unit_rows(cluster_means(X, labels, n_clusters))
    return np.asarray(np.einsum("ij,ij->i", directions, towards) / np.maximum(sizes, 1))


def inertia(X: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the sum of squared distances of rows to the mean of their cluster."""
    k = int(labels.max()) + 1
    means = cluster_means(X, labels, k).astype(np.float64)
    squares = np.bincount(labels, minlength=k) @ np.einsum("ij,ij->i", means, means)
    return float(np.einsum("ij,ij->", X, X, dtype=np.float64) - squares)


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
    return Scorer(X).silhouette(labels)


class Scorer:
    """Scores of many clusterings of the same rows; shared parts are computed once.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.
    many : bool, default=False
        Whether many clusterings will be judged: the centred rows are kept, which takes a copy of `X` and spares most of
        the time; the scores are the same to the byte.

    References
    ----------
    Davies and Bouldin (1979), A cluster separation measure. Calinski and Harabasz (1974), A dendrite method for
    cluster analysis.
    """

    def __init__(self, X: NDArray[np.float32], *, many: bool = False) -> None:
        self.X = X
        self.mean = mean_row(X)  # subtracted, or cancellation would cost digits
        self._kept = X - self.mean if many else None

        def part(rows: slice) -> NDArray[np.float64]:
            centred = self._centred(rows)
            return np.asarray(np.einsum("ij,ij->i", centred, centred, dtype=np.float64))

        self.lengths = np.concatenate(list(in_order(part, blocks(len(X), _BLOCK))))

    def _centred(self, rows: slice) -> NDArray[np.float32]:
        return np.asarray(self.X[rows] - self.mean if self._kept is None else self._kept[rows])

    def silhouette(self, labels: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the silhouette of every row."""
        return self.judge(labels)[1]

    def scores(self, labels: NDArray[np.int64]) -> dict[str, float]:
        """Return the scores of `judge`."""
        return self.judge(labels)[0]

    def judge(self, labels: NDArray[np.int64]) -> tuple[dict[str, float], NDArray[np.float64]]:
        """Return mean silhouette and its standard error over rows, Davies-Bouldin, Calinski-Harabasz and inertia.

        Parameters
        ----------
        labels : ndarray of shape (n_items,), int
            Cluster of each row, 0 to n_clusters - 1, none empty.

        Returns
        -------
        scores : dict of str to float
            Keys as in ``SCORES``, and "silhouette_se"; all but the inertia are NaN when there is one cluster, or one
            per row.
        widths : ndarray of shape (n_items,), float64
            The silhouette of every row.
        """
        n, k = len(labels), int(labels.max()) + 1
        width, distance, means = self._one_pass(labels)
        within = float(np.square(distance).sum())
        if not 2 <= k < n:
            return {**dict.fromkeys((*SCORES, "silhouette_se"), np.nan), "inertia": within}, width
        sizes = np.bincount(labels, minlength=k)
        spread = np.bincount(labels, weights=distance, minlength=k) / sizes
        squares = np.einsum("ij,ij->i", means, means)
        apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * means @ means.T, 0.0))
        np.fill_diagonal(apart, np.inf)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.nan_to_num((spread[:, None] + spread) / apart, nan=0.0, posinf=0.0)
        between = float(sizes @ squares)
        found = {
            "silhouette": float(width.mean()),
            "silhouette_se": float(width.std() / np.sqrt(n)),
            "davies_bouldin": float(ratio.max(axis=1).mean()),
            "calinski_harabasz": 1.0 if within == 0 else between * (n - k) / (within * (k - 1)),
            "inertia": within,
        }
        return found, width

    def _one_pass(
        self, labels: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return silhouettes, distances to the own mean, and the means of the centred rows."""
        k = int(labels.max()) + 1
        sizes = np.bincount(labels, minlength=k)
        kept = self._kept
        means = cluster_means(self.X, labels, k, self.mean) if kept is None else cluster_means(kept, labels, k)
        wide = means.astype(np.float64)
        squares = np.einsum("ij,ij->i", wide, wide)
        mean_lengths = np.bincount(labels, weights=self.lengths, minlength=k) / sizes

        def part(rows: slice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            own, lengths = labels[rows], self.lengths[rows]
            dots = self._centred(rows) @ means.T
            distance = np.sqrt(np.maximum(lengths - 2.0 * dots[np.arange(len(own)), own] + squares[own], 0.0))
            width = widths(dots, lengths, own, sizes, mean_lengths) if k > 1 else np.zeros(len(own))
            return width, distance

        width, distance = zip(*in_order(part, blocks(len(labels), _BLOCK)), strict=True)
        return np.concatenate(width), np.concatenate(distance), wide


def widths(
    dots: NDArray[np.floating],
    lengths: NDArray[np.float64],
    labels: NDArray[np.int64],
    sizes: NDArray[Any],
    mean_lengths: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return silhouettes from sums over whole clusters.

    Parameters
    ----------
    dots : ndarray of shape (n_items, n_clusters)
        Products of the rows with the mean of every cluster.
    lengths : ndarray of shape (n_items,)
        Squared lengths of the rows.
    labels : ndarray of shape (n_items,), int
        Cluster of each row.
    sizes, mean_lengths : ndarrays of shape (n_clusters,)
        Rows, and mean squared length of the rows, of every cluster; one without rows is nobody's neighbour.

    Returns
    -------
    ndarray of shape (n_items,), float64
        From -1 to 1; 0 for the only row of a cluster.
    """
    at = np.arange(len(labels)), labels
    to_cluster = np.where(sizes > 0, mean_lengths, np.inf) - 2.0 * dots  # short of the row's own length
    own = np.maximum(to_cluster[at] + lengths, 0.0) * (sizes / np.maximum(sizes - 1, 1))[labels]
    to_cluster[at] = np.inf
    other = np.maximum(to_cluster.min(axis=1) + lengths, 0.0)
    largest = np.maximum(own, other)
    width = np.divide(other - own, largest, out=np.zeros(len(labels)), where=largest > 0)
    return np.where(sizes[labels] == 1, 0.0, width)
