"""Nearest neighbours of every row, exact below 20,000 rows."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._nearest import nearest_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EXACT_AT_MOST", "EXACT_BELOW", "Neighbors", "approximate", "exact", "neighbors_of"]

EXACT_BELOW = 20_000
EXACT_AT_MOST = 50_000  # where the descent does not find enough: a minute of one core
_MANY = 64  # neighbours
_BLOCK = 1024
_STEP = 6
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


def approximate(X: NDArray[np.float32], k: int, random_state: int) -> tuple[Neighbors, bool]:
    """Find at least 99 % of the `k` nearest rows of every row, itself first, by nearest-neighbour descent.

    A sample of 512 exact lists says when enough are found. Rows without structure, where they are not found so, are
    searched exactly up to 50,000 rows; of more, what was found is taken, with a warning. More than 64 neighbours of up to
    50,000 rows are searched exactly, too.

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
    neighbors : tuple of ndarray
        As `exact`.
    enough : bool
        Whether these are 99 % of the nearest.
    """
    from mmtoolkit.projection.descent import ENOUGH, descend

    if k > _MANY and len(X) <= EXACT_AT_MOST:  # the descent compares all neighbours of a row with each other
        return exact(X, k), True
    rows, d2, recall = descend(X, k - 1, random_state)
    if recall < ENOUGH and len(X) <= EXACT_AT_MOST:
        return exact(X, k), True
    if recall < ENOUGH:
        msg = (
            f"the map is made of neighbours of which {100 * recall:.0f} % are the nearest: these {len(X):,} items have little structure, and "
            "comparing each with each would take long. What is close together may be so by chance, and trust is not known; a sample "
            f"of up to {EXACT_AT_MOST:,} items is searched exactly"
        )
        warnings.warn(msg, UserWarning, stacklevel=2)
    own = np.arange(len(X), dtype=np.int32)[:, None]
    found = np.hstack([own, rows]), np.hstack([np.zeros_like(own, np.float32), np.sqrt(d2)])
    return found, recall >= ENOUGH


def neighbors_of(X: NDArray[np.float32], k: int, random_state: int) -> tuple[Neighbors, bool]:
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
    neighbors : tuple of ndarray
        As `exact`.
    enough : bool
        As `approximate`.
    """
    from mmtoolkit.derived import digest, remember

    small = len(X) < EXACT_BELOW

    def compute() -> dict[str, NDArray[np.float32] | NDArray[np.int32] | NDArray[np.bool_]]:
        (rows, dist), enough = (exact(X, k), True) if small else approximate(X, k, random_state)
        return {"rows": rows, "dist": dist, "enough": np.array(enough)}

    parts = {"X": digest(X), "k": k} | ({} if small else {"random_state": random_state})
    libraries = ("numpy",) if small else ("numpy", "numba")
    kept = remember("neighbors", parts, compute, step=_STEP, libraries=libraries)
    return (kept["rows"], kept["dist"]), bool(kept["enough"])
