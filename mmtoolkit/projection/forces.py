"""One epoch of UMAP's layout, compiled: attraction along the edges, repulsion from random points.

umap-learn moves points in place, one after another, so its map depends on the order; threads of it race. Here all forces
of an epoch are those of the last epoch's places. Each point reads them and writes only itself, and its random numbers
depend on seed, epoch and point alone. So any cut of the points into parts gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import njit

__all__ = ["compiled", "move"]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function once per machine, or once per process where no folder can be written."""
    how: Callable[..., Any] = partial(njit, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
    made: Callable[..., Any]
    try:
        made = how(cache=True)(function)
    except RuntimeError:  # numba finds no place for its cache
        made = how()(function)
    return made


@compiled
def _mixed(x: Any) -> Any:
    """Return 64 bits that depend on all bits of `x` (splitmix64; Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@compiled
def _clipped(x: Any) -> Any:
    return min(np.float32(4), max(np.float32(-4), x))


@compiled
def move(
    old: Any, new: Any, indptr: Any, indices: Any, rate: Any, epoch: int, seed: Any, step: Any, a: Any, b: Any,
    pushes: int, first: int, last: int,
) -> None:  # fmt: skip
    """Write the places of some points after one more epoch.

    Parameters
    ----------
    old, new : ndarray of shape (n_items, 2), float32
        Places before and after; only rows `first` to `last` of `new` are written.
    indptr, indices : ndarray of int
        Edges of the graph, as in a symmetric csr_matrix.
    rate : ndarray of shape (n_edges,), float32
        In which share of the epochs an edge pulls, 0 to 1.
    epoch, seed : int
        What the random numbers depend on, besides the point.
    step, a, b : float32
        Size of the step, and the curve ``1 / (1 + a * d ** (2 * b))`` of closeness on the map.
    pushes : int
        Random points that push, per pull.
    first, last : int
        The points to move.
    """
    n = np.uint64(len(old))
    start = _mixed(seed + _SPREAD * np.uint64(epoch + 1))
    for i in range(first, last):
        x, y = old[i, 0], old[i, 1]
        fx, fy = np.float32(0), np.float32(0)
        state = _mixed(start + _SPREAD * np.uint64(i + 1))
        for edge in range(indptr[i], indptr[i + 1]):
            if np.floor((epoch + 1) * rate[edge]) == np.floor(epoch * rate[edge]):
                continue
            j = indices[edge]
            dx, dy = x - old[j, 0], y - old[j, 1]
            d2 = dx * dx + dy * dy
            if d2 > 0:  # twice: umap-learn meets an edge from both ends and moves both ends
                power = d2**b
                pull = np.float32(-2) * a * b * power / (d2 * (a * power + np.float32(1)))
                fx += np.float32(2) * _clipped(pull * dx)
                fy += np.float32(2) * _clipped(pull * dy)
            for _ in range(pushes):
                state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                k = np.int64(((state >> np.uint64(32)) * n) >> np.uint64(32))
                dx, dy = x - old[k, 0], y - old[k, 1]
                d2 = dx * dx + dy * dy
                if d2 > 0:  # 0: the point itself, or another in the same place
                    push = np.float32(2) * b / ((np.float32(0.001) + d2) * (a * d2**b + np.float32(1)))
                    fx += _clipped(push * dx)
                    fy += _clipped(push * dy)
        new[i, 0] = x + step * fx
        new[i, 1] = y + step * fy
