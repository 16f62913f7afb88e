"""Export to and import from vector tables."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.cache.table import read_manifest, read_rows, table_files, write_table
from mmtoolkit.errors import CacheError
from mmtoolkit.space import Space

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.cache.protocol import VectorStore

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
        return write_table(Path(path), batches(), space)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else error  # Arrow's own words name a file that will not stay
        msg = f"the file {os.fspath(path)!r} cannot be written: {why}"
        raise CacheError(msg) from error


def choose_space(stats: pd.DataFrame, folder: Path, **asked: Any) -> Space:
    """Return the only space that fits what is asked for; None fits all."""
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


def import_(cache: VectorStore, path: str | os.PathLike[str], *, model: str | None) -> int:
    """See `EmbeddingCache.import_`."""
    files = table_files(Path(path))
    for file in files:  # everything is checked before anything is taken over
        space, _ = read_manifest(file)
        if model is not None and space.model != model:
            msg = f"{os.fspath(file)!r} holds vectors of {space.model!r}, expected {model!r}"
            raise CacheError(msg)
        for keys, X in read_rows(file):
            _refuse_changes(cache, file, keys, X, space)
    return sum(cache.put(keys, X, read_manifest(file)[0]) for file in files for keys, X in read_rows(file))


def _refuse_changes(cache: VectorStore, file: Path, keys: list[bytes], X: NDArray[np.float32], space: Space) -> None:
    found, known = cache.get(keys, space)
    other = np.flatnonzero(found & ~(known == X).all(axis=1))
    if len(other):
        msg = (
            f"{os.fspath(file)!r} has other vectors than the cache for {len(other)} keys, first {keys[other[0]].hex()[:16]}…; "
            f"nothing was imported. Prune {space.model!r} first if the file is right"
        )
        raise CacheError(msg)
