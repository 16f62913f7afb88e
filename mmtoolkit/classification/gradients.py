"""Multinomial logistic regression on several training sets at once: the numerical core of the default classifier.

All cross-validation folds share one matrix and differ only in which rows count. So the folds are solved side by side:
one wide matrix product per step instead of one thin one per fold, and held-out logits come for free. Before that the
features are centred and rotated to the axes of their Gram matrix, where the Hessian is close to diagonal; scaled by
that diagonal, L-BFGS needs a fraction of the steps. Neither changes the optimum: the intercept is not penalised, and
the penalty does not change under rotation.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigh

from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._gram import centred_gram, rotated
from mmtoolkit.classification.lbfgs import minimize
from mmtoolkit.classification.multinomial import cross_entropy, log_losses

__all__ = ["Axes", "CentredRows", "Scaling", "SoftmaxPath"]

_RANK_TOL = 1e-6
_CACHED = 2**19
_LEAST_ROWS = 512
_SOME_ROWS = 500
_LENGTHS: tuple[float, ...] = tuple(2.0 ** (halves / 2) for halves in range(-12, 8))


class Axes:
    """Centred rows in the axes of their Gram matrix.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows.
    most : int or None, default=None
        At most so many axes, those of the largest spread.

    Attributes
    ----------
    mean : ndarray of shape (n_features,), float32
        What was subtracted.
    basis : ndarray of shape (n_features, rank), float32
        Orthonormal columns; without `most` they span all rows.
    rows : ndarray of shape (n_items, rank), float32
        The rows in these axes.
    power : ndarray of shape (rank,), float64
        Sum of squares per axis.
    """

    def __init__(self, X: NDArray[np.float32], *, most: int | None = None) -> None:
        wide = X.shape[1] > len(X)
        if wide:
            self.mean = X.mean(axis=0, dtype=np.float64).astype(np.float32)
            centred = X - self.mean
            gram = (centred @ centred.T).astype(np.float64)
        else:
            self.mean, gram = centred_gram(X)
        if most is None or most >= len(gram):
            power, vectors = np.linalg.eigh(gram)
        else:
            power, vectors = eigh(gram, subset_by_index=[len(gram) - most, len(gram) - 1])
        keep = power > _RANK_TOL * max(power[-1], np.finfo(np.float32).tiny)
        self.power = power[keep][::-1]
        vectors = vectors[:, keep][:, ::-1]
        if wide:
            root = np.sqrt(self.power)
            self.basis = ((centred.T @ vectors.astype(np.float32)) / root).astype(np.float32)
            self.rows = (vectors * root).astype(np.float32)
        else:
            self.basis = np.ascontiguousarray(vectors, dtype=np.float32)
            self.rows = rotated(X, self.basis, self.mean)
        self.shape, self.block = self.rows.shape, len(self.rows)

    def read(self, part: slice | NDArray[np.intp]) -> NDArray[np.float32]:
        """Return some of the rows."""
        return np.asarray(self.rows[part])

    def scaled(self, curvature: float, share: NDArray[np.float64], penalty: NDArray[np.float64]) -> Scaling:
        """Return variables in which the curvature is close to 1 in every direction: a factor for each number.

        Parameters
        ----------
        curvature : float
            Of the loss of one row.
        share, penalty : ndarrays of shape (n_columns,)
            How much of all rows counts in every column, and the penalty there.
        """
        scale = np.empty((self.shape[1] + 1, len(share)), dtype=np.float32)
        scale[:-1] = 1.0 / np.sqrt(curvature * self.power[:, None] * share + penalty)
        scale[-1] = 1.0 / np.sqrt(curvature * len(self.rows) * share)
        return _Factors(scale)

    def outside(self, W: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return coefficients (n_features, n_columns) of the features as they come, and intercepts."""
        coef = self.basis.astype(np.float64) @ W[:-1]
        return coef, W[-1] - self.mean.astype(np.float64) @ coef


class Scaling(Protocol):
    """A linear change of variables, and its use on gradients."""

    def into(self, V: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return coefficients of variables."""

    def out_of(self, W: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return variables of coefficients."""

    def back(self, gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the gradient by the variables of one by the coefficients, which may be overwritten."""


class CentredRows(Protocol):
    """Centred rows, as a path reads them: at most `block` of them at once."""

    shape: tuple[int, int]
    block: int

    def read(self, part: slice | NDArray[np.intp]) -> NDArray[np.float32]:
        """Return some of the rows."""

    def scaled(self, curvature: float, share: NDArray[np.float64], penalty: NDArray[np.float64]) -> Scaling:
        """Return variables in which the curvature is close to 1 in every direction."""

    def outside(self, W: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return coefficients of the features as they come, and intercepts."""


class _Factors:
    """A scaling with one factor for each coefficient."""

    def __init__(self, scale: NDArray[np.float32]) -> None:
        self.scale = scale

    def into(self, V: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return coefficients of variables."""
        return V * self.scale

    def out_of(self, W: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return variables of coefficients."""
        return np.asarray(W / self.scale, dtype=np.float32)

    def back(self, gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the gradient by the variables, in place of that by the coefficients."""
        gradient *= self.scale
        return gradient


class SoftmaxPath:
    """Coefficients of several training sets along a path of C, each start being the solution before.

    Parameters
    ----------
    axes : CentredRows
        All rows: `Axes`, or another way to read them.
    codes : ndarray of shape (n_items,), int
        Class of every row, 0 to n_classes - 1.
    n_classes : int
        Number of classes.
    weights : ndarray of shape (n_items, n_sets), float
        Weight of every row in every training set; 0 leaves it out.
    max_iter : int
        Largest number of L-BFGS steps per C.
    """

    def __init__(
        self,
        axes: CentredRows,
        codes: NDArray[np.intp],
        n_classes: int,
        weights: NDArray[np.floating],
        *,
        max_iter: int = 200,
    ) -> None:
        self.axes, self.codes, self.n_classes = axes, codes, n_classes
        self.weights = np.asarray(weights, dtype=np.float32)
        self.max_iter = max_iter
        self.n_sets = self.weights.shape[1]
        self._shape = (axes.shape[1] + 1, self.n_sets * n_classes)
        self._total = self.weights.sum(axis=0, dtype=np.float64)
        self._own = codes[:, None] + np.arange(self.n_sets) * n_classes
        self._counting = np.flatnonzero(self.weights.any(axis=1))
        self.solution = np.zeros(self._shape, dtype=np.float32)
        for k in range(n_classes):
            share = self.weights[codes == k].sum(axis=0, dtype=np.float64) / self._total
            self.solution[-1, k::n_classes] = np.log(np.maximum(share, 1e-6))
        self.n_iter = 0

    def held_out(self, fold: NDArray[np.intp]) -> NDArray[np.float32]:
        """Return each row's logits from the set that its fold names, (n_items, n_classes); zeros where it is -1."""
        Z = np.zeros((len(fold), self.n_classes), dtype=np.float32)
        for f in range(int(fold.max()) + 1):
            own = np.flatnonzero(fold == f)
            Z[own] = self.logits(f, own)
        return Z

    def logits(self, which: int, rows: NDArray[np.intp] | None = None) -> NDArray[np.float32]:
        """Return the logits of some or all rows by the model of one set, (n_rows, n_classes)."""
        W = self.solution[:, which * self.n_classes : (which + 1) * self.n_classes]
        rows = np.arange(len(self.codes)) if rows is None else rows
        parts = [self.axes.read(rows[part]) @ W[:-1] + W[-1] for part in blocks(len(rows), self.axes.block)]
        return np.concatenate(parts)

    def _loss(self, W: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
        """Return the weighted cross-entropy of all sets and its gradient."""
        loss, gradient = 0.0, np.zeros(self._shape, dtype=np.float32)
        size = min(self.axes.block, max(_LEAST_ROWS, _CACHED // self._shape[1]))
        parts: list[Any] = blocks(len(self._counting), size)
        if len(self._counting) < len(self.codes):
            parts = [self._counting[part] for part in parts]
        for more, slopes, intercepts in in_order(lambda part: self._part(part, W), parts):
            loss += float(more.sum())
            gradient[:-1] += slopes
            gradient[-1] += intercepts
        return loss, gradient

    def _part(
        self, part: slice | NDArray[np.intp], W: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64]]:
        return cross_entropy(self.axes.read(part), self._own[part], self.weights[part], W)

    def _reach(self, W: NDArray[np.float32], penalty: NDArray[np.float64]) -> float:
        """Return which part, or multiple, of a step brings the loss of some rows down most."""
        some = self._counting[:: max(1, len(self._counting) // _SOME_ROWS)]
        rows, own, weights = self.axes.read(some), self._own[some], self.weights[some]
        weights *= self._total / np.maximum(weights.sum(axis=0, dtype=np.float64), 1.0)
        pull = float(np.einsum("ij,ij->j", W[:-1], W[:-1], dtype=np.float64) @ penalty) / 2.0

        def loss(length: float) -> float:
            each = log_losses(rows, own, self.solution + np.float32(length) * W)
            return float((weights * each).sum(dtype=np.float64)) + pull * length**2

        return min(_LENGTHS, key=loss)

    def gradient(self) -> NDArray[np.float32]:
        """Return the gradient of the cross-entropy, without the penalty, at the solution."""
        return self._loss(self.solution)[1]

    def solve(
        self, C: ArrayLike, *, tol: float = 1e-6, tilt: NDArray[np.float32] | None = None, far: bool = False
    ) -> NDArray[np.float32]:
        """Minimise cross-entropy + ||coef||^2 / (2 C) in every set, from where the last C ended.

        Parameters
        ----------
        C : float, or array of shape (n_sets,)
            Inverse strength of the penalty.
        tol : float, default=1e-6
            Relative decrease of the objective at which it is done; an objective of less than 1 a row counts as that.
        tilt : ndarray of shape (rank + 1, n_sets * n_classes), float32, or None, default=None
            A gradient that is added everywhere: what other rows than these would add.
        far : bool, default=False
            Take of the first step, where nothing is known yet, the length that is best: for classes that may lie apart.

        Returns
        -------
        ndarray of shape (rank + 1, n_sets * n_classes), float32
            Coefficients in the axes, the intercepts in the last row.
        """
        curvature = (1.0 - 1.0 / self.n_classes) / self.n_classes
        share = np.repeat(self._total / len(self.codes), self.n_classes)
        penalty = np.repeat(1.0 / np.broadcast_to(np.asarray(C, dtype=np.float64), self.n_sets), self.n_classes)
        scaling, pull = self.axes.scaled(curvature, share, penalty), penalty.astype(np.float32)

        def objective(flat: NDArray[np.float32]) -> tuple[float, NDArray[np.float32]]:
            W = scaling.into(flat.reshape(self._shape))
            loss, gradient = self._loss(W)
            loss += float(np.einsum("ij,ij->j", W[:-1], W[:-1], dtype=np.float64) @ penalty) / 2.0
            gradient[:-1] += W[:-1] * pull
            if tilt is not None:
                loss += float(np.einsum("ij,ij->", W, tilt, dtype=np.float64))
                gradient += tilt
            return loss, scaling.back(gradient).ravel()

        start = scaling.out_of(self.solution).ravel()
        if far and not self.solution[:-1].any():
            step = -objective(start)[1]
            start = start + np.float32(self._reach(scaling.into(step.reshape(self._shape)), penalty)) * step
        found, evaluations = minimize(objective, start, max_iter=self.max_iter, tol=tol, least=float(self._total.sum()))
        self.n_iter += evaluations
        self.solution = scaling.into(found.reshape(self._shape))
        return self.solution

    def coefficients(self, which: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return one set's coefficients in the original features.

        Parameters
        ----------
        which : int
            Number of the training set.

        Returns
        -------
        coef : ndarray of shape (n_classes, n_features), float32
            Coefficients.
        intercept : ndarray of shape (n_classes,), float32
            Intercepts.
        """
        W = self.solution.astype(np.float64)[:, which * self.n_classes : (which + 1) * self.n_classes]
        coef, intercept = self.axes.outside(W)
        return coef.T.astype(np.float32), intercept.astype(np.float32)
