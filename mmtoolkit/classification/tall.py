"""Rows of a large table for the default classifier: read block by block, neither copied nor rotated.

`Axes` rotates a copy of the rows, so that a factor for each number makes the curvature close to 1. With many more rows than
features it costs less to leave them where they are, and to turn the coefficients instead, by the Cholesky factor of
the curvature: the same variables but for a rotation, which L-BFGS does not see.
"""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dtrtri

from mmtoolkit._gram import centred_gram
from mmtoolkit.classification.gradients import Axes, CentredRows

__all__ = ["Tall", "centred_rows"]

_TALL = 2
_READ = 2**20  # numbers
_RIDGE = 1e-6


def centred_rows(X: NDArray[np.float32], index: NDArray[np.intp]) -> CentredRows:
    """Return the numbered rows of a table, as a path reads them."""
    return Tall(X, index) if len(index) >= _TALL * X.shape[1] else Axes(X[index])


class Tall:
    """Rows of a table, centred when they are read.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        The table.
    index : ndarray of shape (n_rows,), int
        Numbers of the rows.
    sample : ndarray of int or None, default=None
        Numbers of rows whose mean and spread stand for those of all: they say from where and in which variables to search,
        not what is found.
    """

    def __init__(self, X: NDArray[np.float32], index: NDArray[np.intp], sample: NDArray[np.intp] | None = None) -> None:
        some = index if sample is None else sample
        self.X, self.index = X, index
        self.shape, self.block = (len(index), X.shape[1]), max(1, _READ // X.shape[1])
        self.mean, gram = centred_gram(X, some, self.block)
        gram *= len(index) / len(some)
        self._curvature = _Curvature(gram)

    def only(self, some: NDArray[np.intp]) -> Tall:
        """Return some of the rows, with the mean and the spread of all."""
        part = copy.copy(self)
        part.index, part.shape = self.index[some], (len(some), self.shape[1])
        return part

    def read(self, part: slice | NDArray[np.intp]) -> NDArray[np.float32]:
        """Return some of the centred rows."""
        rows = self.X.take(self.index[part], axis=0)
        rows -= self.mean
        return rows

    def scaled(self, curvature: float, share: NDArray[np.float64], penalty: NDArray[np.float64]) -> _Turned:
        """Return variables in which the curvature is close to 1 in every direction."""
        turn, inverse = self._curvature.factors(curvature, float(penalty.mean()))
        return _Turned(turn, inverse, (1.0 / np.sqrt(curvature * self.shape[0] * share)).astype(np.float32))

    def outside(self, W: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return coefficients of the features as they come, and intercepts."""
        return W[:-1], W[-1] - self.mean.astype(np.float64) @ W[:-1]


class _Curvature:
    """A Gram matrix, and the Cholesky factor of the curvature that was asked for last."""

    def __init__(self, gram: NDArray[np.float64]) -> None:
        self._gram = gram
        self._last: tuple[tuple[float, float], NDArray[np.float32], NDArray[np.float32]] | None = None

    def factors(self, curvature: float, penalty: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the transposed factor, and its inverse."""
        if self._last is None or self._last[0] != (curvature, penalty):
            self._last = None  # its memory can be had
            H = curvature * self._gram
            at = np.arange(len(H))
            H[at, at] += penalty + _RIDGE * np.trace(H)  # products in float32 can leave it a little below zero
            turn = np.linalg.cholesky(H).T
            del H
            single = turn.astype(np.float32)
            self._last = ((curvature, penalty), single, dtrtri(turn, overwrite_c=True)[0].astype(np.float32))
        return self._last[1:]


class _Turned:
    """Coefficients are the inverse of the transposed factor times the variables; intercepts have a factor each."""

    def __init__(
        self, turn: NDArray[np.float32], inverse: NDArray[np.float32], intercepts: NDArray[np.float32]
    ) -> None:
        self.turn, self.inverse, self.intercepts = turn, inverse, intercepts

    def into(self, V: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return coefficients of variables."""
        return np.concatenate([self.inverse @ V[:-1], (V[-1] * self.intercepts)[None]])

    def out_of(self, W: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return variables of coefficients."""
        return np.concatenate([self.turn @ W[:-1], (W[-1] / self.intercepts)[None]])

    def back(self, gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the gradient by the variables of one by the coefficients."""
        return np.concatenate([self.inverse.T @ gradient[:-1], (gradient[-1] * self.intercepts)[None]])
