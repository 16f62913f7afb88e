"""Rows of a segment into memory, looked over on the way."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.cache.segment import Segment

__all__ = ["gather", "usable"]

_BLOCK = 512  # rows that stay in the processor's cache between copying and checking
_FEW = 2048  # so few rows are read one by one, or each would draw its neighbours from the disk
_LARGE = 8192  # rows from which two threads share the work


def usable(X: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which rows are finite and not zero."""
    if len(X) >= _LARGE:
        with ThreadPoolExecutor(2) as pool:
            return np.concatenate(list(pool.map(_usable, np.array_split(X, 2))))
    return _usable(X)


def _usable(X: NDArray[np.float32]) -> NDArray[np.bool_]:
    with np.errstate(all="ignore"):
        squares = np.einsum("ij,ij->i", X, X)
        ok: NDArray[np.bool_] = np.isfinite(squares) & (squares > 0)
    for row in np.flatnonzero(~ok).tolist():  # very large or very small values are not wrong
        ok[row] = bool(np.isfinite(X[row]).all() and X[row].any())
    return ok


def gather(segment: Segment, rows: NDArray[np.int64], total: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return rows of a segment, and which of them are usable.

    Parameters
    ----------
    segment : Segment
        Where from.
    rows : ndarray of shape (n,), int64
        Row numbers; -1 where nothing was found.
    total : int
        Rows that the index counts.

    Returns
    -------
    ok : ndarray of shape (n,), bool
        False where nothing was found or the row is cut off, not finite or zero.
    X : ndarray of shape (n, n_features), float32
        A read-only view of the file when the rows follow one another and all are usable; else a copy, NaN where not ok.
    """
    n = len(rows)
    view = segment.map(total)
    if n and rows[0] >= 0 and rows[-1] < len(view) and np.array_equal(rows, np.arange(rows[0], rows[0] + n)):
        X = view[rows[0] : rows[0] + n]
        ok = segment.looked_over(len(view))[rows[0] : rows[0] + n]
        if not ok.all():
            ok |= usable(X)
        if ok.all():
            return ok, X
        return ok, np.where(ok[:, None], X, np.float32(np.nan))
    X = np.empty((n, segment.dimension), dtype=np.float32)
    ok = (rows >= 0) & (rows < len(view))
    wanted = np.flatnonzero(ok)
    if len(wanted) <= _FEW:
        _read_each(segment, rows[wanted].tolist(), X, wanted.tolist())
        ok[wanted] = usable(X[wanted])
    else:
        wanted = wanted[np.argsort(rows[wanted], kind="stable")]  # read in the file's order, scatter in memory
        parts = np.array_split(wanted, 2 if len(wanted) >= _LARGE else 1)
        with ThreadPoolExecutor(len(parts)) as pool:
            list(pool.map(lambda part: _scatter(view, rows, part, X, ok), parts))
    X[~ok] = np.nan
    return ok, X


def _scatter(
    view: NDArray[np.float32],
    rows: NDArray[np.int64],
    wanted: NDArray[np.int64],
    X: NDArray[np.float32],
    ok: NDArray[np.bool_],
) -> None:
    for start in range(0, len(wanted), _BLOCK):
        targets = wanted[start : start + _BLOCK]
        block = view[rows[targets]]
        ok[targets] = _usable(block)
        X[targets] = block


def _read_each(segment: Segment, rows: list[int], X: NDArray[np.float32], targets: list[int]) -> None:
    with segment.vectors.open("rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for row, target in zip(rows, targets, strict=True):
            file.seek(row * segment.row_bytes)
            if file.readinto(memoryview(X[target]).cast("B")) != segment.row_bytes:
                X[target] = np.nan
