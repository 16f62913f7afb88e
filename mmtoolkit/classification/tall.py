"""Rows of a large table for the default classifier: read block by block, neither copied nor rotated.

`Axes` rotates a copy of the rows, so that a factor for each number makes the curvature close to 1. With many more rows than
features it costs less to leave them where they are, and to turn the coefficients instead, by the Cholesky factor of
the curvature: the same variables but for a rotation, which L-BFGS does not see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cholesky, solve_triangular

from mmtoolkit._gram import centred_gram
from mmtoolkit.classification.gradients import Axes, CentredRows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["centred_rows"]

_TALL = 2
_READ = 2**20  # numbers
_RIDGE = 1e-6


def centred_rows(X: NDArray[np.float32], index: NDArray[np.intp]) -> CentredRows:
    """Return the numbered rows of a table, as a path reads them."""
    return _Tall(X, index) if len(index) >= _TALL * X.shape[1] else Axes(X[index])


class _Tall:
    """Rows of a table, centred when they are read."""

    def __init__(self, X: NDArray[np.float32], index: NDArray[np.intp]) -> None:
        self.X, self.index = X, index
        self.mean, self.gram = centred_gram(X, index)
        self._factor: tuple[tuple[float, float], NDArray[np.float32], NDArray[np.float32]] | None = None
        self.shape, self.block = (len(index), X.shape[1]), max(1, _READ // X.shape[1])

    def read(self, part: slice | NDArray[np.intp]) -> NDArray[np.float32]:
        rows = self.X.take(self.index[part], axis=0)
        rows -= self.mean
        return rows

    def scaled(self, curvature: float, share: NDArray[np.float64], penalty: NDArray[np.float64]) -> _Turned:
        asked = (curvature, float(penalty.mean()))
        if self._factor is None or self._factor[0] != asked:
            H = curvature * self.gram
            at = np.arange(len(H))
            H[at, at] += asked[1] + _RIDGE * np.trace(H)  # products in float32 can leave it a little below zero
            L = cholesky(H, lower=True, overwrite_a=True, check_finite=False)
            inverse = solve_triangular(L, np.eye(len(L)), lower=True, check_finite=False)
            self._factor = (asked, L.T.astype(np.float32), inverse.T.astype(np.float32))
        return _Turned(*self._factor[1:], (1.0 / np.sqrt(curvature * self.shape[0] * share)).astype(np.float32))

    def outside(self, W: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return W[:-1], W[-1] - self.mean.astype(np.float64) @ W[:-1]


class _Turned:
    """Coefficients are the inverse of the transposed factor times the variables; intercepts have a factor each."""

    def __init__(
        self, turn: NDArray[np.float32], inverse: NDArray[np.float32], intercepts: NDArray[np.float32]
    ) -> None:
        self.turn, self.inverse, self.intercepts = turn, inverse, intercepts

    def into(self, V: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate([self.inverse @ V[:-1], (V[-1] * self.intercepts)[None]])

    def out_of(self, W: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate([self.turn @ W[:-1], (W[-1] / self.intercepts)[None]])

    def back(self, gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.concatenate([self.inverse.T @ gradient[:-1], (gradient[-1] * self.intercepts)[None]])
