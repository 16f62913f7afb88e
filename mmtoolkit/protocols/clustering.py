"""MTEB's clustering protocols: mini-batch k-means on raw rows against classes, ten bootstraps or one legacy fit."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import MiniBatchKMeans

from mmtoolkit._aligned import column
from mmtoolkit._arguments import check_count
from mmtoolkit.classification.targets import recordable
from mmtoolkit.clustering.against_classes import agreement, number_classes
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import HasVectors, vectors_of
from mmtoolkit.words import say

__all__ = ["ClusteringScores", "mteb_clustering"]

_SEED = 42
_DRAWN = 16_384


@dataclass(frozen=True, eq=False, repr=False)
class ClusteringScores(Result):
    """Scores of a published clustering protocol.

    Parameters
    ----------
    name : str
        How to cite the numbers.
    main : str
        Name of the metric that is quoted.
    scores : DataFrame
        Index experiment; one column per metric.
    mean, std : Series
        Plain mean and standard deviation (ddof 0) of every metric over the experiments.
    n_items : int
        Rows that took part.
    recipe : Step
        Verb and parameters, to run it again.
    source : Embeddings or array
        What it was made from.
    """

    name: str
    main: str
    scores: pd.DataFrame
    mean: pd.Series[float]
    std: pd.Series[float]
    n_items: int
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        return say(
            "{name}: {metric} {mean:.4f}, std {std:.4f}, {n} experiments",
            name=self.name,
            metric=self.main,
            mean=self.mean[self.main],
            std=self.std[self.main],
            n=len(self.scores),
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {
            "mean": self.mean.to_frame("value").assign(std=self.std).rename_axis("metric"),
            "experiments": self.scores,
        }

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the number of items (exact) and scores (rounded)."""
        return {
            "exact": {"name": self.name, "n_items": self.n_items},
            "rounded": plain({"scores": self.scores, "mean": self.mean.to_dict(), "std": self.std.to_dict()}),
        }


@verb("protocols.mteb_clustering", columns=("y", "sets"))
def mteb_clustering(
    embeddings: HasVectors | ArrayLike,
    y: ArrayLike | str = "label",
    *,
    legacy: bool = False,
    sample_fraction: float | None = None,
    max_items: int | None = None,
    n_experiments: int = 10,
    sets: ArrayLike | str | None = None,
) -> ClusteringScores:
    """Score embeddings by MTEB's clustering protocol, on rows as the model returned them.

    Cite the result as "MTEB-v2 clustering protocol on <your data>", not as an MTEB score. The protocol fixes the seed and
    rows as they are, so there is no `normalize` and no `random_state`.

    Parameters
    ----------
    embeddings : Embeddings or array of shape (n_items, n_features)
        Vectors; their order matters, since draws are row numbers.
    y : array-like of shape (n_items,) or (n_items, n_levels), or str, default="label"
        Classes; of hierarchical classes every level is scored, and None leaves an item out of a level.
    legacy : bool, default=False
        One fit (per set) as in MTEB-v1 and MIEB's older tasks, where NMI is quoted for pictures and V-measure for texts.
    sample_fraction : float or None, default=None
        Share of the rows drawn at first; published text tasks use 0.04. None takes all. Not with `legacy`.
    max_items : int or None, default=None
        Number of rows drawn at first, instead of a share.
    n_experiments : int, default=10
        Bootstraps of 16,384 rows per level. Not with `legacy`.
    sets : array-like of shape (n_items,) or str or None, default=None
        With `legacy`: the ready-made set of every item; each is clustered alone and the mean is quoted.

    Returns
    -------
    ClusteringScores
        `scores` per experiment, their `mean` and `std`.

    Raises
    ------
    ValueError
        If there are fewer than two classes, rows hold NaN, or options contradict one another.

    References
    ----------
    Muennighoff et al. (2023), MTEB: massive text embedding benchmark; Enevoldsen et al. (2025), MMTEB, for the current
    protocol; Xiao et al. (2025), MIEB, for pictures.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import mmtoolkit as mm
    >>> X, y = load_iris(return_X_y=True)
    >>> mm.protocols.mteb_clustering(X, y, n_experiments=2)
    <ClusteringScores: MTEB-v2 clustering protocol: v_measure 0.7..., std 0.0..., 2 experiments>
    """
    X = vectors_of(embeddings, normalize=False)
    levels = _levels(embeddings, y)
    if legacy and (sample_fraction is not None or max_items is not None):
        msg = "the legacy protocol uses all rows: leave out sample_fraction and max_items"
        raise ValueError(msg)
    if not legacy and sets is not None:
        msg = "sets belong to the legacy protocol: pass legacy=True"
        raise ValueError(msg)
    check_count("n_experiments", n_experiments, 1)
    resolved(
        y=y if isinstance(y, str) else levels[0] if len(levels) == 1 else np.stack(levels, axis=1),
        sets=recordable(embeddings, sets, what="sets"),
    )
    rng = random.Random(_SEED)
    first = _first_rows(len(X), sample_fraction, max_items, rng)
    if legacy:
        groups = np.zeros(len(X), dtype=object) if sets is None else column(embeddings, sets, what="sets")
        rows = _legacy(X, levels[0], groups)
    else:
        rows = [row for level in levels for row in _bootstraps(X[first], level[first], n_experiments, rng)]
    scores = pd.DataFrame(rows).rename_axis("experiment")
    return ClusteringScores(
        name="MTEB legacy clustering protocol" if legacy else "MTEB-v2 clustering protocol",
        main="nmi" if legacy and sets is None else "v_measure",
        scores=scores,
        mean=scores.mean(),
        std=scores.std(ddof=0),
        n_items=len(first),
    )


def _levels(embeddings: Any, y: ArrayLike | str) -> list[NDArray[np.object_]]:
    if not isinstance(y, str) and np.ndim(np.asarray(y, dtype=object)) == 2:
        levels = [column(embeddings, values) for values in np.asarray(y, dtype=object).T]
    else:
        levels = [column(embeddings, y)]
    for at, level in enumerate(levels):
        classes = {value for value in level if value is not None}
        if len(classes) < 2:
            msg = f"level {at} of y has {len(classes)} classes; the protocol needs at least two"
            raise ValueError(msg)
    return levels


def _first_rows(n: int, fraction: float | None, max_items: int | None, rng: random.Random) -> NDArray[np.int64]:
    if fraction is not None and max_items is not None:
        msg = "pass sample_fraction or max_items, not both"
        raise ValueError(msg)
    if fraction is None and max_items is None:
        return np.arange(n)
    wanted = int(fraction * n) if fraction is not None else min(int(max_items or 0), n)
    if not 2 <= wanted <= n:
        msg = f"the protocol would draw {wanted} of {n} rows; ask for at least 2 and at most all"
        raise ValueError(msg)
    return np.array(rng.sample(range(n), k=wanted))


def _known(X: NDArray[np.float32], level: NDArray[np.object_]) -> tuple[NDArray[np.float32], NDArray[np.int64], int]:
    """Return the rows that have a class, the numbers of their classes, and how many classes there are."""
    known = np.array([value is not None for value in level])
    classes, codes = number_classes(level[known])
    return X[known], codes, len(classes)


def _bootstraps(
    X: NDArray[np.float32], level: NDArray[np.object_], n_experiments: int, rng: random.Random
) -> list[dict[str, float]]:
    X, codes, k = _known(X, level)
    model = MiniBatchKMeans(k, batch_size=512, init="k-means++", n_init=1, random_state=_SEED)
    out = []
    for _ in range(n_experiments):
        drawn = np.array(rng.choices(range(len(X)), k=_DRAWN))
        scores = agreement(codes[drawn], model.fit_predict(X[drawn]).astype(np.int64))
        out.append({"v_measure": scores["v_measure"], "ami": scores["ami"]})
    return out


def _legacy(X: NDArray[np.float32], y: NDArray[np.object_], groups: NDArray[np.object_]) -> list[dict[str, float]]:
    out = []
    for group in dict.fromkeys(group for group, value in zip(groups, y, strict=True) if value is not None):
        rows = np.array([g == group for g in groups])
        inside, codes, k = _known(X[rows], y[rows])
        model = MiniBatchKMeans(k, batch_size=500, n_init="auto", random_state=_SEED)
        out.append(agreement(codes, model.fit_predict(inside).astype(np.int64)))
    return out
