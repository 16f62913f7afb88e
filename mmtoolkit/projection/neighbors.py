"""Nearest neighbours of every row, exact below 20,000 rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._nearest import nearest_rows
from mmtoolkit.provenance import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EXACT_BELOW", "Neighbors", "approximate", "exact", "neighbors_of"]

EXACT_BELOW = 20_000
_BLOCK = 1024
_STEP = 1
Neighbors = tuple["NDArray[np.int32]", "NDArray[np.float32]"]


def exact(X: NDArray[np.float32], k: int) -> Neighbors:
    """Find the `k` nearest rows of every row, itself first, by blocks of a matrix product.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows.
    k : int
        Including the row itself; at most n_items.

    Returns
    -------
    tuple of ndarray
        Row numbers (n_items, k), int32, and Euclidean distances (n_items, k), float32; nearest first, ties by row number.
    """
    parts = list(in_order(lambda rows: nearest_rows(X[rows], X, k, own=rows.start), blocks(len(X), _BLOCK)))
    return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])


def approximate(X: NDArray[np.float32], k: int, random_state: int) -> Neighbors:
    """Find about the `k` nearest rows of every row, itself first, by nearest-neighbour descent on the full vectors.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows.
    k : int
        Including the row itself.
    random_state : int
        Seed; the search runs on one thread, so that it repeats.

    Returns
    -------
    tuple of ndarray
        As `exact`.

    References
    ----------
    Dong, Moses and Li (2011), Efficient k-nearest neighbor graph construction for generic similarity measures.
    """
    import numba
    from pynndescent import NNDescent

    threads = numba.get_num_threads()
    try:
        index = NNDescent(X, n_neighbors=k, metric="euclidean", random_state=random_state, n_jobs=1, low_memory=True)
        rows, dist = index.neighbor_graph
    finally:
        numba.set_num_threads(threads)
    first = np.arange(len(X), dtype=np.int32)[:, None]
    rank = np.where(rows == first, -1.0, dist)
    missing = ~(rows == first).any(axis=1)  # more than k equal rows can push a row out of its own list
    rows[missing, -1], rank[missing, -1], dist[missing, -1] = first[missing, 0], -1.0, 0.0
    order = np.argsort(rank, axis=1, kind="stable")
    at = np.arange(len(X))[:, None]
    return rows[at, order].astype(np.int32), dist[at, order].astype(np.float32)


def neighbors_of(X: NDArray[np.float32], k: int, random_state: int) -> Neighbors:
    """Return the neighbour lists of `X`, from the disk where they were computed before.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows.
    k : int
        Including the row itself.
    random_state : int
        Used from 20,000 rows on, where the search is approximate.

    Returns
    -------
    tuple of ndarray
        As `exact`.
    """
    from mmtoolkit.derived import remember

    small = len(X) < EXACT_BELOW

    def compute() -> dict[str, NDArray[np.float32] | NDArray[np.int32]]:
        rows, dist = exact(X, k) if small else approximate(X, k, random_state)
        return {"rows": rows, "dist": dist}

    parts = {"X": fingerprint(X), "k": k} | ({} if small else {"random_state": random_state})
    libraries = ("numpy",) if small else ("numpy", "numba", "pynndescent")
    kept = remember("neighbors", parts, compute, step=_STEP, libraries=libraries)
    return kept["rows"], kept["dist"]
