"""What an index of an older format says of rows; the records beside the vectors have taken its place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.cache.records import RECORD_BYTES, join_keys, pack
from mmtoolkit.cache.segment import Note

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["old_records"]


def old_records(db: sqlite3.Connection, version: int) -> Iterator[tuple[str, Note, NDArray[np.uint64]]]:
    """Give stem, note and records of each segment of an index of format 1, 2 or 3."""
    entries = "entries" if version == 3 else "vectors"  # in format 3 batches that are not sorted in yet count, too
    for number, model, dimension, stem, rows in db.execute(
        "SELECT id, model, dimension, stem, rows FROM segments"
    ).fetchall():
        query = "SELECT id, revision, params FROM spaces WHERE segment = ?"
        note = Note(model, dimension, {i: (r, p) for i, r, p in db.execute(query, (number,))})
        found = db.execute(
            f"SELECT v.row, v.key, v.space, v.created, v.checksum FROM {entries} v JOIN spaces p ON p.id = v.space "
            "WHERE p.segment = ? AND v.row >= 0 AND v.row < ?",
            (number, rows),
        ).fetchall()
        records = np.zeros((max((entry[0] for entry in found), default=-1) + 1, RECORD_BYTES // 8), dtype=np.uint64)
        if found:
            at, keys, *facts = zip(*found, strict=True)
            records[list(at)] = pack(join_keys(keys), *(np.array(column, dtype=np.uint64) for column in facts))
        yield stem, note, records
