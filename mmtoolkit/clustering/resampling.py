"""How stable clusters are when the items are drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_count
from mmtoolkit._blocks import in_order
from mmtoolkit.clustering.structureless import cloud_like, gaussian
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step
from mmtoolkit.words import say

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmtoolkit.clustering.result import Clustering

__all__ = ["Stability", "adjusted_rand", "stability"]

_CLOUDS = 5


@dataclass(frozen=True, eq=False, repr=False)
class Stability(Result):
    """Agreement of clusters with those of bootstrap samples. It describes a clustering; it does not choose k.

    Parameters
    ----------
    ari : ndarray of shape (n_boot,), float64
        Adjusted Rand index between the clusters and those of a sample, over all items: 1 is the same, 0 chance.
    per_cluster : DataFrame
        Index cluster; name, size, jaccard (mean over samples of the overlap with its best match), low and high (2.5
        and 97.5 % of the samples), and chance: what 19 of 20 clusters of structureless data reach no more than. Those
        are normal, have the covariance of the items, and were clustered and drawn anew in the same way. Below 0.5 a
        cluster mostly dissolves; not above `chance` it comes back no better than a cut through one cloud.
    recipe : Step
        Verb and parameters, and those of the clustering.
    source : Embeddings or array
        What was clustered.
    """

    ari: NDArray[np.float64]
    per_cluster: pd.DataFrame
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the agreement, and what chance reaches (rounded)."""
        return {"rounded": {"ari": plain(self.ari), **plain(self.per_cluster[["jaccard", "chance"]].to_dict("list"))}}

    def _summary(self) -> str:
        low, high = np.quantile(self.ari, [0.025, 0.975])
        return say(
            "ARI {value:.3f} ({low:.3f} to {high:.3f}) over {n} bootstrap samples",
            value=self.ari.mean(),
            low=low,
            high=high,
            n=len(self.ari),
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {say("Jaccard per cluster"): self.per_cluster}

    def _readings(self) -> Mapping[str, str]:
        return {
            say("Jaccard per cluster"): say(
                "the mean overlap of a cluster with the most similar one of each sample (1: it comes back whole; below 0.5 it mostly "
                "dissolves), from low to high in 95 % of the samples; chance is what 19 of 20 clusters of structureless data reach at most."
            )
        }

    def _figures(self) -> Mapping[str, Callable[[], go.Figure]]:
        from mmtoolkit.clustering import draw

        return {"jaccard": lambda: draw.jaccard(self)}


def stability(clustering: Clustering, X: NDArray[np.float32], n_boot: int) -> Stability:
    """Cluster `n_boot` bootstrap samples, assign all items to their clusters, and compare; see ``Clustering.stability``.

    A sample of fewer different items than clusters has as many clusters as different items.
    """
    row = clustering._algorithm
    if row.redraw is None:
        raise ValueError(row.why_not)
    check_count("n_boot", n_boot, 1)
    k, n = clustering.n_clusters, len(X)
    rng = np.random.default_rng(clustering.recipe.params["random_state"])

    def agree(labels: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
        ari = adjusted_rand(clustering.labels + 1, labels + 1)  # noise is a group of its own
        return ari, _best_overlap(clustering.labels, labels, k)

    pairs = [agree(labels) for labels in _redrawn(clustering, X, _draws(n, n_boot, rng))]
    ari, jaccard = np.array([one for one, _ in pairs]), np.array([overlap for _, overlap in pairs])
    low, high = np.quantile(jaccard, [0.025, 0.975], axis=0)
    table = clustering.sizes[["name", "size"]].assign(jaccard=jaccard.mean(axis=0), low=low, high=high)
    return Stability(ari, table.assign(chance=_chance(clustering, X, n_boot, rng)))


def _draws(n: int, n_draws: int, rng: np.random.Generator) -> list[tuple[NDArray[np.int64], int]]:
    """Return rows of bootstrap samples, each with the seed of its clustering."""
    return [(np.unique(rng.integers(0, n, n)), int(rng.integers(2**31))) for _ in range(n_draws)]


def _redrawn(
    clustering: Clustering, X: NDArray[np.float32], draws: list[tuple[NDArray[np.int64], int]]
) -> Iterator[NDArray[np.int64]]:
    """Yield the labels of all rows by clusters of each sample; side by side where the clusterer is our own."""
    redraw = clustering._algorithm.redraw
    assert redraw is not None

    def work(draw: tuple[NDArray[np.int64], int]) -> NDArray[np.int64]:
        rows, seed = draw
        return redraw(X[rows], X, clustering, seed)

    ours = clustering._fit is None or clustering._fit.model is None
    return in_order(work, draws) if ours else map(work, draws)


def _chance(clustering: Clustering, X: NDArray[np.float32], n_boot: int, rng: np.random.Generator) -> float:
    """Return the Jaccard overlap that one in 20 clusters of clouds without groups exceeds."""
    found: list[NDArray[np.float64]] = []
    for _ in range(_CLOUDS):
        made = cloud_like(X, gaussian, rng).rows(len(X), rng).astype(np.float32)
        whole = [(np.arange(len(made)), int(rng.integers(2**31)))]
        labels = next(iter(_redrawn(clustering, made, whole)))
        draws = _draws(len(made), -(-n_boot // _CLOUDS), rng)
        k = int(labels.max(initial=-1)) + 1
        found.append(np.mean([_best_overlap(labels, one, k) for one in _redrawn(clustering, made, draws)], axis=0))
    pooled = np.concatenate(found)
    return float(np.quantile(pooled, 0.95)) if len(pooled) else float("nan")


def adjusted_rand(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Return the adjusted Rand index of two labellings from 0 on.

    References
    ----------
    Hubert and Arabie (1985), Comparing partitions.
    """
    width = int(b.max()) + 1
    cells, rows, columns = (
        float(np.sum(counts.astype(np.float64) * (counts - 1)))
        for counts in (np.bincount(a * width + b), np.bincount(a), np.bincount(b))
    )
    pairs = len(a) * (len(a) - 1.0)
    if pairs == 0:
        return 1.0
    expected, largest = rows * columns / pairs, 0.5 * (rows + columns)
    return 1.0 if largest == expected else (cells - expected) / (largest - expected)


def _best_overlap(a: NDArray[np.int64], b: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    table = np.zeros((k + 1, int(b.max()) + 2))
    np.add.at(table, (a + 1, b + 1), 1)
    union = table.sum(axis=1)[:, None] + table.sum(axis=0) - table
    return np.asarray((table / np.maximum(union, 1))[1:, 1:].max(axis=1, initial=0.0))
