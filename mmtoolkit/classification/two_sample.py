"""Two tests whether two samples come from one source, on the main axes of the vectors: of the whole distribution, and of all but the mix of classes.

Both compare mean vectors at several penalties (a spectrally regularised distance of means, Hagrass, Sriperumbudur and Li
2024) and take the smallest p, which the same draws put right. The units are groups: what belongs together counts once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.classification.gradients import Axes

__all__ = ["differs", "differs_within_classes", "main_axes", "unit_means"]

DRAWS = 999
_PENALTIES = (0.03, 0.3, 3.0, 1e6)  # times the mean variance: from all axes alike to the plain distance
_NULL = 1e-9


def main_axes(X: NDArray[np.float32], n_axes: int) -> NDArray[np.float64]:
    """Return rows in their first axes, each with a mean of 0: no sample and no class is looked at."""
    return np.asarray(Axes(X).rows[:, :n_axes], dtype=np.float64)


def unit_means(Z: NDArray[np.float64], units: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean row of every unit; units are numbered from 0 without gaps."""
    sums = np.stack([np.bincount(units, weights=column) for column in Z.T], axis=1)
    return np.asarray(sums / np.bincount(units)[:, None])


def differs(Z: NDArray[np.float64], new: NDArray[np.bool_], random_state: int) -> float:
    """Return the p-value of the test that old and new units have one distribution, by permuting units.

    Parameters
    ----------
    Z : ndarray of shape (n_units, n_axes)
        Units of both samples.
    new : ndarray of shape (n_units,), bool
        Which are of the new one.
    random_state : int
        Seed.

    Returns
    -------
    float
        Exact: at most 5 % are at most 0.05 where nothing differs.
    """
    rng = np.random.default_rng([random_state, 1])
    sides = np.concatenate([new[None], rng.permuted(np.tile(new, (DRAWS, 1)), axis=1)])
    Z = Z - Z.mean(axis=0)
    apart = (sides.astype(np.float64) @ Z) * (1.0 / new.sum() + 1.0 / (~new).sum())  # the sum of all is 0
    return _smallest(apart**2, (Z**2).mean(axis=0))


def differs_within_classes(
    old: NDArray[np.float64], codes: NDArray[np.intp], new: NDArray[np.float64], random_state: int
) -> float:
    """Return the p-value of the test that new units are a mix of the old classes, whatever the mix.

    The mean of the new units is compared with the nearest mixture of the class means; random signs of what each unit adds
    (a wild bootstrap) tell how far they differ by chance.

    Parameters
    ----------
    old : ndarray of shape (n_old, n_axes)
        Old units.
    codes : ndarray of shape (n_old,), int
        Their classes, from 0 without gaps.
    new : ndarray of shape (n_new, n_axes)
        New units.
    random_state : int
        Seed.

    Returns
    -------
    float
        NaN where there are as many classes as axes: every mean is such a mixture.
    """
    n_classes = int(codes.max()) + 1
    if n_classes > old.shape[1]:
        return float("nan")
    counts = np.bincount(codes).astype(np.float64)
    means = unit_means(old, codes)
    within = old - means[codes]
    scale = np.sqrt(np.maximum((within**2).sum(axis=0) / max(len(old) - n_classes, 1), _NULL))
    old, new, means, within = old / scale, new / scale, means / scale, within / scale
    origin = means.mean(axis=0)
    across = np.linalg.svd(means - origin, full_matrices=False)[2][: n_classes - 1]  # what mixtures can differ in
    mix = np.linalg.lstsq((means - origin).T, across.T @ (across @ (new.mean(axis=0) - origin)), rcond=None)[0]
    mix = np.maximum(mix + (1.0 - mix.sum()) / n_classes, 0.0)
    mix /= mix.sum()

    def beside(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(rows - (rows @ across.T) @ across)

    gap = beside(new - origin)
    middle = gap.mean(axis=0)
    parts = np.concatenate([(gap - middle) / len(new), -beside(within) * (mix / counts)[codes][:, None]])
    parts *= np.concatenate(
        [
            np.full(len(new), np.sqrt(len(new) / max(len(new) - 1, 1))),
            np.sqrt(counts / np.maximum(counts - 1, 1))[codes],
        ]
    )[:, None]
    signs = np.random.default_rng([random_state, 2]).choice([-1.0, 1.0], size=(DRAWS, len(parts)))
    apart = np.concatenate([middle[None], signs @ parts])
    return _smallest(apart**2, (parts**2).sum(axis=0))


def _smallest(squares: NDArray[np.float64], variance: NDArray[np.float64]) -> float:
    """Return the p of the first row among all: of its most unusual weighting of the axes, put right by the other rows."""
    kept = variance > _NULL * variance.max(initial=0.0)
    penalties = np.array(_PENALTIES)[:, None] * variance[kept].mean()
    sizes = squares[:, kept] @ (1.0 / (variance[kept] + penalties)).T
    ranks = np.empty(sizes.shape)
    for column, values in enumerate(sizes.T):
        ranks[:, column] = len(values) - np.searchsorted(np.sort(values), values * (1 - 1e-12), side="left")
    best = ranks.min(axis=1)
    return float((best <= best[0]).mean())
