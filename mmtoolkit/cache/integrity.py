"""Compare everything in a cache with its checksums; write the index anew from what is sound."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._files import replaced
from mmtoolkit.cache.connection import INDEX, Connections, translated
from mmtoolkit.cache.fresh import entries
from mmtoolkit.cache.schema import migrate
from mmtoolkit.cache.segment import Segment, checksums, created_of, join_keys, pack, sound, spaces_of, sums_of
from mmtoolkit.errors import CacheError, CacheVersionError
from mmtoolkit.results import Result

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray


__all__ = ["CacheReport", "verify"]

_BLOCK_BYTES = 16 * 1024 * 1024
_SHOWN = 5

Spaces = dict[int, tuple[str, str]]


@dataclass(frozen=True, eq=False, repr=False)
class CacheReport(Result):
    """The state of a cache.

    Parameters
    ----------
    rows : int
        Vectors that were compared with their checksums.
    damaged : DataFrame
        Columns model, dimension, row, key (hexadecimal) and reason; one row per vector that is lost or unsure.
    problems : tuple of str
        What is wrong with the index, the records or the notes; no vector is lost by these.
    repaired : bool
        Whether a repair was made: then a second `verify` finds nothing.
    """

    rows: int
    damaged: pd.DataFrame
    problems: tuple[str, ...]
    repaired: bool

    @property
    def ok(self) -> bool:
        """Whether all is as it was written."""
        return not self.problems and self.damaged.empty

    def _summary(self) -> str:
        if self.ok:
            return f"{self.rows} vectors, all sound"
        then = "repaired; damaged vectors are computed again when they are needed" if self.repaired else "not repaired"
        return f"{self.rows} vectors, {len(self.damaged)} damaged, {len(self.problems)} other problems; {then}"

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        import pandas as pd

        problems = pd.DataFrame({"problem": list(self.problems)})
        return {k: v for k, v in {"damaged": self.damaged, "problems": problems}.items() if len(v)}


@dataclass
class _Part:
    """One segment: what the index says of it, and what of that is true."""

    segment: Segment
    model: str
    spaces: Spaces
    total: int
    holes: set[int] = field(default_factory=set)
    claims: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((0, 6), dtype=np.uint64))  # records, by row
    claimed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    good: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))


@dataclass
class _Audit:
    parts: list[_Part] = field(default_factory=list)
    rows: int = 0
    damaged: list[tuple[str, int, int, str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def verify(connections: Connections, *, repair: bool = False) -> CacheReport:
    """See `EmbeddingCache.verify`."""
    if repair and connections.read_only:
        msg = f"the cache {os.fspath(connections.folder)!r} was opened with read_only=True and cannot be repaired"
        raise CacheError(msg)
    if repair:
        audit = _audit(connections)
        if audit.problems or audit.damaged:
            with connections.alone() as db:
                audit = _inspect(connections, db)
                _rebuild(connections, audit)
    else:
        audit = _audit(connections)
    return _report(audit, repaired=repair and bool(audit.problems or audit.damaged))


def _report(audit: _Audit, *, repaired: bool) -> CacheReport:
    import pandas as pd

    damaged = pd.DataFrame(audit.damaged, columns=["model", "dimension", "row", "key", "reason"])
    return CacheReport(audit.rows, damaged, tuple(audit.problems), repaired)


def _audit(connections: Connections) -> _Audit:
    try:
        with connections.reading() as db:
            return _inspect(connections, db)
    except CacheVersionError:
        raise
    except CacheError as error:
        if not isinstance(error.__cause__, sqlite3.DatabaseError) or isinstance(
            error.__cause__, sqlite3.OperationalError
        ):
            raise
        return _inspect(connections, None)


def _inspect(connections: Connections, db: sqlite3.Connection | None) -> _Audit:
    audit = _Audit()
    with translated(connections.folder):
        folder = connections.folder / "segments"
        parts = _from_index(folder, db, audit)
        if parts is None:
            parts = _from_notes(folder)
            if parts or (connections.folder / INDEX).exists():
                audit.problems.append("the index is missing or damaged; the records beside the vectors take its place")
        for part in parts:
            _check_part(part, audit)
        audit.parts = parts
    return audit


def _from_index(folder: Path, db: sqlite3.Connection | None, audit: _Audit) -> list[_Part] | None:
    """Read all of the index; None where it cannot be relied on."""
    if db is None:
        return None
    try:
        found = [text for (text,) in db.execute(f"PRAGMA integrity_check({_SHOWN})")]
        if found != ["ok"]:
            audit.problems += [f"index: {text}" for text in found]
            return None
        parts = {}
        for number, model, dimension, stem, rows in db.execute("SELECT id, model, dimension, stem, rows FROM segments"):
            spaces = {
                i: (r, p)
                for i, r, p in db.execute("SELECT id, revision, params FROM spaces WHERE segment = ?", (number,))
            }
            part = _Part(Segment(folder, stem, dimension), model, spaces, rows)
            if not part.segment.vectors.exists() and part.segment.described() is None:
                audit.problems.append(f"{os.fspath(part.segment.vectors)!r} is missing")
                return None
            part.holes = {row for (row,) in db.execute("SELECT row FROM holes WHERE segment = ?", (number,))}
            _read_claims(db, number, part, audit)
            parts[number] = part
    except (sqlite3.DatabaseError, ValueError, TypeError, OverflowError) as error:
        audit.problems.append(f"index: {error}")
        return None
    return list(parts.values())


def _read_claims(db: sqlite3.Connection, number: int, part: _Part, audit: _Audit) -> None:
    found = db.execute(
        f"SELECT v.row, v.key, v.space, v.created, v.checksum FROM {entries(db)} v JOIN spaces p ON p.id = v.space "
        "WHERE p.segment = ? ORDER BY v.row",
        (number,),
    ).fetchall()
    inside = [entry for entry in found if 0 <= entry[0] < part.total and len(entry[1]) == 32]
    if len(inside) < len(found):
        audit.problems.append(
            f"{part.segment.stem}: {len(found) - len(inside)} index entries point outside the segment"
        )
    part.claims = np.zeros((part.total, 6), dtype=np.uint64)
    part.claimed = np.zeros(part.total, dtype=bool)
    if inside:
        rows, keys, spaces, created, sums = zip(*inside, strict=True)
        part.claims[list(rows)] = pack(
            join_keys(keys), *(np.array(c, dtype=np.uint64) for c in (spaces, created, sums))
        )
        part.claimed[list(rows)] = True
        if len(set(rows)) < len(rows):
            audit.problems.append(f"{part.segment.stem}: {len(rows) - len(set(rows))} rows stand in the index twice")


def _from_notes(folder: Path) -> list[_Part]:
    """Find segments without the index: the fullest of each model and dimension."""
    best: dict[tuple[str, int], _Part] = {}
    for note in sorted(folder.glob("*.json")):
        described = Segment(folder, note.stem, 1).described()
        if described is None:
            continue
        model, dimension, spaces = described
        segment = Segment(folder, note.stem, dimension)
        if segment.keys.exists() and segment.vectors.exists():
            total = min(segment.keys.stat().st_size // 48, segment.vectors.stat().st_size // segment.row_bytes)
            part = _Part(segment, model, spaces, total)
            part.claims, part.claimed = np.zeros((total, 6), dtype=np.uint64), np.zeros(total, dtype=bool)
            if total > getattr(best.get((model, dimension)), "total", -1):
                best[model, dimension] = part
    return list(best.values())


def _check_part(part: _Part, audit: _Audit) -> None:
    """Compare index, records, note and vectors of one segment; keep the claims that hold."""
    segment, total = part.segment, part.total
    described = segment.described()
    if described is None or described != (part.model, segment.dimension, part.spaces):
        audit.problems.append(f"{segment.note.name} is damaged or differs from the index")
        if described is not None and described[1] == segment.dimension:
            part.model, _, part.spaces = described
    view = segment.map(total) if segment.vectors.exists() else np.empty((0, segment.dimension), dtype=np.float32)
    records = segment.records(total) if segment.keys.exists() else np.zeros((total, 6), dtype=np.uint64)
    whole = sound(records)
    hole = np.zeros(total, dtype=bool)
    hole[[row for row in part.holes if 0 <= row < total]] = True
    part.good = part.claimed & _holds(part.claims, part.claimed, view, part.spaces)
    differ = whole & ~hole & ~(part.claimed & (records == part.claims).all(axis=1))
    rescued = differ & _holds(records, differ, view, part.spaces) & ~part.good
    if rescued.any():
        audit.problems.append(
            f"{segment.stem}: {rescued.sum()} rows are missing or wrong in the index, their records are sound"
        )
    lost = ~part.good & ~rescued & (part.claimed | ~hole)
    stale = part.good & (~whole | differ)
    if stale.any():
        audit.problems.append(f"{segment.keys.name}: {stale.sum()} records are damaged; the index has them")
    for row in np.flatnonzero(lost).tolist():
        claim = part.claims if part.claimed[row] else records
        key = claim[row, :4].astype("<u8").tobytes().hex()
        reason = (
            "the vector differs from its checksum" if row < len(view) else "the file of vectors ends before this row"
        )
        audit.damaged.append((part.model, segment.dimension, row, key, reason))
    part.claims[rescued] = records[rescued]
    part.good |= rescued
    audit.rows += int((part.claimed | rescued).sum())


def _holds(
    claims: NDArray[np.uint64], which: NDArray[np.bool_], view: NDArray[np.float32], spaces: Mapping[int, object]
) -> NDArray[np.bool_]:
    """Tell for which of the rows the vector is what key and checksum say."""
    ok = which & np.isin(spaces_of(claims), np.array(list(spaces), dtype=np.uint64))
    ok[len(view) :] = False
    step = max(_BLOCK_BYTES // (4 * view.shape[1]), 1)
    rows = np.flatnonzero(ok)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        keys = [key.tobytes() for key in claims[part, :4].astype("<u8")]
        ok[part] = checksums(keys, view[part]) == sums_of(claims[part])
    return ok


def _rebuild(connections: Connections, audit: _Audit) -> None:
    """Write index, records and notes anew from the claims that hold; no vector is touched."""
    with translated(connections.folder), connections.replaced() as new:
        db = sqlite3.connect(new, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN")
            migrate(db)
            for part in audit.parts:
                _rebuild_part(db, part)
            db.execute("COMMIT")
        finally:
            db.close()
    for part in audit.parts:
        part.segment._map = None


def _rebuild_part(db: sqlite3.Connection, part: _Part) -> None:
    segment = part.segment
    (number,) = db.execute(
        "INSERT INTO segments (model, dimension, stem, rows) VALUES (?, ?, ?, ?) RETURNING id",
        (part.model, segment.dimension, segment.stem, part.total),
    ).fetchone()
    renumbered = {}
    for old, (revision, params) in part.spaces.items():
        query = "INSERT INTO spaces (segment, revision, params) VALUES (?, ?, ?) RETURNING id"
        (renumbered[old],) = db.execute(query, (number, revision, params)).fetchone()
    rows = np.flatnonzero(part.good)
    claims = part.claims[rows]
    spaces = np.array([renumbered[old] for old in spaces_of(claims).tolist()], dtype=np.uint64)
    packed = pack(claims[:, :4], spaces, created_of(claims), sums_of(claims))
    claimed = zip(
        (key.tobytes() for key in claims[:, :4].astype("<u8")),
        spaces.tolist(),
        rows.tolist(),
        sums_of(claims).tolist(),
        created_of(claims).tolist(),
        strict=True,
    )
    db.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?, ?, ?)", sorted(claimed))
    live = {
        row
        for (row,) in db.execute(
            "SELECT v.row FROM vectors v JOIN spaces p ON p.id = v.space WHERE p.segment = ?", (number,)
        )
    }
    db.executemany("INSERT INTO holes VALUES (?, ?)", ((number, row) for row in range(part.total) if row not in live))
    # rows without a vector get a sound record too, so that the rest can be matched in one go
    records = pack(np.zeros((part.total, 4), dtype=np.uint64), 0, 1, np.zeros(part.total, dtype=np.uint64))
    records[rows] = packed
    with replaced(segment.keys) as scratch:
        records.tofile(scratch)
    segment.describe(part.model, {renumbered[old]: names for old, names in part.spaces.items()})
