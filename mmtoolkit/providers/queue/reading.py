"""Read the parts of answers that all services write alike: a vector, an error, and the time to wait."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import is_number
from mmtoolkit._text import shorten
from mmtoolkit.providers.queue.rules import Answer
from mmtoolkit.providers.secrets import Secret, redact

__all__ = ["check_indexes", "count_of", "error_of", "failure", "seconds_of", "twins", "vector_of"]


_MOST = 10**12  # no request has more tokens


def count_of(value: object) -> int:
    """Return a number of tokens in an answer; 0 for what is none."""
    return int(value) if is_number(value) and 0 <= value < _MOST else 0


def check_indexes(indexes: Sequence[Any], n: int, what: str = "vectors") -> None:
    """Raise ValueError unless they are the numbers 0 to n - 1 in some order; of others the message says only what kind they are."""
    if any(type(i) is not int for i in indexes) or sorted(indexes) != list(range(n)):
        said = [i if i is None or isinstance(i, int) else type(i).__name__ for i in indexes]
        msg = f"expected {what} with the indexes 0 to {n - 1}, got {str(said)[:80]}"
        raise ValueError(msg)


def vector_of(values: Any, dimension: int) -> NDArray[np.float32]:
    """Check one vector.

    Parameters
    ----------
    values : object
        What the JSON of an answer holds.
    dimension : int
        How long it has to be.

    Returns
    -------
    ndarray of shape (dimension,), float32
        Finite, not zero.

    Raises
    ------
    ValueError
        If anything is not as it has to be.
    """
    if not isinstance(values, list) or len(values) != dimension:
        got = f"{len(values)} numbers" if isinstance(values, list) else type(values).__name__
        msg = f"expected a vector of {dimension} numbers, got {got}"
        raise ValueError(msg)
    if not all(type(value) in (float, int) for value in values):
        msg = "the vector holds something that is no number"
        raise ValueError(msg)
    try:
        with np.errstate(over="ignore"):
            vector = np.array(values, dtype=np.float64).astype(np.float32)
    except OverflowError as error:
        msg = "the vector holds a number too large for any float"
        raise ValueError(msg) from error
    if not np.isfinite(vector).all():
        msg = "the vector holds NaN or infinity, or a number too large for float32"
        raise ValueError(msg)
    if not vector.any():
        msg = "the vector is zero"
        raise ValueError(msg)
    return vector


def twins(vectors: Sequence[NDArray[Any]], contents: Sequence[Any]) -> tuple[int, int] | None:
    """Return the positions of two equal vectors of different contents; None where there are none.

    Parameters
    ----------
    vectors : sequence of ndarray
        Of one answer.
    contents : sequence
        What was sent for each.

    Returns
    -------
    tuple of int, or None
        The first such pair.
    """
    first: dict[bytes, int] = {}
    for i, (vector, content) in enumerate(zip(vectors, contents, strict=False)):
        other = first.setdefault(vector.tobytes(), i)
        if contents[other] != content:
            return other, i
    return None


def error_of(status: int, raw: bytes, key: Secret | None) -> dict[str, Any]:
    """Return the JSON object of a failure; without one, an object whose message describes the answer.

    Parameters
    ----------
    status : int
        HTTP status.
    raw : bytes
        The body.
    key : Secret or None
        Taken out before the text is cut, because half of it would not be recognised.

    Returns
    -------
    dict
        As `failure` takes it.
    """
    error = _json_of(raw)
    if isinstance(error, dict):
        return error
    text = redact(raw.decode("utf-8", "replace"), key)[:200].strip()
    said = f"HTTP {status} with {text!r} instead of JSON" if text else f"HTTP {status} with an empty body"
    return {"message": said}


def _json_of(raw: bytes) -> Any:
    """Return the JSON of a body, in UTF-8 or in the Chinese encoding; None where it is not JSON."""
    try:
        try:
            return json.loads(raw)
        except UnicodeDecodeError:
            return json.loads(raw.decode("gb18030", "replace"))
    except (ValueError, RecursionError):
        return None


def failure(status: int, headers: Mapping[str, str], error: Mapping[str, Any], key: Secret | None) -> Answer:
    """Make an `Answer` of a failure in any of the known forms.

    Seen are ``{"code", "message", "request_id"}``, ``{"error": {"code", "message", "type"}}``, the same without the outer
    name (vLLM until 0.10.0, text-embeddings-inference), ``{"error": text, "error_type"}``, ``{"error": text}`` (Ollama),
    ``{"detail": ...}`` and ``{"Code", "Message", "RequestId"}``. A code that is the HTTP status once more says nothing;
    the type is taken then.

    Parameters
    ----------
    status : int
        HTTP status.
    headers : mapping
        HTTP headers.
    error : mapping
        JSON of the body.
    key : Secret or None
        Taken out of what the service says.

    Returns
    -------
    Answer
        Without a body.
    """
    outer, lower = _plain_names(error), _plain_names(headers)
    nested = outer.get("error")
    inner = _plain_names(nested) if isinstance(nested, Mapping) else outer
    codes = (_words(inner.get(name)) for name in ("code", "type", "errortype"))
    messages = (
        inner.get("message"),
        outer.get("msg"),
        outer.get("detail"),
        None if isinstance(nested, Mapping) else nested,
    )
    ids = (one.get(name) for one in (outer, inner) for name in ("requestid", "id"))
    return Answer(
        status,
        code=shorten(redact(next((code for code in codes if code and not code.isdigit()), ""), key), 80),
        message=shorten(redact(next(filter(None, map(_words, messages)), ""), key), 400),
        request_id=shorten(redact(next(filter(None, map(_words, ids)), lower.get("xrequestid", "")), key), 80),
        retry_after_s=seconds_of(lower.get("retryafter")),
    )


def _plain_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping with names in small letters, without punctuation."""
    return {re.sub(r"[^a-z]", "", str(name).lower()): value for name, value in values.items()}


def _words(value: Any) -> str:
    """Return a value of a failure as text; "" for one that is nested too deeply."""
    if value is None or isinstance(value, str):
        return (value or "")[:4000]
    try:
        return json.dumps(value)[:4000]
    except RecursionError:
        return ""


def seconds_of(value: str | None) -> float | None:
    """Read ``Retry-After``: seconds or a date; at most five minutes."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError, OSError):  # no date, or one that no clock shows
            return None
    return min(max(seconds, 0.0), 300.0) if math.isfinite(seconds) else None
