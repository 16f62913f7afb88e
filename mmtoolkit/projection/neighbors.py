"""Nearest neighbours of every row, exact below 20,000 rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.provenance import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EXACT_BELOW", "Neighbors", "approximate", "exact", "nearest", "neighbors_of", "squared_lengths"]

EXACT_BELOW = 20_000
_BLOCK = 1024
_SPARE = 8
_STEP = 1
Neighbors = tuple["NDArray[np.int32]", "NDArray[np.float32]"]


def squared_lengths(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the squared length of every row, (n_items,)."""
    return np.asarray(np.einsum("ij,ij->i", X, X), dtype=np.float32)


def nearest(Q: NDArray[np.float32], X: NDArray[np.float32], k: int, *, own: int | None = None) -> Neighbors:
    """Find the `k` rows of `X` nearest to each row of `Q`, nearest first, ties by row number.

    A float32 matrix product proposes a few more candidates than asked; their distances are then computed one by one in
    float64, so that equal rows are at distance 0 and the answer for a row does not depend on the other rows.

    Parameters
    ----------
    Q : ndarray of shape (n_queries, n_features), float32
        Not too many rows at once: the product has shape (n_queries, n_items).
    X : ndarray of shape (n_items, n_features), float32
        Where to look.
    k : int
        At most n_items.
    own : int or None, default=None
        If the queries are rows of `X` from this row on: each then comes first in its own list.

    Returns
    -------
    tuple of ndarray
        Row numbers (n_queries, k), int32, and Euclidean distances (n_queries, k), float32.
    """
    d2 = squared_lengths(X) - 2 * (Q @ X.T)
    mine = None if own is None else np.arange(own, own + len(Q))
    if mine is not None:
        d2[np.arange(len(Q)), mine] = -np.inf
    m = min(k + _SPARE, len(X))
    found = np.argpartition(d2, m - 1, axis=1)[:, :m] if m < len(X) else np.tile(np.arange(len(X)), (len(Q), 1))
    found.sort(axis=1)
    dist = np.empty(found.shape, dtype=np.float64)
    for i in range(len(Q)):
        difference = X[found[i]].astype(np.float64) - Q[i]
        dist[i] = np.einsum("ij,ij->i", difference, difference)
    rank = dist if mine is None else np.where(found == mine[:, None], -1.0, dist)
    order = np.argsort(rank, axis=1, kind="stable")[:, :k]
    rows = np.arange(len(Q))[:, None]
    return found[rows, order].astype(np.int32), np.sqrt(dist[rows, order]).astype(np.float32)


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
        As `nearest`.
    """
    parts = [nearest(X[i : i + _BLOCK], X, k, own=i) for i in range(0, len(X), _BLOCK)]
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
        As `nearest`.

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
        As `nearest`.
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
