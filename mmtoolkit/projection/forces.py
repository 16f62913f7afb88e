"""One epoch of UMAP's layout, compiled: attraction along the edges, repulsion from random points.

umap-learn moves points in place, one after another, so its map depends on the order; threads of it race. Here all forces
of an epoch are those of the last epoch's places. Each point reads them and writes only itself, and its random numbers
depend on seed, epoch and point alone. So any cut of the points into parts gives the same bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mmtoolkit._compiled import compiled

__all__ = ["move"]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_TINY = np.float32(1e-30)
_MANY = 64  # edges of a point at a time


@compiled
def _mixed(x: Any) -> Any:
    """Return 64 bits that depend on all bits of `x` (splitmix64; Steele, Lea and Flood 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@compiled
def _power(x: Any, b: Any) -> Any:
    """Return ``x ** b`` for x > 0 to five digits, by polynomials for log2 and exp2 that many lanes compute at once."""
    bits = np.float32(x).view(np.int32)
    m = np.int32((bits & 0x7FFFFF) | 0x3F800000).view(np.float32) - np.float32(1)
    log = np.float32(0.02001665) * m - np.float32(0.09462681)
    log = log * m + np.float32(0.21394321)
    log = log * m - np.float32(0.33837720)
    log = log * m + np.float32(0.47749636)
    log = log * m - np.float32(0.72114409)
    log = log * m + np.float32(1.44269298)
    y = b * (np.float32(np.int32(bits >> 23)) - np.float32(127) + log * m)
    whole = np.floor(y)
    m = y - whole
    exp = np.float32(0.00189375) * m + np.float32(0.00894959)
    exp = exp * m + np.float32(0.05586034)
    exp = exp * m + np.float32(0.24014182)
    exp = exp * m + np.float32(0.69315449)
    exp = exp * m + np.float32(1)
    return np.int32((np.int32(whole) + 127) << 23).view(np.float32) * exp


@compiled
def _clipped(x: Any) -> Any:
    return min(np.float32(4), max(np.float32(-4), x))


@compiled
def _pulled(dx: Any, dy: Any, n: int, a: Any, b: Any) -> Any:
    """Return the sum of the pulls along `n` edges; a neighbour in the same place does not pull."""
    fx, fy = np.float32(0), np.float32(0)
    for t in range(n):
        d2 = max(dx[t] * dx[t] + dy[t] * dy[t], _TINY)
        power = _power(d2, b)
        pull = np.float32(-2) * a * b * power / (d2 * (a * power + np.float32(1)))
        fx += _clipped(pull * dx[t])
        fy += _clipped(pull * dy[t])
    return fx, fy


@compiled
def _pushed(dx: Any, dy: Any, n: int, a: Any, b: Any) -> Any:
    """Return the sum of the pushes of `n` points; one in the same place, or the point itself, does not push."""
    fx, fy = np.float32(0), np.float32(0)
    for t in range(n):
        d2 = max(dx[t] * dx[t] + dy[t] * dy[t], _TINY)
        push = np.float32(2) * b / ((np.float32(0.001) + d2) * (a * _power(d2, b) + np.float32(1)))
        fx += _clipped(push * dx[t])
        fy += _clipped(push * dy[t])
    return fx, fy


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
    chosen = np.empty(_MANY, np.int64)
    dx, dy = np.empty(_MANY, np.float32), np.empty(_MANY, np.float32)
    ex, ey = np.empty(_MANY * pushes, np.float32), np.empty(_MANY * pushes, np.float32)
    for i in range(first, last):
        x, y = old[i, 0], old[i, 1]
        fx, fy = np.float32(0), np.float32(0)
        state = _mixed(start + _SPREAD * np.uint64(i + 1))
        for begin in range(indptr[i], indptr[i + 1], _MANY):
            pulls = pushed = 0
            for edge in range(begin, min(begin + _MANY, indptr[i + 1])):
                chosen[pulls] = indices[edge]  # without a branch: which edges pull is as good as random
                pulls += int(np.floor((epoch + 1) * rate[edge]) != np.floor(epoch * rate[edge]))
            for t in range(pulls):
                dx[t], dy[t] = x - old[chosen[t], 0], y - old[chosen[t], 1]
            for _ in range(pulls * pushes):
                state = state * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                k = np.uint64(((state >> np.uint64(32)) * n) >> np.uint64(32))
                ex[pushed], ey[pushed] = x - old[k, 0], y - old[k, 1]
                pushed += 1
            ax, ay = _pulled(dx, dy, pulls, a, b)
            bx, by = _pushed(ex, ey, pushed, a, b)
            fx += np.float32(2) * ax + bx  # twice: umap-learn meets an edge from both ends and moves both ends
            fy += np.float32(2) * ay + by
        new[i, 0] = x + step * fx
        new[i, 1] = y + step * fy
