"""The methods of a store of vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmtoolkit.space import Space

__all__ = ["VectorStore"]


@runtime_checkable
class VectorStore(Protocol):
    """Anything that keeps vectors under 32-byte keys. Every failure of the store itself is a `CacheError`."""

    def missing(self, keys: Sequence[bytes], space: Space) -> NDArray[np.bool_]:
        """Return for each key whether there is no vector."""

    def get(self, keys: Sequence[bytes], space: Space) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which keys were found and all vectors, NaN where not found."""

    def put(self, keys: Sequence[bytes], X: NDArray[np.float32], space: Space) -> int:
        """Keep the vectors whose keys are not there yet; return their number."""

    def file_digests(self, paths: Sequence[str]) -> list[bytes | None]:
        """Return SHA-256 of each file's bytes, None where it cannot be read."""
