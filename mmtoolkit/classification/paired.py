"""The variance of the difference of two classifiers' scores from sample to sample, training included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtr, stdtrit

from mmtoolkit._blocks import in_order
from mmtoolkit.classification import discriminant
from mmtoolkit.classification.folds import class_sizes
from mmtoolkit.classification.intervals import resamples
from mmtoolkit.classification.metrics import Metric
from mmtoolkit.classification.spread import LEAST_OF_EVERY_CLASS
from mmtoolkit.classification.variance import halves, held_out_by_halves, resampled, some_rows, variance_of
from mmtoolkit.classification.weighted import WeightedScores

__all__ = ["LEVEL", "PairedDifference", "differences"]

LEVEL = 0.05
_POWER = 0.8
_RESAMPLES, _FEW_RESAMPLES = 400, 25


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two scores, and how sure it is.

    Parameters
    ----------
    value : float
        First minus second.
    error : float
        Standard error, with other items and other training items.
    n_groups : int
        Independent groups that the error was estimated from: the quantiles are Student's.
    """

    value: float
    error: float
    n_groups: int

    def _beyond(self, share: float) -> float:
        """Return what a difference of this error exceeds in such a share of the cases."""
        return float(-stdtrit(max(self.n_groups - 1, 1), share)) * self.error

    def reach(self, level: float = LEVEL) -> float:
        """Return half the width of the interval that leaves `level` outside, on both sides together."""
        return self._beyond(level / 2)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no difference."""
        return float(2 * stdtr(max(self.n_groups - 1, 1), -abs(self.value) / self.error))

    def shown(self, n_pairs: int) -> float:
        """Return the smallest true difference that such data show in 80 % of the cases, among so many pairs."""
        return self.reach(LEVEL / n_pairs) + self._beyond(1 - _POWER)

    def equivalent(self, margin: float) -> bool:
        """Return whether the difference is shown to be smaller than `margin`: two one-sided tests, each at the level."""
        return abs(self.value) + self.reach(2 * LEVEL) < margin


def differences(
    rows: Mapping[str, NDArray[np.float32]],
    predicted: Sequence[NDArray[np.intp]],
    codes: NDArray[np.intp],
    groups: NDArray[np.intp],
    n_classes: int,
    metric: Metric,
    *,
    cv: int,
    random_state: int,
) -> list[PairedDifference]:
    """Return the differences of all pairs, in the order of ``itertools.combinations``.

    The variance of the difference when items are drawn anew is multiplied by how much larger paired halves find it for a
    classifier in closed form on the same vectors (never less than 1). It is never zero: predictions that agree on every
    item have Wilson's width for so many groups.

    Parameters
    ----------
    rows : mapping of str to ndarray of shape (n_scored, n_features), float32
        Vectors of every embedding.
    predicted : sequence of ndarray of shape (n_scored,), int
        Held-out predictions, in that order.
    codes, groups : ndarrays of shape (n_scored,), int
        True classes; groups from 0 without gaps.
    n_classes : int
        Number of classes.
    metric : Metric
        A row of the table of metrics that is computed from counts.
    cv : int
        Number of folds.
    random_state : int
        Seed of halves and resamples.

    Returns
    -------
    list of PairedDifference
        As many as pairs. The error is NaN where there is one group, and for scores in which every class counts the same where
        a class has fewer than ten independent items.
    """
    couples = list(combinations(range(len(predicted)), 2))

    def scores(codes: NDArray[np.intp], each: Sequence[NDArray[np.intp]]) -> Callable[..., NDArray[np.float64]]:
        """Return the differences of all pairs as a function of weights."""
        shares, areas = np.full((1, len(codes), n_classes), 1.0 / n_classes), np.zeros(n_classes, dtype=bool)
        weighted = [WeightedScores(codes, one[None], shares, areas) for one in each]
        at = weighted[0].overall.index(metric.name)

        def differ(W: NDArray[np.float64]) -> NDArray[np.float64]:
            values = np.stack([one(W)[:, at] for one in weighted])
            return np.stack([values[a] - values[b] for a, b in couples], axis=1)

        return differ

    value = scores(codes, predicted)(np.ones((1, len(codes))))[0]
    some = some_rows(codes, groups, random_state)
    y, inside = codes[some], np.unique(groups[some], return_inverse=True)[1]
    n_groups, all_groups = int(inside.max()) + 1, int(groups.max()) + 1
    sizes = class_sizes(codes, groups)[0]
    sizes = sizes[sizes > 0]
    trials = len(sizes) ** 2 / (1.0 / sizes).sum() if metric.by_class else all_groups
    if n_groups < 2 or (metric.by_class and sizes.min() < LEAST_OF_EVERY_CLASS):
        return [PairedDifference(float(v), float("nan"), all_groups) for v in value]
    drawn, few = (list(resamples(n_groups, n, random_state)) for n in (_RESAMPLES, _FEW_RESAMPLES))
    alone = resampled(scores(y, [p[some] for p in predicted]), inside, drawn) * n_groups / all_groups
    splits = halves(y, inside, random_state)
    axes = list(in_order(lambda X: discriminant.components(X[some]), list(rows.values())))

    def of_split(number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        first, many = splits[number], len(some) < len(codes)
        found = [held_out_by_halves(Z, y, inside, n_classes, first, number, cv=cv, many=many)[0] for Z in axes]
        differ = scores(y, found)
        return differ(np.stack([first, ~first]).astype(np.float64)), resampled(differ, inside, few)

    pairs, single = zip(*in_order(of_split, range(len(splits))), strict=True)
    first_half, second_half = np.stack(pairs, axis=1)
    whole, apart = variance_of(first_half, second_half), np.mean(single, axis=0)
    ratio = np.maximum(np.divide(whole, apart, out=np.ones(len(whole)), where=apart > 0), 1.0)
    least = float(ndtri(1 - LEVEL / 2)) / trials
    error = np.maximum(np.sqrt(alone * ratio), least)
    return [PairedDifference(float(v), float(e), all_groups) for v, e in zip(value, error, strict=True)]
