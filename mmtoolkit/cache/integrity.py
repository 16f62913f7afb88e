"""Compare everything in a cache with its checksums; mend what can be mended, drop the rest."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.cache.index import Catalog, Index, translated
from mmtoolkit.cache.reading import intact
from mmtoolkit.cache.records import sound, spaces_of
from mmtoolkit.cache.segment import Log, Segment, mended
from mmtoolkit.cache.upkeep import shrink
from mmtoolkit.errors import CacheError
from mmtoolkit.results import Result

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


__all__ = ["CacheReport", "verify"]

_SHOWN = 5


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
        What is wrong with the index, the records or the notes; no vector is lost by these as long as they are left alone.
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
class _Audit:
    rows: int = 0
    damaged: list[tuple[str, int, int, str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def verify(index: Index, *, repair: bool = False) -> CacheReport:
    """See `EmbeddingCache.verify`."""
    import pandas as pd

    if repair and index.read_only:
        msg = f"the cache {os.fspath(index.folder)!r} was opened with read_only=True and cannot be repaired"
        raise CacheError(msg)
    with translated(index.folder):
        audit = _audit(index)
        repair = repair and bool(audit.problems or audit.damaged)
        if repair:
            with index.lock.held():
                index.rebuild("is repaired")
    if repair:
        with index.writing() as catalog:
            shrink(index, catalog, lambda segment: _intact(segment, segment.log))
    damaged = pd.DataFrame(audit.damaged, columns=["model", "dimension", "row", "key", "reason"])
    return CacheReport(audit.rows, damaged, tuple(audit.problems), repair)


def _intact(segment: Segment, log: Log) -> NDArray[np.bool_]:
    kept = log.latest()
    rows = np.flatnonzero(kept)
    kept[rows] = intact(segment, log.records, rows)
    return kept


def _audit(index: Index) -> _Audit:
    audit = _Audit()
    catalog, fault = index.look()
    logs = []
    try:
        if fault:
            audit.problems.append(f"the index {fault}; the records beside the vectors take its place")
        elif catalog.db is not None:
            found = [text for (text,) in catalog.db.execute(f"PRAGMA integrity_check({_SHOWN})")]
            audit.problems += [f"index: {text}" for text in found if text != "ok"]
        for segment, _ in catalog.entries.values():
            if segment.note.dimension:
                logs.append((segment, _read(catalog, segment, audit)))
    except sqlite3.DatabaseError as error:
        audit.problems.append(f"index: {error}")
    finally:
        catalog.close()
    lost = set(index.keys()) - {segment.stem for segment, _ in logs}
    audit.problems += [f"{stem}.json is lost or damaged: nobody knows what {stem}.keys means" for stem in sorted(lost)]
    for segment, log in logs:
        _compare(segment, log, audit)
    return audit


def _read(catalog: Catalog, segment: Segment, audit: _Audit) -> Log:
    """Read the records anew, and compare them and the note with the index."""
    disk, copy = segment.on_disk(), catalog.copy(segment.stem)
    alive = sound(disk)
    records, healed, lost = mended(disk, alive, copy)
    if segment.described() != segment.note:
        audit.problems.append(f"{segment.words.name} is damaged or differs from the index")
    if healed:
        audit.problems.append(f"{segment.keys.name}: {healed} records are damaged; the index has them")
    n = min(len(disk), len(copy))
    other = alive[:n] & (disk[:n] != copy[:n]).any(axis=1)
    if other.any() and catalog.db is not None:
        audit.problems.append(
            f"{segment.stem}: {other.sum()} rows are missing or wrong in the index, their records are sound"
        )
    if lost:
        rows = np.flatnonzero(~sound(records) & records.any(axis=1)).tolist()
        audit.damaged += [(*segment.note[:2], row, "", "its record is damaged") for row in rows]
    return Log.of(records)


def _compare(segment: Segment, log: Log, audit: _Audit) -> None:
    """Compare the vectors with the records."""
    latest = log.latest()
    good = _intact(segment, log)
    rows, view = np.flatnonzero(latest & ~good), segment.map()
    if len(rows) and not segment.keys.exists():
        return  # it was compacted meanwhile
    for row in rows.tolist():
        key = log.records[row, :4].astype("<u8").tobytes().hex()
        reason = (
            "the vector differs from its checksum" if row < len(view) else "the file of vectors ends before this row"
        )
        audit.damaged.append((*segment.note[:2], row, key, reason))
    unknown = set(spaces_of(log.records[latest]).tolist()) - segment.note.spaces.keys()
    if unknown:
        audit.problems.append(f"{segment.words.name} does not name the spaces {sorted(unknown)} of {segment.keys.name}")
    audit.rows += int(latest.sum())
