"""SQLite connections to the index: one per process and thread, safe to fork, opened for as much as the folder allows."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmtoolkit._files import replaced
from mmtoolkit.cache.schema import VERSION, migrate, version_of
from mmtoolkit.errors import CacheError, CacheVersionError

__all__ = ["INDEX", "Connections", "is_network", "translated"]

INDEX = "index.sqlite"
_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "afs",
    "ceph",
    "gpfs",
    "lustre",
    "beegfs",
    "glusterfs",
    "fuse.",
    "virtiofs",
    "davfs",
)
_WAIT_S = 600.0  # a writer waits so long for another one, which may be compacting
_BUSY_S = 5.0  # one wait inside SQLite, during which Ctrl-C is not seen
_FUTURE = 100  # a version further ahead is damage
_CHECKPOINT_PAGES = 2000  # 8 MB: half the checkpoints, and the log stays small beside the vectors

_handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
_registry = threading.Lock()


class _Handle:
    """One thread's connection. Locked while in use, so that nobody forks or repairs in the middle of a transaction."""

    def __init__(self, index: Path, *, writable: bool) -> None:
        self.index = index
        self.lock = threading.RLock()
        self.db: sqlite3.Connection | None = None
        self.writable = writable
        self.identity: tuple[int, ...] = ()
        self.immutable = False
        with _registry:
            _handles.add(self)

    def close(self) -> None:
        if self.db is not None:
            self.db.close()
            self.db = None

    def __del__(self) -> None:
        self.close()

    def fresh(self) -> bool:
        """Whether the connection is to the file that stands there now."""
        if self.db is None:
            return False
        now = os.stat(self.index)
        seen = (now.st_dev, now.st_ino)
        return self.identity == ((*seen, now.st_mtime_ns, now.st_size) if self.immutable else seen)

    def open(self) -> None:
        self.close()
        uri = self.index.absolute().as_uri()
        found = os.stat(self.index) if self.index.exists() else None
        self.immutable = False
        if self.writable:
            self.db = _connect(f"{uri}?mode=rwc")
        else:
            try:
                self.db = _connect(f"{uri}?mode=ro")
            except sqlite3.OperationalError:  # the log's shared memory cannot be made in a read-only folder
                self.db = _connect(f"{uri}?mode=ro&immutable=1")
                self.immutable = True
        if found is None:
            found = os.stat(self.index)
        self.identity = (found.st_dev, found.st_ino)
        if self.immutable:
            self.identity += (found.st_mtime_ns, found.st_size)
        self._check_version()

    def _check_version(self) -> None:
        assert self.db is not None
        version = version_of(self.db)
        if version > VERSION + _FUTURE:
            msg = f"its format number {version} cannot be"
            raise sqlite3.DatabaseError(msg)
        if version > VERSION:
            self.close()
            msg = (
                f"the cache {os.fspath(self.index.parent)!r} has format {version}, written by a newer version of "
                f"mmtoolkit; this one knows formats up to {VERSION}. Update mmtoolkit, or name another folder with cache="
            )
            raise CacheVersionError(msg)


def _connect(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA cache_size = -65536")
        db.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        db.execute(f"PRAGMA journal_size_limit = {4096 * _CHECKPOINT_PAGES}")
        version_of(db)  # reads the file
    except BaseException:
        db.close()
        raise
    return db


class Connections:
    """Transactions on one index.

    Parameters
    ----------
    folder : Path
        Where the index lies; made at the first write.
    read_only : bool
        Never write.
    """

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.folder = folder
        self.index = folder / INDEX
        self.read_only = read_only
        self._local = threading.local()

    def _handle(self, *, writable: bool) -> _Handle:
        handle: _Handle | None = getattr(self._local, "handle", None)
        if handle is None or handle.writable != writable:
            handle = _Handle(self.index, writable=writable)
            self._local.handle = handle
        return handle

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Give a connection inside a read transaction, None where there is no index yet."""
        with translated(self.folder):
            if not _exists(self.index):
                yield None
                return
            handle = self._handle(writable=not self.read_only and _may_write(self.folder, self.index))
            with handle.lock:
                if not handle.fresh():
                    handle.open()
                assert handle.db is not None
                if version_of(handle.db) == 0:  # another process is just making it
                    yield None
                    return
                handle.db.execute("BEGIN")
                try:
                    yield handle.db
                finally:
                    _end(handle.db, "COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that holds the one write lock; commits at the end, rolls back on any exception."""
        if self.read_only:
            msg = f"the cache {os.fspath(self.folder)!r} was opened with read_only=True"
            raise CacheError(msg)
        with translated(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = self._handle(writable=True)
            with handle.lock:
                db = self._begin(handle)
                try:
                    migrate(db)
                    yield db
                except BaseException:
                    _end(db, "ROLLBACK")
                    raise
                db.execute("COMMIT")

    def _begin(self, handle: _Handle) -> sqlite3.Connection:
        deadline = time.monotonic() + _WAIT_S
        while True:
            try:
                if handle.db is None or not _exists(self.index) or not handle.fresh():
                    handle.open()
                    assert handle.db is not None
                    mode = "DELETE" if is_network(self.folder) else "WAL"
                    handle.db.execute(f"PRAGMA journal_mode = {mode}")
                assert handle.db is not None
                handle.db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                continue
            if _exists(self.index) and handle.fresh():  # else it was replaced while we waited for the lock
                return handle.db
            handle.close()

    def vacuum(self) -> None:
        """Give the index's free pages back, unless others are using it just now."""
        with translated(self.folder), self.writing() as _:
            pass  # opens, migrates, and waits for writers
        handle = self._handle(writable=True)
        with handle.lock, contextlib.suppress(sqlite3.OperationalError):
            assert handle.db is not None
            handle.db.execute("VACUUM")
            handle.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def alone(self) -> Iterator[sqlite3.Connection | None]:
        """Give a connection that keeps everybody else out; None where the index is missing or no database any more.

        Raises
        ------
        CacheError
            If other processes are using the cache.
        """
        self.close()
        with translated(self.folder):
            db = None
            try:
                if _exists(self.index):
                    db = _connect(f"{self.index.absolute().as_uri()}?mode=rwc")
                    db.execute("PRAGMA journal_mode = DELETE")  # brings in the log; fails while others are connected
                    db.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if db is not None:
                    db.close()
                if "locked" not in str(error):
                    raise
                msg = f"the cache {os.fspath(self.folder)!r} is in use; a repair needs it alone. Close other notebooks and runs"
                raise CacheError(msg) from error
            except sqlite3.DatabaseError:
                if db is not None:
                    db.close()
                db = None
            try:
                yield db
            finally:
                if db is not None:
                    _end(db, "ROLLBACK")
                    db.close()

    @contextmanager
    def replaced(self) -> Iterator[Path]:
        """Give an empty file that takes the place of the index afterwards, inside `alone`."""
        with replaced(self.index) as new:
            yield new
            for ending in ("-wal", "-shm", "-journal"):
                self.index.with_name(self.index.name + ending).unlink(missing_ok=True)

    def close(self) -> None:
        """Close this process's connections to the index, waiting for transactions that run."""
        for handle in _of(self.index):
            with handle.lock:
                handle.close()


def is_network(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Tell whether `path` may be shared by machines, where SQLite's write-ahead log must not be used.

    Parameters
    ----------
    path : Path
        Any path; its parents are looked up where it does not exist yet.
    mounts : Path, default=/proc/self/mountinfo
        The kernel's list of mounts; a system without one counts as local.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    real = os.path.realpath(path)
    best = ("", "")
    for line in lines:
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4].encode().decode("unicode_escape")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):  # the last of equal ones lies on top
            best = (point, right.split(" ")[0])
    return best[1].startswith(_NETWORK)


def _may_write(*paths: Path) -> bool:
    """Tell whether this user may write to all `paths`, read-only mounts included."""
    return all(os.access(path, os.W_OK) for path in paths)


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
    if isinstance(error, NotADirectoryError | FileExistsError):
        return f"it is, or lies in, a file; expected a folder. Remove the file, {other} ({text})"
    if isinstance(error, PermissionError) or "readonly database" in text or "unable to open" in text:
        return f"no permission. Change it, {other} ({text})"
    if (isinstance(error, OSError) and error.errno == 28) or "disk is full" in text:
        return (
            f"the disk is full; nothing that was stored is lost. Free space (`mmtoolkit cache prune`), {other} ({text})"
        )
    if "locked" in text:
        return f"another process has kept it locked for minutes. Wait for it or end it, {other} ({text})"
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return f"the index is damaged. Run `mmtoolkit cache verify --repair`; the vectors are found again ({text})"
    return text


def _exists(path: Path) -> bool:
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def _end(db: sqlite3.Connection, how: str) -> None:
    if db.in_transaction:  # SQLite has rolled back by itself when the disk was full
        db.execute(how)


def _of(index: Path | None) -> list[_Handle]:
    with _registry:
        return [handle for handle in _handles if index is None or handle.index == index]


_held: list[_Handle] = []


def _before_fork() -> None:
    """Close every connection: a child that shares SQLite's locks with its parent would lose rows."""
    for handle in _of(None):
        handle.lock.acquire()
        _held.append(handle)
        handle.close()


def _after_fork() -> None:
    while _held:
        with contextlib.suppress(RuntimeError):
            _held.pop().lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
