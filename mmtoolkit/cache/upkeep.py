"""What a cache holds, and how to make it smaller."""

from __future__ import annotations

import datetime as dt
import re
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._files import ENDING, sync_folder
from mmtoolkit.cache import fresh
from mmtoolkit.cache.segment import Segment, checksums, join_keys, new_stem, pack

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.cache.connection import Connections

__all__ = ["compact", "parse_age", "parse_size", "prune", "stats"]

_BLOCK_BYTES = 16 * 1024 * 1024
_INDEX_BYTES = 120  # of a row, besides its vector: record and index entry
_UNITS = {
    "": 1,
    "k": 1000,
    "m": 1000**2,
    "g": 1000**3,
    "t": 1000**4,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}
_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_COLUMNS = ["model", "revision", "dimension", "params", "vectors", "size_bytes", "oldest", "newest"]


def stats(connections: Connections) -> pd.DataFrame:
    """See `EmbeddingCache.stats`."""
    import pandas as pd

    with connections.reading() as db:
        rows = (
            []
            if db is None
            else db.execute(
                "SELECT s.model, p.revision, s.dimension, p.params, count(*), count(*) * s.dimension * 4, "
                f"min(v.created), max(v.created) FROM {fresh.entries(db)} v JOIN spaces p ON p.id = v.space "
                "JOIN segments s ON s.id = p.segment GROUP BY p.id ORDER BY 1, 3, 2, 4"
            ).fetchall()
        )
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    for name in ("oldest", "newest"):
        frame[name] = pd.to_datetime(frame[name].astype("int64"), unit="s", utc=True)
    return frame


def parse_age(value: str | float | dt.timedelta) -> float:
    """Turn an age into seconds: a timedelta, days, or text such as ``"30d"``, ``"12h"``."""
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smhdw]?)\s*", value.lower())
        if match is None:
            msg = f"older_than must look like '30d' or '12h' (s, m, h, d, w), got {value!r}"
            raise ValueError(msg)
        return float(match[1]) * _AGES[match[2] or "d"]
    if not 0 <= value < float("inf"):
        msg = f"older_than must be a number of days >= 0, got {value!r}"
        raise ValueError(msg)
    return value * _AGES["d"]


def parse_size(value: str | int) -> int:
    """Turn a size into bytes: a number, or text such as ``"2 GB"``, ``"500MiB"``."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?\s*", str(value).lower())
    if match is None or match[2] not in _UNITS:
        msg = f"max_size must be bytes >= 0 or look like '500 MB' or '2GiB', got {value!r}"
        raise ValueError(msg)
    return int(float(match[1]) * _UNITS[match[2]])


def prune(
    connections: Connections,
    *,
    model: str | None,
    older_than: str | float | dt.timedelta | None,
    max_size: str | int | None,
) -> int:
    """See `EmbeddingCache.prune`."""
    if model is None and older_than is None and max_size is None:
        msg = "prune needs at least one of model, older_than and max_size"
        raise ValueError(msg)
    before = None if older_than is None else time.time() - parse_age(older_than)
    limit = None if max_size is None else parse_size(max_size)
    with connections.reading() as db:
        if db is None:
            return 0
    with connections.writing() as db:
        fresh.settle(db)
        where, values = "1", list[str | float]()
        if model is not None:
            where, values = "s.model = ?", [model]
        if before is not None:
            where, values = f"{where} AND v.created < ?", [*values, before]
        source = "FROM vectors v JOIN spaces p ON p.id = v.space JOIN segments s ON s.id = p.segment"
        db.execute("CREATE TEMP TABLE doomed (key BLOB, space INTEGER, segment INTEGER, row INTEGER)")
        try:
            picked = f"SELECT v.key, v.space, s.id, v.row {source} WHERE {where}"
            if limit is not None:
                # keep, newest first, as long as the sum stays within the limit
                cost = f"sum(s.dimension * 4 + {_INDEX_BYTES}) OVER (ORDER BY v.created DESC, s.id, v.row DESC)"
                picked = (
                    f"SELECT key, space, id, row FROM (SELECT v.key, v.space, s.id, v.row, {cost} AS used {source} "
                )
                picked += f"WHERE {where}) WHERE used > {limit}"
            db.execute(f"INSERT INTO doomed {picked}", values)
            db.execute("DELETE FROM vectors WHERE (key, space) IN (SELECT key, space FROM doomed)")
            db.execute("INSERT OR IGNORE INTO holes SELECT segment, row FROM doomed")
            (dropped,) = db.execute("SELECT count(*) FROM doomed").fetchone()
        finally:
            db.execute("DROP TABLE doomed")
    compact(connections)
    return int(dropped)


def compact(connections: Connections) -> int:
    """See `EmbeddingCache.compact`."""
    with connections.reading() as db:
        if db is None:
            return 0
    folder = connections.folder / "segments"
    size = _size(folder)
    with connections.writing() as db:
        fresh.settle(db)
        for number, model, dimension, stem, rows in db.execute(
            "SELECT id, model, dimension, stem, rows FROM segments"
        ).fetchall():
            (holes,) = db.execute("SELECT count(*) FROM holes WHERE segment = ?", (number,)).fetchone()
            if holes:
                old = Segment(folder, stem, dimension)
                new = Segment(folder, new_stem(model, dimension), dimension)
                _move(db, number, old, new, rows)
                _describe(db, number, model, new)
        if folder.exists():
            sync_folder(folder)
    with connections.writing() as db:  # under the lock nobody is about to name a new file
        remove_strangers(db, folder)
    connections.vacuum()
    return size - _size(folder)


def remove_strangers(db: sqlite3.Connection, folder: Path) -> None:
    """Delete files that no segment refers to."""
    named = {stem for (stem,) in db.execute("SELECT stem FROM segments")}
    for path in folder.glob("*") if folder.exists() else ():
        if path.name.split(".", 1)[0] not in named or path.suffix == ENDING:
            try:
                path.unlink()
            except PermissionError:  # on Windows, while somebody still has it open
                continue


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*")) if folder.exists() else 0


def _move(db: sqlite3.Connection, number: int, old: Segment, new: Segment, rows: int) -> None:
    """Copy the rows that count to new files, leaving out damaged ones, and point the index there."""
    entries = db.execute(
        "SELECT v.row, v.key, v.space, v.checksum, v.created FROM vectors v JOIN spaces p ON p.id = v.space "
        "WHERE p.segment = ? ORDER BY v.row",
        (number,),
    ).fetchall()
    view = old.map(rows) if old.vectors.exists() else np.empty((0, old.dimension), dtype=np.float32)
    step, at = max(_BLOCK_BYTES // old.row_bytes, 1), 0
    for start in range(0, len(entries), step):
        part = [entry for entry in entries[start : start + step] if entry[0] < len(view)]
        X = view[[entry[0] for entry in part]]
        whole = checksums([entry[1] for entry in part], X) == np.array([entry[3] for entry in part], dtype=np.uint64)
        part = [entry for entry, ok in zip(part, whole.tolist(), strict=True) if ok]
        if part:
            records = pack(join_keys([e[1] for e in part]), *_columns((e[2], e[4], e[3]) for e in part))
            new.write(at, X[whole])
            new.write_records(at, records)
        moved = ((at + i, entry[1], entry[2]) for i, entry in enumerate(part))
        db.executemany("UPDATE vectors SET row = -1 - ? WHERE key = ? AND space = ?", moved)
        at += len(part)
    of_segment = "space IN (SELECT id FROM spaces WHERE segment = ?)"
    db.execute(f"DELETE FROM vectors WHERE row >= 0 AND {of_segment}", (number,))
    db.execute(f"UPDATE vectors SET row = -1 - row WHERE {of_segment}", (number,))
    db.execute("DELETE FROM holes WHERE segment = ?", (number,))
    db.execute(
        f"DELETE FROM spaces WHERE segment = ? AND id NOT IN (SELECT space FROM vectors WHERE {of_segment})",
        (number, number),
    )
    db.execute("UPDATE segments SET stem = ?, rows = ? WHERE id = ?", (new.stem, at, number))
    db.execute("DELETE FROM segments WHERE id = ? AND rows = 0", (number,))


def _columns(triples: Iterable[tuple[int, int, int]]) -> list[np.ndarray[tuple[int], np.dtype[np.uint64]]]:
    return [np.array(column, dtype=np.uint64) for column in zip(*triples, strict=True)]


def _describe(db: sqlite3.Connection, number: int, model: str, segment: Segment) -> None:
    spaces = {
        i: (r, p) for i, r, p in db.execute("SELECT id, revision, params FROM spaces WHERE segment = ?", (number,))
    }
    if spaces:
        segment.describe(model, spaces)
