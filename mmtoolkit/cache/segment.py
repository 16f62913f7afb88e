"""A segment on disk: vectors of one model and dimension, row after row, with their records beside them.

``<stem>.f32`` holds the vectors and nothing else, so that rows can be handed out as a view of the file. ``<stem>.keys``
holds one record per row and is the truth: a row is there when its record is sound, and of two with one key the later counts.
``<stem>.json`` says in words what the numbers of model and space mean. Rows are added at the end, never written again.
"""

from __future__ import annotations

import copy
import ctypes
import hashlib
import io
import json
import mmap
import os
import re
import secrets
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._files import replaced, sync_folder
from mmtoolkit._json import read_json
from mmtoolkit.cache.records import RECORD_BYTES, from_bytes, hashes, matching, sound, spaces_of
from mmtoolkit.space import Space

__all__ = [
    "Log",
    "Segment",
    "SegmentNote",
    "file_status",
    "is_stem",
    "new_stem",
    "note_text",
    "parse_note",
    "read_note",
    "scan",
]

_STEM = re.compile(r"[A-Za-z0-9_-]{1,100}")
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_MOST_FEATURES = 2**24  # of a vector: more is damage
_BLOCK = 16_384  # records that stay in the processor's cache while they are checked
_SIEVE = np.uint64(0xFFFF)
_SPACE = np.uint64(0xD1B54A32D192ED03)  # so that one key in two spaces has two hashes
_MANY = 2000  # keys that may stand in the order in which they were stored
_SHARE = 16  # sorting all hashes costs about so many times more per key than sifting them


class SegmentNote(NamedTuple):
    """What a segment holds: the model, the dimension, and by number the revision and parameters of each space."""

    model: str
    dimension: int
    spaces: Mapping[int, tuple[str, str]]


def new_stem(model: str, dimension: int) -> str:
    """Return a file name that no other segment has, whatever the model is called."""
    slug = re.sub(r"[^A-Za-z0-9-]+", "_", model)[:40].strip("_") or "model"
    return f"{slug}_{dimension}_{secrets.token_hex(6)}"


def is_stem(name: str) -> bool:
    """Return whether a segment can have this file name, without ending."""
    return _STEM.fullmatch(name) is not None


def note_text(note: SegmentNote) -> str:
    """Return a note as JSON, with a checksum of itself."""
    named = {str(number): {"revision": r, "params": p} for number, (r, p) in sorted(note.spaces.items())}
    content = {"model": note.model, "dimension": note.dimension, "spaces": named}
    return json.dumps({**content, "check": _check(content)}, indent=1)


def read_note(path: Path) -> SegmentNote | None:
    """Return the note in a file; None where it is lost or damaged."""
    try:
        with _opened(path) as file:
            return parse_note(file.read().decode())
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=256)
def parse_note(text: str) -> SegmentNote | None:
    """Return the content of a note; None where it is damaged."""
    try:
        content = json.loads(text)
        check = content.pop("check")
        spaces = {int(number): (s["revision"], s["params"]) for number, s in content["spaces"].items()}
        note = SegmentNote(content["model"], content["dimension"], spaces)
        for revision, params in (("", "{}"), *spaces.values()):  # raises for what names no space
            Space(note.model, revision, note.dimension, read_json(params))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    return note if check == _check(content) and 0 < note.dimension <= _MOST_FEATURES else None


def _check(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Log:
    """The records that were read, with an order for quick search; it is replaced when there are more."""

    stamp: tuple[int, ...]
    records: NDArray[np.uint64]
    known: NDArray[np.uint64]  # hash of key and space
    alive: NDArray[np.bool_]  # sound, and the vector was not found to be damaged

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The rows, by hash."""
        return np.argsort(self.known, kind="stable")

    def latest(self) -> NDArray[np.bool_]:
        """Return which rows count: alive, and no later row has the same key and space."""
        latest = self.alive.copy()
        order = self.order[self.alive[self.order]]
        names = self.records[order, :4], spaces_of(self.records[order])
        again = (names[0][1:] == names[0][:-1]).all(axis=1) & (names[1][1:] == names[1][:-1])
        latest[order[:-1][again]] = False
        return latest

    def find(self, words: NDArray[np.uint64], number: int) -> NDArray[np.int64]:
        """Return the last row of each key in a space, -1 where there is none."""
        if len(words) >= _MANY:
            start = self._look_up(words[:1], number)[0]
            part = slice(start, start + len(words))
            there = start >= 0 and np.array_equal(self.records[part, :4], words) and self.alive[part].all()
            if there and (spaces_of(self.records[part]) == number).all():
                return np.arange(start, start + len(words))
        return self._look_up(words, number)

    def _look_up(self, words: NDArray[np.uint64], number: int) -> NDArray[np.int64]:
        wanted = hashes(words) + np.array([number], dtype=np.uint64) * _SPACE
        if len(wanted) * _SHARE >= len(self.known):
            order = self.order
        else:
            sieve = np.zeros(int(_SIEVE) + 1, dtype=bool)
            sieve[wanted & _SIEVE] = True
            order = np.flatnonzero(sieve[self.known & _SIEVE])
            order = order[np.argsort(self.known[order], kind="stable")]
        order = order[self.alive[order]]
        if len(order) == 0:
            return np.full(len(words), -1, dtype=np.int64)
        there = self.known[order]
        at = np.searchsorted(there, wanted, side="right") - 1
        rows = np.where((at >= 0) & (there[at] == wanted), order[at], -1)
        other = (rows >= 0) & ~(
            (self.records[rows, :4] == words).all(axis=1) & (spaces_of(self.records[rows]) == number)
        )
        for i in np.flatnonzero(other).tolist():  # two keys with one hash
            same = self.alive & (self.records[:, :4] == words[i]).all(axis=1) & (spaces_of(self.records) == number)
            rows[i] = np.flatnonzero(same)[-1] if same.any() else -1
        return rows


_EMPTY = Log((), from_bytes(b""), np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=bool))


class Segment:
    """The files of one segment.

    Parameters
    ----------
    folder : Path
        Where segments lie.
    stem : str
        File name without ending; letters, digits, ``_`` and ``-``.
    note : SegmentNote
        What it holds.
    """

    def __init__(self, folder: Path, stem: str, note: SegmentNote) -> None:
        if not is_stem(stem):
            msg = f"a segment cannot be called {stem!r}"
            raise ValueError(msg)
        self.folder, self.stem, self.note = folder, stem, note
        self.vectors, self.keys, self.words = (folder / f"{stem}{ending}" for ending in (".f32", ".keys", ".json"))
        self.row_bytes = 4 * note.dimension
        self.log = _EMPTY
        self._map: tuple[tuple[int, ...], NDArray[np.float32], NDArray[np.bool_]] = ((), self._no_rows(), _EMPTY.alive)

    def _no_rows(self) -> NDArray[np.float32]:
        return np.empty((0, self.note.dimension), dtype=np.float32)

    def noted(self, note: SegmentNote) -> Segment:
        """Return the same segment with another note; other threads may still use the old note."""
        other = copy.copy(self)
        other.note = note
        return other

    def number(self, revision: str, params: str) -> int | None:
        """Return the number of a space, None where there is none."""
        return next((n for n, names in self.note.spaces.items() if names == (revision, params)), None)

    def rows(self) -> int:
        """Return the number of whole records."""
        found = file_status(self.keys)
        return 0 if found is None else found.st_size // RECORD_BYTES

    def write(self, row: int, X: NDArray[np.float32]) -> None:
        """Write vectors from `row` on, where no record counts yet; they are on disk when this returns."""
        new = not self.vectors.exists()
        self.folder.mkdir(exist_ok=True)
        _write(self.vectors, X, row * self.row_bytes)
        if new:
            sync_folder(self.folder)

    def add(self, row: int, records: NDArray[np.uint64]) -> None:
        """Write records from `row` on; from then on their vectors, which are on disk already, count."""
        _write(self.keys, records, row * RECORD_BYTES)
        if row == 0:
            sync_folder(self.folder)

    def replace_records(self, records: NDArray[np.uint64]) -> None:
        """Write all records anew, whole or not at all."""
        with replaced(self.keys) as part:
            part.write_bytes(records.astype("<u8").tobytes())

    def describe(self) -> None:
        """Write the note down."""
        self.folder.mkdir(exist_ok=True)
        with replaced(self.words) as part:
            part.write_text(note_text(self.note), encoding="utf-8")

    def read(self) -> tuple[NDArray[np.uint64], int, int]:
        """Return all records anew, how many of them were mended, and how many cannot be; none where the file is missing."""
        with _opened(self.keys) if self.rows() else io.BytesIO() as file:
            records = from_bytes(file.read()).copy()
        damaged = np.flatnonzero(~sound(records) & records.any(axis=1))
        view, _ = self.map()
        for row in damaged[damaged < len(view)].tolist():
            records[row] = healed(records[row], view[row])
        lost = int((~sound(records[damaged])).sum())
        return records, len(damaged) - lost, lost

    def refresh(self) -> str:
        """Read records that were added, or all of them where the file is another one; say what is wrong with them."""
        found, log = file_status(self.keys), self.log
        n = 0 if found is None else found.st_size // RECORD_BYTES
        stamp = () if found is None else (found.st_dev, found.st_ino, n, found.st_mtime_ns)
        if stamp == log.stamp:
            return ""
        grown = (
            log.stamp[:2] == stamp[:2] and log.stamp[2:3] < stamp[2:3] and not log.records.flags.owndata
        )  # not mended
        start, fault = len(log.records) if grown else 0, ""
        records = self._mapped_records(n)
        known, alive = scan(records[start:])
        if records[start:][~alive].any():
            start, (records, mended, lost) = 0, self.read()
            known, alive = scan(records)
            fault = (
                f"{mended + lost} records of {os.fspath(self.keys)!r} are damaged: {mended} were mended in memory, {lost} vectors "
                "are computed again when they are needed. `mmtoolkit cache verify --repair` writes them anew"
            )
        if start:
            known, alive = np.concatenate([log.known, known]), np.concatenate([log.alive, alive])
        self.log = Log(stamp, records, known, alive)
        return fault

    def give_up(self, rows: NDArray[np.int64]) -> None:
        """Treat rows as missing in this process, because their vectors are damaged."""
        self.log.alive[rows[rows < len(self.log.alive)]] = False

    def _mapped_records(self, n: int) -> NDArray[np.uint64]:
        if n == 0:
            return from_bytes(b"")
        with _opened(self.keys) as file:
            view = mmap.mmap(file.fileno(), n * RECORD_BYTES, access=mmap.ACCESS_READ)
        return np.frombuffer(view, dtype="<u8").reshape(n, -1)

    def map(self) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return a read-only view of all rows of the file, and which this process has compared with their checksums.

        The mask is to be added to. Both are empty where the file is missing.
        """
        found = file_status(self.vectors)
        stamp = () if found is None else (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        seen, view, checked = self._map
        if stamp != seen:
            rows = 0 if found is None else found.st_size // self.row_bytes
            view, new = self._mapped_vectors(rows) if rows else self._no_rows(), np.zeros(rows, dtype=bool)
            if stamp[:2] == seen[:2] and seen[2:3] < stamp[2:3]:  # rows were added; else somebody has changed the file
                new[: len(checked)] = checked
            self._map = stamp, view, new
        return self._map[1:]

    def _mapped_vectors(self, rows: int) -> NDArray[np.float32]:
        with _opened(self.vectors) as file:
            _locked(file.fileno())  # as long as the view lives, see `punch`
            view = mmap.mmap(file.fileno(), rows * self.row_bytes, access=mmap.ACCESS_READ)
        return np.frombuffer(view, dtype="<f4").reshape(rows, self.note.dimension)

    def punch(self, rows: NDArray[np.int64]) -> bool:
        """Give the room of rows that no longer count back to a full disk; False where that cannot be done.

        It is the one case in which a file changes in place, so it is done only when nobody has a view of it.
        """
        self._map = (), self._no_rows(), _EMPTY.alive
        if sys.platform != "linux":
            return False
        call, keep_size_and_punch = ctypes.CDLL(None).fallocate, 1 | 2
        with self.vectors.open("rb+") as file:
            if not _locked(file.fileno(), exclusive=True):
                return False
            runs = [run * self.row_bytes for run in np.split(rows, np.flatnonzero(np.diff(rows) != 1) + 1)]
            spans = [(ctypes.c_int64(run[0]), ctypes.c_int64(run[-1] - run[0] + self.row_bytes)) for run in runs]
            return all(call(file.fileno(), keep_size_and_punch, *span) == 0 for span in spans)

    def remove(self) -> None:
        """Delete the files; views that were handed out stay valid."""
        self.log, self._map = _EMPTY, ((), self._no_rows(), _EMPTY.alive)  # what is mapped takes room
        for path in (self.keys, self.vectors, self.words):  # without its records, nothing else counts
            path.unlink(missing_ok=True)


def healed(record: NDArray[np.uint64], x: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return a damaged record as it was, if one byte of it has changed; else as it is.

    Of all changes of one byte those count that make it sound, with a key and a checksum that fit the vector. Of these the one
    with the smallest number of a space is right: its uppermost byte is 0, and only that one and the guard can stand for each other.
    """
    bytes_ = np.repeat(record[None].view(np.uint8), RECORD_BYTES * 256, axis=0)
    bytes_[np.arange(len(bytes_)), np.arange(len(bytes_)) // 256] = np.arange(len(bytes_)) % 256
    tried = bytes_.view("<u8")
    fits = tried[sound(tried)]
    fits = fits[matching(fits, np.broadcast_to(x, (len(fits), len(x))))]
    return fits[np.argmin(spaces_of(fits))] if len(fits) else record


def scan(records: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return the hash of each record's key and space, and which records are sound."""
    known, alive = np.empty(len(records), dtype=np.uint64), np.empty(len(records), dtype=bool)
    for start in range(0, len(records), _BLOCK):
        part = records[start : start + _BLOCK]
        words = hashes(part)
        alive[start : start + _BLOCK] = sound(part, words)
        known[start : start + _BLOCK] = words + spaces_of(part) * _SPACE
    return known, alive


def file_status(path: Path) -> os.stat_result | None:
    """Return a file's size and times; None where there is none. A link is treated as missing."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        msg = f"{os.fspath(path)!r} is a link or no file; a cache holds its own files only. Remove it"
        raise OSError(msg)
    return found


def _opened(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_RDONLY | _NOFOLLOW), "rb")


def _write(path: Path, data: NDArray[Any], offset: int) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | _NOFOLLOW, 0o666)
    try:
        size = os.fstat(fd).st_size
        left = np.ascontiguousarray(data).data.cast("B")
        os.lseek(fd, offset, os.SEEK_SET)
        while len(left):  # a short write goes on where it stopped
            left = left[os.write(fd, left) :]
        getattr(os, "fdatasync", os.fsync)(fd)
    except OSError:
        os.ftruncate(fd, max(size, offset))  # a full disk gets back what did not fit
        raise
    finally:
        os.close(fd)


def _locked(fd: int, *, exclusive: bool = False) -> bool:
    """Lock a file as long as it is open or mapped; False where that cannot be done."""
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB if exclusive else fcntl.LOCK_SH)
    except OSError:  # others have it; or a file system without locks, which has no holes either
        return False
    return True
