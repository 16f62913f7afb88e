"""EmbeddingCache: vectors on disk, shared by processes and threads, each paid for once."""

from __future__ import annotations

import datetime as dt
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import as_path
from mmtoolkit.cache import integrity, transfer, upkeep
from mmtoolkit.cache.files import digest_files
from mmtoolkit.cache.index import Catalog, Index
from mmtoolkit.cache.integrity import CacheReport
from mmtoolkit.cache.reading import accepted, gather, refuse
from mmtoolkit.cache.records import checksums, join_keys, pack, spaces_of
from mmtoolkit.cache.segment import Segment, SegmentNote, new_stem
from mmtoolkit.errors import CacheError
from mmtoolkit.space import Space

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.cache.memory import MemoryCache

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
    >>> cache.path.is_dir(), cache.read_only
    (True, False)
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, read_only: bool = False) -> None:
        self.path = Path(os.path.abspath(as_path(path, "path") if path is not None else default_path()))
        self.read_only = read_only
        self._index = Index(self.path, read_only=read_only)

    @classmethod
    def in_memory(cls) -> MemoryCache:
        """Return a store with the same methods that lives as long as the object and leaves no trace.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> store = mm.EmbeddingCache.in_memory()
        >>> emb = [mm.embed_texts(["a red bird"], model="local", cache=store) for _ in range(2)]
        >>> [dict(one.usage)["cached"] for one in emb]
        [0, 1]
        """
        from mmtoolkit.cache.memory import MemoryCache

        return MemoryCache()

    def __repr__(self) -> str:
        return f"EmbeddingCache({os.fspath(self.path)!r}{', read_only=True' if self.read_only else ''})"

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "read_only": self.read_only}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        EmbeddingCache.__init__(self, **state)

    def close(self) -> None:
        """Close the files that this object has read; the next use reads them again.

        Examples
        --------
        >>> import tempfile
        >>> import mmtoolkit as mm
        >>> cache = mm.EmbeddingCache(tempfile.mkdtemp())
        >>> cache.close()
        >>> len(cache.stats())
        0
        """
        self._index.forget()

    def missing(self, keys: Sequence[bytes], space: Space) -> NDArray[np.bool_]:
        """Return for each key whether there is no vector.

        Parameters
        ----------
        keys : sequence of bytes
            32 bytes each, in any order, repeats allowed.
        space : Space
            Whose vectors.

        Returns
        -------
        ndarray of shape (n_keys,), bool

        Examples
        --------
        >>> import numpy as np, tempfile
        >>> from mmtoolkit.cache import EmbeddingCache, Space
        >>> cache, space = EmbeddingCache(tempfile.mkdtemp()), Space("some-model", revision="1", dimension=3)
        >>> cache.put([b"k" * 32], np.ones((1, 3), dtype=np.float32), space)
        1
        >>> cache.missing([b"k" * 32, b"?" * 32], space).tolist()
        [False, True]
        """
        words = join_keys(keys)
        with self._index.reading() as catalog:
            return _lacking(_places(catalog, space), words)

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

        Examples
        --------
        >>> import numpy as np, tempfile
        >>> from mmtoolkit.cache import EmbeddingCache, Space
        >>> cache, space = EmbeddingCache(tempfile.mkdtemp()), Space("some-model", revision="1", dimension=3)
        >>> cache.put([b"k" * 32], np.ones((1, 3), dtype=np.float32), space)
        1
        >>> found, X = cache.get([b"?" * 32, b"k" * 32], space)
        >>> found.tolist(), X.tolist()
        ([False, True], [[nan, nan, nan], [1.0, 1.0, 1.0]])
        """
        words = join_keys(keys)
        bad, blank = np.zeros(len(keys), dtype=bool), np.broadcast_to(np.float32(np.nan), (len(keys), space.dimension))
        for _ in range(_TRIES):
            with self._index.reading() as catalog:
                places = [(s, s.log.find(words, n), s.log.records, *s.map()) for s, n in _places(catalog, space)]
            found, torn, X = np.zeros(len(keys), dtype=bool), np.zeros(len(keys), dtype=bool), blank
            for segment, rows, records, view, checked in places:
                rows[found] = -1
                ok, part = gather(records, view, checked, rows)
                segment.give_up(rows[~ok & (rows >= 0)])
                torn |= ~ok & (rows >= 0)
                X, found = (np.where(ok[:, None], part, X), found | ok) if found.any() else (part, ok)
            bad |= torn
            if not (torn & ~found).any():  # else there may be another row of the same key
                break
        bad &= ~found
        if bad.any():
            where = os.fspath(self._index.home)
            warnings.warn(f"{bad.sum()} cached vectors are damaged in {where!r}; they are computed again", stacklevel=2)
        return found, blank.copy() if X is blank else X

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

        Examples
        --------
        >>> import numpy as np, tempfile
        >>> from mmtoolkit.cache import EmbeddingCache, Space
        >>> cache, space = EmbeddingCache(tempfile.mkdtemp()), Space("some-model", revision="1", dimension=3)
        >>> [cache.put([b"k" * 32], np.ones((1, 3), dtype=np.float32), space) for _ in range(2)]
        [1, 0]
        """
        words, X, ok = accepted(keys, X, space)
        rows = np.flatnonzero(ok)
        keys = [keys[i] for i in rows.tolist()]
        added = self._append(keys, words[rows], X[rows] if len(rows) < len(X) else X, space) if keys else 0
        refuse(ok)
        return added

    def _append(self, keys: Sequence[bytes], words: NDArray[np.uint64], X: NDArray[np.float32], space: Space) -> int:
        with self._index.writing() as catalog:
            segment, number = _place_to_write(catalog, space, self._index.home)
            places, total = _places(catalog, space), segment.rows()
            lacking = np.flatnonzero(_lacking(places, words)).tolist()
            new = sorted({keys[i]: i for i in reversed(lacking)}.values())  # of equal keys the first
            if not new:
                return 0
            added = X if len(new) == len(X) else X[new]
            segment.write(total, added)
            records = pack(words[new], number, max(int(time.time()), 1), checksums([keys[i] for i in new], added))
            segment.add(total, records)
            catalog.enter(segment)
        return len(new)

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

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import mmtoolkit as mm
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "a.txt").write_bytes(b"abc")
        >>> digest, none = mm.EmbeddingCache(folder / "cache").file_digests([str(folder / "a.txt"), str(folder / "b.txt")])
        >>> digest.hex()[:8], none
        ('ba7816bf', None)
        """

        def known(names: list[str]) -> dict[str, tuple[str, bytes]]:
            with self._index.reading() as catalog:
                return catalog.recall(names)

        digests, learned = digest_files(paths, known)
        if learned and not self.read_only:
            try:
                with self._index.writing() as catalog:
                    catalog.keep(learned)
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

        Examples
        --------
        >>> import tempfile
        >>> import mmtoolkit as mm
        >>> cache = mm.EmbeddingCache(tempfile.mkdtemp())
        >>> emb = mm.embed_texts(["a red bird", "a blue car"], model="local", cache=cache)
        >>> cache.stats()[["model", "dimension", "vectors", "size_bytes"]]
           model  dimension  vectors  size_bytes
        0  local        512        2        4096
        """
        return upkeep.stats(self._index)

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

        Examples
        --------
        >>> import tempfile
        >>> import mmtoolkit as mm
        >>> cache = mm.EmbeddingCache(tempfile.mkdtemp())
        >>> emb = mm.embed_texts(["a red bird", "a blue car"], model="local", cache=cache)
        >>> cache.verify()
        <CacheReport: 2 vectors, all sound>
        """
        return integrity.verify(self._index, repair=repair)

    def prune(
        self,
        *,
        model: str | None = None,
        revision: str | None = None,
        older_than: str | float | dt.timedelta | None = None,
        max_size: str | int | None = None,
    ) -> int:
        """Drop vectors and give their space on disk back.

        Parameters
        ----------
        model : str or None, default=None
            Only of this model.
        revision : str or None, default=None
            Only of this revision, as `stats` tells it.
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

        Examples
        --------
        >>> import tempfile
        >>> import mmtoolkit as mm
        >>> cache = mm.EmbeddingCache(tempfile.mkdtemp())
        >>> emb = mm.embed_texts(["a red bird", "a blue car"], model="local", cache=cache)
        >>> cache.prune(older_than="30d"), cache.prune(model="local")
        (0, 2)
        """
        return upkeep.prune(self._index, model=model, revision=revision, older_than=older_than, max_size=max_size)

    def compact(self) -> int:
        """Write segments that have unused rows anew, and delete files that nothing refers to.

        Returns
        -------
        int
            Bytes given back.

        Examples
        --------
        >>> import tempfile
        >>> import mmtoolkit as mm
        >>> mm.EmbeddingCache(tempfile.mkdtemp()).compact()
        0
        """
        return upkeep.compact(self._index)

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

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import mmtoolkit as mm
        >>> cache, file = mm.EmbeddingCache(tempfile.mkdtemp()), Path(tempfile.mkdtemp()) / "vectors.parquet"
        >>> emb = mm.embed_texts(["a red bird", "a blue car"], model="local", cache=cache)
        >>> cache.export(file, model="local")
        2
        """
        space = transfer.choose_space(
            self.stats(), self.path, model=model, revision=revision, dimension=dimension, params=params
        )
        keys: dict[bytes, None] = {}
        with self._index.reading() as catalog:
            for segment, number in _places(catalog, space):
                records = segment.log.records[segment.log.latest()]
                keys |= dict.fromkeys(map(bytes, records[spaces_of(records) == number, :4].astype("<u8")))
        return transfer.export(self, path, list(keys), space)

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

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import mmtoolkit as mm
        >>> mine, file = mm.EmbeddingCache(tempfile.mkdtemp()), Path(tempfile.mkdtemp()) / "vectors.parquet"
        >>> emb = mm.embed_texts(["a red bird", "a blue car"], model="local", cache=mine)
        >>> mine.export(file, model="local")
        2
        >>> yours = mm.EmbeddingCache(tempfile.mkdtemp())
        >>> yours.import_(file, model="local")
        2
        """
        return transfer.import_(self, path, model=model, stats=self.stats)


def _places(catalog: Catalog, space: Space) -> list[tuple[Segment, int]]:
    """Return the segments that may hold vectors of a space, and its number in each."""
    found = [(s, s.number(space.revision, space.params_json)) for s in catalog.segments(space.model, space.dimension)]
    return [(segment, number) for segment, number in found if number is not None]


def _lacking(places: list[tuple[Segment, int]], words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    lacking = np.ones(len(words), dtype=bool)
    for segment, number in places:
        lacking &= segment.log.find(words, number) < 0
    return lacking


def _place_to_write(catalog: Catalog, space: Space, folder: Path) -> tuple[Segment, int]:
    held = catalog.segments(space.model, space.dimension)
    if held:
        segment = held[-1]
    else:
        note = SegmentNote(space.model, space.dimension, {})
        segment = Segment(folder, new_stem(space.model, space.dimension), note)
    number = segment.number(space.revision, space.params_json)
    if number is None:
        number = max(segment.note.spaces, default=0) + 1
        spaces = {**segment.note.spaces, number: (space.revision, space.params_json)}
        segment = segment.noted(segment.note._replace(spaces=spaces))
        segment.describe()
    return segment, number
