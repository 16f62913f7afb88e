"""From what a user passes as ``cache=`` to a store; several stores as one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.cache.protocol import VectorStore
from mmtoolkit.cache.store import EmbeddingCache, default_path
from mmtoolkit.space import Space

__all__ = ["CacheLike", "Chain", "open_cache"]


CacheLike: TypeAlias = (
    Literal[False] | str | os.PathLike[str] | VectorStore | Sequence[str | os.PathLike[str] | VectorStore] | None
)


class Chain:
    """Several stores as one: all are looked in, in order; the first is written to.

    Parameters
    ----------
    stores : sequence of VectorStore
        At least one.
    """

    def __init__(self, stores: Sequence[VectorStore]) -> None:
        self.stores = tuple(stores)

    def __repr__(self) -> str:
        return f"Chain({', '.join(map(repr, self.stores))})"

    def missing(self, keys: Sequence[bytes], space: Space) -> NDArray[np.bool_]:
        """Return for each key whether no store has a vector."""
        lacking = np.ones(len(keys), dtype=bool)
        for store in self.stores:
            rows = np.flatnonzero(lacking)
            if len(rows):
                lacking[rows] = store.missing([keys[i] for i in rows.tolist()], space)
        return lacking

    def get(self, keys: Sequence[bytes], space: Space) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which keys were found and all vectors, each from the first store that has it."""
        found, X = self.stores[0].get(keys, space)
        for store in self.stores[1:]:
            rows = np.flatnonzero(~found)
            if len(rows) == 0:
                break
            there, vectors = store.get([keys[i] for i in rows.tolist()], space)
            if len(rows) == len(keys):
                found, X = there, vectors
            elif there.any():
                X[rows[there]] = vectors[there]
                found[rows[there]] = True
        return found, X

    def put(self, keys: Sequence[bytes], X: NDArray[np.float32], space: Space) -> int:
        """Keep vectors in the first store."""
        return self.stores[0].put(keys, X, space)

    def file_digests(self, paths: Sequence[str]) -> list[bytes | None]:
        """Return SHA-256 of each file's bytes, remembered by the first store."""
        return self.stores[0].file_digests(paths)


@lru_cache(maxsize=32)
def _shared(path: str) -> EmbeddingCache:
    return EmbeddingCache(path)


def open_cache(cache: CacheLike = None) -> VectorStore | None:
    """Turn what a user passes as ``cache=`` into a store.

    Parameters
    ----------
    cache : None, False, path, VectorStore, or list of paths and stores, default=None
        None is the default cache, False none; of a list all are looked in and the first is written to.

    Returns
    -------
    VectorStore or None
        None for False.
    """
    if cache is False:
        return None
    if cache is None or isinstance(cache, str | os.PathLike):
        return _shared(os.path.abspath(default_path() if cache is None else os.path.expanduser(cache)))
    if isinstance(cache, list | tuple):
        if not cache:
            msg = "cache=[] names no cache; pass False for none, or at least one path or EmbeddingCache"
            raise ValueError(msg)
        stores: list[Any] = [open_cache(one) for one in cache]
        if any(store is None for store in stores):
            msg = "a list of caches may not hold False"
            raise TypeError(msg)
        return stores[0] if len(stores) == 1 else Chain(stores)
    if isinstance(cache, VectorStore):
        return cache
    msg = f"cache must be None, False, a path, an EmbeddingCache or a list of these, got {type(cache).__name__}"
    raise TypeError(msg)
