"""All scores of held-out predictions under weights of the items: of all items, of a half, of a resample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from mmtoolkit.classification.metrics import CLASS_METRICS, Counts, metrics_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AREAS", "WeightedScores"]

_DENSE = 2**18  # numbers: below, a product with a sparse table takes longer
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

        def one_hot(columns: NDArray[np.intp], of: NDArray[np.bool_]) -> Any:
            rows = np.flatnonzero(of)
            if n * self.n_classes <= _DENSE:
                table = np.zeros((n, self.n_classes))
                table[rows, columns[rows]] = 1.0
                return table
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
        areas, columns = np.full((len(AREAS), len(W), self.n_classes), np.nan), np.ascontiguousarray(W.T)
        for k, curves in enumerate(self._curves):
            if curves:
                areas[:, :, k] = np.mean([curve(columns) for curve in curves], axis=0)
        return np.concatenate([*found, *areas], axis=1)


class _Curve:
    """Areas under the curves of one class against the rest; of equal scores none comes first."""

    def __init__(self, own: NDArray[np.bool_], score: NDArray[np.float64]) -> None:
        self.order = np.argsort(-score, kind="stable")
        down, mine = -score[self.order], own[self.order]
        self.own = self.order[mine]
        ends = [np.searchsorted(down, down[mine], side) for side in ("left", "right")]
        self.before, self.until = ends  # items ahead of each of the class, and with its equals
        self.own_before, self.own_until = (np.searchsorted(np.flatnonzero(mine), end) for end in ends)

    def __call__(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ROC AUC and average precision, (2, m), of weights (n_items, m); NaN without items on either side."""
        weights = columns[self.own]
        every, mine = _from_zero(columns[self.order]), _from_zero(weights)
        found, named = mine[self.own_until], every[self.until]
        ahead = (named - found + every[self.before] - mine[self.own_before]) / 2.0  # others, equals by half
        positive, negative = mine[-1], every[-1] - mine[-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            auc = (weights * (negative - ahead)).sum(axis=0) / (positive * negative)
            precision = np.where(named > 0, found / named, 0.0)
            return np.stack([auc, np.where(negative > 0, (weights * precision).sum(axis=0) / positive, np.nan)])


def _from_zero(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sums of the first 0, 1, 2, ... rows."""
    sums = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows, axis=0, out=sums[1:])
    return sums
