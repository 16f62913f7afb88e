"""The default classifier: logistic regression that chooses C and calibrates itself inside the training rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from mmtoolkit.classification.calibration import COLDEST, HOTTEST, HeldOutLoss
from mmtoolkit.classification.folds import class_sizes, stratified_folds
from mmtoolkit.classification.gradients import Axes, SoftmaxPath, softmax
from mmtoolkit.provenance import one_thread
from mmtoolkit.words import say

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CS", "LogisticClassifier", "check_class_weight"]

CS = tuple(float(C) for C in np.logspace(0, 3, 7))
_EXTENSIONS = 4
_COARSE = 100.0
_NEAR = 1.001
_LEAST = 1e-6
_GAIN = 0.01  # nats: where no held-out row is wrong, less is only confidence, which the temperature sees to
_BLOCK = 4096


def check_class_weight(class_weight: object) -> None:
    """Raise ValueError when a class has a weight that is none."""
    for name, weight in class_weight.items() if isinstance(class_weight, Mapping) else ():
        if not isinstance(weight, int | float | np.number) or not 0 <= weight < np.inf:
            msg = f"class weights must be numbers of at least 0, got {weight!r} for {name!r}"
            raise ValueError(msg)


def _lowest_between(path: Mapping[float, float], best: float) -> float:
    """Return the C at the bottom of the parabola through the best C and its neighbours; at an edge the best C."""
    Cs = sorted(path)
    at = Cs.index(best)
    if not 0 < at < len(Cs) - 1:
        return best
    x = np.log(Cs[at - 1 : at + 2])
    a, b, _ = np.polyfit(x, [path[C] for C in Cs[at - 1 : at + 2]], 2)
    return float(np.exp(np.clip(-b / (2 * a), x[0], x[2]))) if a > 0 else best


class LogisticClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multinomial logistic regression with C and temperature chosen by an inner cross-validation.

    The same optimum as ``sklearn.linear_model.LogisticRegression`` at the chosen C, in float32. Results do not depend
    on the number of threads.

    Parameters
    ----------
    Cs : sequence of float, default=(1, 3.16, 10, 31.6, 100, 316, 1000)
        Inverse penalties to start from, for unit rows: the path stops when the held-out loss turns, goes on beyond an
        edge when it still falls there, and ends at the bottom of the parabola through the best three. Where no held-out
        row is wrong it stops when the loss falls by less than 0.01, and at the largest: there, nothing else says where.
    cv : int, default=5
        Number of inner folds; fewer when a class has fewer groups. With a class of one group nothing can be chosen:
        then the middle of `Cs` is used.
    class_weight : None, "balanced" or dict, default=None
        As in scikit-learn. Predictions are of the weighted classes, probabilities of the classes as they come: offsets
        fitted on the held-out logits of the inner folds take the weights out again.
    calibrate : bool, default=True
        Divide logits by a temperature fitted on the held-out logits of the inner folds, where that helps in folds that
        it was not fitted on.
    max_iter : int, default=200
        Largest number of steps per C.
    tol : float, default=1e-6
        Relative decrease of the objective at which the chosen C is done; the others stop at a hundred times that.
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
        Held-out log-loss, against smoothed targets, of every C that was tried.
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
        if len(self.classes_) < 2:
            msg = f"This classifier needs samples of at least 2 classes in the data, but the data contains only one class: {self.classes_[0]!r}"
            raise ValueError(msg)
        of_row = np.arange(len(codes)) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        check_class_weight(self.class_weight)
        Cs = sorted(float(C) for C in self.Cs)
        if not Cs or not np.isfinite(Cs).all() or Cs[0] <= 0:
            msg = f"Cs must be at least one number above 0, got {self.Cs!r}"
            raise ValueError(msg)
        class_weight = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        with one_thread():
            self._choose(Axes(np.asarray(X, dtype=np.float32)), Cs, codes, of_row, class_weight)
        return self

    def _choose(
        self,
        axes: Axes,
        Cs: list[float],
        codes: NDArray[np.intp],
        groups: NDArray[np.intp],
        class_weight: NDArray[np.float64],
    ) -> None:
        weight = class_weight[codes]
        n_splits = min(int(self.cv), int(class_sizes(codes, groups)[0].min()))
        fold = stratified_folds(codes, groups, n_splits, self.random_state) if n_splits > 1 else None
        sets = [weight] if fold is None else [*(np.where(fold == f, 0.0, weight) for f in range(n_splits)), weight]
        path = SoftmaxPath(axes, codes, len(self.classes_), np.stack(sets, axis=1), max_iter=self.max_iter)
        self.path_: dict[float, float] = {}
        self.bounds_: tuple[str, ...] = ()
        self.temperature_, self.offset_ = 1.0, -np.log(np.maximum(class_weight, _LEAST)).astype(np.float32)
        if fold is None:
            self.C_ = Cs[len(Cs) // 2]
            path.solve(self.C_, tol=self.tol)
        else:
            logits = self._walk(path, Cs, fold, HeldOutLoss(codes, weight, groups))
            if self.calibrate:
                self._calibrate(path, logits, fold, HeldOutLoss(codes, np.ones(len(codes)), groups), class_weight)
        self.coef_, self.intercept_ = path.coefficients(path.n_sets - 1)
        self.n_iter_ = path.n_iter

    def _walk(
        self, path: SoftmaxPath, Cs: list[float], fold: NDArray[np.intp], loss: HeldOutLoss
    ) -> NDArray[np.float32]:
        """Follow C upwards until the held-out loss turns, solve at the bottom of the parabola, return its held-out logits."""
        best, kept = np.inf, (path.solution, np.empty(0, dtype=np.float32))

        def look(C: float, tol: float) -> None:
            nonlocal best, kept
            path.solve(C, tol=tol)
            logits = path.held_out(fold)
            self.path_[C] = loss(logits)
            if self.path_[C] < best or C == self.C_:
                best, self.C_, kept = self.path_[C], C, (path.solution, logits)

        step = Cs[-1] / Cs[-2] if len(Cs) > 1 else 1.0
        beyond = [step**k for k in range(1, 1 + _EXTENSIONS)] if step > 1 else []
        self.C_, all_right = Cs[0], False
        for C in [*Cs, *(Cs[-1] * far for far in beyond)]:
            if Cs[-1] < C and all_right:
                break
            before = best
            look(C, _COARSE * self.tol)
            all_right = bool((kept[1].argmax(axis=1) == path.codes).all())
            if C > self.C_ or (all_right and before - best < _GAIN):
                break
        for C in [Cs[0] / far for far in beyond]:
            if min(self.path_) != self.C_:
                break
            look(C, _COARSE * self.tol)
        path.solution = kept[0]
        look(_lowest_between(self.path_, self.C_), self.tol)
        path.solution, logits = kept
        if len(self.path_) > 1 and max(self.path_) == self.C_ and all_right:
            self.bounds_ = (say("C={C:g} is the largest that was tried: no held-out item was wrong", C=self.C_),)
        elif len(self.path_) > 1 and self.C_ in (min(self.path_), max(self.path_)):
            self.bounds_ = (say("C={C:g} is at the end of what was tried, and the loss still fell there", C=self.C_),)
        return logits

    def _calibrate(
        self,
        path: SoftmaxPath,
        logits: NDArray[np.float32],
        fold: NDArray[np.intp],
        loss: HeldOutLoss,
        class_weight: NDArray[np.float64],
    ) -> None:
        """Fit the temperature, with class weights also the offsets, on held-out logits."""
        if np.ptp(class_weight) > 0:
            self.temperature_, offset = loss.offsets(logits, class_weight)
            offset = loss.for_all_rows(path.logits, fold, self.temperature_, offset)
            self.offset_ = offset.astype(np.float32)
        else:
            self.temperature_ = loss.temperature(logits, fold)
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
        coef, logits = self.coef_.T.astype(np.float64), np.empty((len(rows), len(self.classes_)))
        with one_thread():
            for start in range(0, len(rows), _BLOCK):
                part = slice(start, start + _BLOCK)
                logits[part] = rows[part].astype(np.float64) @ coef + self.intercept_
        return np.asarray(logits / self.temperature_)

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
