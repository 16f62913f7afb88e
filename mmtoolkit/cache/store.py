"""EmbeddingCache: vectors on disk, shared by processes and threads, each paid for once."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.cache import fresh, integrity, transfer, upkeep
from mmtoolkit.cache.connection import Connections, translated
from mmtoolkit.cache.files import digest_files, keep, recall
from mmtoolkit.cache.reading import find_rows, gather, usable
from mmtoolkit.cache.schema import version_of
from mmtoolkit.cache.segment import Segment, checksums, join_keys, new_stem, pack
from mmtoolkit.errors import CacheError

if TYPE_CHECKING:
    import datetime as dt

    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.cache.integrity import CacheReport
    from mmtoolkit.cache.memory import MemoryCache
    from mmtoolkit.space import Space

__all__ = ["EmbeddingCache", "default_path"]

_TRIES = 5  # each lost to another process's compaction between looking up and opening


def default_path() -> Path:
    """Return ``MMTOOLKIT_CACHE``, else the user's cache folder of this platform; read at every call."""
    named = os.environ.get("MMTOOLKIT_CACHE", "").strip()
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("mmtoolkit"))


class EmbeddingCache:
    """Vectors on disk, shared by all processes and threads that name the same folder.

    Parameters
    ----------
    path : path or None, default=None
        Folder; made at the first write. None takes ``MMTOOLKIT_CACHE``, else the user's cache folder.
    read_only : bool, default=False
        Never write, even where it would be possible: for a cache that belongs to a team.

    Attributes
    ----------
    path : Path
        The folder.
    read_only : bool
        As given.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from mmtoolkit.cache import EmbeddingCache, Space
    >>> cache = EmbeddingCache(tempfile.mkdtemp())
    >>> space = Space("some-model", revision="1", dimension=3)
    >>> cache.put([b"k" * 32], np.ones((1, 3), dtype=np.float32), space)
    1
    >>> found, X = cache.get([b"k" * 32, b"?" * 32], space)
    >>> found.tolist(), X[0].tolist()
    ([True, False], [1.0, 1.0, 1.0])
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, read_only: bool = False) -> None:
        self.path = Path(os.path.abspath(Path(path).expanduser() if path is not None else default_path()))
        self.read_only = read_only
        self._connect()

    def _connect(self) -> None:
        self._connections = Connections(self.path, read_only=self.read_only)
        self._segments: dict[str, Segment] = {}
        self._segments_lock = threading.Lock()

    @classmethod
    def in_memory(cls) -> MemoryCache:
        """Return a store with the same methods that lives as long as the object and leaves no trace."""
        from mmtoolkit.cache.memory import MemoryCache

        return MemoryCache()

    def __repr__(self) -> str:
        return f"EmbeddingCache({os.fspath(self.path)!r}{', read_only=True' if self.read_only else ''})"

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "read_only": self.read_only}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.path, self.read_only = state["path"], state["read_only"]
        self._connect()

    def close(self) -> None:
        """Close this process's connections to the folder; the next use opens them again."""
        with translated(self.path):
            self._connections.close()

    def missing(self, keys: Sequence[bytes], space: Space) -> NDArray[np.bool_]:
        """Tell for each key whether there is no vector.

        Parameters
        ----------
        keys : sequence of bytes
            32 bytes each, in any order, repeats allowed.
        space : Space
            Whose vectors.

        Returns
        -------
        ndarray of shape (n_keys,), bool
        """
        words = join_keys(keys)
        with self._connections.reading() as db:
            place = None if db is None else self._place(db, space)
            if db is None or place is None:
                return np.ones(len(keys), dtype=bool)
            segment, number, total = place
            return find_rows(db, segment, number, total, keys, words) < 0

    def get(self, keys: Sequence[bytes], space: Space) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which keys were found, and all vectors.

        Parameters
        ----------
        keys : sequence of bytes
            32 bytes each, in any order, repeats allowed.
        space : Space
            Whose vectors.

        Returns
        -------
        found : ndarray of shape (n_keys,), bool
        X : ndarray of shape (n_keys, n_features), float32
            NaN where not found. When the rows follow one another on disk this is a read-only view of the file, which
            stays valid whatever happens to the cache.

        Warns
        -----
        UserWarning
            If stored vectors are damaged: they count as not found, and are given up so that they are stored anew.
        """
        words = join_keys(keys)
        for attempt in range(_TRIES):
            with self._connections.reading() as db:
                place = None if db is None else self._place(db, space)
                if db is None or place is None:
                    break
                segment, number, total = place
                rows = find_rows(db, segment, number, total, keys, words)
            try:
                with translated(self.path):
                    found, X = gather(segment, rows, total)
            except CacheError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
                if attempt < _TRIES - 1:
                    continue
                found, X = np.zeros(len(keys), dtype=bool), _nothing(len(keys), space)
            damaged = np.flatnonzero((rows >= 0) & ~found)
            if len(damaged):
                self._give_up(segment, number, [keys[i] for i in damaged.tolist()], rows[damaged])
            return found, X
        return np.zeros(len(keys), dtype=bool), _nothing(len(keys), space)

    def put(self, keys: Sequence[bytes], X: NDArray[np.float32], space: Space) -> int:
        """Keep the vectors whose keys are not there yet; they are on disk when this returns.

        Parameters
        ----------
        keys : sequence of bytes
            32 bytes each; of equal ones the first counts.
        X : ndarray of shape (n_keys, n_features), float32
            One row per key.
        space : Space
            Whose vectors.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        ValueError
            If the shapes do not fit.
        CacheError
            If the folder cannot be written, or a vector is not finite or zero; the other vectors are kept then.
        """
        words = join_keys(keys)
        X = np.ascontiguousarray(X, dtype="<f4")
        if X.shape != (len(keys), space.dimension):
            msg = f"expected vectors of shape {(len(keys), space.dimension)}, got {X.shape}"
            raise ValueError(msg)
        ok = usable(X)
        rows = np.flatnonzero(ok)
        keys = [keys[i] for i in rows.tolist()]
        added = self._append(keys, words[rows], X[rows] if len(rows) < len(X) else X, space) if keys else 0
        if not ok.all():
            bad = int(np.flatnonzero(~ok)[0])
            msg = f"{(~ok).sum()} of {len(ok)} vectors were not kept: row {bad} is zero or not finite"
            raise CacheError(msg)
        return added

    def _append(self, keys: Sequence[bytes], words: NDArray[np.uint64], X: NDArray[np.float32], space: Space) -> int:
        with self._connections.writing() as db:
            segment, number, total = self._place(db, space) or self._new_place(db, space)
            likely = fresh.seems_new(db, number, keys[0])  # a batch is mostly new as a whole, or not at all
            # so the disk works meanwhile; what stands behind the rows that count may be overwritten
            with _meanwhile(lambda: segment.write(total, X)) if likely else nullcontext():
                first: dict[bytes, int] = {}
                for i in np.flatnonzero(find_rows(db, segment, number, total, keys, words) < 0).tolist():
                    first.setdefault(keys[i], i)
                if not first:
                    return 0
                new = list(first.values())
                added = X if len(new) == len(X) else X[new]
                now, sums = max(int(time.time()), 1), checksums(list(first), added)
                segment.write_records(total, pack(words[new], number, now, sums))
                fresh.add(db, number, total, list(first), sums.tolist(), now)
                db.execute("UPDATE segments SET rows = ? WHERE stem = ?", (total + len(new), segment.stem))
            if not likely or len(added) < len(X):
                segment.write(total, added)
            return len(new)

    def _place(self, db: sqlite3.Connection, space: Space) -> tuple[Segment, int, int] | None:
        """Return segment, number of the space, and rows that count."""
        found = db.execute(
            "SELECT s.stem, p.id, s.rows FROM spaces p JOIN segments s ON s.id = p.segment "
            "WHERE s.model = ? AND s.dimension = ? AND p.revision = ? AND p.params = ?",
            (space.model, space.dimension, space.revision, space.params_json),
        ).fetchone()
        return None if found is None else (self._segment(found[0], space.dimension), found[1], found[2])

    def _new_place(self, db: sqlite3.Connection, space: Space) -> tuple[Segment, int, int]:
        db.execute(
            "INSERT OR IGNORE INTO segments (model, dimension, stem, rows) VALUES (?, ?, ?, 0)",
            (space.model, space.dimension, new_stem(space.model, space.dimension)),
        )
        number, stem, rows = db.execute(
            "SELECT id, stem, rows FROM segments WHERE model = ? AND dimension = ?", (space.model, space.dimension)
        ).fetchone()
        db.execute(
            "INSERT INTO spaces (segment, revision, params) VALUES (?, ?, ?)",
            (number, space.revision, space.params_json),
        )
        spaces = {
            i: (r, p) for i, r, p in db.execute("SELECT id, revision, params FROM spaces WHERE segment = ?", (number,))
        }
        segment = self._segment(stem, space.dimension)
        segment.describe(space.model, spaces)
        return segment, max(spaces), rows

    def _segment(self, stem: str, dimension: int) -> Segment:
        with self._segments_lock:
            if stem not in self._segments:
                for other in [s for s in self._segments.values() if not s.vectors.exists()]:
                    del self._segments[other.stem]  # compacted away; do not keep its file mapped
                self._segments[stem] = Segment(self.path / "segments", stem, dimension)
            return self._segments[stem]

    def _give_up(self, segment: Segment, number: int, keys: Sequence[bytes], rows: NDArray[np.int64]) -> None:
        """Drop damaged rows from the index, so that they are computed and stored again."""
        then = "they are computed again"
        try:
            with self._connections.writing() as db:
                fresh.settle(db)
                (owner,) = db.execute("SELECT segment FROM spaces WHERE id = ?", (number,)).fetchone()
                for key, row in zip(keys, rows.tolist(), strict=True):
                    query = "DELETE FROM vectors WHERE key = ? AND space = ? AND row = ?"
                    if db.execute(query, (key, number, row)).rowcount:
                        db.execute("INSERT OR IGNORE INTO holes VALUES (?, ?)", (owner, row))
        except CacheError as error:
            then = f"they are computed again but cannot be replaced here ({error})"
        where = os.fspath(segment.vectors)
        warnings.warn(f"{len(keys)} cached vectors are damaged in {where!r}; {then}", stacklevel=4)

    def file_digests(self, paths: Sequence[str]) -> list[bytes | None]:
        """Return SHA-256 of each file's bytes; a file that has not changed is not read again.

        Parameters
        ----------
        paths : sequence of str
            Absolute paths. A file counts as unchanged when size, times, device and number of the file are.

        Returns
        -------
        list of bytes or None
            None where a file cannot be read.
        """

        def known(names: list[str]) -> dict[str, tuple[str, bytes]]:
            with self._connections.reading() as db:
                return {} if db is None or version_of(db) < 2 else recall(db, names)

        digests, learned = digest_files(paths, known)
        if learned and not self.read_only:
            try:
                with self._connections.writing() as db:
                    keep(db, learned)
            except CacheError as error:
                warnings.warn(f"{len(learned)} files will be read again next time: {error}", stacklevel=2)
        return digests

    def stats(self) -> pd.DataFrame:
        """Return how much there is of what.

        Returns
        -------
        DataFrame
            One row per model, revision, dimension and parameters: vectors, size_bytes (of the vectors alone),
            oldest and newest (UTC).
        """
        return upkeep.stats(self._connections)

    def verify(self, *, repair: bool = False) -> CacheReport:
        """Read every row and compare it with its checksum, and the index with the files.

        Parameters
        ----------
        repair : bool, default=False
            Write the index anew from everything that is sound; damaged rows are dropped, to be computed again.

        Returns
        -------
        CacheReport
            ``ok``, ``damaged`` (a table), ``problems`` of the index, ``rows`` and ``repaired``.
        """
        return integrity.verify(self._connections, repair=repair)

    def prune(
        self,
        *,
        model: str | None = None,
        older_than: str | float | dt.timedelta | None = None,
        max_size: str | int | None = None,
    ) -> int:
        """Drop vectors and give their space on disk back.

        Parameters
        ----------
        model : str or None, default=None
            Only of this model.
        older_than : timedelta, days, or str such as "30d" or "12h", or None, default=None
            Only vectors that were stored longer ago.
        max_size : bytes, or str such as "2 GB", or None, default=None
            Drop the oldest until the rest is not larger.

        Returns
        -------
        int
            How many were dropped.

        Raises
        ------
        ValueError
            If nothing is asked for: a cache is not emptied by accident.
        """
        return upkeep.prune(self._connections, model=model, older_than=older_than, max_size=max_size)

    def compact(self) -> int:
        """Write segments that have unused rows anew, and delete files that nothing refers to.

        Returns
        -------
        int
            Bytes given back.
        """
        return upkeep.compact(self._connections)

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        model: str | None = None,
        revision: str | None = None,
        dimension: int | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> int:
        """Write the vectors of one space to a Parquet file that says what they are.

        Parameters
        ----------
        path : path
            Replaced in one step if it exists.
        model, revision, dimension, params : default=None
            Which space; may be left out as far as there is no choice.

        Returns
        -------
        int
            Rows written.

        Raises
        ------
        ValueError
            If no space, or more than one, fits; the message lists them.
        """
        space = transfer.choose_space(
            self.stats(), self.path, model=model, revision=revision, dimension=dimension, params=params
        )
        with self._connections.reading() as db:
            place = None if db is None else self._place(db, space)
            if db is None or place is None:  # pruned since it was chosen
                msg = f"{space} is no longer in the cache {os.fspath(self.path)!r}"
                raise CacheError(msg)
            query = f"SELECT key FROM {fresh.entries(db)} WHERE space = ? ORDER BY row"
            keys = [key for (key,) in db.execute(query, (place[1],))]
        return transfer.export(self, path, keys, space)

    def import_(self, path: Any, *, model: str | None = None) -> int:
        """Take over vectors that `export`, or an embedding run on Spark, wrote.

        Parameters
        ----------
        path : path, or table of any library
            A Parquet file, a folder of them, or such a table in memory with columns key and vector.
        model : str or None, default=None
            Refuse vectors of any other model. A table in memory that does not say its space is taken to be of the only one of
            this model that the cache knows.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        CacheError
            If a file is not what its manifest says, or would change a vector that is there; nothing is taken over then.
        ValueError
            If a table in memory lacks a column, or its space is not known.
        """
        return transfer.import_(self, path, model=model, stats=self.stats)


@contextmanager
def _meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Let another thread work, and leave only when it is done: nobody else may get the lock while it writes."""
    with ThreadPoolExecutor(1) as pool:
        future, interrupt = pool.submit(work), None
        try:
            yield
        finally:
            while not future.done():
                try:
                    wait([future])
                except KeyboardInterrupt as error:
                    interrupt = error
        if interrupt is not None:
            raise interrupt
        future.result()


def _nothing(n: int, space: Space) -> NDArray[np.float32]:
    return np.full((n, space.dimension), np.nan, dtype=np.float32)
