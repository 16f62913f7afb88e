"""Which points lie inside a lasso, and which one lies next to another: plain numpy, made for 100,000 points."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._arguments import check_choice

__all__ = ["Direction", "inside", "nearest", "toward"]

Direction = Literal["left", "right", "up", "down"]
_STEPS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, 1.0), "down": (0.0, -1.0)}


def inside(polygon: ArrayLike, coords: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which points a closed loop winds around.

    A loop that crosses itself counts as one region: what it winds around at least once is inside.

    Parameters
    ----------
    polygon : array-like of shape (n_corners, 2)
        Corners in drawing order; the last is joined to the first. Fewer than three hold nothing.
    coords : ndarray of shape (n_items, 2), float
        Points; NaN rows are outside.

    Returns
    -------
    ndarray of shape (n_items,), bool
        True inside.

    Raises
    ------
    ValueError
        If the polygon is not a finite array of pairs.

    References
    ----------
    Sunday (2001), Inclusion of a point in a polygon (winding number).
    """
    corners = np.asarray(polygon, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1:] != (2,):
        msg = f"a lasso must be a finite array of shape (n_corners, 2), got shape {corners.shape}"
        raise ValueError(msg)
    if not np.isfinite(corners).all():
        bad = int(np.argmin(np.isfinite(corners).all(axis=1)))
        msg = f"a lasso must be a finite array, corner {bad} is {tuple(corners[bad].tolist())}"
        raise ValueError(msg)
    found = np.zeros(len(coords), dtype=bool)
    if len(corners) < 3:
        return found
    low, high = corners.min(axis=0), corners.max(axis=0)
    near = np.flatnonzero(((coords >= low) & (coords <= high)).all(axis=1))
    near = near[np.argsort(coords[near, 1], kind="stable")]  # sorted by y, so that an edge touches one run of points
    x, y = np.asarray(coords[near], dtype=np.float64).T
    winding = np.zeros(len(near), dtype=np.int32)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        start, stop = np.searchsorted(y, (min(y0, y1), max(y0, y1)))
        if start < stop:
            run = slice(start, stop)
            crossing = x0 + (y[run] - y0) * ((x1 - x0) / (y1 - y0))
            winding[run] += np.where(x[run] < crossing, 1 if y1 > y0 else -1, 0).astype(np.int32)
    found[near[winding != 0]] = True
    return found


def nearest(coords: NDArray[np.floating], place: ArrayLike, reach: float) -> int | None:
    """Return the item nearest to a place.

    Parameters
    ----------
    coords : ndarray of shape (n_items, 2), float
        Points; NaN rows are nowhere.
    place : array-like of shape (2,)
        Where.
    reach : float
        How far away it may be.

    Returns
    -------
    int or None
        None when no point lies within reach.
    """
    distance = np.hypot(*(coords - np.asarray(place, dtype=np.float64)).T)
    distance[~np.isfinite(distance)] = np.inf
    best = int(np.argmin(distance))
    return best if distance[best] <= reach else None


def toward(coords: NDArray[np.floating], row: int | None, direction: Direction) -> int:
    """Return the item that an arrow key leads to.

    Parameters
    ----------
    coords : ndarray of shape (n_items, 2), float
        Points.
    row : int or None
        Where we are; None, and an item without a place, start at the point nearest to the middle.
    direction : {"left", "right", "up", "down"}
        Which arrow.

    Returns
    -------
    int
        The nearest point in a cone of 90 degrees, or `row` itself when there is none.

    Raises
    ------
    ValueError
        If it is no direction.
    """
    check_choice("direction", direction, _STEPS)
    if row is None or not np.isfinite(coords[row]).all():
        middle = np.nanmedian(coords, axis=0)
        return int(np.nanargmin(((coords - middle) ** 2).sum(axis=1)))
    delta = coords - coords[row]
    ahead = delta @ np.array(_STEPS[direction])
    distance = np.hypot(delta[:, 0], delta[:, 1])
    distance = np.where((ahead > 0) & (ahead >= distance * 0.707), distance, np.inf)
    best = int(np.argmin(distance))
    return best if np.isfinite(distance[best]) else row
