"""The rerank endpoint: scores that follow from query and item alone, its limits, its usage."""

from __future__ import annotations

import copy
import hashlib
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

from emulator.answers import Refusal
from emulator.faults import FAULTS, Fault
from emulator.vectors import BadInputError, picture, text_tokens, tokens

PATH = "/api/v1/services/rerank/text-rerank/text-rerank"
# model: most texts, pictures and videos of a request, tokens of a request, kinds of queries
MODELS = {
    "qwen3-vl-rerank": ({"text": 100, "image": 40, "video": 4}, 120_000, {"text", "image"}),
    "gte-rerank-v2": ({"text": 500}, 30_000, {"text"}),
}


def score(query: str, item: str) -> float:
    """Return what the service says of a pair, a float64 with all its digits: its share of common words, and a hash."""
    words, own = set(query.lower().split()), set(item.lower().split())
    share = len(words & own) / max(len(words), 1) if len(item) < 1000 else 0.0
    digest = hashlib.sha256(f"{query}\n{item}".encode()).digest()
    return 0.5 * share + 0.5 * int.from_bytes(digest[:7], "big") / 2**56


def plain(value: Any) -> str:
    """Return a query or document as the text that `score` takes: what it says or where it lies."""
    return value if isinstance(value, str) else next(iter(value.values()))


def _bad(message: str) -> Refusal:
    return Refusal(Fault(400, "InvalidParameter", message))


def _kind(value: Any, kinds: set[str]) -> str:
    if isinstance(value, str):
        value = {"text": value}
    if not isinstance(value, dict) or len(value) != 1 or not set(value) <= kinds:
        raise _bad("Input should be a valid dictionary")
    (kind, inner), *_ = value.items()
    if not isinstance(inner, str) or not inner.strip():
        raise Refusal(FAULTS["BadRequest.EmptyInput"])
    if kind == "video" and not inner.startswith(("http://", "https://")):
        raise _bad("The provided URL does not appear to be valid")
    if kind == "image" and inner.startswith("data:"):
        try:
            picture(inner)
        except BadInputError as error:
            raise _bad(str(error)) from error
    return str(kind)


def _weight(value: Any) -> tuple[int, int]:
    return (text_tokens(value), 0) if isinstance(value, str) else tokens(value)


def contents(body: Any) -> list[Any]:
    """Return the documents of a request; none where it is no request of this kind."""
    given = body.get("input") if isinstance(body, dict) else None
    found = given.get("documents") if isinstance(given, dict) else None
    return found if isinstance(found, list) else []


def rerank(body: dict[str, Any], emulator: Any) -> dict[str, Any]:
    """Answer the endpoint."""
    name = body.get("model")
    if name not in MODELS:
        raise Refusal(FAULTS["ModelNotFound"])
    limits, most, queries = MODELS[name]
    query, documents = body["input"].get("query"), contents(body)
    if not documents:
        raise Refusal(FAULTS["BadRequest.EmptyInput"])
    _kind(query, queries)
    seen = Counter(_kind(one, set(limits)) for one in documents)
    largest = emulator.largest_batch
    if largest and len(documents) > largest:
        raise _bad(f"batch size is invalid, it should not be larger than {largest}.")
    for kind, number in seen.items():
        if number > limits[kind]:
            raise _bad(f"The number of {kind} documents should not exceed {limits[kind]}")
    asked, weights = _weight(query), [_weight(one) for one in documents]
    text = asked[0] * len(documents) + sum(t for t, _ in weights)
    media = asked[1] * len(documents) + sum(m for _, m in weights)
    if text + media > most:
        raise _bad(f"Range of input length should be [1, {most}]")
    results = [{"index": i, "relevance_score": score(plain(query), plain(one))} for i, one in enumerate(documents)]
    results.sort(key=lambda one: -one["relevance_score"])
    usage = {"total_tokens": text + media}
    if name == "qwen3-vl-rerank" and media:
        usage |= {"input_tokens": text, "image_tokens": media}
    return {"output": {"results": results}, "usage": usage}


def spoiled(answer: dict[str, Any], how: str) -> Any:
    """Return an answer that is broken in the way of a fault of embeddings."""
    answer = copy.deepcopy(answer)
    results = answer["output"]["results"]
    change: Callable[[], Any] | None = {
        "missing-index": lambda: results[-1].pop("index"),
        "duplicate-index": lambda: results.append(results[0]),
        "missing-entry": results.pop,
        "foreign-index": lambda: results[-1].update(index=99),
        "no-output": lambda: answer.pop("output"),
        "nan": lambda: results[0].update(relevance_score=math.nan),
        "null-value": lambda: results[0].update(relevance_score=None),
        "huge": lambda: results[0].update(relevance_score=1e300),
        "whole-number": lambda: results[0].update(relevance_score=10**400),
        "string-value": lambda: results[0].update(relevance_score="0.9"),
        "shuffled": results.reverse,
    }.get(how, lambda: results[0].pop("relevance_score"))
    change()
    return answer
