"""The default classifier: logistic regression that chooses C and calibrates itself inside the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from mmtoolkit.classification.calibration import COLDEST, HOTTEST, HeldOutLoss
from mmtoolkit.classification.folds import class_sizes, stratified_folds
from mmtoolkit.classification.gradients import CentredRows, SoftmaxPath
from mmtoolkit.classification.multinomial import Linear, softmax
from mmtoolkit.classification.tall import Tall, centred_rows
from mmtoolkit.provenance import one_thread
from mmtoolkit.words import say

__all__ = ["CS", "LogisticClassifier", "check_class_weight", "check_penalties", "linear_of"]

CS = tuple(float(C) for C in np.logspace(0, 3, 7))
_EXTENSIONS = 4
_COARSE, _CLOSE = 100.0, 10.0  # times the tolerance
_SETTLED = 30.0  # likewise, of the last fit where there is nothing to choose: the temperature has its say afterwards
_ENOUGH = 2000  # held-out rows
_SETTLE = 500  # held-out rows that can say that there is nothing to choose
_LITTLE = 0.005  # nats
_FEW, _FEW_PER_FEATURE = 4000, 4  # rows that can say so of many more
_SLIGHT, _PARABOLAS = 0.001, 2  # nats
_PARTS = 5
_NEAR = 1.001
_LEAST = 1e-6
_GAIN = 0.01  # nats: where no held-out row is wrong, less is only confidence, which the temperature sees to


def check_class_weight(class_weight: object) -> None:
    """Raise ValueError when the weight of a class is not a positive number."""
    for name, weight in class_weight.items() if isinstance(class_weight, Mapping) else ():
        if not isinstance(weight, int | float | np.number) or not 0 <= weight < np.inf:
            msg = f"class weights must be numbers of at least 0, got {weight!r} for {name!r}"
            raise ValueError(msg)


def check_penalties(Cs: Sequence[float]) -> list[float]:
    """Return inverse penalties in order; raise ValueError unless there are some, and all are above 0."""
    ordered = sorted(float(C) for C in Cs)
    if not ordered or not np.isfinite(ordered).all() or ordered[0] <= 0:
        msg = f"Cs must be at least one number above 0, got {Cs!r}"
        raise ValueError(msg)
    return ordered


def linear_of(fitted: LogisticClassifier) -> Linear:
    """Return a fitted classifier as plain arrays."""
    return Linear(fitted.coef_, fitted.intercept_, fitted.temperature_, fitted.offset_)


def _lowest_between(path: Mapping[float, float], best: float) -> float:
    """Return the C at the bottom of the parabola through the best C and its neighbours; at an edge the best C."""
    Cs = sorted(path)
    at = Cs.index(best)
    if not 0 < at < len(Cs) - 1:
        return best
    x = np.log(Cs[at - 1 : at + 2])
    a, b, _ = np.polyfit(x, [path[C] for C in Cs[at - 1 : at + 2]], 2)
    return float(np.exp(np.clip(-b / (2 * a), x[0], x[2]))) if a > 0 else best


class _Inner:
    """Inner folds: a model for each, without its rows, and their logits of these rows; rows of fold -1 train every model."""

    def __init__(
        self,
        rows: CentredRows,
        codes: NDArray[np.intp],
        groups: NDArray[np.intp],
        weight: NDArray[np.float64],
        fold: NDArray[np.intp],
        max_iter: int,
        *,
        far: bool,
        start: NDArray[np.float32] | None = None,
    ) -> None:
        sets = np.stack([np.where(fold == f, 0.0, weight) for f in range(fold.max() + 1)], axis=1)
        self.path = SoftmaxPath(rows, codes, int(codes.max()) + 1, sets, max_iter=max_iter)
        if start is not None:
            self.path.solution = np.tile(start, self.path.n_sets)
        self._far, self._fold, self._held = far, fold, fold >= 0
        self.codes, self.groups, self.fold = codes[self._held], groups[self._held], fold[self._held]
        self.loss = HeldOutLoss(self.codes, weight[self._held], self.groups)
        self.logits = np.empty((0, self.path.n_classes), dtype=np.float32)

    def look(self, C: float, tol: float, *, calibrate: bool) -> float:
        """Solve, and return the loss of the held-out rows; with `calibrate` after a temperature that makes them surer."""
        self.path.solve(C, tol=tol, far=self._far)
        self.logits = self.path.held_out(self._fold)[self._held]
        if not calibrate:
            return self.loss(self.logits)
        if self.all_right():  # the temperature is near its lower bound, or there is no need of one
            return min(self.loss(self.logits), self.loss(self.logits / COLDEST))
        # the loss of a model that is too sure stays as it is: a smaller C mends that better
        return self.loss(self.logits / min(self.loss.lowest(self.logits), 1.0))

    def mean(self) -> NDArray[np.float32]:
        """Return the mean of the models."""
        return np.asarray(self.path.solution.reshape(-1, self.path.n_sets, self.path.n_classes).mean(axis=1))

    def all_right(self) -> bool:
        """Return whether no held-out row is wrong."""
        return bool((self.logits.argmax(axis=1) == self.codes).all())


class LogisticClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multinomial logistic regression with C and temperature chosen by an inner cross-validation.

    The same optimum as ``sklearn.linear_model.LogisticRegression`` at the chosen C, in float32. Results do not depend
    on the number of threads.

    Parameters
    ----------
    Cs : sequence of float, default=(1, 3.16, 10, 31.6, 100, 316, 1000)
        Inverse penalties, for unit rows: from the middle the path goes down and up until the held-out loss turns, goes on
        beyond an edge when it still falls there, and ends at the bottom of the parabola through the best three. Where no
        held-out row is wrong, less loss is only confidence: the path ends where there is little left to gain.
    cv : int, default=5
        Number of inner folds; fewer when a class has fewer groups. Without class weights no more of them are used than
        hold 2,000 rows, and the first alone (or two) where they have 500 rows, none wrong, and little to gain; where there are 6,000 rows
        and six to a feature, that of a sample of about 4,000, or four to a feature. With a class of one group nothing can be
        chosen: then the middle of `Cs` is used.
    class_weight : None, "balanced" or dict, default=None
        As in scikit-learn. Predictions are of the weighted classes, probabilities of the classes as they come: offsets
        fitted on the held-out logits of the inner folds take the weights out again.
    calibrate : bool, default=True
        Divide logits by a temperature fitted on the held-out logits of the inner folds, where that helps in folds that
        it was not fitted on; C is chosen by the loss after it where it is below 1.
    max_iter : int, default=200
        Largest number of steps per C.
    tol : float, default=1e-6
        Decrease of the objective, relative to it or to 1 a row, at which the chosen C is done; the others stop at a hundred
        times that.
    random_state : int, default=0
        Seed of the inner folds.

    Attributes
    ----------
    C_ : float
        The chosen C.
    temperature_ : float
        What logits are divided by, at least 0.5.
    offset_ : ndarray of shape (n_classes,), float32
        What is added to logits for probabilities; zeros without class weights.
    bounds_ : tuple of str
        Sentences about choices that ended at a bound.
    coef_ : ndarray of shape (n_classes, n_features), float32
        Coefficients (before the temperature).
    intercept_ : ndarray of shape (n_classes,), float32
        Intercepts.
    classes_ : ndarray of shape (n_classes,)
        Sorted classes.
    path_ : dict of float to float
        Held-out log-loss, against smoothed targets, of every C that was tried; with `calibrate` after its
        temperature, where that is below 1.
    n_iter_ : int
        L-BFGS steps in all.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_wine(return_X_y=True)
    >>> model = LogisticClassifier(Cs=(0.1, 1, 10)).fit(StandardScaler().fit_transform(X), y)
    >>> model.predict(StandardScaler().fit_transform(X))[:3].tolist()
    [0, 0, 0]
    """

    def __init__(
        self,
        Cs: Sequence[float] = CS,
        *,
        cv: int = 5,
        class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
        calibrate: bool = True,
        max_iter: int = 200,
        tol: float = 1e-6,
        random_state: int = 0,
    ) -> None:
        self.Cs = Cs
        self.cv = cv
        self.class_weight = class_weight
        self.calibrate = calibrate
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> LogisticClassifier:
        """Choose C and temperature by inner cross-validation, then fit all rows.

        Parameters
        ----------
        X : array-like of shape (n_items, n_features)
            Rows, finite.
        y : array-like of shape (n_items,)
            Classes, at least two.
        groups : array-like of shape (n_items,) or None, default=None
            Rows of one group are never split by an inner fold.

        Returns
        -------
        LogisticClassifier
            Itself.
        """
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        of_row = np.arange(len(codes)) if groups is None else np.asarray(groups)
        self._fit(np.asarray(X, dtype=np.float32), np.arange(len(codes)), codes, of_row)
        return self

    def fit_rows(
        self, X: NDArray[np.float32], rows: NDArray[np.intp], y: NDArray[Any], groups: NDArray[Any]
    ) -> LogisticClassifier:
        """Fit some rows of a table, without a copy of them.

        Parameters
        ----------
        X : ndarray of shape (n_items, n_features), float32
            The table, finite.
        rows : ndarray of shape (n_rows,), int
            Numbers of the rows.
        y, groups : ndarrays of shape (n_rows,)
            Their classes, at least two, and groups.

        Returns
        -------
        LogisticClassifier
            Itself.
        """
        self.n_features_in_ = X.shape[1]
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._fit(X, rows, codes, groups)
        return self

    def _fit(
        self, X: NDArray[np.float32], rows: NDArray[np.intp], codes: NDArray[np.intp], groups: NDArray[Any]
    ) -> None:
        """Fit the numbered rows; `codes` and `groups` are theirs."""
        if len(self.classes_) < 2:
            msg = f"This classifier needs samples of at least 2 classes in the data, but the data contains only one class: {self.classes_[0]!r}"
            raise ValueError(msg)
        check_class_weight(self.class_weight)
        Cs = check_penalties(self.Cs)
        class_weight = compute_class_weight(self.class_weight, classes=self.classes_, y=self.classes_[codes])
        with one_thread():
            self._choose(X, rows, Cs, codes, np.unique(groups, return_inverse=True)[1], class_weight)

    def _choose(
        self,
        X: NDArray[np.float32],
        index: NDArray[np.intp],
        Cs: list[float],
        codes: NDArray[np.intp],
        groups: NDArray[np.intp],
        class_weight: NDArray[np.float64],
    ) -> None:
        weight, n_classes = class_weight[codes], len(self.classes_)

        def whole_of(rows: CentredRows) -> SoftmaxPath:
            return SoftmaxPath(rows, codes, n_classes, weight[:, None], max_iter=self.max_iter)

        self.path_: dict[float, float] = {}
        self.bounds_: tuple[str, ...] = ()
        self.temperature_, self.offset_ = 1.0, -np.log(np.maximum(class_weight, _LEAST)).astype(np.float32)
        self.C_, self.n_iter_ = Cs[len(Cs) // 2], 0
        n_splits = min(int(self.cv), int(class_sizes(codes, groups)[0].min()))
        if n_splits < 2:
            whole = whole_of(centred_rows(X, index))
            whole.solve(self.C_, tol=self.tol)
        else:
            found = self._of_a_sample(X, index, Cs, codes, groups, n_splits)
            rows, inner = (centred_rows(X, index), None) if found is None else found
            settled = inner is not None
            if inner is None:
                inner, settled = self._inner(rows, Cs, codes, groups, weight, n_splits)
            whole = whole_of(rows)
            whole.solution = inner.mean()
            whole.solve(self.C_, tol=_SETTLED * self.tol if settled else self.tol)
            if self.calibrate:
                self._calibrate(inner, whole, class_weight)
            self.n_iter_ = inner.path.n_iter
        self.coef_, self.intercept_ = whole.coefficients(0)
        self.n_iter_ += whole.n_iter

    def _of_a_sample(
        self,
        X: NDArray[np.float32],
        index: NDArray[np.intp],
        Cs: list[float],
        codes: NDArray[np.intp],
        groups: NDArray[np.intp],
        n_splits: int,
    ) -> tuple[Tall, _Inner] | None:
        """Return all rows, and models of a few thousand of them, where these leave nothing to choose; else None."""
        parts = round(len(codes) / max(_FEW, _FEW_PER_FEATURE * X.shape[1]))
        if self.class_weight is not None or parts < 2:
            return None
        few = np.flatnonzero(stratified_folds(codes, groups, parts, self.random_state) == 0)
        sizes = class_sizes(codes[few], groups[few])[0]
        if len(sizes) < len(self.classes_) or sizes.min() < n_splits:
            return None
        rows = Tall(X, index, index[few])
        inside = np.unique(groups[few], return_inverse=True)[1]
        fold = stratified_folds(codes[few], inside, n_splits, self.random_state)
        weight = np.full(len(few), len(codes) / len(few))  # they stand for all: the penalty counts as much
        held_out = np.where(fold == 0, 0, -1)
        inner = _Inner(rows.only(few), codes[few], inside, weight, held_out, self.max_iter, far=True)
        return (rows, inner) if self._walk(inner, Cs, only_settle=True) else None

    def _inner(
        self,
        rows: CentredRows,
        Cs: list[float],
        codes: NDArray[np.intp],
        groups: NDArray[np.intp],
        weight: NDArray[np.float64],
        n_splits: int,
    ) -> tuple[_Inner, bool]:
        """Choose C by as many inner folds as it takes; tell whether there was nothing to choose, as the first alone may say."""
        fold = stratified_folds(codes, groups, n_splits, self.random_state)
        n_rows = np.cumsum(np.bincount(fold))
        free = self.class_weight is None  # else offsets are fitted, for which every row has to be held out
        few, first = (1 + int((n_rows[:-1] < enough).sum()) for enough in (_ENOUGH, _SETTLE))
        start = None
        if free and 2 * first <= few:
            alone = _Inner(rows, codes, groups, weight, np.where(fold < first, fold, -1), self.max_iter, far=True)
            if self._walk(alone, Cs, only_settle=True):
                return alone, True
            start = alone.mean()
        few = few if free else n_splits
        held_out = np.where(fold < few, fold, -1)
        inner = _Inner(rows, codes, groups, weight, held_out, self.max_iter, far=few == 1, start=start)
        return inner, self._walk(inner, Cs)

    def _walk(self, inner: _Inner, Cs: list[float], *, only_settle: bool = False) -> bool:
        """Follow C from the middle to where the held-out loss turns; return whether the middle left nothing to choose."""
        self.path_, best, kept = {}, np.inf, (inner.path.solution, inner.logits)

        def look(C: float, tol: float) -> float:
            """Return by how much the loss falls below the least so far."""
            nonlocal best, kept
            before, inner.path.solution = best, kept[0]
            self.path_[C] = inner.look(C, tol, calibrate=self.calibrate and self.class_weight is None)
            if self.path_[C] < best or C == self.C_:
                best, self.C_, kept = self.path_[C], C, (inner.path.solution, inner.logits)
            else:
                inner.logits = kept[1]
            return before - self.path_[C]

        middle, step = len(Cs) // 2, Cs[-1] / Cs[-2] if len(Cs) > 1 else 1.0
        beyond = [step**k for k in range(1, 1 + _EXTENSIONS)] if step > 1 else []
        look(Cs[middle], _COARSE * self.tol)
        settled = inner.all_right() and best - inner.loss.least() < _LITTLE
        if only_settle and not settled:
            return False
        if not settled:
            for C in [*Cs[:middle][::-1], *(Cs[0] / far for far in beyond)]:
                if look(C, _COARSE * self.tol) < 0:
                    break
            for C in [*Cs[middle + 1 :], *(Cs[-1] * far for far in beyond)]:
                if max(self.path_) != self.C_ or (Cs[-1] < C and inner.all_right()):
                    break
                gain = look(C, _COARSE * self.tol)
                if gain < 0 or (inner.all_right() and gain < _GAIN):
                    break
        for _ in range(0 if settled else _PARABOLAS):
            if look(_lowest_between(self.path_, self.C_), _CLOSE * self.tol) < _SLIGHT:
                break
        inner.path.solution = kept[0]
        if len(Cs) > 1 and max(self.path_) == self.C_ and inner.all_right():
            self.bounds_ = (say("C={C:g} is the largest that was tried: no held-out item was wrong", C=self.C_),)
        elif len(self.path_) > 1 and self.C_ in (min(self.path_), max(self.path_)):
            self.bounds_ = (say("C={C:g} is at the end of what was tried, and the loss still fell there", C=self.C_),)
        return settled

    def _calibrate(
        self,
        inner: _Inner,
        whole: SoftmaxPath,
        class_weight: NDArray[np.float64],
    ) -> None:
        """Fit the temperature, with class weights also the offsets, on held-out logits."""
        loss = HeldOutLoss(inner.codes, np.ones(len(inner.codes)), inner.groups)
        if np.ptp(class_weight) > 0:
            self.temperature_, offset = loss.offsets(inner.logits, class_weight)
            n_folds = inner.path.n_sets

            def logits_of(number: int) -> NDArray[np.float32]:
                return inner.path.logits(number) if number < n_folds else whole.logits(0)

            offset = loss.for_all_rows(logits_of, inner.fold, self.temperature_, offset)
            self.offset_ = offset.astype(np.float32)
        else:
            self.temperature_ = loss.temperature(
                inner.logits, inner.fold if inner.fold.any() else inner.groups % _PARTS
            )
        if not COLDEST * _NEAR < self.temperature_ < HOTTEST / _NEAR:
            self.bounds_ += (say("the temperature {value:.2f} is at its bound", value=self.temperature_),)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return calibrated logits.

        Parameters
        ----------
        X : array-like of shape (n_items, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_items, n_classes), or (n_items,) for two classes
            Logits divided by the temperature; for two classes the second minus the first. With class weights these are
            of the weighted classes.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if logits.shape[1] == 2 else logits

    def _logits(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return calibrated logits, in double precision: a row alone gives the same as a row among others."""
        check_is_fitted(self)
        rows = np.asarray(validate_data(self, X, dtype=np.float32, reset=False), dtype=np.float32)
        with one_thread():
            return linear_of(self).logits(rows)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return calibrated probabilities of the classes as they come, whatever the class weights.

        Parameters
        ----------
        X : array-like of shape (n_items, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_items, n_classes), float64
            Rows sum to 1; columns in the order of `classes_`.
        """
        return softmax(self._logits(X) + self.offset_)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the class of the largest logit of every row: without class weights the most probable one.

        Parameters
        ----------
        X : array-like of shape (n_items, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_items,)
            Classes.
        """
        best = self._logits(X).argmax(axis=1)
        return np.asarray(self.classes_[best])
