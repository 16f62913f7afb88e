"""Many numbers of clusters in one go: scores with their spread over runs, and stability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.clustering.kmeans import LARGE, lloyd, principal_axes, rough
from mmtoolkit.clustering.silhouette import SCORES, Scorer, cluster_means
from mmtoolkit.clustering.stability import adjusted_rand

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["N_BOOT", "N_SEEDS", "default_range", "path_range", "sweep", "sweep_frame"]

N_SEEDS = 5
N_BOOT = 5
_LLOYD_STEPS = 5
_HIGHEST = 60
_BEYOND = 6


def default_range(n_distinct: int) -> list[int]:
    """Return the numbers of clusters tried when none is given: 2 to 60, four items per cluster or more."""
    return list(range(2, min(_HIGHEST, max(n_distinct // 4, min(n_distinct, 3))) + 1))


def path_range(ks: Sequence[int], n_items: int) -> list[int]:
    """Return `ks` with one number below and six above, so that an elbow at either end can be seen."""
    beyond = range(ks[-1] + 1, min(ks[-1] + _BEYOND, n_items) + 1)
    return [*([ks[0] - 1] if ks[0] > 1 else []), *ks, *beyond]


def sweep(X: NDArray[np.float32], ks: Sequence[int], *, random_state: int = 0) -> dict[str, NDArray[np.float64]]:
    """Cluster with every number of clusters and score each on all features.

    One run over-segments the rows on their first 64 principal components (k-means++), merges the segments by Ward's
    criterion, cuts the tree at every k and refines each cut by Lloyd steps: partitions of all k for little more than the
    price of one. Runs are repeated with other seeds, and on bootstrap samples.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows; above 20,000 a random sample of that size is used.
    ks : sequence of int
        Numbers of clusters, ascending.
    random_state : int, default=0
        Seed.

    Returns
    -------
    dict of str to ndarray
        Each of ``SCORES``, and "silhouette_se" (standard error over the items), with shape (n_seeds, n_ks);
        "stability" (n_boot, n_ks), the adjusted Rand index between the clusters of a bootstrap sample and those of the
        whole; "path" (n_seeds + n_boot, n_path), the inertia on the components for every k of ``path_range``.

    References
    ----------
    Ward (1963), Hierarchical grouping to optimize an objective function. Hennig (2007), Cluster-wise assessment of
    cluster stability.
    """
    rng = np.random.default_rng(random_state)
    if len(X) > LARGE:
        X = X[np.sort(rng.permutation(len(X))[:LARGE])]
    reduced = np.ascontiguousarray(X @ principal_axes(X))
    scorer = Scorer(X)
    steps = path_range(ks, len(X))
    first = steps.index(ks[0])
    out = {name: np.full((N_SEEDS, len(ks)), np.nan) for name in (*SCORES, "silhouette_se")}
    path = np.empty((N_SEEDS + N_BOOT, len(steps)))
    best: dict[int, NDArray[np.int64]] = {}
    for run in range(N_SEEDS):
        for at, (labels, _) in enumerate(_run(reduced, steps, rng)):
            path[run, at] = _inertia(reduced, labels)
            if path[run, at] <= path[: run + 1, at].min():
                best[at] = labels
            if 0 <= at - first < len(ks):
                for name, value in scorer.scores(labels).items():
                    out[name][run, at - first] = value
    stability = np.empty((N_BOOT, len(ks)))
    for boot in range(N_BOOT):
        drawn = reduced[np.unique(rng.integers(0, len(X), len(X)))]  # repeats would look like tight clusters
        for at, (_, centers) in enumerate(_run(drawn, steps, rng)):
            labels = rough(reduced, centers)
            path[N_SEEDS + boot, at] = _inertia(reduced, labels)
            if 0 <= at - first < len(ks):
                stability[boot, at - first] = adjusted_rand(best[at], labels)
    return {**out, "stability": stability, "path": path}


def _inertia(Z: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    k = int(labels.max()) + 1
    means = cluster_means(Z, labels, k).astype(np.float64)
    squares = np.bincount(labels, minlength=k) @ np.einsum("ij,ij->i", means, means)
    return float(np.einsum("ij,ij->", Z, Z, dtype=np.float64) - squares)


def _run(
    Z: NDArray[np.float32], ks: Sequence[int], rng: np.random.Generator
) -> list[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Return labels and centres for every k of `ks`, from one over-segmentation merged by Ward's criterion."""
    from sklearn.cluster import kmeans_plusplus

    n_segments = min(len(Z), 3 * max(ks))
    segments, _ = kmeans_plusplus(Z, n_segments, random_state=int(rng.integers(2**31)), n_local_trials=1)
    labels, segments = lloyd(Z, segments, 2)
    sizes = np.bincount(labels, minlength=n_segments).astype(np.float64)
    tree = ward(segments.astype(np.float64), sizes, {min(k, n_segments) for k in ks})
    return [lloyd(Z, tree[min(k, n_segments)].astype(Z.dtype), _LLOYD_STEPS) for k in ks]


def ward(means: NDArray[np.float64], sizes: NDArray[np.float64], wanted: set[int]) -> dict[int, NDArray[np.float64]]:
    """Merge the pair that raises the inertia least until one is left; return the means at every wanted number.

    Parameters
    ----------
    means : ndarray of shape (n_segments, n_features), float64
        Where to start; changed in place.
    sizes : ndarray of shape (n_segments,), float64
        Items per segment; changed in place.
    wanted : set of int
        Numbers of clusters to return.

    Returns
    -------
    dict of int to ndarray of shape (k, n_features), float64
        Means by number of clusters.
    """
    squares = np.einsum("ij,ij->i", means, means)
    cost = np.maximum(squares[:, None] + squares - 2 * means @ means.T, 0.0)
    cost *= sizes[:, None] * sizes / (sizes[:, None] + sizes)
    np.fill_diagonal(cost, np.inf)
    alive = np.ones(len(means), dtype=bool)
    found = {}
    for left in range(len(means), 0, -1):
        if left in wanted:
            found[left] = means[alive].copy()
        if left == 1:
            break
        i, j = np.unravel_index(cost.argmin(), cost.shape)
        total = sizes[i] + sizes[j]
        means[i] = (sizes[i] * means[i] + sizes[j] * means[j]) / total
        sizes[i], alive[j] = total, False
        row = np.square(means - means[i]).sum(axis=1) * sizes * total / (sizes + total)
        row[~alive] = np.inf
        row[i] = np.inf
        cost[i], cost[:, i] = row, row
        cost[j], cost[:, j] = np.inf, np.inf
    return found


def sweep_frame(arrays: Mapping[str, NDArray[np.float64]], ks: Sequence[int]) -> pd.DataFrame:
    """Return a frame with index n_clusters: mean of every score, and its standard deviation over the runs."""
    import pandas as pd

    columns = {}
    for name in (*SCORES, "stability"):
        columns[name] = arrays[name].mean(axis=0)
        columns[f"{name}_std"] = arrays[name].std(axis=0)
    return pd.DataFrame(columns, index=pd.Index(list(ks), name="n_clusters"))
