"""Export to and import from vector tables."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import as_path
from mmtoolkit.cache.protocol import VectorStore
from mmtoolkit.cache.table import MANIFEST, read_manifest, read_rows, table_files, write_table
from mmtoolkit.errors import CacheError
from mmtoolkit.space import Space

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["choose_space", "export", "import_"]

_BATCH = 4096


def export(cache: VectorStore, path: str | os.PathLike[str], keys: Sequence[bytes], space: Space) -> int:
    """Write what a store has of some keys; see `EmbeddingCache.export`."""

    def batches() -> Iterator[tuple[list[bytes], NDArray[np.float32]]]:
        for start in range(0, len(keys), _BATCH):
            part = keys[start : start + _BATCH]
            found, X = cache.get(part, space)
            yield [key for key, ok in zip(part, found.tolist(), strict=True) if ok], X[found]

    try:
        return write_table(as_path(path, "path"), batches(), space)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error  # Arrow's own words name a file that will not stay
        msg = f"the file {os.fspath(path)!r} cannot be written: {why}"
        raise CacheError(msg) from error


def choose_space(stats: pd.DataFrame, folder: Path, **asked: Any) -> Space:
    """Return the only space with the given properties; None fits every value."""
    spaces = [
        Space(m, r, int(d), json.loads(p))
        for m, r, d, p in stats[["model", "revision", "dimension", "params"]].itertuples(index=False)
    ]
    fit = [s for s in spaces if all(v is None or getattr(s, k) == v for k, v in asked.items())]
    if len(fit) != 1:
        there = "; ".join(map(str, fit or spaces)) or "nothing"
        which = "none fits" if not fit else f"{len(fit)} fit, name one with model=, revision=, dimension= and params="
        msg = f"one space can be exported at a time and {which}: the cache {os.fspath(folder)!r} holds {there}"
        raise ValueError(msg)
    return fit[0]


def import_(cache: VectorStore, path: Any, *, model: str | None, stats: Callable[[], pd.DataFrame]) -> int:
    """See `EmbeddingCache.import_`; `stats` says which spaces the cache knows."""
    if not isinstance(path, str | os.PathLike):
        with tempfile.TemporaryDirectory() as folder:
            file = _written(path, Path(folder) / "table.parquet", model, stats)
            return import_(cache, file, model=model, stats=stats)
    files = table_files(as_path(path, "path"))
    for file in files:  # everything is checked before anything is taken over
        space, _ = read_manifest(file)
        if model is not None and space.model != model:
            msg = f"{os.fspath(file)!r} holds vectors of {space.model!r}, expected {model!r}"
            raise CacheError(msg)
        for keys, X in read_rows(file):
            _refuse_changes(cache, file, keys, X, space)
    return sum(cache.put(keys, X, read_manifest(file)[0]) for file in files for keys, X in read_rows(file))


def _written(table: Any, path: Path, model: str | None, stats: Callable[[], pd.DataFrame]) -> Path:
    """Write a table in memory as `export` would, so that it is checked and taken over as a file is."""
    from mmtoolkit._anyframe import any_frame  # a store opens without pandas
    from mmtoolkit._numbers import matrix

    metadata = getattr(getattr(table, "schema", None), "metadata", None) or {}
    frame = any_frame(table)
    missing = [name for name in ("key", "vector") if name not in frame.columns]
    if missing:
        msg = f"the table has no column {missing[0]!r}; expected key (32 bytes) and vector, as cache.export writes them"
        raise ValueError(msg)
    X = np.asarray(matrix(frame["vector"]), dtype=np.float32)
    if MANIFEST in metadata:
        space = Space.from_dict(json.loads(metadata[MANIFEST]))
    elif model is None or model not in set(stats()["model"]):
        msg = (
            "the table does not say which space its vectors are of, and this cache knows none of "
            f"{'an unnamed model' if model is None else repr(model)}; pass the path of the file, or the Arrow table read from it"
        )
        raise ValueError(msg)
    else:
        space = choose_space(stats(), path, model=model, dimension=X.shape[1])
    keys = frame["key"].tolist()
    if not all(isinstance(key, bytes) for key in keys):
        msg = f"the column 'key' must hold 32 bytes per row, got {type(next(k for k in keys if not isinstance(k, bytes))).__name__}"
        raise ValueError(msg)
    write_table(path, iter([(keys, X)]), space)
    return path


def _refuse_changes(cache: VectorStore, file: Path, keys: list[bytes], X: NDArray[np.float32], space: Space) -> None:
    found, known = cache.get(keys, space)
    other = np.flatnonzero(found & ~(known == X).all(axis=1))
    if len(other):
        msg = (
            f"{os.fspath(file)!r} has other vectors than the cache for {len(other)} keys, first {keys[other[0]].hex()[:16]}…; "
            f"nothing was imported. Prune {space.model!r} first if the file is right"
        )
        raise CacheError(msg)
