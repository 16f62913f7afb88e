"""Nearest neighbours of every row, exact below 20,000 rows."""

from __future__ import annotations

import warnings
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
_STEP = 2
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
    """Find at least 99 % of the `k` nearest rows of every row, itself first, by nearest-neighbour descent.

    A sample of 512 exact lists says when enough are found. Rows without structure, where they are not found so, are
    searched exactly, with a warning.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows.
    k : int
        Including the row itself.
    random_state : int
        Seed.

    Returns
    -------
    tuple of ndarray
        As `exact`.
    """
    from mmtoolkit.projection.descent import descend

    found = descend(X, k - 1, random_state)
    if found is None:
        msg = (
            f"the neighbours of these {len(X):,} items are searched one by one, because the items have little structure: "
            "the time grows with the square of their number. A sample of up to 20,000 items, or method='pca', takes seconds"
        )
        warnings.warn(msg, UserWarning, stacklevel=2)
        return exact(X, k)
    own = np.arange(len(X), dtype=np.int32)[:, None]
    return np.hstack([own, found[0]]), np.hstack([np.zeros_like(own, np.float32), np.sqrt(found[1])])


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
    libraries = ("numpy",) if small else ("numpy", "numba")
    kept = remember("neighbors", parts, compute, step=_STEP, libraries=libraries)
    return kept["rows"], kept["dist"]
