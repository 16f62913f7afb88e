"""What a store of vectors is, and the name of the space its vectors belong to."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Space", "VectorStore"]


@dataclass(frozen=True)
class Space:
    """Where vectors can be compared with one another.

    Parameters
    ----------
    model : str
        Name of the model; any string.
    revision : str
        Changes when the same name gives other vectors.
    dimension : int
        Number of features.
    params : mapping, default={}
        Parameters that change the vector; JSON values.
    """

    model: str
    revision: str
    dimension: int
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot name a space."""
        try:
            object.__setattr__(
                self, "dimension", operator.index(self.dimension)
            )  # numpy's integers mean nothing to SQLite
        except TypeError as error:
            msg = f"dimension must be a positive integer, got {self.dimension!r}"
            raise ValueError(msg) from error
        if self.dimension < 1:
            msg = f"dimension must be a positive integer, got {self.dimension!r}"
            raise ValueError(msg)

    @property
    def params_json(self) -> str:
        """The parameters, always written the same way."""
        return json.dumps(dict(self.params), sort_keys=True, ensure_ascii=True)


@runtime_checkable
class VectorStore(Protocol):
    """Anything that keeps vectors under 32-byte keys. Every failure of the store itself is a `CacheError`."""

    def missing(self, keys: Sequence[bytes], space: Space) -> NDArray[np.bool_]:
        """Tell for each key whether there is no vector."""
        ...

    def get(self, keys: Sequence[bytes], space: Space) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return which keys were found and all vectors, NaN where not found."""
        ...

    def put(self, keys: Sequence[bytes], X: NDArray[np.float32], space: Space) -> int:
        """Keep the vectors whose keys are not there yet; return how many that were."""
        ...

    def file_digests(self, paths: Sequence[str]) -> list[bytes | None]:
        """Return SHA-256 of each file's bytes, None where it cannot be read."""
        ...
