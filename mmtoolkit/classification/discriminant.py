"""A classifier in closed form, a penalised linear discriminant, for what has to be fitted hundreds of times.

It stands for the real classifier where the question is how scores move from sample to sample; no score of a result is its
own. Like logistic regression it knows how frequent classes are, with and without class weights, and how sure it can be:
ridge regression with the largest value as the answer never names a class of one in a hundred, so that its scores do not
move as those of the real classifier do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mmtoolkit.classification.gradients import Axes
from mmtoolkit.classification.multinomial import softmax

__all__ = ["Discriminants", "components", "held_out"]

_MOST_COMPONENTS = 64
_PENALTIES = np.logspace(-2, 3, 11)
_NULL = 1e-9
_ABSENT, _TINY = 1e-12, float(np.finfo(np.float32).tiny)


def components(X: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return rows in their main axes, at most 64 of them: no class is looked at.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.

    Returns
    -------
    ndarray of shape (n_items, n_components), float64
        Centred; the axis of the largest spread first.
    """
    return np.asarray(Axes(X, most=_MOST_COMPONENTS).rows, dtype=np.float64)


def held_out(
    Z: NDArray[np.float64],
    codes: NDArray[np.intp],
    n_classes: int,
    fold: NDArray[np.intp],
    class_weight: Any = None,
    *,
    half: NDArray[np.bool_] | None = None,
    many: bool = False,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return every row's class and probabilities, by a discriminant of the rows of the other folds of its half.

    Parameters
    ----------
    Z : ndarray of shape (n_items, n_components)
        Rows, as `components` gives them.
    codes : ndarray of shape (n_items,), int
        Classes.
    n_classes : int
        Number of classes.
    fold : ndarray of shape (n_items,), int
        Folds.
    class_weight : None, "balanced" or mapping of codes to weights, default=None
        As in scikit-learn: predictions are of the weighted classes, probabilities of the classes as they come.
    half : ndarray of shape (n_items,), bool, or None, default=None
        Rows of one half train for its own rows alone; None is one half of all rows.
    many : bool, default=False
        As `Discriminants` takes it.

    Returns
    -------
    predicted : ndarray of shape (n_items,), int
        Classes.
    proba : ndarray of shape (n_items, n_classes)
        Probabilities.
    """
    side = np.zeros(len(codes), dtype=np.intp) if half is None else half.astype(np.intp)
    places, part = np.unique(2 * fold + side, return_inverse=True)
    train = (places % 2 == places[:, None] % 2) & ~np.eye(len(places), dtype=bool)
    fitted = Discriminants(Z, codes, n_classes, part, train, class_weight, many=many)
    predicted, proba = np.empty(len(codes), dtype=np.intp), np.empty((len(codes), n_classes))
    for number in range(len(places)):
        rows = np.flatnonzero(part == number)
        predicted[rows], proba[rows] = fitted.predict(number, Z[rows])
    return predicted, proba


class Discriminants:
    """Classes of one normal distribution each, all of the same shape, with a penalty on its directions; of several training sets.

    Parameters
    ----------
    Z, codes, n_classes, class_weight
        Rows, as `held_out` takes them.
    part : ndarray of shape (n_items,), int
        Part of every row, from 0: what training sets have in common is summed once per part.
    train : ndarray of shape (n_sets, n_parts), bool
        The parts of every training set.
    many : bool, default=False
        Whether rows are so many that the main axes of all rows can be taken for those of every training set where the penalty is
        chosen: that saves a factorisation per set.

    Notes
    -----
    The penalty is the one with which ridge regression on the classes has the least generalised cross-validation; the spread
    inside the classes is enlarged by how much more such a regression errs on new rows than on its own.

    References
    ----------
    Friedman (1989), Regularized discriminant analysis; Golub, Heath and Wahba (1979), Generalized cross-validation.
    """

    def __init__(
        self,
        Z: NDArray[np.float64],
        codes: NDArray[np.intp],
        n_classes: int,
        part: NDArray[np.intp],
        train: NDArray[np.bool_],
        class_weight: Any = None,
        *,
        many: bool = False,
    ) -> None:
        n_parts, d = train.shape[1], Z.shape[1]
        cell = part * n_classes + codes
        members = csr_array(
            (np.ones(len(codes)), (cell, np.arange(len(codes)))), shape=(n_parts * n_classes, len(codes))
        )
        of_cell = np.bincount(cell, minlength=n_parts * n_classes).reshape(n_parts, n_classes)
        counts = train.astype(np.float64) @ of_cell.astype(np.float64)
        n = np.maximum(counts.sum(axis=1), 1.0)[:, None]
        weight = _weights(counts, class_weight)
        mass = weight * counts
        sums = weight[:, :, None] * np.tensordot(
            train.astype(np.float64), (members @ Z).reshape(n_parts, n_classes, d), 1
        )
        self.mean = sums.sum(axis=1) / n
        scatter = _scatter(Z, codes, part, train, None if class_weight is None else weight)
        scatter -= n[:, :, None] * self.mean[:, :, None] * self.mean[:, None, :]
        sums = np.swapaxes(sums - mass[:, :, None] * self.mean[:, None, :], 1, 2)
        penalty = _penalties(scatter, sums, mass, n, many=many)[:, None]
        at = np.arange(d)
        scatter[:, at, at] += penalty
        explained = d - penalty[:, 0] * np.trace(np.linalg.inv(scatter), axis1=1, axis2=2)
        freedom = np.maximum(1.0 - (1.0 + explained[:, None]) / n, 1.0 / n)
        centers = sums / np.maximum(mass, _TINY)[:, None, :]
        scatter -= centers @ np.swapaxes(sums, 1, 2)
        self.coef = np.linalg.solve(scatter, centers) * (n * freedom**2)[:, :, None]
        prior = np.log(np.maximum(mass / n, _ABSENT))
        self.intercept = prior - (centers * self.coef).sum(axis=1) / 2.0
        self.offset = np.log(np.maximum(counts / n, _ABSENT)) - prior

    def predict(self, number: int, Z: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return classes and probabilities of rows, by the discriminant of one training set."""
        logits = (Z - self.mean[number]) @ self.coef[number] + self.intercept[number]
        return logits.argmax(axis=1), softmax(logits + self.offset[number])


def _weights(counts: NDArray[np.float64], class_weight: Any) -> NDArray[np.float64]:
    """Return class weights of every training set, (n_sets, n_classes), each with a mean of 1 over its rows."""
    if class_weight is None:
        return np.ones_like(counts)
    if class_weight == "balanced":
        of_class = 1.0 / np.maximum(counts, 1.0)
    else:
        of_class = np.broadcast_to([float(class_weight.get(k, 1.0)) for k in range(counts.shape[1])], counts.shape)
    total = (of_class * counts).sum(axis=1, keepdims=True)
    return np.where(total > 0, of_class * counts.sum(axis=1, keepdims=True) / np.maximum(total, _TINY), 1.0)


def _scatter(
    Z: NDArray[np.float64],
    codes: NDArray[np.intp],
    part: NDArray[np.intp],
    train: NDArray[np.bool_],
    weight: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return ``Z.T @ Z`` of every training set: the sum of its parts where no class has a weight."""
    if weight is None:
        parts = [Z[part == number] for number in range(train.shape[1])]
        return np.tensordot(train.astype(np.float64), np.stack([rows.T @ rows for rows in parts]), 1)
    found = []
    for of_class, inside in zip(weight, train[:, part], strict=True):
        rows = Z[inside]
        found.append((rows * of_class[codes[inside], None]).T @ rows)
    return np.stack(found)


def _penalties(
    scatter: NDArray[np.float64],
    sums: NDArray[np.float64],
    mass: NDArray[np.float64],
    n: NDArray[np.float64],
    *,
    many: bool,
) -> NDArray[np.float64]:
    """Return the penalty of every training set by generalised cross-validation of ridge regression, (n_sets,)."""
    if many:
        power, along = np.diagonal(scatter, axis1=1, axis2=2), sums
    else:
        power, V = np.linalg.eigh(scatter)
        along = np.swapaxes(V, 1, 2) @ sums
    kept = power > _NULL * np.maximum(power.max(axis=1, keepdims=True, initial=0.0), _TINY)
    power = np.where(kept, power, 0.0)
    mean_power = power.sum(axis=1, keepdims=True) / np.maximum(kept.sum(axis=1, keepdims=True), 1)
    penalties = np.maximum(mean_power, _TINY) * _PENALTIES  # (n_sets, n_penalties)
    shrink = power[:, None, :] / (power[:, None, :] + penalties[:, :, None])
    explained = (along**2).sum(axis=2) * kept / np.where(kept, power, 1.0)
    left = n - (mass**2).sum(axis=1, keepdims=True) / n - ((2 * shrink - shrink**2) @ explained[:, :, None])[:, :, 0]
    freedom = np.maximum(1.0 - (1.0 + shrink.sum(axis=2)) / n, 1.0 / n)
    return np.asarray(penalties[np.arange(len(penalties)), np.argmin(left / freedom**2, axis=1)])
