"""All scores of held-out predictions under weights of the items: of all items, of a half, of a resample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mmtoolkit._blocks import in_order
from mmtoolkit.classification.metrics import CLASS_METRICS, Counts, metrics_for

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
        self._curves = list(
            in_order(lambda k: [_Curve(codes == k, p[:, k]) for p in proba] if areas[k] else [], range(len(areas)))
        )

    def __call__(self, W: NDArray[np.float64], *, areas: bool = True) -> NDArray[np.float64]:
        """Return scores of shape (m, n_scores) of weights of shape (m, n_items); without `areas` these are NaN."""
        support = W @ self._support
        repeats = [Counts.of_sums(W @ hits, support, W @ named) for hits, named in self._cells]
        total = W.sum(axis=1, keepdims=True)
        found = [np.mean([row.function(c) for c in repeats], axis=0)[:, None] for row in self._counted]
        found.append(W @ self._losses / total)
        found += [np.mean([getattr(c, row.name) for c in repeats], axis=0) for row in CLASS_METRICS]
        under, columns = np.full((len(AREAS), len(W), self.n_classes), np.nan), np.ascontiguousarray(W.T)
        for k, curves in enumerate(self._curves if areas else []):
            if curves:
                under[:, :, k] = np.mean([curve(columns) for curve in curves], axis=0)
        return np.concatenate([*found, *under], axis=1)

    def area_variances(self, groups: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the variances of the areas when groups are drawn anew, in the order of the areas in the scores.

        Parameters
        ----------
        groups : ndarray of shape (n_items,), int
            Groups from 0 without gaps.

        Returns
        -------
        ndarray of shape (2 * n_classes,)
            By the infinitesimal jackknife, with Bessel's correction for the groups of the smaller side (for ROC AUC of ungrouped
            items: DeLong's). NaN where there are fewer than two.

        References
        ----------
        DeLong, DeLong and Clarke-Pearson (1988); Efron (1982), The jackknife, the bootstrap and other resampling plans.
        """
        found = np.full((len(AREAS), self.n_classes), np.nan)
        for k, curves in enumerate(self._curves):
            if not curves:
                continue
            moved = np.mean([curve.slopes() for curve in curves], axis=0)
            own = curves[0].mine
            smaller = min(int((np.bincount(groups[side]) > 0).sum()) for side in (own, ~own))
            if smaller > 1:
                by_group = np.stack([np.bincount(groups, weights=row) for row in moved])
                found[:, k] = (by_group**2).sum(axis=1) * smaller / (smaller - 1)
        return found.ravel()


class _Curve:
    """Areas under the curves of one class against the rest; of equal scores none comes first."""

    def __init__(self, own: NDArray[np.bool_], score: NDArray[np.float64]) -> None:
        self.mine, self.order = own, np.argsort(-score, kind="stable")
        self.down, mine = -score[self.order], own[self.order]
        down = self.down
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

    def slopes(self) -> NDArray[np.float64]:
        """Return how much both areas grow with the weight of every item, (2, n_items), where all weigh the same."""
        down, mine = self.down, self.mine[self.order]
        start, end = (np.searchsorted(down, down, side) for side in ("left", "right"))
        n_own, found = int(mine.sum()), _from_zero(mine[:, None].astype(np.float64))[:, 0]
        ahead = (found[start] + found[end]) / 2.0  # of the class, equals by half
        others = len(mine) - n_own
        in_order = np.where(mine, 1.0 - ((start + end) / 2.0 - ahead) / max(others, 1), ahead / n_own)
        auc = (in_order - in_order[mine].mean()) / np.where(mine, n_own, max(others, 1))
        precision = found[end] / end

        def below(values: NDArray[np.float64]) -> NDArray[np.float64]:
            """Return sums over the items of the class from here on, equals of this one too."""
            return _from_zero(np.where(mine, values, 0.0)[::-1, None])[::-1, 0][start]

        own = np.where(mine, precision - precision[mine].mean() + below(1.0 / end), 0.0)
        moved = np.empty((len(AREAS), len(mine)))
        moved[:, self.order] = auc, (own - below(precision / end)) / n_own
        return moved


def _from_zero(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sums of the first 0, 1, 2, ... rows."""
    sums = np.zeros((len(rows) + 1, rows.shape[1]))
    np.cumsum(rows, axis=0, out=sums[1:])
    return sums
