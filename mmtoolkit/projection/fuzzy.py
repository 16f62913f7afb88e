"""UMAP's weighted neighbour graph, from given neighbours.

umap-learn's own two functions give the same weights, but are compiled anew in every process, which takes two thirds of
the time of a first map; array operations need no compiling and no threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._blocks import blocks, in_order

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from mmtoolkit.projection.neighbors import Neighbors

__all__ = ["fuzzy_graph", "smooth_widths"]

_HALVINGS = 64
_CLOSE = 1e-5
_FLOOR = 1e-3
_BLOCK = 4096


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
    gap, target = np.maximum(dist[:, 1:] - nearest[:, None], 0), np.log2(dist.shape[1])
    width = np.concatenate(list(in_order(lambda rows: _solved(gap[rows], target), blocks(len(dist), _BLOCK))))
    floor = _FLOOR * np.where(nearest > 0, dist.mean(axis=1), dist.mean())
    return np.maximum(width, floor), nearest


def _solved(gap: NDArray[np.float64], target: float) -> NDArray[np.float64]:
    """Return the width of every row at which its gaps together weigh `target`, by halving."""
    low, high, width = np.zeros(len(gap)), np.full(len(gap), np.inf), np.ones(len(gap))
    rows = np.arange(len(gap))  # that are not done
    for _ in range(_HALVINGS):
        weight = np.exp(-gap[rows] / width[rows, None]).sum(axis=1)
        far = np.abs(weight - target) >= _CLOSE
        rows, heavy = rows[far], weight[far] > target
        if not len(rows):
            break
        high[rows[heavy]], low[rows[~heavy]] = width[rows[heavy]], width[rows[~heavy]]
        width[rows] = np.where(np.isinf(high[rows]), width[rows] * 2, (low[rows] + high[rows]) / 2)
    return width


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
    graph = csr_matrix((weight.ravel().astype(np.float32), rows.ravel(), np.arange(n + 1) * k), shape=(n, n))
    graph.sort_indices()
    union = graph + graph.T - graph.multiply(graph.T)
    union.eliminate_zeros()
    return csr_matrix(union)
