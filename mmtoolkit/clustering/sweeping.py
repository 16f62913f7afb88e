"""Many numbers of clusters in one go: scores with their spread over runs, and stability."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.clustering.partition import LARGE
from mmtoolkit.clustering.refinement import partitions, principal_axes, rough
from mmtoolkit.clustering.resampling import adjusted_rand
from mmtoolkit.clustering.silhouettes import SCORES, Scorer, inertia

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["N_BOOT", "N_SEEDS", "default_range", "path_range", "sweep", "sweep_frame"]

N_SEEDS = 5
N_BOOT = 5
_BEYOND = 6


def default_range(n_distinct: int) -> list[int]:
    """Return the numbers tried when none is given: 2 to 40, even ones to 60, four items per cluster or more."""
    highest = max(n_distinct // 4, min(n_distinct, 3))
    return [k for k in (*range(2, 41), *range(42, 61, 2)) if k <= highest]


def path_range(ks: Sequence[int], n_items: int) -> list[int]:
    """Return `ks` with one number below and six above, so that an elbow at either end can be seen."""
    beyond = range(ks[-1] + 1, min(ks[-1] + _BEYOND, n_items) + 1)
    return [*([ks[0] - 1] if ks[0] > 1 else []), *ks, *beyond]


def sweep(X: NDArray[np.float32], ks: Sequence[int], *, random_state: int = 0) -> dict[str, NDArray[np.float64]]:
    """Cluster with every number of clusters and score each on all features.

    Partitions of all k are made together on the first 64 principal components, several times with other seeds and on
    bootstrap samples.

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
    Hennig (2007), Cluster-wise assessment of
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
        for at, (labels, _) in enumerate(partitions(reduced, steps, rng)):
            path[run, at] = inertia(reduced, labels)
            if path[run, at] <= path[: run + 1, at].min():
                best[at] = labels
            if 0 <= at - first < len(ks):
                for name, value in scorer.scores(labels).items():
                    out[name][run, at - first] = value
    stability = np.empty((N_BOOT, len(ks)))
    for boot in range(N_BOOT):
        drawn = reduced[np.unique(rng.integers(0, len(X), len(X)))]  # repeats would look like tight clusters
        for at, (_, centers) in enumerate(partitions(drawn, steps, rng)):
            labels = rough(reduced, centers)
            path[N_SEEDS + boot, at] = inertia(reduced, labels)
            if 0 <= at - first < len(ks):
                stability[boot, at - first] = adjusted_rand(best[at], labels)
    return {**out, "stability": stability, "path": path}


def sweep_frame(arrays: Mapping[str, NDArray[np.float64]], ks: Sequence[int]) -> pd.DataFrame:
    """Return a frame with index n_clusters: mean of every score, and its standard deviation over the runs."""
    import pandas as pd

    columns = {}
    for name in (*SCORES, "stability"):
        columns[name] = arrays[name].mean(axis=0)
        columns[f"{name}_std"] = arrays[name].std(axis=0)
    return pd.DataFrame(columns, index=pd.Index(list(ks), name="n_clusters"))
