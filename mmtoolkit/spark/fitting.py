"""Logistic regressions on Spark: all folds and penalties side by side, from the optimum of a sample in a few exact passes.

The sample lies on the driver. A pass over all rows gives loss and gradient there; then the driver minimises the loss of
the sample, tilted so that its gradient is that of all rows, and the next pass looks at what it found. Since a sample of
100,000 rows curves nearly as all rows do, every pass leaves a small part of the distance to their optimum.

References: Jordan, Lee and Yang (2019), Communication-efficient distributed statistical inference; Shamir, Srebro and
Zhang (2014), Communication-efficient distributed optimization using an approximate Newton-type method.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._blocks import blocks
from mmtoolkit.classification.gradients import Axes, SoftmaxPath
from mmtoolkit.classification.multinomial import cross_entropy, log_losses
from mmtoolkit.spark.dealing import Dealt, dealt

if TYPE_CHECKING:
    from mmtoolkit.spark.passes import Rows

__all__ = ["Fits", "fit_sets"]

_CELLS = 2**21  # logits at a time
_GAIN = 1e-4  # relative change of the loss in a pass below which it was the last
_TOL = 1e-5


@dataclass(frozen=True, eq=False)
class Fits:
    """The models of all sets.

    Attributes
    ----------
    coef : ndarray of shape (n_sets, n_classes, n_features), float32
        Coefficients.
    intercept : ndarray of shape (n_sets, n_classes), float32
        Intercepts.
    C : ndarray of shape (n_sets,)
        The chosen inverse penalties.
    path : list of dict
        Held-out log-loss of every C that was tried, per set.
    n_passes : int
        Passes over all rows.
    """

    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    C: NDArray[np.float64]
    path: list[dict[float, float]]
    n_passes: int


@dataclass(frozen=True, eq=False)
class _Exact:
    """Passes over all rows."""

    rows: Rows
    n_classes: int
    cv: int
    random_state: int

    def look(
        self, W: NDArray[np.float32], *, choosing: bool
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return loss and gradient (slopes, intercepts) of every model in `W`, and while C is chosen the held-out loss."""
        n_models = W.shape[1] // self.n_classes
        n_classes, cv, random_state = self.n_classes, self.cv, self.random_state
        size = max(1, _CELLS // W.shape[1])

        def part(batch: Any, X: NDArray[np.float32]) -> Sequence[Any]:
            found = dealt(batch, X, cv, random_state)
            weights = found.weights(cv, choosing=choosing)
            held = np.flatnonzero(found.inner == 0) if choosing else np.empty(0, dtype=np.intp)
            left_out = (found.fold[held, None] != np.arange(cv + 1)).astype(np.float32)
            own = found.codes[:, None] + np.arange(n_models) * n_classes
            times = n_models // (cv + 1)
            total = [np.zeros(shape) for shape in shapes]
            trains = np.flatnonzero(found.inner != 0) if choosing else np.arange(len(found.codes))
            for some in (trains[block] for block in blocks(len(trains), size)):
                made = cross_entropy(found.X[some], own[some], np.tile(weights[some], times), W)
                for held_sum, more in zip(total, made, strict=False):
                    held_sum += more
            for block in blocks(len(held), size):
                losses = log_losses(found.X[held[block]], own[held[block]], W)
                total[3] += np.einsum("ij,ij->j", losses, np.tile(left_out[block], times), dtype=np.float64)
            return total

        shapes = [(n_models,), (len(W) - 1, W.shape[1]), (W.shape[1],), (n_models,)]
        losses, slopes, intercepts, held_out = self.rows.sums(part, shapes)
        return losses, slopes, intercepts, held_out


def fit_sets(
    rows: Rows,
    sample: Dealt,
    counts: NDArray[np.int64],
    n_classes: int,
    Cs: Sequence[float],
    *,
    cv: int,
    max_iter: int,
    random_state: int,
) -> Fits:
    """Fit one model per fold and one of all rows, each with a C chosen on held-out rows of its own training rows.

    Parameters
    ----------
    rows : Rows
        All rows, with what `dealt` wants.
    sample : Dealt
        Those on the driver.
    counts : ndarray of shape (cv, 5), int64
        Rows with a class per fold and inner fold.
    n_classes : int
        Number of classes.
    Cs : sequence of float
        Inverse penalties to choose from.
    cv, random_state
        As `dealt` takes them.
    max_iter : int
        Largest number of passes for the final models; two more choose C.

    Returns
    -------
    Fits
        The models.
    """
    axes, exact = Axes(sample.X), _Exact(rows, n_classes, cv, random_state)
    n_sets = cv + 1
    path: list[dict[float, float]] = [{} for _ in range(n_sets)]
    chosen, start, n_passes = np.full(n_sets, float(Cs[0])), None, 0
    if len(Cs) > 1:
        inside = _Sets(axes, sample, cv, n_classes, _totals(counts[:, 1:].sum(axis=1)), choosing=True)
        solved = [inside.solve(np.full(n_sets, C)) for C in sorted(Cs)]
        _, slopes, intercepts, _ = exact.look(np.concatenate(list(map(inside.outside, solved)), axis=1), choosing=True)
        width = n_sets * n_classes
        better = []
        for at, C in enumerate(sorted(Cs)):
            columns = slice(at * width, (at + 1) * width)
            C_all = np.full(n_sets, C)
            slope = inside.inside(slopes[:, columns], intercepts[columns]) + inside.pull(solved[at], C_all)
            better.append(inside.tilted(C_all, solved[at], slope))
        W = np.concatenate(list(map(inside.outside, better)), axis=1)
        held_out = exact.look(W, choosing=True)[3].reshape(len(Cs), n_sets)
        n_held = np.maximum(_totals(counts[:, 0]), 1)
        path = [dict(zip(sorted(Cs), (held_out[:, s] / n_held[s]).tolist(), strict=True)) for s in range(n_sets)]
        best = held_out.argmin(axis=0)
        chosen, n_passes = np.sort(np.asarray(Cs, dtype=np.float64))[best], 2
        start = np.concatenate([better[best[s]][:, s * n_classes : (s + 1) * n_classes] for s in range(n_sets)], axis=1)
    final = _Sets(axes, sample, cv, n_classes, _totals(counts.sum(axis=1)), choosing=False)
    solution, used = _converged(exact, final, chosen, start, max_iter)
    W = final.outside(solution).reshape(-1, n_sets, n_classes)
    coef, intercept = np.ascontiguousarray(W[:-1].transpose(1, 2, 0)), np.ascontiguousarray(W[-1])
    return Fits(coef, intercept, chosen, path, n_passes + used)


def _totals(per_fold: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the training rows of every set: all but a fold's, and all."""
    return np.append(per_fold.sum() - per_fold, per_fold.sum()).astype(np.float64)


class _Sets:
    """The part of the problem that is solved on the sample, on the driver."""

    def __init__(
        self, axes: Axes, sample: Dealt, cv: int, n_classes: int, totals: NDArray[np.float64], *, choosing: bool
    ) -> None:
        weights = sample.weights(cv, choosing=choosing)
        self.axes, self.path = axes, SoftmaxPath(axes, sample.codes, n_classes, weights)
        self.share = np.maximum(weights.sum(axis=0, dtype=np.float64), 1.0) / np.maximum(totals, 1.0)
        self.n_classes = n_classes

    def solve(self, C: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the sample's optimum for the C of all rows, from where the last one ended."""
        return self.path.solve(C / self.share, tol=_TOL).copy()

    def tilted(
        self, C: NDArray[np.float64], start: NDArray[np.float32], gradient: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return the sample's optimum when its objective has this gradient at `start`, where all rows have it."""
        self.path.solution = start
        tilt = self.per_column(self.share) * (gradient - self.pull(start, C)) - self.path.gradient()
        return self.path.solve(C / self.share, tol=_TOL, tilt=tilt.astype(np.float32)).copy()

    def pull(self, solution: NDArray[np.float32], C: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient of the penalty."""
        pull = solution / self.per_column(C)
        pull[-1] = 0.0
        return np.asarray(pull)

    def per_column(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return a number per set as one per column."""
        return np.repeat(values, self.n_classes)

    def dot(self, A: NDArray[Any], B: NDArray[Any]) -> NDArray[np.float64]:
        """Return the inner product of every set."""
        per_column = np.einsum("ij,ij->j", A, B, dtype=np.float64)
        return np.asarray(per_column.reshape(-1, self.n_classes).sum(axis=1))

    def outside(self, solution: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return coefficients of the features as they come, the intercepts in the last row."""
        axes = self.axes
        coef = axes.basis @ solution[:-1]
        return np.concatenate([coef, (solution[-1] - axes.mean @ coef)[None]])

    def inside(self, slopes: NDArray[np.float64], intercepts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a gradient by the features as they come as one by the axes."""
        axes = self.axes
        turned = axes.basis.T.astype(np.float64) @ (slopes - np.outer(axes.mean, intercepts))
        return np.concatenate([turned, intercepts[None]])


def _converged(
    exact: _Exact, sets: _Sets, C: NDArray[np.float64], start: NDArray[np.float32] | None, max_iter: int
) -> tuple[NDArray[np.float32], int]:
    """Return the optimum of all rows, and the number of passes: L-BFGS that has the sample's curvature to begin with."""
    if start is not None:
        sets.path.solution = start
    ahead = sets.solve(C)
    best, slope, value = ahead, np.zeros(ahead.shape), np.full(len(C), np.inf)
    pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    for n_passes in range(1, max_iter + 1):
        losses, slopes, intercepts, _ = exact.look(sets.outside(ahead), choosing=False)
        found = losses + sets.dot(ahead, sets.pull(ahead, C)) / 2
        there = sets.inside(slopes, intercepts) + sets.pull(ahead, C)
        if n_passes > 1:
            pairs.append((ahead.astype(np.float64) - best, there - slope))
        lower, still = found < value, np.abs(value - found) <= _GAIN * np.maximum(np.abs(found), 1.0)
        moved = sets.per_column(lower)
        best, slope = np.where(moved, ahead, best), np.where(moved, there, slope)
        value = np.where(lower, found, value)
        if n_passes == max_iter or bool(still.all()):
            break
        ahead = (best - _direction(sets, C, best, slope, pairs)).astype(np.float32)
    return best, n_passes


def _direction(
    sets: _Sets,
    C: NDArray[np.float64],
    best: NDArray[np.float32],
    slope: NDArray[np.float64],
    pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> NDArray[np.float64]:
    """Return inverse curvature times slope, by the steps so far and the changes of the slope along them."""
    alphas = []
    for step, change in reversed(pairs):
        alphas.append(sets.dot(step, slope) * _inverse(sets.dot(step, change)))
        slope = slope - sets.per_column(alphas[-1]) * change
    way = best.astype(np.float64) - sets.tilted(C, best, slope)
    for step, change in pairs:
        beta = sets.dot(change, way) * _inverse(sets.dot(step, change))
        way = way + sets.per_column(alphas.pop() - beta) * step
    return way


def _inverse(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one over values above 0, and 0 for others: a step without curvature is left out."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
