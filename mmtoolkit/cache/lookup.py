"""Which rows hold these keys: few are asked of the index one by one, many are matched against the records in one go."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.cache.fresh import asked
from mmtoolkit.cache.segment import Segment, hashes, sound, spaces_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_rows"]

logger = logging.getLogger(__name__)

_PART = 1000  # keys per question to the index
_MANY = 2000
_SHARE = 16  # matching reads all records; asking costs about so many times more per key


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
