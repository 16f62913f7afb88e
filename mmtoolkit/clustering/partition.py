"""k-means: plain scikit-learn on small sets, a measured recipe on large ones, labels that never depend on the batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import call, itemgetter
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_least
from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._gram import rotated
from mmtoolkit._nearest import relative_squares
from mmtoolkit.clustering.refinement import (
    filled,
    lloyd,
    partitions,
    principal_axes,
    spread,
    start_of_spread,
    start_of_tree,
)
from mmtoolkit.clustering.silhouettes import cluster_means, inertia

__all__ = [
    "LARGE",
    "Fit",
    "by_size",
    "check_n_clusters",
    "count_distinct",
    "count_repeated",
    "fit_of",
    "keep_known",
    "kmeans",
    "nearest",
    "renumber",
]

LARGE = 10_000  # rows above which the recipe costs a tenth of scikit-learn
SAMPLE = 20_000  # rows that starts are compared on; no more than so many rows take exact steps until none moves
_STEPS = 50
_STILL = 1e-3  # share of rows that may still move on the components: two full steps follow
_BLOCK = 2048
_TIE = 1e-4


@dataclass(frozen=True, eq=False)
class Fit:
    """The outcome of one run of an algorithm.

    Parameters
    ----------
    labels : ndarray of shape (n_items,), int64
        Cluster of each row, largest cluster first; -1 is noise.
    centers : ndarray of shape (n_clusters, n_features), float32
        Row `labels` refers to.
    model : fitted scikit-learn clusterer or None, default=None
        What made them, where it was an object.
    numbers : ndarray of shape (n_clusters,), int, or None, default=None
        The model's own number of every cluster.
    """

    labels: NDArray[np.int64]
    centers: NDArray[np.float32]
    model: Any = None
    numbers: NDArray[np.int64] | None = None


def kmeans(
    X: NDArray[np.float32],
    n_clusters: int,
    *,
    n_init: int = 5,
    exact: bool = False,
    random_state: int = 0,
) -> Fit:
    """Group rows with k-means.

    Up to 10,000 rows the starts go through scikit-learn's ``KMeans``: k-means++ and one merged by Ward's criterion.
    Above, starts of either kind are compared on the first 64 principal components of 20,000 rows or fewer, the best is
    refined there on all rows, then by exact Lloyd steps on all features: until no row moves up to 20,000 rows, two above.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows, used as given.
    n_clusters : int
        From 1 to the number of distinct rows.
    n_init : int, default=5
        Number of starts of either kind; the one of lowest inertia is kept.
    exact : bool, default=False
        Plain scikit-learn, k-means++ starts on all features, whatever the size.
    random_state : int, default=0
        Seed of the starts.

    Returns
    -------
    Fit
        Labels and centres; every label is the nearest centre.

    Raises
    ------
    ValueError
        If there are fewer distinct rows than clusters, or `n_init` is below 1.

    References
    ----------
    Arthur and Vassilvitskii (2007), k-means++: the advantages of careful seeding. Ding and He (2004), K-means
    clustering via principal component analysis.
    """
    from sklearn.cluster import KMeans

    check_n_clusters(X, n_clusters)
    check_least("n_init", n_init, 1)
    if exact:
        model = KMeans(n_clusters, n_init=n_init, random_state=random_state).fit(X)
        return settle(X, model.cluster_centers_)
    rng = np.random.default_rng(random_state)
    small = len(X) <= LARGE
    sample = None if small else np.sort(rng.permutation(len(X))[:SAMPLE])
    axes = principal_axes(X, sample)
    Z = rotated(X, axes, index=sample)

    def merged(start: np.random.Generator) -> tuple[float, NDArray[np.int64]]:
        labels = partitions(Z, [n_clusters], start)[0][0]
        return inertia(Z, labels), labels

    def drawn(start: np.random.Generator) -> tuple[float, NDArray[np.int64]]:
        labels = lloyd(Z, Z[spread(Z, n_clusters, start)], _STEPS, still=_STILL)[0]
        return inertia(Z, labels), labels

    def fitted(start: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        model = KMeans(n_clusters, init=start, n_init=1).fit(X)
        return model.inertia_, model.cluster_centers_

    starts = [partial(merged, start_of_tree(len(Z), n_clusters, rng)) for _ in range(n_init)]
    if small:
        labels = min(in_order(call, starts), key=itemgetter(0))[1]
        plain = _plain_starts(X, n_clusters, n_init, random_state)
        best = min(in_order(fitted, chain(plain, [cluster_means(X, labels, n_clusters)])), key=itemgetter(0))
        return settle(X, best[1])
    starts += [partial(drawn, start_of_spread(len(Z), n_clusters, rng)) for _ in range(n_init)]
    labels = min(in_order(call, starts), key=itemgetter(0))[1]
    centers = cluster_means(Z, labels, n_clusters)
    labels, _ = lloyd(rotated(X, axes), centers, _STEPS, still=_STILL)
    exact_steps = _STEPS if len(X) <= SAMPLE else 2
    return settle(X, lloyd(X, cluster_means(X, labels, n_clusters), exact_steps)[1])


def _plain_starts(
    X: NDArray[np.float32], n_clusters: int, n_init: int, random_state: int
) -> Iterator[NDArray[np.float32]]:
    """Yield the starts that scikit-learn's ``KMeans`` draws from a seed, one after another."""
    from sklearn.cluster import kmeans_plusplus

    rng, centred = np.random.RandomState(random_state), X - X.mean(axis=0)  # as it centres rows itself
    for _ in range(n_init):
        yield X[kmeans_plusplus(centred, n_clusters, random_state=rng)[1]]


def check_n_clusters(X: NDArray[np.float32], n_clusters: int) -> None:
    """Raise unless ``1 <= n_clusters <= number of distinct rows``."""
    check_least("n_clusters", n_clusters, 1)
    distinct = count_distinct(X, n_clusters)
    if distinct < n_clusters:
        msg = f"n_clusters={n_clusters} is more than the {distinct} distinct vectors among {len(X)} items"
        raise ValueError(msg)


def count_distinct(X: NDArray[np.float32], stop: int) -> int:
    """Count distinct rows, at most to `stop`."""
    seen: set[bytes] = set()
    for row in X:
        seen.add((row + 0.0).tobytes())
        if len(seen) >= stop:
            break
    return len(seen)


def count_repeated(X: NDArray[np.float32], n_copies: int) -> int:
    """Count the distinct rows that occur `n_copies` times or more."""
    return sum(n >= n_copies for n in Counter((row + 0.0).tobytes() for row in X).values())


def settle(X: NDArray[np.float32], centers: NDArray[np.float32]) -> Fit:
    """Label every row by its nearest centre and put the largest cluster first; of equal ones that of the earlier row."""
    centers = np.ascontiguousarray(centers, dtype=np.float32)
    for _ in range(len(centers)):
        labels, close = _nearest(X, centers)
        sizes = np.bincount(labels, minlength=len(centers))
        if sizes.all():
            break
        centers = cluster_means(X, filled(X, centers, labels), len(centers))
    first_row = np.unique(labels, return_index=True)[1]
    order = np.lexsort((first_row, -sizes))
    labels, centers = np.argsort(order)[labels], centers[order]
    labels[close] = nearest(X[close], centers)  # of equally near centres the lower number counts, and numbers changed
    return Fit(labels, centers)


def nearest(X: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the nearest centre of every row; the answer for a row does not depend on the other rows.

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
    return _nearest(X, centers)[0]


def fit_of(X: NDArray[np.float32], found: NDArray[np.integer[Any]], model: Any = None) -> Fit:
    """Return a fit from an algorithm's own numbers of clusters, negative for noise; centres are means."""
    labels, numbers = by_size(found)
    kept = labels >= 0
    return Fit(labels, cluster_means(X[kept], labels[kept], len(numbers)), model, numbers)


def by_size(found: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return labels with the largest cluster first, of equals the lower number, and the old number of each cluster."""
    numbers, sizes = np.unique(found[found >= 0], return_counts=True)
    numbers = numbers[np.argsort(-sizes, kind="stable")].astype(np.int64)
    return renumber(found, numbers), numbers


def renumber(found: NDArray[np.integer[Any]], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the position of every label in `numbers`; -1 where it is missing."""
    return pd.Index(numbers).get_indexer(pd.Index(found)).astype(np.int64)


def keep_known(
    X: NDArray[np.float32],
    trained: NDArray[np.float32],
    labels: NDArray[np.int64],
    assign: Callable[[NDArray[np.float32]], NDArray[np.int64]],
) -> NDArray[np.int64]:
    """Return the labels of the rows that were clustered, and those that `assign` gives to other rows."""
    known = {(row + 0.0).tobytes(): int(label) for row, label in zip(trained, labels, strict=True)}
    found = np.array([known.get((row + 0.0).tobytes(), -2) for row in X], dtype=np.int64)
    new = np.flatnonzero(found == -2)
    if len(new):
        found[new] = assign(X[new])
    return found


def _nearest(X: NDArray[np.float32], centers: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the nearest centre of every row, and the rows where float32 cannot decide between two."""
    none = np.empty(0, dtype=np.int64)
    if len(centers) == 1:
        return np.zeros(len(X), dtype=np.int64), none
    wide = centers.astype(np.float64)

    def look(rows: slice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        block = X[rows]
        score = -0.5 * relative_squares(block, centers)
        best = score.argmax(axis=1)
        top = np.partition(score, -2, axis=1)[:, -2:]
        close = np.flatnonzero(top[:, 1] - top[:, 0] < _TIE * (1.0 + np.abs(top[:, 1])))
        for row in close:
            best[row] = np.square(wide - block[row]).sum(axis=1).argmin()
        return best, rows.start + close

    found = list(in_order(look, blocks(len(X), _BLOCK)))
    return np.concatenate([none, *(f[0] for f in found)]), np.concatenate([none, *(f[1] for f in found)])
