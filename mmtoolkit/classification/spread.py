"""The variance of every score in a result of ``classify``: from the items that were scored, and from training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.classification.folds import class_sizes
from mmtoolkit.classification.intervals import resamples, wilson
from mmtoolkit.classification.metrics import CLASS_METRICS
from mmtoolkit.classification.variance import Sample, resampled_items, with_training
from mmtoolkit.classification.weighted import AREAS, WeightedScores

__all__ = [
    "LEAST_OF_CLASS",
    "LEAST_OF_EVERY_CLASS",
    "LEAST_POSITIVES",
    "LEAST_WRONG",
    "HeldOutScores",
    "class_weight_of",
]

LEAST_OF_CLASS = 20
LEAST_POSITIVES = 50
LEAST_OF_EVERY_CLASS = 10
LEAST_WRONG = 3
_RESAMPLES = 300
_LEAST_GROUPS = 4
_CURVES = 4


def class_weight_of(estimator: Any, classes: NDArray[Any]) -> Any:
    """Return the class weights of a classifier, by number in `classes`; those of a step where it is a pipeline."""
    params = estimator.get_params()
    found = (v for name, v in params.items() if name.split("__")[-1] == "class_weight" and v is not None)
    weights = next(found, None)
    if not isinstance(weights, Mapping):
        return weights
    return {k: float(weights.get(name, 1.0)) for k, name in enumerate(classes.tolist())}


@dataclass(frozen=True, eq=False)
class HeldOutScores:
    """Scores of held-out predictions, and how far they would move.

    Attributes
    ----------
    codes : ndarray of shape (n_scored,), int
        True classes.
    predicted : ndarray of shape (n_repeats, n_scored), int
        Held-out predictions.
    proba : ndarray of shape (n_repeats, n_scored, n_classes)
        Held-out probabilities.
    groups : ndarray of shape (n_scored,), int
        What belongs together, from 0 without gaps.
    weighted : bool, default=False
        Whether training gave classes weights: then a few items of a rare class decide where it ends.
    """

    codes: NDArray[np.intp]
    predicted: NDArray[np.intp]
    proba: NDArray[np.float64]
    groups: NDArray[np.intp]
    weighted: bool = False

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return int(self.proba.shape[2])

    @property
    def n_groups(self) -> int:
        """Number of independent groups."""
        return int(self.groups.max()) + 1

    @property
    def class_groups(self) -> NDArray[np.intp]:
        """Independent items of every class, (n_classes,)."""
        sizes = np.zeros(self.n_classes, dtype=np.intp)
        found = class_sizes(self.codes, self.groups)[0]
        sizes[: len(found)] = found
        return sizes

    @property
    def n_deciding(self) -> float:
        """Independent items that variances are estimated from; with class weights hardly more than the smallest classes have."""
        if not self.weighted:
            return float(self.n_groups)
        sizes = self.class_groups[self.class_groups > 0].astype(np.float64)
        return 1.0 + float((1 / sizes).sum() ** 2 / (1 / (sizes**2 * np.maximum(sizes - 1, 1))).sum())  # Satterthwaite

    @property
    def pure_groups(self) -> NDArray[np.intp]:
        """How many groups hold items of one class alone, by class, (n_classes,)."""
        group, code = np.divmod(np.unique(self.groups * self.n_classes + self.codes), self.n_classes)
        return np.bincount(code[np.bincount(group)[group] == 1], minlength=self.n_classes)

    @property
    def n_wrong(self) -> int:
        """Number of independent groups of which an item was predicted wrong."""
        return len(np.unique(self.groups[(self.predicted != self.codes).any(axis=0)]))

    @property
    def unseen(self) -> float:
        """The largest share (Wilson) that the recall of a class without an error may still lack; 0 without such a class."""
        wrong = np.bincount(self.codes, weights=(self.predicted != self.codes).any(axis=0), minlength=self.n_classes)
        sizes = self.class_groups[(self.class_groups > 0) & (wrong == 0)]
        return float(1.0 - wilson(sizes.min(), sizes.min())[0]) if len(sizes) else 0.0

    def _weighted(self, rows: NDArray[np.intp], areas: NDArray[np.bool_]) -> WeightedScores:
        return WeightedScores(self.codes[rows], self.predicted[:, rows], self.proba[:, rows], areas)

    def values(self) -> NDArray[np.float64]:
        """Return all scores, in the order of `WeightedScores`."""
        rows = np.arange(len(self.codes))
        return np.asarray(self._weighted(rows, np.ones(self.n_classes, dtype=bool))(np.ones((1, len(rows))))[0])

    def variances(self, sample: Sample, *, cv: int | None, class_weight: Any, random_state: int) -> NDArray[np.float64]:
        """Return the variance of every score; NaN where nothing can be said.

        Parameters
        ----------
        sample : Sample
            Of the scored rows.
        cv : int or None
            Number of folds, where other training items would have given another classifier; None where the classifier stays
            what it is.
        class_weight : None, "balanced" or mapping of codes to weights
            Class weights.
        random_state : int
            Seed.

        Returns
        -------
        ndarray of shape (n_scores,)
            In the order of `values`. Where training counts, the variance of resampled items is multiplied by how much
            larger paired halves find it for a classifier in closed form (never less than 1). Scores of all classes move at
            least by what the halves find more: where items hardly differ, as losses near chance, a factor says little.
        """
        areas = self.class_groups >= LEAST_OF_CLASS
        codes, groups = sample.codes, sample.groups
        scores = self._weighted(sample.rows, areas)
        n_groups = int(groups.max()) + 1
        if n_groups < 2:
            return np.full(len(scores(np.ones((1, len(codes))))[0]), np.nan)
        alone = resampled_items(scores, groups, resamples(n_groups, _RESAMPLES, random_state)) * (
            n_groups / self.n_groups
        )
        if cv is None or n_groups < _LEAST_GROUPS:
            return alone
        some, large = np.zeros_like(areas), np.flatnonzero(areas)
        some[large[:: max(1, len(large) // _CURVES)]] = True  # all classes share one ratio
        whole, single = with_training(
            lambda predicted, proba: WeightedScores(codes, predicted[None], proba[None], some),
            sample.Z,
            codes,
            groups,
            self.n_classes,
            cv=cv,
            class_weight=class_weight,
            many=len(codes) < sample.of,
            random_state=random_state,
        )
        found = alone * _ratio(whole, single, len(scores.overall), areas)
        of_all = slice(len(scores.overall))
        found[of_all] = np.fmax(found[of_all], alone[of_all] + np.fmax(whole[of_all] - single[of_all], 0.0))
        return found


def _ratio(
    whole: NDArray[np.float64], single: NDArray[np.float64], n_overall: int, large: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return whole / single, at least 1; scores of single classes share the ratio of their kind."""
    whole, single = whole.copy(), single.copy()
    for number in range(len(CLASS_METRICS) + len(AREAS)):
        block = slice(n_overall + number * len(large), n_overall + (number + 1) * len(large))
        both = large & np.isfinite(whole[block]) & np.isfinite(single[block])
        whole[block], single[block] = whole[block][both].sum(), single[block][both].sum()
    known = np.isfinite(whole) & np.isfinite(single) & (single > 0)
    return np.maximum(np.divide(whole, single, out=np.ones(len(whole)), where=known), 1.0)
