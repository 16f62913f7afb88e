"""L-BFGS for many parameters at once: two matrix-vector products a step, in float32.

SciPy's L-BFGS-B spends more time on its own loops than the objective takes when there are tens of thousands of
parameters and a cheap objective. Here the last steps and gradient changes are the rows of one matrix, so that the
two-loop recursion needs that matrix twice a step and otherwise a small table of inner products.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["minimize"]

_MEMORY = 10
_ARMIJO = 1e-4
_HALVINGS = 12
_HOPELESS = 0.2  # times the tolerance: where a step promises less, float32 would only look for it in vain

Objective = Callable[["NDArray[np.float32]"], tuple[float, "NDArray[np.float32]"]]


def minimize(
    objective: Objective, start: NDArray[np.float32], *, max_iter: int, tol: float, least: float = 1.0
) -> tuple[NDArray[np.float32], int]:
    """Minimise a smooth convex function.

    Parameters
    ----------
    objective : callable
        Returns value and gradient, shape (n_parameters,), float32.
    start : ndarray of shape (n_parameters,), float32
        Where to start; scaled so that a step of length 1 along minus the gradient is about right.
    max_iter : int
        Largest number of steps.
    tol : float
        Relative decrease of the value below which it is done.
    least : float, default=1.0
        A smaller value counts as this one there.

    Returns
    -------
    solution : ndarray of shape (n_parameters,), float32
        Where it ended.
    n_evaluations : int
        How often the objective was computed.

    References
    ----------
    Liu and Nocedal (1989), On the limited memory BFGS method; Chen, Wang and Zhou (2014), Large-scale L-BFGS using
    MapReduce, for the recursion on inner products.
    """
    x = start
    value, gradient = objective(x)
    memory = _Memory(len(x))
    evaluations = 1
    for _ in range(max_iter):
        direction = memory.direction(gradient)
        slope = float(direction @ gradient)
        if -slope <= _HOPELESS * tol * max(abs(value), least):
            break
        step = 1.0
        for _ in range(_HALVINGS):
            there = x + np.float32(step) * direction
            ahead, gradient_there = objective(there)
            evaluations += 1
            if ahead <= value + _ARMIJO * step * slope:
                break
            step /= 2
        else:
            break  # float32 tells no difference any more
        memory.add(there - x, gradient_there - gradient)
        gain = (value - ahead) / max(abs(value), abs(ahead), least)
        x, value, gradient = there, ahead, gradient_there
        if gain <= tol and step == 1.0:  # a step that was cut says little about what is left
            break
    return x, evaluations


class _Memory:
    """The last steps (first half of the rows) and gradient changes (second half), with their inner products."""

    def __init__(self, n_parameters: int) -> None:
        self.rows = np.zeros((2 * _MEMORY, n_parameters), dtype=np.float32)
        self.inner = np.zeros((2 * _MEMORY, 2 * _MEMORY))
        self.kept: list[int] = []  # slots, the oldest first

    def add(self, step: NDArray[np.float32], change: NDArray[np.float32]) -> None:
        """Keep a step and its gradient change in place of the oldest; a step without positive curvature is not kept."""
        if float(step @ change) <= 0:
            return
        slot = self.kept.pop(0) if len(self.kept) == _MEMORY else len(self.kept)
        self.kept.append(slot)
        for at, row in ((slot, step), (_MEMORY + slot, change)):
            self.rows[at] = row
        for at in (slot, _MEMORY + slot):
            self.inner[at] = self.inner[:, at] = self.rows @ self.rows[at]

    def direction(self, gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return minus the estimate of the inverse Hessian times the gradient."""
        if not self.kept:
            return -gradient
        with_gradient = (self.rows @ gradient).astype(np.float64)
        weights = np.zeros(2 * _MEMORY)  # the direction: weights times the rows, plus `along` times the gradient
        alpha = np.zeros(_MEMORY)
        for i in reversed(self.kept):
            alpha[i] = (self.inner[i] @ weights + with_gradient[i]) / self.inner[i, _MEMORY + i]
            weights[_MEMORY + i] -= alpha[i]
        newest = self.kept[-1]
        along = self.inner[newest, _MEMORY + newest] / self.inner[_MEMORY + newest, _MEMORY + newest]
        weights *= along
        for i in self.kept:
            beta = self.inner[_MEMORY + i] @ weights + along * with_gradient[_MEMORY + i]
            weights[i] += alpha[i] - beta / self.inner[i, _MEMORY + i]
        return np.asarray(-(weights.astype(np.float32) @ self.rows + np.float32(along) * gradient))
