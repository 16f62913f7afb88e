"""Short digests of what items are, so that a journal notices other items with the same ids."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from mmtoolkit._numbers import matrix
from mmtoolkit.vectors import has_vectors

__all__ = ["comparable", "digests_of"]

_LETTERS = 16  # of the digest itself; before them stands what was digested


def digests_of(source: Any) -> Callable[[int], str]:
    """Return a function that gives the digest of an item by its row, "" where only the id says what it is.

    A text has one digest with every model. Keys of pictures and videos depend on the model, so they are compared within it.
    Your own vectors may be computed anew for the same items: they have a digest only where the id is a number, as that of a row is.
    """
    if not has_vectors(source):
        rows = matrix(source)
        return lambda row: f"v{_digest(np.asarray(rows[row], dtype=np.float32).tobytes())}"
    if not (hasattr(source, "content_keys") and hasattr(source, "space")):
        return lambda _: ""
    kinds, texts = (source.items[name].to_numpy(dtype=object) for name in ("modality", "text"))
    keys, ids, X, space = source.content_keys, source.ids, source.vectors, source.space.raw.fingerprint[:8]

    def digest(row: int) -> str:
        if kinds[row] == "text" and isinstance(texts[row], str):
            return f"t{_digest(texts[row].encode('utf-8', 'surrogatepass'))}"
        key = keys[row][:_LETTERS]
        if key == _digest(X[row].tobytes()):
            return f"v{key}" if ids[row].isdecimal() else ""
        return f"k{space}-{key}"

    return digest


def comparable(one: str, other: str) -> bool:
    """Return whether two digests are of the same kind, so that only other contents make them differ."""
    return one[:-_LETTERS] == other[:-_LETTERS]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_LETTERS]
