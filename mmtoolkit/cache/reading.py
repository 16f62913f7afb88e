"""Rows of a segment into memory; each is compared with its checksum the first time a process reads it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.cache.records import matching

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.cache.segment import Segment

__all__ = ["gather", "intact", "usable"]

_BLOCK_BYTES = 512 * 1024  # stays in the processor's cache between copying and checking
_FEW = 2048  # so few rows are read one by one, or each would draw its neighbours from the disk
_LARGE_BYTES = 8 * 1024 * 1024  # from here on threads share the work


def usable(X: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which rows are finite and not zero."""
    with np.errstate(all="ignore"):
        squares = np.einsum("ij,ij->i", X, X)
        ok: NDArray[np.bool_] = np.isfinite(squares) & (squares > 0)
    for row in np.flatnonzero(~ok).tolist():  # very large or very small values are not wrong
        ok[row] = bool(np.isfinite(X[row]).all() and X[row].any())
    return ok


def intact(segment: Segment, records: NDArray[np.uint64], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which rows of a segment match their checksums, whether or not that was looked at before."""
    view = segment.map()
    ok = rows < len(view)

    def compare(at: NDArray[np.int64]) -> None:
        ok[at] = matching(records[rows[at]], view[rows[at]])

    _in_blocks(segment, np.flatnonzero(ok), compare)
    return ok


def gather(
    segment: Segment, records: NDArray[np.uint64], rows: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return rows of a segment, and which of them are as they were written.

    Parameters
    ----------
    segment : Segment
        Where from.
    records : ndarray of shape (n_rows, 6)
        Of all its rows.
    rows : ndarray of shape (n,), int64
        Row numbers; -1 where nothing was found.

    Returns
    -------
    ok : ndarray of shape (n,), bool
        False where nothing was found or the vector is cut off or not what its checksum says.
    X : ndarray of shape (n, n_features), float32
        A read-only view of the file when the rows follow one another and all are intact; else a copy, NaN where not ok.
    """
    n = len(rows)
    view = segment.map()
    checked = segment.checked
    ok = (rows >= 0) & (rows < len(view))
    if ok.all() and n and np.array_equal(rows, np.arange(rows[0], rows[0] + n)):
        unread = rows[~checked[rows]]
        good = intact(segment, records, unread)
        checked[unread[good]] = True
        if good.all():
            return ok, view[rows[0] : rows[0] + n]
    X = np.empty((n, segment.note.dimension), dtype=np.float32)
    wanted = np.flatnonzero(ok)
    wanted = wanted[np.argsort(rows[wanted], kind="stable")]  # read in the file's order, scatter in memory
    few = len(wanted) <= _FEW

    def copy(at: NDArray[np.int64]) -> None:
        here = rows[at]
        X[at] = block = _read_each(segment, here.tolist()) if few else view[here]
        unread = ~checked[here]
        if unread.any():
            ok[at[unread]] = good = matching(records[here[unread]], block[unread])
            checked[here[unread]] = good

    _in_blocks(segment, wanted, copy)
    X[~ok] = np.nan
    return ok, X


def _in_blocks(segment: Segment, wanted: NDArray[np.int64], work: Callable[[NDArray[np.int64]], None]) -> None:
    """Do a work on some rows at a time, on all cores where there are many."""
    step = max(_BLOCK_BYTES // segment.row_bytes, 1)
    blocks = [wanted[start : start + step] for start in range(0, len(wanted), step)]
    if len(wanted) * segment.row_bytes < _LARGE_BYTES:
        for block in blocks:
            work(block)
        return
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
        list(pool.map(work, blocks))


def _read_each(segment: Segment, rows: list[int]) -> NDArray[np.float32]:
    X = np.full((len(rows), segment.note.dimension), np.nan, dtype=np.float32)
    with segment.vectors.open("rb", buffering=0) as file:
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
        for row, x in zip(rows, X, strict=True):
            file.seek(row * segment.row_bytes)
            file.readinto(x.data.cast("B"))
    return X
