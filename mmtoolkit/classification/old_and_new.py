"""The scored items of a classifier and new ones together: the input of both tests, of nearness and of the expected score."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._blocks import evenly
from mmtoolkit._duplicates import duplicate_groups, equal_rows
from mmtoolkit._nearest import most_similar
from mmtoolkit.classification.classifying import thresholds_of, user_groups
from mmtoolkit.classification.folds import effective_size, merge_groups
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.classification.intervals import limits
from mmtoolkit.classification.result import Classification
from mmtoolkit.classification.two_sample import differs, differs_within_classes, main_axes, unit_means
from mmtoolkit.vectors import unit_rows, vectors_of

__all__ = ["Sides", "foretold"]

_AXES = 64
_MOST = 2000  # rows of each side that are tested
_REFERENCE = 10_000  # old rows that new ones may be near to
_ROUNDS, _STILL = 200, 1e-6


@dataclass(frozen=True, eq=False)
class Sides:
    """The scored old items and the new ones, one below the other.

    Attributes
    ----------
    X, unit : ndarrays of shape (n_rows, n_features), float32
        As the classifier takes them; unit rows.
    old : ndarray of shape (n_old_rows,), int
        Rows of the result that were scored.
    codes : ndarray of shape (n_old_rows,), int
        Their classes.
    groups : ndarray of shape (n_rows,), int
        What belongs together, also across both sides.
    n_known : int
        New rows that belong together with rows that were scored, or that the classifier was trained on.
    """

    X: NDArray[np.float32]
    unit: NDArray[np.float32]
    old: NDArray[np.intp]
    codes: NDArray[np.intp]
    groups: NDArray[np.intp]
    n_known: int

    @classmethod
    def of(cls, result: Classification, new: Any, groups: Any) -> Sides:
        """Put both sides together; duplicates are found as the classifier's were."""
        params = result.recipe["params"]
        held = HeldOutItems(result)
        old = held.rows
        trained = np.flatnonzero((result.fold < 0) & (result.y_true != None))  # noqa: E711 - of every cell
        mine, theirs = (vectors_of(source, normalize=params["normalize"]) for source in (result.source, new))
        X = np.concatenate([mine[old], theirs, mine[trained]])
        unit = X if params["normalize"] else unit_rows(X)
        own = result.together.max() + 1 + user_groups(new, groups)
        given = np.concatenate([result.together[old], own, result.together[trained]])
        if params["duplicates"] == "group":
            least = [
                thresholds_of(part, unit_rows(rows), params["duplicate_threshold"])
                for part, rows in ((result.source, mine), (new, theirs))
            ]
            same = duplicate_groups(unit, np.concatenate([least[0][old], least[1], least[0][trained]]))
        else:
            same = equal_rows(unit)  # a copy of an old item tells nothing new
        together, n = merge_groups(given, same), len(old) + len(theirs)
        n_known = int(np.isin(together[len(old) : n], np.delete(together, np.s_[len(old) : n])).sum())
        return cls(X[:n], unit[:n], old, held.true, together[:n], n_known)

    @cached_property
    def new(self) -> NDArray[np.bool_]:
        """Which rows are new."""
        return np.arange(len(self.X)) >= len(self.old)

    @property
    def n_old(self) -> int:
        """Independent old items."""
        return len(np.unique(self.groups[~self.new]))

    @property
    def n_new(self) -> int:
        """Independent new items."""
        return len(np.unique(self.groups[self.new]))

    def _units(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the unit of each of these rows, a group on one side, and which units are new."""
        pairs, units = np.unique(np.stack([self.groups[rows], self.new[rows]]), axis=1, return_inverse=True)
        return units.ravel(), pairs[1].astype(bool)

    def tested(self, random_state: int) -> tuple[float, float]:
        """Return the p-values of the tests that both sides are alike, and that the new one is a mix of the old classes."""
        rng = np.random.default_rng([random_state, 0])
        parts = [np.flatnonzero(side) for side in (~self.new, self.new)]
        rows = np.concatenate([np.sort(rng.permutation(part)[:_MOST]) for part in parts])
        new, groups, unit = self.new[rows], self.groups[rows], self.unit[rows]
        Z = main_axes(self.X[rows], max(_AXES, 2 * int(self.codes.max()) + 2))
        energy = (Z**2).sum(axis=1)
        anywhere = most_similar(unit, unit, 1, apart=(groups, groups))[1][:, 0]
        among_old = most_similar(unit, unit[~new], 1, apart=(groups, groups[~new]))[1][:, 0]
        units, is_new = self._units(rows)
        p_value = differs(unit_means(_beside(Z, energy, anywhere), units), is_new, random_state)
        codes = np.full(len(is_new), -1)
        codes[units[~new]] = self.codes[rows[~new]]  # of a group with several classes the last
        codes = np.unique(codes[~is_new], return_inverse=True)[1]
        if is_new.sum() < 2:
            return p_value, float("nan")
        means = unit_means(_beside(Z, energy, among_old), units)
        return p_value, differs_within_classes(means[~is_new], codes, means[is_new], random_state)

    def nearness(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
        """Return how similar the nearest other old item is to each old one, to each new one, and which that is."""
        some = evenly(len(self.old), _REFERENCE)
        near, values = most_similar(self.unit, self.unit[some], 1)
        apart = (self.groups[some], self.groups[some])
        own = most_similar(self.unit[some], self.unit[some], 1, apart=apart)[1][:, 0]
        return own, values[self.new, 0], some[near[self.new, 0]]

    def compared(self, values: NDArray[np.str_], random_state: int) -> tuple[pd.DataFrame, float]:
        """Return the shares of values on both sides, and the p-value of the test that they are alike."""
        names, codes = np.unique(values, return_inverse=True)
        own = np.eye(len(names))[codes]
        shares = pd.DataFrame({"old": own[~self.new].mean(axis=0), "new": own[self.new].mean(axis=0)}, index=names)
        units, is_new = self._units(np.arange(len(values)))
        return shares, differs(unit_means(own, units), is_new, random_state)


def _beside(Z: NDArray[np.float64], *features: NDArray[Any]) -> NDArray[np.float64]:
    """Return rows with further features that weigh as much as the first axis."""
    most = Z.std(axis=0).max(initial=0.0)
    more = [(f - f.mean()) / max(float(f.std()), 1e-12) * most for f in features]
    return np.column_stack([Z, *more])


def foretold(result: Classification, proba: NDArray[np.float64], sides: Sides) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the mix of classes on both sides, and the accuracy of a new side that is a mix of the old classes.

    The mix is the most probable one, by expectation and maximisation, drawn to the old one as if by one item of each class.
    """
    n_classes = len(result.classes)
    right = (result.y_pred == result.y_true)[sides.old].astype(np.float64)
    groups, m = np.unique(sides.groups[~sides.new], return_inverse=True)[1], len(proba)
    count = np.bincount(sides.codes, minlength=n_classes).astype(np.float64)
    old = count / count.sum()
    mix = old.copy()
    for _ in range(_ROUNDS):
        known = proba * (mix / np.maximum(old, 1e-12))
        known /= np.maximum(known.sum(axis=1, keepdims=True), 1e-300)
        after = (known.sum(axis=0) + n_classes * old) / (m + n_classes)
        still = np.abs(after - mix).max() < _STILL
        mix = after
        if still:
            break
    recall = np.bincount(sides.codes, weights=right, minlength=n_classes) / np.maximum(count, 1.0)
    value = min(float(mix @ recall), 1.0)  # shares may add up to a rounding more than 1
    apart = (right - recall[sides.codes]) * (mix / np.maximum(count, 1.0))[sides.codes]
    effective = effective_size(sides.groups[sides.new])
    drawn = (value * (1.0 - value) + float((known @ recall).var())) / effective
    spread = float((np.bincount(groups, weights=apart) ** 2).sum()) + drawn
    low, high = limits(np.array([value]), np.array([spread]), effective, min(sides.n_old, sides.n_new))
    expected = pd.DataFrame({"value": [value], "low": low, "high": high}, index=pd.Index(["accuracy"], name="metric"))
    classes = pd.Index(result.classes.tolist(), dtype=object, name="class")
    return pd.DataFrame({"old": old, "new": mix}, index=classes), expected
