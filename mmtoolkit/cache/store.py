"""EmbeddingCache: vectors on disk, paid for once."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.cache.index import VERSION, migrate
from mmtoolkit.errors import CacheError, CacheVersionError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.cache.memory import MemoryCache
    from mmtoolkit.cache.space import Space

__all__ = ["EmbeddingCache", "default_path"]

_INDEX = "index.sqlite"


def default_path() -> Path:
    """Return ``MMTOOLKIT_CACHE``, else the user's cache folder of this platform."""
    named = os.environ.get("MMTOOLKIT_CACHE", "").strip()
    if named:
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("mmtoolkit"))


class EmbeddingCache:
    """Vectors on disk.

    Parameters
    ----------
    path : path or None, default=None
        Folder; made at the first write. None takes ``MMTOOLKIT_CACHE``, else the user's cache folder.
    read_only : bool, default=False
        Never write.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, read_only: bool = False) -> None:
        self.path = Path(path).expanduser() if path is not None else default_path()
        self.read_only = read_only
        self._local = threading.local()

    @classmethod
    def in_memory(cls) -> MemoryCache:
        """Return a store of the same kind that lives as long as the object."""
        from mmtoolkit.cache.memory import MemoryCache

        return MemoryCache()

    def __repr__(self) -> str:
        return f"EmbeddingCache({os.fspath(self.path)!r}{', read_only=True' if self.read_only else ''})"

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "read_only": self.read_only}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path, self.read_only = state["path"], state["read_only"]
        self._local = threading.local()

    def _db(self) -> sqlite3.Connection | None:
        known = getattr(self._local, "db", None)
        if known is not None and known[0] == os.getpid():
            return known[1]  # type: ignore[no-any-return]
        if not (self.path / _INDEX).exists():
            return None
        db = sqlite3.connect(self.path / _INDEX, timeout=60, isolation_level=None)
        if db.execute("PRAGMA user_version").fetchone()[0] > VERSION:
            msg = f"the cache {os.fspath(self.path)!r} was written by a newer version of mmtoolkit; update mmtoolkit"
            raise CacheVersionError(msg)
        self._local.db = (os.getpid(), db)
        return db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if self.read_only:
            msg = f"the cache {os.fspath(self.path)!r} was opened read-only"
            raise CacheError(msg)
        with self._failures():
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / _INDEX).touch()
            db = self._db()
            assert db is not None
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("BEGIN IMMEDIATE")
            try:
                migrate(db)
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            msg = f"the cache {os.fspath(self.path)!r} cannot be used: {error}"
            raise CacheError(msg) from error

    def _find(self, db: sqlite3.Connection, keys: Sequence[bytes], space: Space) -> NDArray[np.int64]:
        where: dict[bytes, int] = {}
        row = db.execute(
            "SELECT p.id FROM spaces p JOIN segments s ON s.id = p.segment "
            "WHERE s.model=? AND s.dimension=? AND p.revision=? AND p.params=?",
            (space.model, space.dimension, space.revision, space.params_json),
        ).fetchone()
        if row is not None:
            for start in range(0, len(keys), 1000):
                part = keys[start : start + 1000]
                marks = ",".join("?" * len(part))
                where.update(
                    db.execute(f"SELECT key, row FROM vectors WHERE space={row[0]} AND key IN ({marks})", part)
                )
        return np.fromiter((where.get(key, -1) for key in keys), dtype=np.int64, count=len(keys))

    def missing(self, keys: Sequence[bytes], space: Space) -> NDArray[np.bool_]:
        """Tell for each key whether there is no vector."""
        with self._failures():
            db = self._db()
            return np.ones(len(keys), dtype=bool) if db is None else self._find(db, keys, space) < 0

    def get(self, keys: Sequence[bytes], space: Space) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which keys were found and all vectors, NaN where not found."""
        with self._failures():
            X = np.full((len(keys), space.dimension), np.nan, dtype=np.float32)
            db = self._db()
            if db is None:
                return np.zeros(len(keys), dtype=bool), X
            rows = self._find(db, keys, space)
            found = rows >= 0
            if found.any():
                name = self._segment(db, space)[1]
                X[found] = np.memmap(self.path / name, np.float32, "r").reshape(-1, space.dimension)[rows[found]]
            return found, X

    def _segment(self, db: sqlite3.Connection, space: Space) -> tuple[int, str, int]:
        query = "SELECT id, file, rows FROM segments WHERE model=? AND dimension=?"
        row = db.execute(query, (space.model, space.dimension)).fetchone()
        if row is None:
            slug = re.sub(r"[^A-Za-z0-9.-]+", "_", space.model)[:40].strip(".") or "model"
            name = f"{slug}_{space.dimension}_{secrets.token_hex(4)}.f32"
            db.execute(
                "INSERT INTO segments (model, dimension, file, rows) VALUES (?,?,?,0)",
                (space.model, space.dimension, name),
            )
            row = db.execute(query, (space.model, space.dimension)).fetchone()
        return row  # type: ignore[no-any-return]

    def put(self, keys: Sequence[bytes], X: NDArray[np.float32], space: Space) -> int:
        """Keep the vectors whose keys are not there yet; return how many that were."""
        X = np.ascontiguousarray(X, dtype=np.float32)
        if X.shape != (len(keys), space.dimension):
            msg = f"expected vectors of shape {(len(keys), space.dimension)}, got {X.shape}"
            raise ValueError(msg)
        with self._writing() as db:
            segment, name, rows = self._segment(db, space)
            db.execute(
                "INSERT OR IGNORE INTO spaces (segment, revision, params) VALUES (?,?,?)",
                (segment, space.revision, space.params_json),
            )
            (space_id,) = db.execute(
                "SELECT id FROM spaces WHERE segment=? AND revision=? AND params=?",
                (segment, space.revision, space.params_json),
            ).fetchone()
            first: dict[bytes, int] = {}
            for i in np.flatnonzero(self._find(db, keys, space) < 0).tolist():
                first.setdefault(keys[i], i)
            new = X[list(first.values())]
            fd = os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                os.pwrite(fd, new.tobytes(), rows * space.dimension * 4)
                os.fdatasync(fd)
            finally:
                os.close(fd)
            now = int(time.time())
            db.executemany(
                "INSERT INTO vectors VALUES (?,?,?,?,?)",
                ((key, space_id, rows + i, zlib.crc32(new[i], zlib.crc32(key)), now) for i, key in enumerate(first)),
            )
            db.execute("UPDATE segments SET rows=? WHERE id=?", (rows + len(first), segment))
            return len(first)

    def file_digests(self, paths: Sequence[str]) -> list[bytes | None]:
        """Return SHA-256 of each file's bytes, None where it cannot be read."""
        digests: list[bytes | None] = []
        for path in paths:
            try:
                digests.append(hashlib.sha256(Path(path).read_bytes()).digest())
            except OSError:
                digests.append(None)
        return digests

    def stats(self) -> pd.DataFrame:
        """Return one row per model, dimension, revision and parameters."""
        import pandas as pd

        names = ["model", "revision", "dimension", "params", "vectors", "size_bytes"]
        with self._failures():
            db = self._db()
            rows = (
                []
                if db is None
                else db.execute(
                    "SELECT s.model, p.revision, s.dimension, p.params, count(v.key), count(v.key) * s.dimension * 4 FROM spaces p "
                    "JOIN segments s ON s.id = p.segment LEFT JOIN vectors v ON v.space = p.id GROUP BY p.id"
                ).fetchall()
            )
        return pd.DataFrame(rows, columns=names)
