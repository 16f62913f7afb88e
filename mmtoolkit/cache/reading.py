"""Which rows hold these keys, and these rows into memory.

Few keys are asked of the index one by one, many are matched against the records in one go; rows are looked over on the way.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.cache.fresh import asked
from mmtoolkit.cache.segment import Segment, hashes, sound, spaces_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_rows", "gather", "usable"]

logger = logging.getLogger(__name__)

_BLOCK = 512  # rows that stay in the processor's cache between copying and checking
_FEW = 2048  # so few rows are read one by one, or each would draw its neighbours from the disk
_LARGE = 8192  # rows from which two threads share the work
_PART = 1000  # keys per question to the index
_MANY = 2000
_SHARE = 16  # matching reads all records; asking costs about so many times more per key


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


def find_rows(
    db: sqlite3.Connection,
    segment: Segment,
    number: int,
    total: int,
    keys: Sequence[bytes],
    words: NDArray[np.uint64],
) -> NDArray[np.int64]:
    """Return the row of each key, -1 where there is none.

    Parameters
    ----------
    db : sqlite3.Connection
        Inside a transaction.
    segment, number, total : Segment, int, int
        Where to look: the segment, the number of the space, and how many rows count.
    keys, words : sequence of bytes, ndarray of shape (n_keys, 4)
        The keys, twice.

    Returns
    -------
    ndarray of shape (n_keys,), int64
    """
    if total == 0:
        return np.full(len(keys), -1, dtype=np.int64)
    if len(keys) >= _MANY and len(keys) * _SHARE >= total:
        rows = _match(db, segment, number, total, words)
        if rows is not None:
            return rows
    where: dict[bytes, int] = {}
    for start in range(0, len(keys), _PART):
        where.update(asked(db, number, keys[start : start + _PART]))
    return np.fromiter((where.get(key, -1) for key in keys), dtype=np.int64, count=len(keys))


def _match(
    db: sqlite3.Connection, segment: Segment, number: int, total: int, words: NDArray[np.uint64]
) -> NDArray[np.int64] | None:
    """Match against the records; None where they cannot be relied on."""
    try:
        records = segment.records(total)
    except OSError as error:
        logger.warning(
            "%s cannot be read (%s): slower without it; `mmtoolkit cache verify --repair`", segment.keys, error
        )
        return None
    rows = _in_order(db, segment, number, records, words)
    if rows is not None:
        return rows
    known = hashes(records)
    if not sound(records, known).all():
        logger.warning("%s is damaged: slower without it; `mmtoolkit cache verify --repair`", segment.keys)
        return None
    live = spaces_of(records) == number
    live[[row for (row,) in _holes(db, segment) if row < total]] = False
    candidates = np.flatnonzero(live)
    if len(candidates) == 0:
        return np.full(len(words), -1, dtype=np.int64)
    candidates = candidates[np.argsort(known[candidates])]
    wanted, order = hashes(words), known[candidates]
    at = np.minimum(np.searchsorted(order, wanted), len(order) - 1)
    rows = np.where(order[at] == wanted, candidates[at], -1)
    there = rows >= 0
    if not np.array_equal(records[rows[there], :4], words[there]):
        return None  # two keys with one hash: the index knows them apart
    return rows


def _in_order(
    db: sqlite3.Connection,
    segment: Segment,
    number: int,
    records: NDArray[np.uint64],
    words: NDArray[np.uint64],
) -> NDArray[np.int64] | None:
    """Find the common case for next to nothing: all keys, in the order in which they were stored."""
    for start in asked(db, number, [words[0].tobytes()]).values():
        part = records[start : start + len(words)]
        if len(part) < len(words) or not np.array_equal(part[:, :4], words) or (spaces_of(part) != number).any():
            return None
        if not any(start <= row < start + len(words) for (row,) in _holes(db, segment)):
            return np.arange(start, start + len(words))
    return None


def _holes(db: sqlite3.Connection, segment: Segment) -> sqlite3.Cursor:
    return db.execute("SELECT h.row FROM holes h JOIN segments s ON s.id = h.segment WHERE s.stem = ?", (segment.stem,))
