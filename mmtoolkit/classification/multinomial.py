"""Softmax regression in numpy alone, as Spark's workers need it: loss, gradient, and predictions of fitted coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Linear", "cross_entropy", "log_losses", "softmax"]

_BLOCK = 512


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Turn logits into probabilities along the last axis."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def cross_entropy(
    rows: NDArray[np.float32], own: NDArray[np.intp], weights: NDArray[np.float32], W: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]:
    """Return loss and gradient of several models on the same rows.

    Parameters
    ----------
    rows : ndarray of shape (n_items, n_features), float32
        Rows, few enough for float32 sums.
    own : ndarray of shape (n_items, n_sets), int
        Column of `W` that belongs to the row's own class, in every set.
    weights : ndarray of shape (n_items, n_sets), float32
        Weight of every row in every set.
    W : ndarray of shape (n_features + 1, n_sets * n_classes), float32
        Coefficients, the intercepts in the last row.

    Returns
    -------
    losses : ndarray of shape (n_sets,), float64
        Weighted cross-entropy of every set.
    slopes : ndarray of shape (n_features, n_sets * n_classes), float32
        Its gradient by the coefficients.
    intercepts : ndarray of shape (n_sets * n_classes,), float64
        That by the intercepts.
    """
    flat = rows @ W[:-1]
    flat += W[-1]
    Z = flat.reshape(len(rows), own.shape[1], -1)
    Z -= Z.max(axis=2, keepdims=True)
    at_own = np.take_along_axis(flat, own, axis=1)
    np.exp(Z, out=Z)
    total = Z.sum(axis=2)
    losses = np.einsum("ij,ij->j", weights, np.log(total) - at_own, dtype=np.float64)
    Z *= (weights / total)[:, :, None]
    np.put_along_axis(flat, own, np.take_along_axis(flat, own, axis=1) - weights, axis=1)
    slopes: NDArray[np.float32] = np.asarray(flat.T @ rows)  # this way round BLAS is faster
    return losses, slopes.T, flat.sum(axis=0, dtype=np.float64)


def log_losses(rows: NDArray[np.float32], own: NDArray[np.intp], W: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log-loss of every row in every set, (n_items, n_sets); arguments as `cross_entropy` takes them."""
    flat = rows @ W[:-1] + W[-1]
    Z = flat.reshape(len(rows), own.shape[1], -1)
    Z -= Z.max(axis=2, keepdims=True)
    at_own = np.take_along_axis(flat, own, axis=1)
    return np.asarray(np.log(np.exp(Z, out=Z).sum(axis=2)) - at_own)


@dataclass(frozen=True, eq=False)
class Linear:
    """A fitted logistic regression as plain arrays.

    Attributes
    ----------
    coef : ndarray of shape (n_classes, n_features), float32
        Coefficients.
    intercept : ndarray of shape (n_classes,), float32
        Intercepts.
    temperature : float
        What logits are divided by.
    offset : ndarray of shape (n_classes,), float32
        What is added to logits for probabilities.
    """

    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    temperature: float
    offset: NDArray[np.float32]

    def logits(self, X: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return calibrated logits, in double precision: a row alone gives the same as a row among others."""
        coef, logits = self.coef.T.astype(np.float64), np.empty((len(X), len(self.coef)))
        for start in range(0, len(X), _BLOCK):
            part = slice(start, start + _BLOCK)
            logits[part] = X[part].astype(np.float64) @ coef + self.intercept
        return np.asarray(logits / self.temperature)

    def decide(self, X: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the number of every row's class: that of the largest logit, and all probabilities."""
        logits = self.logits(X)
        proba = softmax(logits + self.offset)
        return (logits if self.offset.any() else proba).argmax(axis=1), proba
