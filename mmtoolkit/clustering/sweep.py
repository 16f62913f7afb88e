"""Many numbers of clusters in one go: scores with their spread over seeds, stability, and the plausible range."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.clustering.kmeans import LARGE, lloyd_step, nearest, principal_axes
from mmtoolkit.clustering.silhouette import SCORES, scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["choose", "default_range", "sweep", "sweep_frame"]

N_SEEDS = 5
N_BOOT = 5
_LLOYD_STEPS = 8


def default_range(n_distinct: int) -> list[int]:
    """Return the numbers of clusters tried when none is given: all from 2 to 60, as far as the items allow."""
    return list(range(2, max(3, min(61, n_distinct // 4 + 2, n_distinct + 1))))


def sweep(X: NDArray[np.float32], ks: Sequence[int], *, random_state: int = 0) -> dict[str, NDArray[np.float64]]:
    """Cluster with every number of clusters and score each on all features.

    One run over-segments the rows on their first 64 principal components (k-means++), merges the segments by Ward's
    criterion, cuts the tree at every `ks` and refines each cut by Lloyd steps. Runs are repeated with other seeds, and
    on bootstrap samples for the stability.

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
        Each of ``SCORES`` with shape (n_seeds, n_ks), and "stability" (n_boot, n_ks): adjusted Rand index between the
        clusters of a bootstrap sample and those of the whole.
    """
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(random_state)
    if len(X) > LARGE:
        X = X[np.sort(rng.permutation(len(X))[:LARGE])]
    reduced = np.ascontiguousarray(X @ principal_axes(X))
    out = {name: np.full((N_SEEDS, len(ks)), np.nan) for name in SCORES}
    best: list[NDArray[np.int64]] = [np.zeros(len(X), dtype=np.int64)] * len(ks)
    for seed in range(N_SEEDS):
        for column, centers in enumerate(_path(reduced, ks, rng)):
            labels = np.unique(nearest(reduced, centers), return_inverse=True)[1]
            for name, value in scores(X, labels).items():
                out[name][seed, column] = value
            if out["inertia"][seed, column] <= np.nanmin(out["inertia"][: seed + 1, column]):
                best[column] = labels
    stability = np.empty((N_BOOT, len(ks)))
    for boot in range(N_BOOT):
        drawn = reduced[rng.integers(0, len(X), len(X))]
        for column, centers in enumerate(_path(drawn, ks, rng)):
            stability[boot, column] = adjusted_rand_score(best[column], nearest(reduced, centers))
    return {**out, "stability": stability}


def _path(Z: NDArray[np.float32], ks: Sequence[int], rng: np.random.Generator) -> list[NDArray[np.float32]]:
    """Return centres for every k of `ks`, from one over-segmentation merged by Ward's criterion."""
    from sklearn.cluster import kmeans_plusplus

    n_segments = min(len(Z), 3 * max(ks))
    seeds, _ = kmeans_plusplus(Z, n_segments, random_state=int(rng.integers(2**31)))
    for _ in range(2):
        seeds = lloyd_step(Z, seeds)
    sizes = np.bincount(nearest(Z, seeds), minlength=n_segments).astype(np.float64)
    out: dict[int, NDArray[np.float32]] = {}
    for centers in _ward(seeds[sizes > 0].astype(np.float64), sizes[sizes > 0], set(ks)):
        refined = centers.astype(Z.dtype)
        for _ in range(_LLOYD_STEPS):
            refined = lloyd_step(Z, refined)
        out[len(centers)] = refined
    finest = out.get(max(out, default=0), seeds)  # a bootstrap sample may hold fewer distinct rows than clusters
    return [out.get(k, finest) for k in ks]


def _ward(means: NDArray[np.float64], sizes: NDArray[np.float64], wanted: set[int]) -> list[NDArray[np.float64]]:
    """Merge the pair that raises the inertia least until few are left; return the means at every wanted number."""
    squares = np.einsum("ij,ij->i", means, means)
    cost = np.maximum(squares[:, None] + squares - 2 * means @ means.T, 0.0)
    cost *= sizes[:, None] * sizes / (sizes[:, None] + sizes)
    np.fill_diagonal(cost, np.inf)
    alive = np.ones(len(means), dtype=bool)
    found = []
    for left in range(len(means), 0, -1):
        if left in wanted:
            found.append(means[alive].copy())
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


def choose(arrays: Mapping[str, NDArray[np.float64]], ks: Sequence[int]) -> tuple[int, tuple[int, int]]:
    """Return the number of clusters to use and the range that the data cannot tell from it."""
    values = arrays["silhouette"]
    mean = values.mean(axis=0)
    best = int(mean.argmax())
    close = mean >= mean[best] - values[:, best].std()
    low = high = best
    while low > 0 and close[low - 1]:
        low -= 1
    while high + 1 < len(ks) and close[high + 1]:
        high += 1
    return ks[best], (ks[low], ks[high])
