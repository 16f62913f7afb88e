"""The index of a folder: which segments there are, how many rows they have, and digests of files.

All of it is derived: the notes and records in ``segments/`` are the truth. An index that is missing, damaged, behind them or
of an older format is made anew from them when the folder is opened, by the code that ``verify --repair`` uses.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sqlite3
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mmtoolkit._files import replaced
from mmtoolkit.cache.forking import Database
from mmtoolkit.cache.lock import Lock
from mmtoolkit.cache.segment import Segment, SegmentNote, file_status, is_stem, note_text, parse_note, read_note
from mmtoolkit.errors import CacheError, CacheVersionError

__all__ = ["INDEX", "VERSION", "Catalog", "Index", "translated"]

logger = logging.getLogger(__name__)

INDEX = "index.sqlite"
VERSION = 4
_FUTURE = 100  # a version further ahead is damage
_BUSY_S = 30.0
_SAFE = ("PRAGMA synchronous = OFF", "PRAGMA trusted_schema = OFF")  # what a power cut takes is made anew
_PART = 500  # names per question
_SCHEMA = (
    "CREATE TABLE segments (stem TEXT PRIMARY KEY, note TEXT NOT NULL, rows INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE files (path BLOB PRIMARY KEY, stamp TEXT NOT NULL, digest BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID",
)


@dataclass(frozen=True, eq=False)
class Catalog:
    """The content of the index inside one transaction.

    Parameters
    ----------
    db : sqlite3.Connection
        To an empty database where the folder has no index, or one that is no good and may not be written.
    entries : dict of str to (Segment, int)
        By stem: the segment, and how many records the index knows of.
    """

    db: sqlite3.Connection
    entries: dict[str, tuple[Segment, int]]

    def segments(self, model: str | None = None, dimension: int | None = None) -> list[Segment]:
        """Return the segments (of a model and dimension), their records read."""
        wanted = [s for s, _ in self.entries.values() if model is None or s.note[:2] == (model, dimension)]
        for fault in filter(None, [segment.refresh() for segment in wanted]):
            warnings.warn(fault, stacklevel=4)
        return wanted

    def enter(self, segment: Segment) -> None:
        """Write down what a segment holds, and how many rows."""
        row = segment.stem, note_text(segment.note), segment.rows()
        self.db.execute("INSERT OR REPLACE INTO segments VALUES (?, ?, ?)", row)

    def recall(self, paths: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """Return stamp and digest of those local files that the index remembers."""
        found: dict[str, tuple[str, bytes]] = {}
        for start in range(0, len(paths), _PART):
            part = [os.fsencode(path) for path in paths[start : start + _PART]]  # names need not be valid Unicode
            rows = self.db.execute(f"SELECT * FROM files WHERE path IN ({','.join('?' * len(part))})", part)
            found.update((os.fsdecode(p), (stamp, d)) for p, stamp, d, s in rows if s == _sum(p, stamp, d))
        return found

    def keep(self, learned: Sequence[tuple[str, str, bytes]]) -> None:
        """Remember digests of local files: path, stamp, digest."""
        rows = sorted((os.fsencode(path), stamp, digest) for path, stamp, digest in learned)
        self.db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", ((*row, _sum(*row)) for row in rows))


class Index:
    """The index of one folder, and the transactions on it. Connections live as long as a transaction: a fork is harmless.

    Parameters
    ----------
    folder : Path
        Made at the first write.
    read_only : bool
        Never write.
    """

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.folder, self.path, self.home = folder, folder / INDEX, folder / "segments"
        self.read_only = read_only
        self.lock = Lock(folder)
        self.forget()

    def forget(self) -> None:
        """Drop everything that was read."""
        self._segments: dict[str, Segment] = {}
        self._told = False

    @contextmanager
    def reading(self) -> Iterator[Catalog]:
        """Give the catalog in a read transaction; an index that cannot be used is made anew first."""
        with translated(self.folder):
            found = self.look(write=False)
            if isinstance(found, str) and self._writable():  # on a full disk, too, what is there can be read
                with contextlib.suppress(OSError, sqlite3.OperationalError), self.lock.held():
                    found = self._mended(write=False)
            if isinstance(found, str):
                found = self.from_notes(found)
            with contextlib.closing(found.db):
                yield found

    @contextmanager
    def writing(self) -> Iterator[Catalog]:
        """Give the catalog to the only writer; commit at the end, roll back on any exception."""
        if self.read_only:
            msg = f"the cache {os.fspath(self.folder)!r} was opened with read_only=True"
            raise CacheError(msg)
        with translated(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.lock.held():
                found = self._mended(write=True)
                with contextlib.closing(found.db):
                    yield found
                    found.db.execute("COMMIT")

    @contextmanager
    def alone(self, said: str = "") -> Iterator[list[Segment]]:
        """Give all segments to a caller that changes their files, outside a transaction, and makes the index anew.

        With `said`, the reason to tell, it is made anew before as well.
        """
        with translated(self.folder), self.lock.held() if self.folder.exists() else contextlib.nullcontext():
            if said:
                self.rebuild(said)
            found = self._mended(write=False)
            found.db.close()
            segments = [segment for segment, _ in found.entries.values()]
            for segment in segments:
                segment.refresh()
            yield segments

    def _mended(self, *, write: bool) -> Catalog:
        found = self.look(write=write)
        if isinstance(found, str):
            self.rebuild(found)
            found = self.look(write=write)
        if isinstance(found, str):
            msg = f"the index {found}"
            raise sqlite3.DatabaseError(msg)
        return found

    def _connect(self, mode: str, *commands: str) -> sqlite3.Connection:
        return Database(f"{self.path.absolute().as_uri()}?mode={mode}", *commands, uri=True, timeout=_BUSY_S)

    def _writable(self) -> bool:
        return not self.read_only and os.access(self.folder, os.W_OK)

    def look(self, *, write: bool) -> Catalog | str:
        """Open the index inside a transaction, to be closed; or say what is wrong with it, and mend nothing."""
        if file_status(self.path) is None:
            return "is missing" if write or self.stems() else self.from_notes()
        with contextlib.ExitStack() as stack:
            try:
                begin = "BEGIN IMMEDIATE" if write else "BEGIN"
                db = self._connect("rw" if self._writable() else "ro", *_SAFE, begin)
                stack.enter_context(contextlib.closing(db))
                entries = self._entries(db)
                fault = self._compared(entries, exact=write)
            except (sqlite3.DatabaseError, ValueError, TypeError) as error:
                if "locked" in str(error):
                    raise
                fault = f"is damaged ({error})"
            if fault:
                return fault
            stack.pop_all()
            return Catalog(db, entries)

    def _entries(self, db: sqlite3.Connection) -> dict[str, tuple[Segment, int]]:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if VERSION < version <= VERSION + _FUTURE:
            msg = (
                f"the cache {os.fspath(self.folder)!r} has format {version}, written by a newer version of "
                f"mmtoolkit; this one knows formats up to {VERSION}. Update mmtoolkit, or name another folder with cache="
            )
            raise CacheVersionError(msg)
        tables = tuple(sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL"))
        if version != VERSION or tables != _SCHEMA:
            msg = f"format {version}" if 0 < version < VERSION else "its tables are not those of a cache"
            raise sqlite3.DatabaseError(msg)
        entries = {}
        for stem, text, rows in db.execute("SELECT * FROM segments"):
            note = parse_note(text)
            if note is None or not isinstance(rows, int) or rows < 0:
                msg = f"its line on {stem!r}"
                raise sqlite3.DatabaseError(msg)
            entries[stem] = self._segment(stem, note), rows
        return entries

    def _compared(self, entries: dict[str, tuple[Segment, int]], *, exact: bool) -> str:
        """Return how the index differs from the files on disk; further rows on disk matter to a writer only."""
        found = {stem: segment.rows() for stem, (segment, _) in entries.items()}
        lost = sum(max(rows - found[stem], 0) for stem, (_, rows) in entries.items())
        if lost:
            return f"counts {lost} rows more than there are records, whose vectors are computed again"
        behind = exact and any(rows < found[stem] for stem, (_, rows) in entries.items())
        unknown = [stem for stem in self.stems() if stem not in entries and read_note(self.home / f"{stem}.json")]
        return "is behind the records" if behind or unknown else ""

    def stems(self) -> list[str]:
        """Return the names of the segments on disk, without ending; other names, such as those of copies, are not ours."""
        if self.home.is_symlink():
            msg = f"{os.fspath(self.home)!r} is a link; a cache holds its own files only. Remove it"
            raise OSError(msg)
        return sorted(path.stem for path in self.home.glob("*.keys") if is_stem(path.stem))

    def _segment(self, stem: str, note: SegmentNote) -> Segment:
        known = self._segments.get(stem)
        if known is None or known.note != note:
            known = Segment(self.home, stem, note) if known is None else known.noted(note)
            there = {s.stem: s for s in list(self._segments.values()) if s.keys.exists()}  # unmap what is gone
            self._segments = {**there, stem: known}
        return known

    def from_notes(self, fault: str = "") -> Catalog:
        """Return the catalog from notes and records alone; `fault` is the reason, and is reported once."""
        notes = ((stem, read_note(self.home / f"{stem}.json")) for stem in self.stems())
        entries = {stem: (self._segment(stem, note), 0) for stem, note in notes if note is not None}
        if fault and not self._told:
            self._told = True
            msg = (
                f"the index of the cache {os.fspath(self.folder)!r} {fault} and cannot be written here; the records beside "
                f"the vectors take its place in memory. `mmtoolkit cache verify --repair` mends it where it may be written"
            )
            _tell(msg, fault)
        return Catalog(_create(":memory:"), entries)

    def rebuild(self, fault: str, gone: Sequence[Segment] = ()) -> None:
        """Make the index anew from notes and records, under the lock; records and notes are mended on the way.

        Segments that are `gone` are left out and deleted afterwards. The old index is locked meanwhile, so that readers end
        before or begin after.
        Its log is removed before it is replaced: a process of an older version that has it open finds another file at its
        next transaction, reads its format, and fails.
        """
        rows = 0
        with self._old() as (notes, digests):
            with replaced(self.path, durable=False) as part, contextlib.closing(_create(part)) as db:
                for stem in sorted(set(self.stems()) - {segment.stem for segment in gone}):
                    written = read_note(self.home / f"{stem}.json")
                    note = written or notes.get(stem)
                    if note is None:
                        continue
                    segment = Segment(self.home, stem, note)
                    records, mended, lost = segment.read()
                    rows += len(records) - lost
                    if mended:
                        segment.replace_records(records)
                    if written is None:
                        segment.describe()
                    Catalog(db, {}).enter(segment)
                db.executemany("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?)", digests)
                db.execute("COMMIT")
                for ending in ("-wal", "-shm", "-journal"):
                    self.path.with_name(INDEX + ending).unlink(missing_ok=True)
            for segment in gone:
                segment.remove()
        self.forget()
        if rows:
            _tell(
                f"the index of the cache {os.fspath(self.folder)!r} {fault}; it was made anew from the records of {rows} vectors",
                fault,
            )

    @contextmanager
    def _old(self) -> Iterator[tuple[dict[str, SegmentNote], list[tuple[object, ...]]]]:
        """Give the notes and digests that can still be read from the old index, which stays locked meanwhile."""
        notes: dict[str, SegmentNote] = {}
        digests: list[tuple[object, ...]] = []
        with contextlib.ExitStack() as stack:
            try:
                if file_status(self.path) is not None:
                    db = self._connect("rw", "PRAGMA wal_checkpoint(TRUNCATE)", "BEGIN EXCLUSIVE")
                    stack.enter_context(contextlib.closing(db))
                    notes |= {
                        s: n for s, text in db.execute("SELECT stem, note FROM segments") if (n := parse_note(text))
                    }
                    digests += db.execute("SELECT path, stamp, digest, sum FROM files").fetchall()
            except (sqlite3.DatabaseError, ValueError, TypeError) as error:  # its message may be damaged text
                if "locked" in str(error):
                    raise
                logger.info("the old index of %s is no good: %s", self.folder, error)
            yield notes, digests


def _tell(msg: str, fault: str) -> None:
    """Warn of a fault, unless a killed writer, an update or a repair causes it."""
    (logger.warning if fault.startswith(("is behind", "is repaired")) or "(format " in fault else warnings.warn)(msg)


def _create(path: Path | str) -> sqlite3.Connection:
    """Return a new database with our tables, inside a transaction."""
    return Database(path, "PRAGMA synchronous = OFF", "BEGIN", *_SCHEMA, f"PRAGMA user_version = {VERSION}")


def _sum(path: bytes, stamp: str, digest: bytes) -> int:
    return zlib.crc32(b"\0".join((path, stamp.encode(), digest)))


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Turn errors of the disk and of SQLite into a `CacheError` that says what to do."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        msg = f"the cache {os.fspath(folder)!r} cannot be used: {_advice(error)}"
        raise CacheError(msg) from error


def _advice(error: Exception) -> str:
    text, number = str(error), getattr(error, "errno", None)
    other = "or name another folder with cache= or MMTOOLKIT_CACHE"
    forbidden = ("ead-only file system", "readonly database", "unable to open")
    damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
    remedies = {
        "a link stands in it; a cache holds its own files only. Remove the link": number == errno.ELOOP,
        f"it is, or lies in, a file; expected a folder. Remove the file, {other}": isinstance(
            error, NotADirectoryError | FileExistsError
        ),
        f"no permission. Change it, {other}": isinstance(error, PermissionError) or any(w in text for w in forbidden),
        "the disk is full; nothing that was stored is lost. Free space (`mmtoolkit cache prune`), " + other: number
        == errno.ENOSPC
        or "disk is full" in text,
        f"another process has kept it locked for long. Wait for it or end it, {other}": "locked" in text,
        "the index is damaged. Run `mmtoolkit cache verify --repair`; the vectors are found again": damaged,
    }
    return next((f"{remedy} ({text})" for remedy, fits in remedies.items() if fits), text)
