"""A store of vectors that lives as long as the object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.cache.files import digest_files
from mmtoolkit.cache.reading import accepted, refuse

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.space import Space

__all__ = ["MemoryCache"]


class MemoryCache:
    """Vectors in memory, for tests and for data that must not be stored; the methods are those of `EmbeddingCache`."""

    def __init__(self) -> None:
        self._vectors: defaultdict[Space, dict[bytes, NDArray[np.float32]]] = defaultdict(dict)
        self._files: dict[str, tuple[str, bytes]] = {}

    def __repr__(self) -> str:
        return f"MemoryCache({sum(map(len, self._vectors.values()))} vectors)"

    def __deepcopy__(self, memo: dict[int, Any]) -> MemoryCache:
        """Return itself, so that clones of scikit-learn share the vectors that were paid for."""
        return self

    def missing(self, keys: Sequence[bytes], space: Space) -> NDArray[np.bool_]:
        """See `EmbeddingCache.missing`."""
        known = self._vectors[space]
        return np.fromiter((key not in known for key in keys), dtype=bool, count=len(keys))

    def get(self, keys: Sequence[bytes], space: Space) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """See `EmbeddingCache.get`; always a copy."""
        known = self._vectors[space]
        X = np.full((len(keys), space.dimension), np.nan, dtype=np.float32)
        found = ~self.missing(keys, space)
        for i in np.flatnonzero(found).tolist():
            X[i] = known[keys[i]]
        return found, X

    def put(self, keys: Sequence[bytes], X: NDArray[np.float32], space: Space) -> int:
        """See `EmbeddingCache.put`."""
        _, X, ok = accepted(keys, X, space)
        known = self._vectors[space]
        before = len(known)
        for i in np.flatnonzero(ok).tolist():
            known.setdefault(keys[i], X[i].copy())
        refuse(ok)
        return len(known) - before

    def file_digests(self, paths: Sequence[str]) -> list[bytes | None]:
        """See `EmbeddingCache.file_digests`."""
        digests, learned = digest_files(paths, lambda names: {n: self._files[n] for n in names if n in self._files})
        self._files.update((path, (stamp, digest)) for path, stamp, digest in learned)
        return digests

    def stats(self) -> pd.DataFrame:
        """Return one row per model, revision, dimension and parameters, as `EmbeddingCache.stats` without times."""
        import pandas as pd

        rows = [
            (s.model, s.revision, s.dimension, s.params_json, len(known), len(known) * s.dimension * 4)
            for s, known in self._vectors.items()
            if known
        ]
        return pd.DataFrame(rows, columns=["model", "revision", "dimension", "params", "vectors", "size_bytes"])
