"""Read what came back: a 200 counts only after every check, anything else is put into the service's own words."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._text import shorten
from mmtoolkit.providers.credentials import Secret, redact
from mmtoolkit.providers.failures import Answer

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_answer", "read_vectors"]


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


def read_answer(status: int, headers: Mapping[str, str], raw: bytes, parsed: Any, key: Secret) -> Answer:
    """Put an HTTP answer into one form.

    Parameters
    ----------
    status : int
        HTTP status.
    headers : mapping
        HTTP headers.
    raw : bytes
        The body.
    parsed : object
        What the SDK made of a 200; None when it could not.
    key : Secret
        Taken out of what the service says.

    Returns
    -------
    Answer
        With a body only when it looks like a success.
    """
    if status == 200 and isinstance(parsed, dict) and "output" in parsed and not parsed.get("code"):
        return Answer(200, body=parsed, request_id=str(parsed.get("request_id", "")))
    try:
        error = json.loads(raw)
    except ValueError:
        error = None
    if not isinstance(error, dict):
        text = raw[:200].decode("utf-8", "replace").strip()
        said = f"HTTP {status} with {text!r} instead of JSON" if text else f"HTTP {status} with an empty body"
        error = {"message": said}
    if status == 200 and parsed is not None and not error.get("code"):
        error = {"code": "ProtocolError", "message": "the answer has no output"}
    inner = error.get("error")
    inner = inner if isinstance(inner, dict) else error
    lower = {name.lower(): value for name, value in headers.items()}
    return Answer(
        status,
        code=redact(shorten(inner.get("code") or "", 80), key),
        message=redact(shorten(inner.get("message") or error.get("msg") or "", 400), key),
        request_id=shorten(error.get("request_id") or error.get("id") or lower.get("x-request-id", ""), 80),
        retry_after_s=_seconds(lower.get("retry-after")),
    )


def _seconds(value: str | None) -> float | None:
    """Read ``Retry-After``: seconds or a date; at most five minutes."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), 300.0) if math.isfinite(seconds) else None
