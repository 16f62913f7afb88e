"""The verb ``cluster``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._described import restored
from mmtoolkit.clustering.algorithms import LIBRARIES, STEP, Clusterer, find_algorithm
from mmtoolkit.clustering.choice import Choice, choose
from mmtoolkit.clustering.partition import LARGE, check_n_clusters, count_distinct, count_repeated
from mmtoolkit.clustering.result import Clustering, describe
from mmtoolkit.clustering.structureless import cloud_partings, cloud_peaks
from mmtoolkit.clustering.sweeping import content_order, default_range, path_range, sweep, sweep_frame
from mmtoolkit.derived import digest, remember
from mmtoolkit.steps import resolved, verb
from mmtoolkit.vectors import HasVectors, vectors_of

__all__ = ["cluster"]

_ENOUGH = 4 * 61  # different items, for which all numbers are tried
_MOST = 10**6  # numbers that are listed
_MIXED = 0.2  # adjusted mutual information with the modality from which it is worth a warning; 24 pure clusters of two have 0.36


@verb("cluster", variable="c", memory=0.2)
def cluster(
    embeddings: HasVectors | ArrayLike,
    n_clusters: int | Sequence[int] | None = None,
    *,
    algorithm: Literal["kmeans", "hdbscan"] | Clusterer = "kmeans",
    n_init: int = 5,
    exact: bool = False,
    min_cluster_size: int | None = None,
    max_noise: float | None = None,
    allow_single_cluster: bool = False,
    names: Sequence[str] | None = None,
    normalize: bool = True,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Clustering:
    """Group items by their vectors, in the space of the vectors (never on a map).

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        What to group.
    n_clusters : int, range, sequence of int, or None, default=None
        A number; or numbers to choose from; None chooses from 2 to 60 (fewer when there are few items). Choosing gives
        `sweep` and `plausible_n_clusters`.
    algorithm : {"kmeans", "hdbscan"} or scikit-learn clusterer, default="kmeans"
        "hdbscan" finds the number itself and may leave items as noise (label -1). An object with `fit_predict`, such as
        ``AgglomerativeClustering(8)`` or ``GaussianMixture(8)``, is cloned and fitted on the rows; it has its number of
        clusters, or finds it. Where its `random_state` is None it gets ours.
    n_init : int, default=5
        Starts of k-means; the best is kept.
    exact : bool, default=False
        k-means of scikit-learn on all features also above 10,000 rows.
    min_cluster_size : int or None, default=None
        HDBSCAN's smallest cluster; None is 1 % of the items, at least 5.
    max_noise : float or None, default=None
        Share of items that HDBSCAN may leave as noise, 0 to 1; the noise nearest to a cluster joins it until no more
        is left. None leaves it all.
    allow_single_cluster : bool, default=False
        Whether HDBSCAN may find one cluster.
    names : sequence of str or None, default=None
        Names of the clusters 0, 1, ...; see also ``with_names``.
    normalize : bool, default=True
        Use unit rows, so that distances are cosine distances.
    random_state : int, default=0
        Seed; the same seed gives the same labels whatever the number of cores.
    n_jobs : int or None, default=None
        Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
        result, and is not recorded.

    Returns
    -------
    Clustering
        `labels`, `n_clusters`, `plausible_n_clusters`, `sweep`, `scores`, `sizes`, `centers`, `names`.

    Raises
    ------
    TypeError
        If `n_clusters` is no number or numbers, or `algorithm` is an object without `fit_predict`.
    ValueError
        If there are fewer distinct vectors than clusters, vectors hold NaN, an option is out of range, or an argument
        belongs to another algorithm.

    Warns
    -----
    UserWarning
        If items of several modalities were grouped by modality.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.repeat(np.eye(3), 4, axis=0) + np.arange(12)[:, None] * 0.01
    >>> mm.cluster(X, 3).labels.tolist()
    [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    >>> from sklearn.cluster import AgglomerativeClustering
    >>> mm.cluster(X, algorithm=AgglomerativeClustering(3)).sizes["size"].tolist()
    [4, 4, 4]
    """
    X = vectors_of(embeddings, normalize=normalize)
    algorithm = restored(algorithm)
    row = find_algorithm(algorithm)
    options = {
        "n_init": n_init,
        "exact": exact,
        "min_cluster_size": min_cluster_size,
        "max_noise": max_noise,
        "allow_single_cluster": allow_single_cluster,
    }
    row.check(n_clusters, options)
    table, choice, k = None, None, None
    if not row.finds:
        ks = _numbers(n_clusters)
        n_clusters = ks if ks is None or len(ks) > 1 else ks[0]
        ks = _possible(X, ks)
        if len(ks) > 1 or n_clusters is None:
            table, choice = _swept(X, ks, random_state)
        k = ks[0] if choice is None else choice.n_clusters
    resolved(algorithm=algorithm, n_clusters=n_clusters)
    fit = row.fit(X, {**options, "algorithm": algorithm, "n_clusters": k, "random_state": random_state})
    result = describe(X, fit, sweep=table, choice=choice, given_by=row.chosen_by, source=embeddings)
    _warn_of_modality(result)
    return result if names is None else result.named(names)


def _warn_of_modality(result: Clustering) -> None:
    ami = float(result.scores["value"].get("ami_modality", 0.0))
    if ami > _MIXED:
        warnings.warn(
            f"the clusters follow the modality of the items (AMI {ami:.2f}): vectors of texts and pictures lie apart "
            "whatever they mean. Try mm.cluster(emb.centered(by='modality')), or one modality at a time",
            UserWarning,
            stacklevel=4,  # the decorated verb is between this and the caller
        )


def _numbers(n_clusters: int | Sequence[int] | None) -> list[int] | None:
    if n_clusters is None:
        return None
    if isinstance(n_clusters, range) and n_clusters and abs(n_clusters[-1] - n_clusters[0]) > _MOST:
        n_clusters = [n_clusters[0], n_clusters[-1]]  # which no number of items allows
    asked = list(n_clusters) if isinstance(n_clusters, Iterable) else [n_clusters]
    if not all(isinstance(k, int | np.integer) and not isinstance(k, bool) for k in asked):
        msg = f"n_clusters must be an int, a range or None, got {n_clusters!r}"
        raise TypeError(msg)
    if not asked:
        msg = f"n_clusters={n_clusters!r} holds no number"
        raise ValueError(msg)
    return sorted({int(k) for k in asked})


def _possible(X: NDArray[np.float32], ks: list[int] | None) -> list[int]:
    if ks is not None:
        for k in (ks[0], ks[-1]):
            check_n_clusters(X, k)
        if len(ks) > 1 and ks[0] < 2:
            msg = "one cluster cannot be compared with others; start n_clusters at 2"
            raise ValueError(msg)
        return ks
    distinct = count_distinct(X, _ENOUGH)
    if distinct < 2:
        what = "there is one item" if len(X) == 1 else f"there is one distinct vector among {len(X)} items"
        msg = f"{what}, so there is nothing to choose; n_clusters=1 puts all into one cluster"
        raise ValueError(msg)
    return default_range(distinct, count_repeated(X, 4) if distinct < _ENOUGH else 0)


def _swept(X: NDArray[np.float32], ks: list[int], random_state: int) -> tuple[pd.DataFrame, Choice]:
    X = X[content_order(X)[:LARGE]]
    parts = {"X": digest(X), "ks": ks, "random_state": random_state}
    steps = path_range(ks, len(X))

    def kept(kind: str, compute: Callable[[], dict[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
        return remember(kind, parts, compute, step=STEP, libraries=LIBRARIES)

    arrays = kept("sweep", lambda: sweep(X, ks, random_state=random_state))
    peaks = partial(kept, "clouds", lambda: cloud_peaks(X, steps, random_state=random_state))
    farthest = partial(kept, "partings", lambda: cloud_partings(X, random_state=random_state))
    return sweep_frame(arrays, ks), choose(arrays, ks, steps, peaks, farthest)
