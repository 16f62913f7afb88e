"""Many numbers of clusters in one go: scores with their spread over runs, and stability."""

from __future__ import annotations

import hashlib
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._blocks import in_order
from mmtoolkit.clustering.parting import partings
from mmtoolkit.clustering.refinement import partitions, principal_axes, rough, start_of_tree
from mmtoolkit.clustering.resampling import adjusted_rand
from mmtoolkit.clustering.silhouettes import SCORES, Scorer, inertia
from mmtoolkit.clustering.tree import ward_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["N_PAIRS", "N_SEEDS", "content_order", "default_range", "path_range", "sweep", "sweep_frame"]

N_SEEDS = 5
N_PAIRS = 5
HALVES = 10_000  # rows in both halves together; more would not change the answer
TREE = 5_000  # rows; its costs grow with their square
_BEYOND = 6


def default_range(n_distinct: int, n_repeated: int = 0) -> list[int]:
    """Return the numbers tried when none is given: 2 to 40, even ones to 60, four items per cluster or more.

    Items count once, however many copies they have; but each of the `n_repeated` that have four copies can be a cluster.
    """
    highest = max(n_distinct // 4, min(n_distinct, 3), n_repeated)
    return [k for k in (*range(2, 41), *range(42, 61, 2)) if k <= highest]


def path_range(ks: Sequence[int], n_items: int) -> list[int]:
    """Return `ks` with one number below and six above, so that an elbow at either end can be seen."""
    beyond = range(ks[-1] + 1, min(ks[-1] + _BEYOND, n_items) + 1)
    return [*([ks[0] - 1] if ks[0] > 1 else []), *ks, *beyond]


def content_order(X: NDArray[np.float32]) -> list[int]:
    """Return an order of the rows that depends on their content alone; so a shuffled set gives the same sweep."""
    digests = [hashlib.blake2b((row + 0.0).tobytes(), digest_size=16).digest() for row in X]
    return sorted(range(len(X)), key=digests.__getitem__)


def sweep(X: NDArray[np.float32], ks: Sequence[int], *, random_state: int = 0) -> dict[str, NDArray[np.float64]]:
    """Cluster with every number of clusters and score each on all features.

    Partitions of all k are made together on the first 64 principal components, several times with other seeds and on
    halves of the rows.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows, in an order without meaning.
    ks : sequence of int
        Numbers of clusters, ascending.
    random_state : int, default=0
        Seed.

    Returns
    -------
    dict of str to ndarray
        Each of ``SCORES``, and "silhouette_se" (standard error over the items), with shape (n_seeds, n_ks);
        "stability" (n_pairs, n_ks), the adjusted Rand index of two clusterings of all rows, each made on one half of them;
        "path" (n_seeds + 2 n_pairs, n_path), the inertia on the components for every k of ``path_range``; "merges"
        (n_rows - 1, 2), the Ward tree of 5,000 or fewer rows; "gains" (n_rows - 1,), what each of its splits takes off the
        inertia, the largest first; "apart" (n_rows - 1,), how far the two sides of each merge lie apart.

    References
    ----------
    Lange, Roth, Braun and Buhmann (2004), Stability-based validation of clustering solutions.
    """
    rng = np.random.default_rng(random_state)
    reduced = np.ascontiguousarray(X @ principal_axes(X))
    scorer = Scorer(X, many=True)
    steps = path_range(ks, len(X))
    first = steps.index(ks[0])
    out = {name: np.full((N_SEEDS, len(ks)), np.nan) for name in (*SCORES, "silhouette_se")}
    path = np.empty((N_SEEDS + 2 * N_PAIRS, len(steps)))
    stability = np.empty((N_PAIRS, len(ks)))
    of_ks = slice(first, first + len(ks))

    def run(start: np.random.Generator) -> tuple[list[float], list[dict[str, float]]]:
        found = [labels for labels, _ in partitions(reduced, steps, start)]
        return [inertia(reduced, labels) for labels in found], [scorer.scores(labels) for labels in found[of_ks]]

    def pair(drawn: NDArray[np.intp], starts: list[np.random.Generator]) -> tuple[list[list[float]], list[float]]:
        rows = reduced[drawn]
        both = [
            [rough(rows, centers) for _, centers in partitions(half, steps, start)]
            for half, start in zip(np.array_split(rows, 2), starts, strict=True)
        ]
        inertias = [[inertia(rows, labels) for labels in found] for found in both]
        return inertias, [adjusted_rand(*at) for at in zip(*both, strict=True)]

    def whole() -> dict[str, NDArray[Any]]:
        tree = ward_tree(reduced[:TREE])
        return {"merges": tree.merges, "gains": tree.heights[::-1], "apart": partings(reduced[:TREE], tree)}

    jobs: list[Callable[[], Any]] = [whole]
    jobs += [partial(run, start_of_tree(len(X), max(steps), rng)) for _ in range(N_SEEDS)]
    for _ in range(N_PAIRS):
        drawn = rng.permutation(len(X))[:HALVES]
        starts = [start_of_tree(len(half), max(steps), rng) for half in np.array_split(drawn, 2)]
        jobs.append(partial(pair, drawn, starts))
    made = in_order(lambda job: job(), jobs)
    of_tree = next(made)
    for number, (inertias, scores) in enumerate(islice(made, N_SEEDS)):
        path[number] = inertias
        for at, found in enumerate(scores):
            for name, value in found.items():
                out[name][number, at] = value
    for number, (inertias, agreement) in enumerate(made):
        path[N_SEEDS + 2 * number : N_SEEDS + 2 * number + 2] = inertias
        stability[number] = agreement[of_ks]
    return {**out, "stability": stability, "path": path, **of_tree}


def sweep_frame(arrays: Mapping[str, NDArray[np.float64]], ks: Sequence[int]) -> pd.DataFrame:
    """Return a frame with index n_clusters: mean of every score, and its standard deviation over the runs."""
    import pandas as pd

    columns = {}
    for name in (*SCORES, "stability"):
        columns[name] = arrays[name].mean(axis=0)
        columns[f"{name}_std"] = arrays[name].std(axis=0)
    return pd.DataFrame(columns, index=pd.Index(list(ks), name="n_clusters"))
