"""UMAP's weighted neighbour graph, from given neighbours.

umap-learn's own two functions give the same weights, but are compiled anew in every process, which takes two thirds of
the time of a first map; array operations need no compiling and no threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from mmtoolkit.projection.neighbors import Neighbors

__all__ = ["fuzzy_graph", "smooth_widths"]

_HALVINGS = 64
_CLOSE = 1e-5
_FLOOR = 1e-3


def smooth_widths(dist: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Find for every item the width at which its neighbours together weigh log2(k).

    Parameters
    ----------
    dist : ndarray of shape (n_items, k), float64
        Distances to the neighbours, nearest first, the item itself included.

    Returns
    -------
    tuple of ndarray
        Widths (n_items,) and distances to the nearest other place (n_items,).
    """
    positive = np.where(dist > 0, dist, np.inf).min(axis=1)
    nearest = np.where(np.isfinite(positive), positive, 0.0)
    gap = np.maximum(dist[:, 1:] - nearest[:, None], 0)
    target = np.log2(dist.shape[1])
    low, high, width = np.zeros(len(dist)), np.full(len(dist), np.inf), np.ones(len(dist))
    for _ in range(_HALVINGS):
        weight = np.exp(-gap / width[:, None]).sum(axis=1)
        open_ = np.abs(weight - target) >= _CLOSE
        if not open_.any():
            break
        high = np.where(open_ & (weight > target), width, high)
        low = np.where(open_ & (weight <= target), width, low)
        width = np.where(open_, np.where(np.isinf(high), width * 2, (low + high) / 2), width)
    floor = _FLOOR * np.where(nearest > 0, dist.mean(axis=1), dist.mean())
    return np.maximum(width, floor), nearest


def fuzzy_graph(neighbors: Neighbors) -> csr_matrix:
    """Return how strongly items belong together.

    Parameters
    ----------
    neighbors : tuple of ndarray
        Row numbers and distances (n_items, k), itself first.

    Returns
    -------
    csr_matrix of shape (n_items, n_items), float32
        Symmetric, between 0 and 1: the fuzzy union of every item's own view.

    References
    ----------
    McInnes, Healy and Melville (2018), UMAP, section 3.1.
    """
    from scipy.sparse import csr_matrix

    rows, dist = neighbors[0], neighbors[1].astype(np.float64)
    n, k = rows.shape
    width, nearest = smooth_widths(dist)
    weight = np.exp(-np.maximum(dist - nearest[:, None], 0) / np.where(width > 0, width, 1.0)[:, None])
    weight[rows == np.arange(n)[:, None]] = 0
    graph = csr_matrix((weight.ravel().astype(np.float32), (np.repeat(np.arange(n), k), rows.ravel())), shape=(n, n))
    union = graph + graph.T - graph.multiply(graph.T)
    union.eliminate_zeros()
    return csr_matrix(union)
