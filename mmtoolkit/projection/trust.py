"""How far a map can be trusted: the share of each item's neighbours that are kept, and of new ones."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._blocks import blocks, in_order, n_workers
from mmtoolkit._nearest import relative_squares

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ALL_BELOW", "TRUST_NEIGHBORS", "map_neighbors", "neighbor_recall", "trust_neighbors", "trustworthiness"]

ALL_BELOW = 5000
TRUST_NEIGHBORS = 15
_SAMPLE = 2000
_BLOCK, _LEAST = 512, 64  # items compared with all at once: fewer among many, as _CELLS says
_CELLS = 25_000_000
_GATHERED = 64  # items whose neighbours' vectors are copied at a time


def trust_neighbors(n: int) -> int:
    """Return how many neighbours trust is about: 15, or fewer than half of the other items."""
    return min(TRUST_NEIGHBORS, max((n - 1) // 2, 1))


def map_neighbors(coords: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return the `k` nearest points of every point of a map, without itself, (n_items, k)."""
    from scipy.spatial import cKDTree

    points = coords.astype(np.float64)
    _, found = cKDTree(points).query(points, k=k + 1, workers=n_workers())
    own = found == np.arange(len(found))[:, None]
    own[~own.any(axis=1), -1] = True  # many points in one place: the point itself need not be among the first
    return np.asarray(found[~own].reshape(len(found), k))


def neighbor_recall(
    X: NDArray[np.float32], found: NDArray[np.intp], radius: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return which share of each item's neighbours on the map are among its nearest in the full space.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        The full vectors.
    found : ndarray of shape (n_items, k)
        Neighbours on the map.
    radius : ndarray of shape (n_items,), float32
        Distance to the k-th nearest item in the full space; whoever is not further away counts, so ties do no harm.

    Returns
    -------
    ndarray of shape (n_items,), float32
        Between 0 and 1.
    """
    kept = np.empty(len(X), dtype=np.float32)

    def look(part: slice) -> None:
        difference = X[found[part]] - X[part, None]
        dist = np.sqrt(np.einsum("ijk,ijk->ij", difference, difference))
        kept[part] = (dist <= radius[part, None] * (1 + 1e-5) + 1e-6).mean(axis=1)

    deque(in_order(look, blocks(len(X), _GATHERED)), maxlen=0)
    return kept


def trustworthiness(X: NDArray[np.float32], found: NDArray[np.intp], random_state: int) -> float:
    """Return how far the map's neighbours are true ones: 1 is perfect, about 0.5 a random map.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        The full vectors.
    found : ndarray of shape (n_items, k)
        Neighbours on the map.
    random_state : int
        Above 5,000 items a sample of 2,000 of them is judged, each against all items.

    Returns
    -------
    float
        NaN when there are too few items for k neighbours (fewer than 3k/2 + 1).

    References
    ----------
    Venna and Kaski (2001), Neighborhood preservation in nonlinear projection methods.
    """
    n, k = found.shape
    if 2 * n - 3 * k - 1 <= 0:
        return float("nan")
    rows = np.arange(n)
    if n > ALL_BELOW:
        rows = np.sort(np.random.default_rng(random_state).choice(n, _SAMPLE, replace=False))

    together = min(_BLOCK, max(_LEAST, _CELLS // n))

    def penalty_of(part: slice) -> int:
        room, penalty = np.empty((together, n), np.float32), 0
        for some in blocks(part.stop - part.start, together):
            block = rows[part][some]
            d2 = relative_squares(X[block], X, out=room[: len(block)])
            d2[np.arange(len(block)), block] = np.inf
            for own, neighbors in zip(d2, found[block], strict=True):
                reach = own[neighbors]
                ahead = np.searchsorted(np.sort(own[own < reach.max()]), reach)
                penalty += int(np.maximum(ahead + 1 - k, 0).sum())
        return penalty

    penalty = sum(in_order(penalty_of, blocks(len(rows), _BLOCK)))
    return float(1.0 - 2.0 * penalty / (len(rows) * k * (2 * n - 3 * k - 1)))
