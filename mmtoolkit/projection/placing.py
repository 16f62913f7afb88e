"""Where new items go on a map that is already drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._nearest import nearest_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["place"]

_BLOCK = 512


def place(
    new: NDArray[np.float32], X: NDArray[np.float32], coords: NDArray[np.float32], n_neighbors: int = 15
) -> NDArray[np.float32]:
    """Put new rows at the mean of their neighbours' places, the nearer the heavier.

    Parameters
    ----------
    new : ndarray of shape (n_new, n_features), float32
        Rows of the same kind as `X`.
    X : ndarray of shape (n_items, n_features), float32
        The rows of the map.
    coords : ndarray of shape (n_items, 2), float32
        Their places.
    n_neighbors : int, default=15
        How many exact neighbours count, weighted by 1 / distance; a row at distance 0 gives its own place.

    Returns
    -------
    ndarray of shape (n_new, 2), float32
        Does not depend on which other rows are placed in the same call.
    """
    k = min(n_neighbors, len(X))
    out = np.empty((len(new), 2), dtype=np.float32)
    for i in range(0, len(new), _BLOCK):
        rows, dist = nearest_rows(new[i : i + _BLOCK], X, k)
        weight = 1.0 / np.maximum(dist.astype(np.float64), np.finfo(np.float32).tiny)
        weight[dist[:, 0] == 0] = np.eye(1, k)
        weight /= weight.sum(axis=1, keepdims=True)
        out[i : i + _BLOCK] = (weight[:, :, None] * coords[rows]).sum(axis=1)
    return out
