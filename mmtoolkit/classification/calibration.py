"""From held-out logits to probabilities that are no surer than the data allow.

Where no held-out row is wrong, the log-loss falls without end as logits grow. So every row counts as its own class but
for a small share, which goes to all classes: half a row in all, as in Jeffreys' prior for a proportion (Platt 1999 does
the same with one row per class).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.classification.multinomial import softmax

__all__ = ["COLDEST", "HOTTEST", "HeldOutLoss"]

COLDEST, HOTTEST = 0.5, 20.0
_PSEUDO_ROWS = 1.0
_SPREAD = 1.0


class HeldOutLoss:
    """The log-loss of held-out logits against smoothed targets, and what it says about temperature and offsets.

    Parameters
    ----------
    codes : ndarray of shape (n_items,), int
        True classes, 0 to n_classes - 1.
    weights : ndarray of shape (n_items,)
        Row weights.
    groups : ndarray of shape (n_items,), int
        Groups of rows that belong together; the smoothing counts groups, not rows.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines, on smoothed targets; Guo et al. (2017), On
    calibration of modern neural networks, on the temperature.
    """

    def __init__(self, codes: NDArray[np.intp], weights: NDArray[np.floating], groups: NDArray[np.intp]) -> None:
        self.codes, self.weights = codes, np.asarray(weights, dtype=np.float64)
        n = len(np.unique(groups))
        self.smoothing = _PSEUDO_ROWS / (n + _PSEUDO_ROWS)
        mass = np.bincount(codes, weights=self.weights)
        self.shares = mass / mass.sum()

    def each(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the loss of every row, shape (n_items,)."""
        Z = np.asarray(logits, dtype=np.float64)
        top = Z.max(axis=1)
        total = np.log(np.exp(Z - top[:, None]).sum(axis=1)) + top
        own = Z[np.arange(len(Z)), self.codes]
        return np.asarray(total - (1.0 - self.smoothing) * own - self.smoothing * (Z @ self.shares))

    def __call__(self, logits: NDArray[np.floating]) -> float:
        """Return the weighted mean loss."""
        return float(np.average(self.each(logits), weights=self.weights))

    def least(self) -> float:
        """Return the smallest loss that any logits could have: the entropy of the targets."""
        own = 1.0 - self.smoothing + self.smoothing * self.shares
        other = self.smoothing * np.where(self.shares > 0, self.shares, 1.0)
        entropy = -self.smoothing * (self.shares * np.log(other)).sum() + self.smoothing * self.shares * np.log(other)
        entropy -= own * np.log(own)
        return float(np.average(entropy[self.codes], weights=self.weights))

    def temperature(self, logits: NDArray[np.floating], fold: NDArray[np.intp]) -> float:
        """Return what to divide logits by, 1 where that does not help.

        Parameters
        ----------
        logits : ndarray of shape (n_items, n_classes)
            Held-out logits.
        fold : ndarray of shape (n_items,), int
            Folds that held the rows out: the temperature of the other folds must lower the loss of every fold's rows,
            on average.

        Returns
        -------
        float
            From 0.5 (the floor) to 20; above 1 the model was too sure of itself.
        """
        Z = np.asarray(logits, dtype=np.float64)
        before, after = self.each(Z), np.empty(len(Z))
        for f in np.unique(fold):
            own = fold == f
            after[own] = self.each(Z / self.lowest(Z, ~own))[own]
        if np.average(after - before, weights=self.weights) >= 0:
            return 1.0
        return self.lowest(Z)

    def lowest(self, logits: NDArray[np.floating], rows: NDArray[np.bool_] | None = None) -> float:
        """Return the temperature, from 0.5 to 20, of the lowest loss over some or all rows."""
        from scipy.optimize import minimize_scalar

        Z = np.asarray(logits, dtype=np.float64)
        rows = np.ones(len(Z), dtype=bool) if rows is None else rows
        Z, weights, codes = Z[rows], self.weights[rows] / self.weights[rows].sum(), self.codes[rows]
        top = Z.max(axis=1, keepdims=True)
        own = Z[np.arange(len(Z)), codes]
        below = Z - top  # what does not depend on the temperature is computed once
        gap = weights @ (top[:, 0] - (1.0 - self.smoothing) * own - self.smoothing * (Z @ self.shares))
        found = minimize_scalar(
            lambda t: weights @ np.log(np.exp(below / np.exp(t)).sum(axis=1)) + gap / np.exp(t),
            bounds=(np.log(COLDEST), np.log(HOTTEST)),
            method="bounded",
            options={"xatol": 1e-4},
        )
        return float(np.exp(found.x))

    def offsets(
        self, logits: NDArray[np.floating], class_weight: NDArray[np.floating]
    ) -> tuple[float, NDArray[np.float64]]:
        """Return temperature and offsets that turn logits of weighted classes into those of the population.

        Weights that are right move every logit by their logarithm; of a flexible model they do not quite, so that the
        offsets are fitted with the temperature, around minus that logarithm.

        Parameters
        ----------
        logits : ndarray of shape (n_items, n_classes)
            Held-out logits of a model that was fitted with class weights.
        class_weight : ndarray of shape (n_classes,)
            Those weights.

        Returns
        -------
        temperature : float
            From 0.5 to 20.
        offsets : ndarray of shape (n_classes,)
            Probabilities are ``softmax(logits / temperature + offsets)``.
        """
        from scipy.optimize import minimize

        Z, n = np.asarray(logits, dtype=np.float64), len(logits)
        counts = np.bincount(self.codes)
        known = class_weight > 0
        start = np.where(known, -np.log(np.where(known, class_weight, 1.0)), 0.0)
        start -= start.mean()
        targets = (1.0 - self.smoothing) * np.eye(len(counts))[self.codes] + self.smoothing * counts / n

        def loss(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            scale, moved = np.exp(-x[0]), x[1:] - start
            Q = Z * scale + x[1:]
            Q -= Q.max(axis=1, keepdims=True)
            P = np.exp(Q)
            total = P.sum(axis=1, keepdims=True)
            G = P / total - targets
            value = float((np.log(total[:, 0]) - (targets * Q).sum(axis=1)).sum() + moved @ moved / (2 * _SPREAD**2))
            return value, np.concatenate([[-(G * Z).sum() * scale], G.sum(axis=0) + moved / _SPREAD**2])

        bounds = [(np.log(COLDEST), np.log(HOTTEST)), *[(None, None)] * len(counts)]
        found = minimize(loss, np.concatenate([[0.0], start]), jac=True, method="L-BFGS-B", bounds=bounds)
        return float(np.exp(found.x[0])), np.asarray(found.x[1:])

    def for_all_rows(
        self,
        logits_of: Callable[[int], NDArray[np.floating]],
        fold: NDArray[np.intp],
        temperature: float,
        offsets: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return offsets for the model of all rows, whose mean probabilities on new rows are the shares of the classes.

        That model is surer than those of the folds, on which temperature and offsets were fitted, and nothing is held out from
        it. But how much more of a class a model says of new rows than of its own is known from the folds; it goes with one over
        the number of rows.

        Parameters
        ----------
        logits_of : callable
            From the number of a fold to the logits, (n_items, n_classes), of the model that did not see it; after the last fold, of
            the model of all rows.
        fold : ndarray of shape (n_items,), int
            Folds.
        temperature, offsets
            As `offsets` gives them.

        Returns
        -------
        ndarray of shape (n_classes,)
            The new offsets.
        """
        from scipy.optimize import minimize

        n_splits, counts = int(fold.max()) + 1, np.bincount(self.codes)
        new, own = np.zeros((2, len(counts)))
        for f in range(n_splits):
            P = softmax(logits_of(f) / temperature + offsets)
            new += P[fold == f].sum(axis=0)
            own += P[fold != f].sum(axis=0) / (n_splits - 1)
        wanted = counts * (own / new) ** (1.0 - 1.0 / n_splits)
        wanted *= len(fold) / wanted.sum()
        Z = np.asarray(logits_of(n_splits), dtype=np.float64) / temperature

        def loss(x: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            moved, Q = x - offsets, Z + x
            top = Q.max(axis=1, keepdims=True)
            total = np.exp(Q - top).sum(axis=1, keepdims=True)
            value = float((np.log(total) + top).sum() - wanted @ x + moved @ moved / (2 * _SPREAD**2))
            return value, (np.exp(Q - top) / total).sum(axis=0) - wanted + moved / _SPREAD**2

        return np.asarray(minimize(loss, offsets, jac=True, method="L-BFGS-B").x)
