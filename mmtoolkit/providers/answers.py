"""A 200 counts only after every check: the right vectors, all of them, each where it belongs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_vectors"]


def read_vectors(body: Mapping[str, Any], n: int, dimension: int) -> list[NDArray[np.float32]]:
    """Return the vectors of an answer in the order in which their contents were sent.

    Parameters
    ----------
    body : mapping
        The answer's JSON.
    n : int
        How many vectors were asked for.
    dimension : int
        How long they have to be.

    Returns
    -------
    list of ndarray of shape (dimension,), float32
        Finite, not zero.

    Raises
    ------
    ValueError
        If anything is not as it has to be.
    """
    if body.get("code"):
        msg = f"the answer carries an error code ({str(body['code'])[:80]}) under status 200"
        raise ValueError(msg)
    output = body.get("output")
    if not isinstance(output, Mapping):
        msg = "the answer has no output"
        raise ValueError(msg)
    entries = output.get("embeddings")
    if entries is None and n == 1 and "embedding" in output:
        return [_vector(output["embedding"], dimension)]
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        msg = "the answer has no list of embeddings"
        raise ValueError(msg)
    indexes = [entry.get("index", entry.get("text_index")) for entry in entries]
    if any(isinstance(i, bool) or not isinstance(i, int) for i in indexes) or sorted(indexes) != list(range(n)):
        msg = f"expected vectors with the indexes 0 to {n - 1}, got {str(indexes)[:80]}"
        raise ValueError(msg)
    found = {i: _vector(entry.get("embedding"), dimension) for i, entry in zip(indexes, entries, strict=True)}
    return [found[i] for i in range(n)]


def _vector(values: Any, dimension: int) -> NDArray[np.float32]:
    if not isinstance(values, list) or len(values) != dimension:
        got = f"{len(values)} numbers" if isinstance(values, list) else type(values).__name__
        msg = f"expected a vector of {dimension} numbers, got {got}"
        raise ValueError(msg)
    if not all(type(value) in (float, int) for value in values):
        msg = "the vector holds something that is no number"
        raise ValueError(msg)
    with np.errstate(over="ignore"):
        vector = np.array(values, dtype=np.float64).astype(np.float32)
    if not np.isfinite(vector).all():
        msg = "the vector holds NaN or infinity"
        raise ValueError(msg)
    if not vector.any():
        msg = "the vector is zero"
        raise ValueError(msg)
    return vector
