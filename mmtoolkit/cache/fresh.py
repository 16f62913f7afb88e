"""The batches written last: kept whole beside the index, and sorted into it many at a time.

A key belongs to a place of its own in the index, so a batch of a thousand keys changes a thousand pages, each written
twice. Sixteen batches together change hardly more. A kept batch counts as much as the index does: same file, same
transaction, and the view ``entries`` shows both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import count, repeat

from mmtoolkit.cache.schema import version_of

__all__ = ["add", "asked", "entries", "seems_new", "settle"]

_WORTH = 256  # smaller batches change few pages anyway
_MOST = 16_384  # keys to keep: with so many a look-up is still a matter of a millisecond
_KEY_BYTES = 32
_DIGITS = 10  # of a checksum


def entries(db: sqlite3.Connection) -> str:
    """Return the name of the table or view that has every row that counts."""
    return "entries" if version_of(db) >= 3 else "vectors"


def add(db: sqlite3.Connection, space: int, row: int, keys: Sequence[bytes], sums: Sequence[int], created: int) -> None:
    """Enter the keys of new rows, which follow one another from `row` on."""
    if not _WORTH <= len(keys) < _MOST:
        _insert(db, zip(keys, repeat(space), count(row), sums, repeat(created)))
        return
    written = "".join(f"{value:0{_DIGITS}d}" for value in sums)
    db.execute("INSERT INTO fresh VALUES (NULL, ?, ?, ?, ?, ?)", (space, row, created, b"".join(keys), written))
    (size,) = db.execute("SELECT total(length(keys)) FROM fresh").fetchone()
    if size >= _KEY_BYTES * _MOST:
        settle(db)


def asked(db: sqlite3.Connection, space: int, keys: Sequence[bytes]) -> dict[bytes, int]:
    """Return the rows of those of the keys that are there; at most some thousand keys at once."""
    query = f"SELECT key, row FROM vectors WHERE space = ? AND key IN ({','.join('?' * len(keys))})"
    found: dict[bytes, int] = dict(db.execute(query, (space, *keys)))
    if len(found) < len(keys) and version_of(db) >= 3:
        wanted = set(keys)
        for first, batch in db.execute("SELECT first, keys FROM fresh WHERE space = ?", (space,)):
            each = _split(batch)
            if not wanted.isdisjoint(each):
                found.update((key, row) for row, key in enumerate(each, first) if key in wanted)
    return found


def seems_new(db: sqlite3.Connection, space: int, key: bytes) -> bool:
    """Tell for next to nothing whether a key is not there; now and then it is not there and looks as if it were."""
    if db.execute("SELECT 1 FROM vectors WHERE space = ? AND key = ?", (space, key)).fetchone():
        return False
    return not any(key in batch for (batch,) in db.execute("SELECT keys FROM fresh WHERE space = ?", (space,)))


def settle(db: sqlite3.Connection) -> None:
    """Sort all kept batches into the index; before anything there is changed or removed."""
    rows: list[tuple[bytes, int, int, int, int]] = []
    for space, first, created, keys, sums in db.execute("SELECT space, first, created, keys, sums FROM fresh"):
        if len(keys) * _DIGITS != len(sums) * _KEY_BYTES or not sums.isdecimal():
            msg = f"the batch of rows from {first} on"
            raise sqlite3.DatabaseError(msg)
        values = (int(sums[at : at + _DIGITS]) for at in range(0, len(sums), _DIGITS))
        rows += zip(_split(keys), repeat(space), count(first), values, repeat(created))
    if rows:
        _insert(db, rows)
        db.execute("DELETE FROM fresh")


def _insert(db: sqlite3.Connection, rows: Iterable[tuple[bytes, int, int, int, int]]) -> None:
    db.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?, ?)", sorted(rows))


def _split(keys: bytes) -> list[bytes]:
    return [keys[at : at + _KEY_BYTES] for at in range(0, len(keys), _KEY_BYTES)]
