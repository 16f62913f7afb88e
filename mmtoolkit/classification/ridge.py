"""A classifier in closed form: ridge regression on the classes, for what has to be fitted hundreds of times.

It stands for the real classifier where the question is how scores move from sample to sample, and whether classes can be
told apart at all; no score of a result is its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.classification.gradients import Axes, softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["components", "held_out", "probabilities"]

_MOST_COMPONENTS = 64
_PENALTIES = np.logspace(-2, 3, 11)
_SHARPNESS = np.logspace(0, 2, 13)
_NULL = 1e-9


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
    return np.asarray(Axes(X).rows[:, :_MOST_COMPONENTS], dtype=np.float64)


def held_out(
    Z: NDArray[np.float64], codes: NDArray[np.intp], n_classes: int, fold: NDArray[np.intp], class_weight: Any = None
) -> NDArray[np.float64]:
    """Return every row's score of every class, by ridge regression on the rows of the other folds.

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
        As in scikit-learn.

    Returns
    -------
    ndarray of shape (n_items, n_classes)
        Scores; the largest is the class predicted.
    """
    scores = np.zeros((len(codes), n_classes))
    for f in np.unique(fold):
        out = fold == f
        if out.all():
            continue  # nothing to train on: equal scores
        mean, coef, intercept = _fit(Z[~out], codes[~out], n_classes, class_weight)
        scores[out] = (Z[out] - mean) @ coef + intercept
    return scores


def _weights(codes: NDArray[np.intp], class_weight: Any) -> NDArray[np.float64]:
    """Return row weights with a mean of 1."""
    w = np.ones(len(codes))
    if class_weight == "balanced":
        w = 1.0 / np.bincount(codes)[codes]
    elif class_weight is not None:
        w = np.array([class_weight.get(k, 1.0) for k in range(int(codes.max()) + 1)], dtype=np.float64)[codes]
    return w * (len(w) / w.sum()) if w.sum() > 0 else np.ones(len(codes))


def _fit(
    Z: NDArray[np.float64], codes: NDArray[np.intp], n_classes: int, class_weight: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return means, coefficients and intercepts; the penalty is chosen by generalised cross-validation."""
    w = _weights(codes, class_weight)
    Y = np.zeros((len(codes), n_classes))
    Y[np.arange(len(codes)), codes] = 1.0
    mean, share = w @ Z / len(w), w @ Y / len(w)
    root = np.sqrt(w)[:, None]
    A, Y = (Z - mean) * root, (Y - share) * root
    power, V = np.linalg.eigh(A.T @ A)
    kept = power > _NULL * max(power.max(initial=0.0), np.finfo(np.float32).tiny)
    power, V = power[kept], V[:, kept]
    if not len(power):
        return mean, np.zeros((Z.shape[1], n_classes)), share
    B = V.T @ (A.T @ Y)
    shrink = power / (power + power.mean() * _PENALTIES[:, None])
    explained = (B**2).sum(axis=1) / power
    left = (Y**2).sum() - (2 * shrink - shrink**2) @ explained
    freedom = np.maximum(1.0 - (1.0 + shrink.sum(axis=1)) / len(codes), 1.0 / len(codes))
    best = shrink[np.argmin(left / freedom**2)]
    return mean, V @ (B * (best / power)[:, None]), share


def probabilities(scores: NDArray[np.float64], codes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Turn held-out scores into probabilities, by the sharpness that the classes of these rows speak for.

    Parameters
    ----------
    scores : ndarray of shape (n_items, n_classes)
        As `held_out` gives them.
    codes : ndarray of shape (n_items,), int
        Classes.

    Returns
    -------
    ndarray of shape (n_items, n_classes)
        Rows sum to 1.
    """
    rows = np.arange(len(codes))
    tried = [softmax(scores * sharpness) for sharpness in _SHARPNESS]
    losses = [-np.log(np.maximum(p[rows, codes], np.finfo(np.float64).eps)).mean() for p in tried]
    return tried[int(np.argmin(losses))]
