"""Read DashScope's answers: a 200 counts only after every check; any other answer gives the service's own words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mmtoolkit.providers.queue.reading import check_indexes, error_of, failure, vector_of
from mmtoolkit.providers.queue.rules import Answer
from mmtoolkit.providers.secrets import Secret, redact

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["read_answer", "read_vectors"]

_INDEX = ("index", "text_index")
_WELL = frozenset(
    {"", "0", "200", "ok", "success"}
)  # codes of a success; that the documents know none is no reason to pay twice


def read_vectors(
    body: Mapping[str, Any], n: int, dimension: int, default: int | None = None
) -> list[NDArray[np.float32]]:
    """Return the vectors of an answer in the order in which their contents were sent.

    Parameters
    ----------
    body : mapping
        The answer's JSON, without an error code: `read_answer` gives no other.
    n : int
        How many vectors were asked for.
    dimension : int
        How long they have to be.
    default : int or None, default=None
        How long they are when the model is asked for no length.

    Returns
    -------
    list of ndarray of shape (dimension,), float32
        Finite, not zero.

    Raises
    ------
    ValueError
        If anything is not as it has to be.
    """
    output = body.get("output")
    if not isinstance(output, Mapping):
        msg = "the answer has no output"
        raise ValueError(msg)
    entries = output.get("embeddings")
    if entries is None and n == 1 and "embedding" in output:
        return [vector_of(output["embedding"], dimension)]
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        msg = "the answer has no list of embeddings"
        raise ValueError(msg)
    if len(entries) != n:
        msg = f"the answer holds {len(entries)} vectors for {n} contents"
        raise ValueError(msg)
    indexes: list[Any] = [
        next((entry[name] for name in _INDEX if entry.get(name) is not None), None) for entry in entries
    ]
    if indexes == [None]:  # some models leave it out where there is nothing to tell apart
        indexes = [0]
    check_indexes(indexes, n)
    lengths = {len(one) for entry in entries if isinstance(one := entry.get("embedding"), list)}
    if default not in (None, dimension) and lengths == {default}:
        msg = f"the model ignores dimension={dimension} and answers {default}; leave it out"
        raise ValueError(msg)
    found = {i: vector_of(entry.get("embedding"), dimension) for i, entry in zip(indexes, entries, strict=True)}
    return [found[i] for i in range(n)]


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
    if status == 200 and not isinstance(parsed, dict):
        parsed = error_of(status, raw, key)  # the SDK reads no other encoding
    if status == 200 and parsed.get("output") is not None and str(parsed.get("code") or "").lower() in _WELL:
        return Answer(200, body=parsed, request_id=redact(str(parsed.get("request_id", "")), key)[:80])
    answer = failure(status, headers, error_of(status, raw, key), key)
    if status == 200 and isinstance(parsed, dict) and not answer.code and not answer.message:
        answer = dataclasses.replace(answer, code="ProtocolError", message="the answer has no output")
    return answer
