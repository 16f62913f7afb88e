"""A store of vectors that lives as long as the object."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.cache.space import Space

__all__ = ["MemoryCache"]


class MemoryCache:
    """Vectors in memory, for tests and for what must leave no trace. Same methods as `EmbeddingCache`."""

    def __init__(self) -> None:
        self._vectors: dict[tuple[str, str, int, str], dict[bytes, NDArray[np.float32]]] = {}

    def _of(self, space: Space) -> dict[bytes, NDArray[np.float32]]:
        return self._vectors.setdefault((space.model, space.revision, space.dimension, space.params_json), {})

    def missing(self, keys: Sequence[bytes], space: Space) -> NDArray[np.bool_]:
        """Tell for each key whether there is no vector."""
        known = self._of(space)
        return np.fromiter((key not in known for key in keys), dtype=bool, count=len(keys))

    def get(self, keys: Sequence[bytes], space: Space) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which keys were found and all vectors, NaN where not found."""
        known = self._of(space)
        X = np.full((len(keys), space.dimension), np.nan, dtype=np.float32)
        found = ~self.missing(keys, space)
        for i in np.flatnonzero(found).tolist():
            X[i] = known[keys[i]]
        return found, X

    def put(self, keys: Sequence[bytes], X: NDArray[np.float32], space: Space) -> int:
        """Keep the vectors whose keys are not there yet; return how many that were."""
        X = np.array(X, dtype=np.float32)
        if X.shape != (len(keys), space.dimension):
            msg = f"expected vectors of shape {(len(keys), space.dimension)}, got {X.shape}"
            raise ValueError(msg)
        known = self._of(space)
        before = len(known)
        for key, x in zip(keys, X, strict=True):
            known.setdefault(key, x)
        return len(known) - before

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

        rows = [(m, r, d, p, len(known), len(known) * d * 4) for (m, r, d, p), known in self._vectors.items() if known]
        return pd.DataFrame(rows, columns=["model", "revision", "dimension", "params", "vectors", "size_bytes"])
