"""One server of the dialect behind the queue: it writes a request and reads the answer."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import is_number
from mmtoolkit.providers.openai_compatible.rules import RULES, pack_limit
from mmtoolkit.providers.queue.reading import check_indexes, count_of, error_of, failure, vector_of
from mmtoolkit.providers.queue.rules import Answer, Rule, meaning
from mmtoolkit.providers.queue.service import Service
from mmtoolkit.providers.secrets import Secret, redact
from mmtoolkit.providers.wire import Exchange, LostError, session_for

__all__ = ["OpenAIService", "read_answer"]


@dataclass(frozen=True)
class OpenAIService(Service):
    """The requests of one run to one model of one server.

    Parameters
    ----------
    address : str
        Where requests go, ending in ``/embeddings``.
    model : str
        The model's name on that server.
    key : Secret or None
        Sent as a bearer token; None sends no such header.
    pictures : {"messages", "input"} or None
        How pictures travel.
    picture_text : str
        Travels with every picture in a message.
    dimensions : int or None
        Length of a vector to ask for; None asks for none.
    timeout_s : float
        Seconds for the whole request.
    trust_env : bool
        Whether proxies are taken from the environment.
    """

    address: str
    model: str
    key: Secret | None = field(repr=False)
    pictures: str | None
    picture_text: str
    dimensions: int | None
    timeout_s: float
    trust_env: bool

    def prepare(self) -> None:
        """Open the session."""
        session_for(self.trust_env)

    def send(self, objects: Sequence[Mapping[str, Any]], grouped: bool) -> Answer:  # noqa: ARG002 - nothing is fused here
        """Send one request; see `Service.send`."""
        exchange = Exchange(session_for(self.trust_env), self.timeout_s)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key.reveal()}"
        try:
            exchange.post(self.address, data=json.dumps(self._body(objects)).encode("ascii"), headers=headers)
        except LostError:
            return Answer(None, message=redact(exchange.trouble, self.key), sent=exchange.sent)
        return read_answer(exchange.status or 0, exchange.headers, exchange.body, self.key)

    def _body(self, objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the JSON of a request."""
        body: dict[str, Any] = {"model": self.model, "encoding_format": "float"}
        if self.dimensions is not None:
            body["dimensions"] = self.dimensions
        if self.pictures == "messages" and "image" in objects[0]:
            return {**body, "messages": [{"role": "user", "content": self._parts(objects[0]["image"])}]}
        # one way for all: a server may put {"text": ...} into a template and a bare text into none
        return {**body, "input": [dict(one) if self.pictures == "input" else one["text"] for one in objects]}

    def _parts(self, picture: str) -> list[dict[str, Any]]:
        """Return the parts of a message that is a picture."""
        parts: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": picture}}]
        return [*parts, {"type": "text", "text": self.picture_text}] if self.picture_text else parts

    def vectors(self, body: Mapping[str, Any], n: int, dimension: int) -> list[NDArray[np.float32]]:
        """Read the vectors of a good answer; see `Service.vectors`."""
        entries = body["data"]
        if not all(isinstance(entry, Mapping) for entry in entries):
            msg = "the answer has no list of embeddings"
            raise ValueError(msg)
        indexes = [entry.get("index") for entry in entries]
        if n == 1 and indexes == [None]:
            indexes = [0]
        check_indexes(indexes, n)
        values = [_numbers(entry.get("embedding")) for entry in entries]
        lengths = {len(value) for value in values if isinstance(value, list) and all(map(is_number, value[:1]))}
        if len(lengths) == 1 and dimension not in lengths and 0 not in lengths:
            (length,) = lengths
            ignored = "; it ignores the dimension it was asked for" if self.dimensions is not None else ""
            msg = f"every vector has {length} numbers, expected {dimension}{ignored}; pass dimension={length}"
            raise ValueError(msg)
        found = {i: vector_of(value, dimension) for i, value in zip(indexes, values, strict=True)}
        return [found[i] for i in range(n)]

    def meaning(self, answer: Answer) -> Rule:
        """Return the row of the table of rules that fits a failure."""
        return meaning(RULES, answer)

    def counted(self, body: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return the tokens that the server counted, all as text: there is one price."""
        usage = body.get("usage")
        total = usage.get("total_tokens", usage.get("prompt_tokens")) if isinstance(usage, Mapping) else None
        return (count_of(total), 0) if count_of(total) else None

    def pack_limit(self, message: str) -> int | None:
        """Return how many contents a request may hold, where the server says it."""
        return pack_limit(message)


def _numbers(value: Any) -> Any:
    """Return the numbers of a Base64 text of little-endian float32; any other value as it is."""
    if not isinstance(value, str):
        return value
    try:
        return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").tolist()
    except (binascii.Error, ValueError) as error:
        msg = f"a vector is a text that is no Base64 of float32 numbers ({error})"
        raise ValueError(msg) from error


def read_answer(status: int, headers: Mapping[str, str], raw: bytes, key: Secret | None) -> Answer:
    """Make an `Answer` of the HTTP answer.

    Parameters
    ----------
    status : int
        HTTP status.
    headers : mapping
        HTTP headers.
    raw : bytes
        The body.
    key : Secret or None
        Taken out of what the server says.

    Returns
    -------
    Answer
        With a body only when it looks like a success.
    """
    body = error_of(status, raw, key)
    if status == 200 and isinstance(body.get("data"), list) and not body.get("error"):
        return Answer(200, body=body)
    if status == 200 and "message" not in body and not body.get("error"):
        body = {"message": "the answer has no list of embeddings under 'data'"}
    return failure(status, headers, body, key)
