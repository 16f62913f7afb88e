"""All scores of held-out predictions under weights of the items: of all items, of a half, of a resample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from mmtoolkit.classification.metrics import CLASS_METRICS, Counts, metrics_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AREAS", "WeightedScores"]

AREAS = ("roc_auc", "average_precision")


class WeightedScores:
    """Scores of predictions, as a function of the weights of the items.

    Parameters
    ----------
    codes : ndarray of shape (n_items,), int
        True classes.
    predicted : ndarray of shape (n_repeats, n_items), int
        Predicted classes; scores are means over the repeats.
    proba : ndarray of shape (n_repeats, n_items, n_classes)
        Probabilities.
    areas : ndarray of shape (n_classes,), bool
        Classes whose areas under curves are wanted; the others have NaN.

    Attributes
    ----------
    overall : list of str
        Names of the first scores. After them come the scores per class: `CLASS_METRICS`, then `AREAS`, each for all
        classes.
    """

    def __init__(
        self,
        codes: NDArray[np.intp],
        predicted: NDArray[np.intp],
        proba: NDArray[np.float64],
        areas: NDArray[np.bool_],
    ) -> None:
        n, self.n_classes = len(codes), proba.shape[2]
        self._counted = metrics_for(self.n_classes, "counts")
        lost = metrics_for(self.n_classes, "items")
        self.overall = [row.name for row in (*self._counted, *lost)]
        self._losses = np.stack([np.mean([row.function(codes, p) for p in proba], axis=0) for row in lost], axis=1)

        def one_hot(columns: NDArray[np.intp], of: NDArray[np.bool_]) -> csr_array:
            rows = np.flatnonzero(of)
            return csr_array((np.ones(len(rows)), (rows, columns[rows])), shape=(n, self.n_classes))

        every = np.ones(n, dtype=bool)
        self._support = one_hot(codes, every)
        self._cells = [(one_hot(codes, codes == p), one_hot(p, every)) for p in predicted]
        self._curves = [[_Curve(codes == k, p[:, k]) for p in proba] if areas[k] else [] for k in range(len(areas))]

    def __call__(self, W: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scores of shape (m, n_scores) of weights of shape (m, n_items)."""
        support = W @ self._support
        repeats = [Counts.of_sums(W @ hits, support, W @ named) for hits, named in self._cells]
        total = W.sum(axis=1, keepdims=True)
        found = [np.mean([row.function(c) for c in repeats], axis=0)[:, None] for row in self._counted]
        found.append(W @ self._losses / total)
        found += [np.mean([getattr(c, row.name) for c in repeats], axis=0) for row in CLASS_METRICS]
        areas = np.full((len(AREAS), len(W), self.n_classes), np.nan)
        for k, curves in enumerate(self._curves):
            if curves:
                areas[:, :, k] = np.mean([curve(W) for curve in curves], axis=0)
        return np.concatenate([*found, *areas], axis=1)


class _Curve:
    """Areas under the curves of one class against the rest."""

    def __init__(self, own: NDArray[np.bool_], score: NDArray[np.float64]) -> None:
        self.order = np.argsort(-score, kind="stable")
        self.own = own[self.order]
        self.starts = np.flatnonzero(np.diff(score[self.order], prepend=np.inf))

    def __call__(self, W: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ROC AUC and average precision, (2, m); NaN without items on either side."""
        weights = W[:, self.order]
        P = np.add.reduceat(weights * self.own, self.starts, axis=1)
        N = np.add.reduceat(weights * ~self.own, self.starts, axis=1)
        found, missed = P.cumsum(axis=1), N.cumsum(axis=1)
        positive, negative = found[:, -1], missed[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            auc = (P * (negative[:, None] - missed + N / 2)).sum(axis=1) / (positive * negative)
            precision = np.where(found > 0, found / (found + missed), 0.0)
            return np.stack([auc, np.where(negative > 0, (P * precision).sum(axis=1) / positive, np.nan)])
