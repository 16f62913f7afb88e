"""Compare everything in a cache with its checksums; mend what can be mended, drop the rest."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.cache.index import Index, translated
from mmtoolkit.cache.reading import intact
from mmtoolkit.cache.records import spaces_of
from mmtoolkit.cache.segment import Log, Segment, read_note, scan
from mmtoolkit.cache.upkeep import shrink
from mmtoolkit.errors import CacheError
from mmtoolkit.results import Result

if TYPE_CHECKING:
    import pandas as pd


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

    Examples
    --------
    >>> import tempfile
    >>> import mmtoolkit as mm
    >>> found = mm.EmbeddingCache(tempfile.mkdtemp()).verify()
    >>> found.ok, found.rows, found.repaired
    (True, 0, False)
    """

    rows: int
    damaged: pd.DataFrame
    problems: tuple[str, ...]
    repaired: bool

    @property
    def ok(self) -> bool:
        """Whether everything is as it was written."""
        return not self.problems and self.damaged.empty

    def _summary(self) -> str:
        if self.ok:
            return f"{self.rows} vectors, all sound"
        then = "repaired; damaged vectors are computed again when they are needed" if self.repaired else "not repaired"
        return f"{self.rows} vectors, {len(self.damaged)} damaged, {len(self.problems)} other problems; {then}"

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        import pandas as pd

        tables = {"damaged": self.damaged, "problems": pd.DataFrame({"problem": list(self.problems)})}
        return {name: table for name, table in tables.items() if len(table)}


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
        with index.alone("is repaired") as segments:
            shrink(index, [(segment, _intact(segment)) for segment in segments])
    damaged = pd.DataFrame(audit.damaged, columns=["model", "dimension", "row", "key", "reason"])
    return CacheReport(audit.rows, damaged, tuple(audit.problems), repair)


def _intact(segment: Segment) -> NDArray[np.bool_]:
    kept = segment.log.latest()
    rows = np.flatnonzero(kept)
    kept[rows] = intact(segment.log.records, segment.map()[0], rows)
    return kept


def _audit(index: Index) -> _Audit:
    audit = _Audit()
    found = index.look(write=False)
    if isinstance(found, str):
        audit.problems.append(f"the index {found}; the records beside the vectors take its place")
    catalog = index.from_notes() if isinstance(found, str) else found
    with contextlib.closing(catalog.db):
        try:
            lines = [text for (text,) in catalog.db.execute(f"PRAGMA integrity_check({_SHOWN})")]
            audit.problems += [f"index: {text}" for text in lines if text != "ok"]
        except (sqlite3.DatabaseError, ValueError) as error:
            audit.problems.append(f"index: {error}")
    for stem in sorted(set(index.stems()) - catalog.entries.keys()):
        audit.problems.append(f"{stem}.json is lost or damaged: nobody knows what {stem}.keys means")
    for stem, (segment, _) in catalog.entries.items():
        _compare(Segment(index.home, stem, segment.note), audit)
    return audit


def _compare(segment: Segment, audit: _Audit) -> None:
    """Compare note, records and vectors of a segment with their checksums, even if that was done before."""
    records, mended, lost = segment.read()
    segment.log = log = Log((), records, *scan(records))
    latest, (view, _) = log.latest(), segment.map()
    good = _intact(segment)
    if read_note(segment.words) != segment.note:
        audit.problems.append(f"{segment.words.name} is damaged or differs from the index")
    if mended:
        audit.problems.append(f"{segment.keys.name}: {mended} records are damaged, and can be mended")
    unknown = set(spaces_of(records[latest]).tolist()) - segment.note.spaces.keys()
    if unknown:
        audit.problems.append(f"{segment.words.name} does not name the spaces {sorted(unknown)} of {segment.keys.name}")
    for row in np.flatnonzero((latest & ~good) | (~log.alive & records.any(axis=1))).tolist():
        reason = "the vector differs from its checksum" if log.alive[row] else "the record is damaged"
        reason = reason if row < len(view) else "the file of vectors ends before this row"
        key = records[row, :4].astype("<u8").tobytes().hex()
        audit.damaged.append((*segment.note[:2], row, key, reason))
    audit.rows += int(latest.sum()) + lost
