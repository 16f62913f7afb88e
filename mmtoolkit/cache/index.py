"""The index of a folder: which segments there are, a second copy of their records, digests of files.

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
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._files import replaced
from mmtoolkit.cache.lock import Lock
from mmtoolkit.cache.migration import old_records
from mmtoolkit.cache.records import RECORD_BYTES, from_bytes, sound
from mmtoolkit.cache.segment import Note, Segment, file_status, mended, note_text, parse_note
from mmtoolkit.errors import CacheError, CacheVersionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["INDEX", "Catalog", "Index", "translated"]

logger = logging.getLogger(__name__)

INDEX = "index.sqlite"
VERSION = 4
_FUTURE = 100  # a version further ahead is damage
_BUSY_S = 30.0
_PART = 500  # names per question
_MOST = 16_384  # records in one piece
UNREADABLE = Note("", 0, {})  # of a segment whose note is lost: the records are kept, but nobody knows what they mean
_SCHEMA = (
    "CREATE TABLE segments (stem TEXT PRIMARY KEY, note TEXT NOT NULL, rows INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE records (stem TEXT NOT NULL, first INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (stem, first))",
    "CREATE TABLE files (path BLOB PRIMARY KEY, stamp TEXT NOT NULL, digest BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID",
)


class Catalog:
    """What the index says inside one transaction.

    Parameters
    ----------
    db : sqlite3.Connection or None
        None where there is no index: nothing is stored yet, or the folder may only be read and its index is no good.
    entries : dict of str to (Segment, int)
        By stem: the segment, and how many records the index knows of.
    """

    def __init__(self, db: sqlite3.Connection | None, entries: dict[str, tuple[Segment, int]]) -> None:
        self.db, self.entries = db, entries

    def segments(self, model: str | None = None, dimension: int | None = None) -> list[Segment]:
        """Return the segments (of a model and dimension), their records read."""
        wanted = []
        for segment, rows in self.entries.values():
            fits = model is None or (segment.note.model, segment.note.dimension) == (model, dimension)
            if fits and segment.note != UNREADABLE:
                segment.refresh(rows, lambda stem=segment.stem: self.copy(stem))  # type: ignore[misc]
                wanted.append(segment)
        return wanted

    def copy(self, stem: str) -> NDArray[np.uint64]:
        """Return the index's copy of a segment's records, zeros where it has none."""
        return from_bytes(b"") if self.db is None else _copy(self.db, stem, self.entries[stem][1])

    def add(self, segment: Segment, first: int, records: NDArray[np.uint64]) -> None:
        """Enter records that stand in their file from row `first` on, and what the segment holds."""
        assert self.db is not None
        _enter(self.db, segment, first, records)

    def replace(self, old: Sequence[Segment], new: Segment | None) -> None:
        """Let one segment, which is on disk, take the place of others."""
        assert self.db is not None
        for segment in old:
            self.db.execute("DELETE FROM segments WHERE stem = ?", (segment.stem,))
            self.db.execute("DELETE FROM records WHERE stem = ?", (segment.stem,))
        if new is not None:
            _enter(self.db, new, 0, new.on_disk())

    def commit(self) -> None:
        """Make what was entered count now, while the lock is still held."""
        if self.db is not None and self.db.in_transaction:
            self.db.execute("COMMIT")

    def vacuum(self) -> None:
        """Give free pages of the index back, after `commit`."""
        assert self.db is not None
        self.db.execute("VACUUM")

    def close(self) -> None:
        """End the transaction; what was not committed is undone."""
        if self.db is not None:
            self.db.close()
        self.db = None

    def recall(self, paths: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """Return stamp and digest of local files, as far as they are remembered."""
        found: dict[str, tuple[str, bytes]] = {}
        for start in range(0, len(paths) if self.db is not None else 0, _PART):
            assert self.db is not None
            part = [os.fsencode(path) for path in paths[start : start + _PART]]  # names need not be valid Unicode
            rows = self.db.execute(f"SELECT * FROM files WHERE path IN ({','.join('?' * len(part))})", part)
            found.update((os.fsdecode(p), (stamp, d)) for p, stamp, d, s in rows if s == _sum(p, stamp, d))
        return found

    def keep(self, learned: Sequence[tuple[str, str, bytes]]) -> None:
        """Remember digests of local files: path, stamp, digest."""
        assert self.db is not None
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
        """Let go of all that was read."""
        self._segments: dict[str, Segment] = {}
        self._told = False

    @contextmanager
    def reading(self) -> Iterator[Catalog]:
        """Give what there is, in a read transaction; an index that is no good is made anew first."""
        with translated(self.folder):
            found = self._look(write=False)
            if isinstance(found, str) and self.writable():
                with contextlib.suppress(OSError, sqlite3.OperationalError), self.lock.held():
                    found = self._look(write=False)
                    if isinstance(found, str):
                        self.rebuild(found)
                        found = self._look(write=False)
            if isinstance(found, str):
                found = self.from_notes(found)
            try:
                yield found
            finally:
                found.close()

    @contextmanager
    def writing(self) -> Iterator[Catalog]:
        """Give what there is to the only writer; commits at the end, rolls back on any exception."""
        if self.read_only:
            msg = f"the cache {os.fspath(self.folder)!r} was opened with read_only=True"
            raise CacheError(msg)
        with translated(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.lock.held():
                found = self._look(write=True)
                if isinstance(found, str):
                    self.rebuild(found)
                    found = self._look(write=True)
                if isinstance(found, str):
                    raise sqlite3.DatabaseError(found)
                try:
                    yield found
                    found.commit()
                finally:
                    found.close()

    def writable(self) -> bool:
        """Tell whether this process may write to the folder."""
        return not self.read_only and os.access(self.folder, os.W_OK)

    def look(self) -> tuple[Catalog, str]:
        """Return what there is and what is wrong with the index, and mend nothing. The catalog's connection is to be closed."""
        found = self._look(write=False)
        return (self.from_notes(), found) if isinstance(found, str) else (found, "")

    def _look(self, *, write: bool) -> Catalog | str:
        """Open the index inside a transaction; what is wrong with it where it is no good."""
        if file_status(self.path) is None:
            return "is missing" if write or self.stems() else Catalog(None, {})
        with contextlib.ExitStack() as stack:
            try:
                db = stack.enter_context(contextlib.closing(_connect(self.path, "rw" if self.writable() else "ro")))
                db.execute("PRAGMA synchronous = OFF")  # what a power cut takes is made anew
                db.execute("PRAGMA trusted_schema = OFF")
                db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
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
        version = _version_of(db)
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
        for stem, text, rows in db.execute("SELECT stem, note, rows FROM segments"):
            note = parse_note(text) if text else UNREADABLE
            if note is None or not isinstance(rows, int) or rows < 0:
                msg = f"the note of {stem!r}"
                raise sqlite3.DatabaseError(msg)
            entries[stem] = self._segment(stem, note), rows
        return entries

    def _compared(self, entries: dict[str, tuple[Segment, int]], *, exact: bool) -> str:
        """Say how the index differs from what is on disk. A writer is about to enter new rows: then more is right, too."""
        unknown, short, behind = set(self.stems()) - entries.keys(), [], []
        for stem, (segment, rows) in entries.items():
            found = segment.rows()
            short += [stem] * (found < rows)
            behind += [stem] * (found > rows)
        if short:
            return f"has more than the records of {', '.join(short)}"
        if unknown or (exact and behind):
            return f"is behind the records of {', '.join(sorted({*unknown, *behind}))}"
        return ""

    def keys(self) -> list[str]:
        """Return the names of the files of records on disk, without ending."""
        if self.home.is_symlink():
            msg = f"{os.fspath(self.home)!r} is a link; a cache holds its own files only. Remove it"
            raise OSError(msg)
        return sorted(path.stem for path in self.home.glob("*.keys"))

    def stems(self) -> list[str]:
        """Return the names of the segments on disk: those that have records and a note."""
        return [stem for stem in self.keys() if (self.home / f"{stem}.json").exists()]

    def _segment(self, stem: str, note: Note) -> Segment:
        known = self._segments.get(stem)
        if known is None or known.note[:2] != note[:2]:
            known = self._segments[stem] = Segment(self.home, stem, note)
            for other in [s for s in list(self._segments.values()) if not s.keys.exists()]:
                self._segments.pop(other.stem, None)  # compacted away; do not keep its file mapped
        known.note = note
        return known

    def from_notes(self, fault: str = "") -> Catalog:
        """Return what there is from notes and records alone; `fault` is why, and is told once."""
        entries = {}
        for stem in self.stems():
            segment = Segment(self.home, stem, UNREADABLE)
            note = segment.described()
            if note is not None:
                segment = self._segment(stem, note)
                entries[stem] = segment, segment.rows()
        if fault and not self._told:
            self._told = True
            msg = (
                f"the index of the cache {os.fspath(self.folder)!r} {fault} and may not be written here; the records beside "
                f"the vectors take its place in memory: {len(entries)} segments. `mmtoolkit cache verify --repair` mends it"
            )
            (logger.info if _harmless(fault) else warnings.warn)(msg)
        return Catalog(None, entries)

    def rebuild(self, fault: str) -> None:
        """Make the index anew from notes and records, under the lock; what these lack is taken from the old index.

        The old one is locked meanwhile and its log removed before it is replaced: a process of an older version that has
        it open finds another file at its next transaction, reads its format, and fails.
        """
        rows = 0
        with self._old() as (copies, digests), replaced(self.path, durable=False) as part:
            db = sqlite3.connect(part, isolation_level=None)
            try:
                db.execute("PRAGMA synchronous = OFF")
                db.execute("BEGIN")
                for command in (*_SCHEMA, f"PRAGMA user_version = {VERSION}"):
                    db.execute(command)
                for stem in sorted({*self.stems(), *copies}):
                    segment, records = self._take_in(stem, *copies.get(stem, (None, from_bytes(b""))))
                    if segment.words.exists() or len(records):
                        _enter(db, segment, 0, records)
                        rows += int(sound(records).sum())
                db.executemany("INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?)", digests)
                db.execute("COMMIT")
            finally:
                db.close()
            for ending in ("-wal", "-shm", "-journal"):
                self.path.with_name(INDEX + ending).unlink(missing_ok=True)
        self.forget()
        msg = f"the index of the cache {os.fspath(self.folder)!r} {fault}; it was made anew from the records of {rows} vectors"
        (warnings.warn if rows and not _harmless(fault) else logger.info)(msg)

    def _take_in(self, stem: str, note: Note | None, copy: NDArray[np.uint64]) -> tuple[Segment, NDArray[np.uint64]]:
        """Mend note and records of a segment on disk by what an index had of them; return what holds now."""
        segment = Segment(self.home, stem, note or UNREADABLE)
        written = segment.described()
        segment.note = written or segment.note
        if segment.note.dimension:
            vectors = file_status(segment.vectors)
            copy = copy[: 0 if vectors is None else vectors.st_size // (4 * segment.note.dimension)]
        records = segment.on_disk()
        records, healed, _ = mended(records, sound(records), copy)
        if healed:
            segment.replace_records(records)
        if written is None and note is not None and len(records):
            segment.describe()
        return segment, records

    @contextmanager
    def _old(self) -> Iterator[tuple[dict[str, tuple[Note | None, NDArray[np.uint64]]], list[tuple[object, ...]]]]:
        """Give what the index that stands there still tells, while nobody else may write to it."""
        copies: dict[str, tuple[Note | None, NDArray[np.uint64]]] = {}
        digests: list[tuple[object, ...]] = []
        db = None
        try:
            try:
                if file_status(self.path) is not None:
                    db = _connect(self.path, "rw")
                    version = _version_of(db)
                    if version < VERSION:
                        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    db.execute("BEGIN IMMEDIATE")
                    for stem, note, records in _copies(db) if version == VERSION else old_records(db, version):
                        Segment(self.home, stem, UNREADABLE)  # refuses names that lead elsewhere
                        copies[stem] = note, records
                    if version == VERSION:
                        digests += db.execute("SELECT * FROM files").fetchall()
            except (sqlite3.DatabaseError, ValueError, TypeError, OverflowError) as error:
                if "locked" in str(error):
                    raise
                logger.info("the old index of %s is no good: %s", self.folder, error)
            yield copies, digests
        finally:
            if db is not None:
                db.close()


def _harmless(fault: str) -> bool:
    """Tell whether this is what a killed writer or an update leaves: nobody needs to know."""
    return fault.startswith(("is behind", "is repaired")) or "(format " in fault


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


def _version_of(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def _enter(db: sqlite3.Connection, segment: Segment, first: int, records: NDArray[np.uint64]) -> None:
    text = note_text(segment.note) if segment.note.dimension else ""
    db.execute("INSERT OR REPLACE INTO segments VALUES (?, ?, ?)", (segment.stem, text, first + len(records)))
    for start in range(0, len(records), _MOST):
        part = records[start : start + _MOST]
        db.execute(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?)",
            (segment.stem, first + start, part.astype("<u8").tobytes()),
        )


def _copy(db: sqlite3.Connection, stem: str, most: int) -> NDArray[np.uint64]:
    """Return the copy of a segment's records, at most so many; zeros where there is none."""
    found = [
        (first, from_bytes(data))
        for first, data in db.execute("SELECT first, bytes FROM records WHERE stem = ?", (stem,))
    ]
    inside = [(first, part) for first, part in found if first >= 0 and first + len(part) <= most]
    records = np.zeros(
        (max((first + len(part) for first, part in inside), default=0), RECORD_BYTES // 8), dtype=np.uint64
    )
    for first, part in inside:
        records[first : first + len(part)] = part
    return records


def _copies(db: sqlite3.Connection) -> Iterator[tuple[str, Note | None, NDArray[np.uint64]]]:
    for stem, text, rows in db.execute("SELECT stem, note, rows FROM segments").fetchall():
        yield stem, parse_note(text), _copy(db, stem, rows)


def _sum(path: bytes, stamp: str, digest: bytes) -> int:
    return zlib.crc32(b"\0".join((path, stamp.encode(), digest)))


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Turn what the disk and SQLite raise into a `CacheError` that says what to do."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        msg = f"the cache {os.fspath(folder)!r} cannot be used: {_advice(error)}"
        raise CacheError(msg) from error


def _advice(error: Exception) -> str:
    text = str(error)
    other = "or name another folder with cache= or MMTOOLKIT_CACHE"
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return f"a link stands in it; a cache holds its own files only. Remove the link ({text})"
    if isinstance(error, NotADirectoryError | FileExistsError):
        return f"it is, or lies in, a file; expected a folder. Remove the file, {other} ({text})"
    if (
        isinstance(error, PermissionError)
        or "ead-only file system" in text
        or "readonly database" in text
        or "unable to open" in text
    ):
        return f"no permission. Change it, {other} ({text})"
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "disk is full" in text:
        return (
            f"the disk is full; nothing that was stored is lost. Free space (`mmtoolkit cache prune`), {other} ({text})"
        )
    if "locked" in text:
        return f"another process has kept it locked for long. Wait for it or end it, {other} ({text})"
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return f"the index is damaged. Run `mmtoolkit cache verify --repair`; the vectors are found again ({text})"
    return text
