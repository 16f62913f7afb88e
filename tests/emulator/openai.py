"""Servers that speak OpenAI's ``POST /v1/embeddings``, each with its own limits, refusals and ways to take pictures.

Read on 2026-11-27 from what is public:

- OpenAI: error object ``{"error": {message, type, param, code}}``; 2048 inputs and 300,000 tokens a request.
- vLLM: pictures as ``messages`` with ``image_url`` parts, one vector a request (docs.vllm.ai, examples of 0.6.4 to 0.9.2);
  errors flat until 0.10.0, nested with a number as code since 0.10.1 (vllm-project/vllm#22099); ``dimensions`` refused
  for models without matryoshka (#16331, 2025-04); too long a text is refused (#19798).
- text-embeddings-inference: ``{"message", "code", "type"}`` on this route, ``{"error", "error_type"}`` on its own; statuses
  413 Validation, 422 Tokenizer, 424 Backend, 429 Overloaded, 503 Unhealthy, 400 Empty (router/src/http/server.rs, types.rs).
- Ollama: nested with three types and a null code on ``/v1``, a plain string elsewhere (openai/openai.go); a NaN ends in a
  500 (HKUDS/LightRAG#1870).
- DashScope: compatible mode nests its own codes and adds ``request_id``; ten inputs a request (memodb-io/memobase#142).
- SGLang, Xinference, Jina: ``input`` is a list of objects ``{"text": ...}`` and ``{"image": ...}``, a vector each
  (sglang openai protocol, xorbitsai/inference#3440, timescale/pgai#187).
"""

from __future__ import annotations

import base64
import copy
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from emulator.answers import Refusal
from emulator.faults import DROP, SLOW, TRICKLE, TRICKLE_HEAD, TRUNCATE, Fault
from emulator.server import Emulator, Handler, Record
from emulator.vectors import BadInputError, image_tokens, picture, text_tokens, vector

ROUTES = ("/v1/embeddings", "/compatible-mode/v1/embeddings")


@dataclass(frozen=True)
class Model:
    """What one model of these servers takes."""

    dimension: int
    dimensions: tuple[int, ...] = ()
    tokens: int = 512
    pictures: bool = False


MODELS = {
    "small-text": Model(48),
    "small-matryoshka": Model(48, dimensions=(32, 16)),
    "small-pictures": Model(32, pictures=True),
}


def nested(status: int, kind: str, code: Any, message: str) -> Any:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def nested_number(status: int, kind: str, code: Any, message: str) -> Any:
    return nested(status, kind, status, message)


def nested_null(status: int, kind: str, code: Any, message: str) -> Any:
    return nested(status, kind, None, message)


def flat(status: int, kind: str, code: Any, message: str) -> Any:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": status}


def tei(status: int, kind: str, code: Any, message: str) -> Any:
    return {"message": message, "code": status, "type": kind}


def tei_own(status: int, kind: str, code: Any, message: str) -> Any:
    return {"error": message, "error_type": kind}


def word(status: int, kind: str, code: Any, message: str) -> Any:
    return {"error": message}


def dashscope(status: int, kind: str, code: Any, message: str) -> Any:
    request_id = str(uuid.uuid4())
    return {**nested(status, kind, code, message), "id": request_id, "request_id": request_id}


Shape = Callable[[int, str, Any, str], Any]


@dataclass(frozen=True)
class Flavour:
    """Where one server differs from the others."""

    shape: Shape = nested
    largest: int = 2048
    too_many: tuple[int, str, str, str] = (
        400,
        "invalid_request_error",
        "array_above_max_length",
        "Invalid 'input': array too long. Expected an array with maximum length {most}, but got an array with length {n} instead.",
    )
    too_long: tuple[int, str, str | None, str] = (
        400,
        "invalid_request_error",
        None,
        "This model's maximum context length is {most} tokens, however you requested {n} tokens ({n} in your prompt; 0 for the completion). Please reduce your prompt; or completion length.",
    )
    dimensions: str = "honoured"  # or "refused", "ignored"
    no_dimensions: str = "This model does not support specifying dimensions."
    pictures: str = ""  # or "messages", "input"
    base64: bool = True


_VLLM_LONG = "This model's maximum context length is {most} tokens. However, you requested {n} tokens in the input for embedding generation. Please reduce the length of the input."
_VLLM = Flavour(
    shape=nested_number,
    too_long=(400, "BadRequestError", None, _VLLM_LONG),
    dimensions="refused",
    no_dimensions='Model "{model}" does not support matryoshka representation, changing output dimensions will lead to poor results.',
    pictures="messages",
)
FLAVOURS = {
    "openai": Flavour(),
    "vllm": _VLLM,
    "vllm-0.10.0": Flavour(
        flat, too_long=_VLLM.too_long, dimensions="refused", no_dimensions="dimensions is currently not supported"
    ),
    "tei": Flavour(
        tei,
        largest=32,
        too_many=(413, "Validation", "", "batch size {n} > maximum allowed batch size {most}"),
        too_long=(413, "Validation", "", "Input validation error: `inputs` must have less than {most} tokens. Given: {n}"),
        dimensions="ignored",
        base64=False,
    ),
    "ollama": Flavour(
        nested_null,
        too_long=(400, "invalid_request_error", None, "the input length exceeds the context length"),
        dimensions="ignored",
        base64=False,
    ),
    "dashscope": Flavour(
        dashscope,
        largest=10,
        too_many=(400, "InvalidParameter", "InvalidParameter", "<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger than {most}.: input.contents"),
        too_long=(400, "InvalidParameter", "InvalidParameter", "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, {most}]"),
    ),
    "sglang": Flavour(nested_number, dimensions="refused", no_dimensions="dimensions is currently not supported", pictures="input"),
}  # fmt: skip


def _said(
    act: str, shape: Shape, status: int, kind: str, code: Any, message: str, headers: dict[str, str] | None = None
) -> Fault:
    body = json.dumps(shape(status, kind, code, message)).encode()
    return Fault(status, str(code or ""), message, act, headers or {}, body=body)


def _spoiler(change: Callable[[list[dict[str, Any]]], Any], act: str = "retry") -> Fault:
    def spoil(answer: dict[str, Any]) -> Any:
        answer = copy.deepcopy(answer)
        change(answer["data"])
        return answer

    return Fault(act=act, spoil=spoil)


def _first(value: Any) -> Callable[[list[dict[str, Any]]], None]:
    return lambda data: data[0].update(embedding=[value, *data[0]["embedding"][1:]])


_BILLING = "You exceeded your current quota, please check your plan and billing details."
FAULTS: dict[str, Fault] = {
    "invalid_api_key": _said("stop", nested, 401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-leaked****1234."),
    "unauthorized-word": _said("stop", word, 401, "", "", "Unauthorized"),
    "insufficient_quota": _said("stop", nested, 403, "insufficient_quota", "insufficient_quota", "The free tier of the model has been exhausted."),
    "openai-quota": _said("stop", nested, 429, "insufficient_quota", "insufficient_quota", f"{_BILLING} For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."),
    "forbidden": _said("stop", nested, 403, "invalid_request_error", "unsupported_country_region_territory", "Country, region, or territory not supported"),
    "model_not_found": _said("stop", nested, 404, "invalid_request_error", "model_not_found", "The model `x` does not exist or you do not have access to it."),
    "vllm-model": _said("stop", nested_number, 404, "NotFoundError", 404, "The model `x` does not exist."),
    "ollama-model": _said("stop", word, 404, "", "", 'model "x" not found, try pulling it first'),
    "dashscope-model": _said("stop", dashscope, 404, "invalid_request_error", "model_not_supported", "Unsupported model `x` for OpenAI compatibility mode."),
    "jina-model": _said("stop", word, 400, "", "", "Model 'x' not found"),
    "arrearage": _said("stop", dashscope, 400, "Arrearage", "Arrearage", "Access denied, please make sure your account is in good standing."),
    "no-route": Fault(404, body=b"404 page not found", act="stop", content_type="text/plain"),
    "matryoshka": _said("stop", flat, 400, "BadRequestError", 400, 'Model "x" does not support matryoshka representation, changing output dimensions will lead to poor results.'),
    "dimensions-refused": _said("stop", nested, 400, "invalid_request_error", None, "This model does not support specifying dimensions."),
    "no-embeddings": _said("stop", nested_number, 400, "BadRequestError", 400, "The model does not support Embeddings API"),
    "not-an-embedder": _said("stop", nested_null, 501, "api_error", None, "this model does not support embeddings"),
    "missing-field": _said("stop", nested_number, 422, "invalid_request_error", 422, "[{'type': 'missing', 'loc': ('body', 'input'), 'msg': 'Field required'}]"),
    "redirect": Fault(307, headers={"Location": "/login"}, act="stop", body=b"", content_type="text/html"),
    "payment": _said("stop", nested, 402, "invalid_request_error", "insufficient_balance", "Insufficient balance"),
    "context": _said("item", nested_number, 400, "BadRequestError", 400, _VLLM_LONG.format(most=512, n=1451)),
    "context-openai": _said("item", nested, 400, "invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens"),
    "context-tei": _said("item", tei, 413, "Validation", "", "Input validation error: `inputs` must have less than 512 tokens. Given: 1000"),
    "context-ollama": _said("item", word, 400, "", "", "the input length exceeds the context length"),
    "tei-tokenizer": _said("item", tei_own, 422, "Tokenizer", "", "Tokenization error"),
    "tei-empty": _said("item", tei, 400, "Empty", "", "Input cannot be empty"),
    "ollama-nan": _said("item", nested_null, 500, "api_error", None, "failed to encode response: json: unsupported value: NaN"),
    "inspection": _said("item", dashscope, 400, "data_inspection_failed", "data_inspection_failed", "Input data may contain inappropriate content."),
    "content-filter": _said("item", nested, 400, "invalid_request_error", "content_filter", "The response was filtered."),
    "picture": _said("item", nested_number, 400, "BadRequestError", 400, "cannot identify image file <_io.BytesIO object>"),
    "body-limit": Fault(413, body=b"Failed to buffer the request body: length limit exceeded", act="item", content_type="text/plain"),
    "strange": _said("item", nested, 400, "invalid_request_error", "strange_new_code", "Something nobody has seen before."),
    "rate": _said("retry", nested, 429, "requests", "rate_limit_exceeded", "Rate limit reached for requests"),
    "rate-tokens": _said("retry", nested, 429, "tokens", "rate_limit_exceeded", "Rate limit reached for x on tokens per min (TPM)"),
    "rate-dashscope": _said("retry", dashscope, 429, "limit_requests", "limit_requests", "You exceeded your current requests list."),
    "tokens-dashscope": _said("retry", dashscope, 429, "insufficient_quota", "insufficient_quota", f"{_BILLING} For details, see: https://help.aliyun.com/zh/model-studio/error-code#token-limit"),
    "retry-after": _said("retry", nested, 429, "requests", "rate_limit_exceeded", "Rate limit reached", {"Retry-After": "2"}),
    "tei-overloaded": _said("retry", tei, 429, "Overloaded", "", "Model is overloaded"),
    "tei-backend": _said("retry", tei_own, 424, "Backend", "", "Inference error: out of memory"),
    "tei-unhealthy": _said("retry", tei, 503, "Unhealthy", "", "Model is not healthy"),
    "server_error": _said("retry", nested, 500, "server_error", None, "The server had an error while processing your request."),
    "vllm-500": _said("retry", nested_number, 500, "InternalServerError", 500, "Internal server error"),
    "ollama-loading": _said("retry", nested_null, 503, "api_error", None, "server busy, please try again.  maximum pending requests exceeded"),
    "html503": Fault(503, body=b"<html><head><title>503</title></head></html>", content_type="text/html"),
    "html502": Fault(502, body=b"<html><head><title>502 Bad Gateway</title></head></html>", content_type="text/html"),
    "html200": Fault(200, body=b"<html><body>Please log in</body></html>", content_type="text/html"),
    "empty": Fault(200, body=b""),
    "empty500": Fault(500, body=b"", content_type="text/plain"),
    "garbage": Fault(200, body=b"\x00\xff\x1fnot json"),
    "null": Fault(200, body=b"null"),
    "list": Fault(200, body=b"[]"),
    "html403": Fault(403, act="stop", body=b"<html><body>Blocked by the proxy</body></html>", content_type="text/html"),
    "balance": _said("stop", nested, 402, "unknown_error", "invalid_request_error", "Insufficient Balance"),
    "gone": Fault(410, act="stop", body=b"gone", content_type="text/plain"),
    "other-dialect": Fault(200, body=b'{"model": "x", "embeddings": [[0.5, 0.5]]}'),
    "nested-vector": _spoiler(lambda data: data[0].update(embedding=[data[0]["embedding"]])),
    "error-under-200": Fault(200, body=json.dumps(nested(200, "server_error", "overloaded", "try later")).encode()),
    "no-data": Fault(200, body=b'{"object": "list", "model": "x"}'),
    "too-few": _spoiler(lambda data: data.pop()),
    "too-many": _spoiler(lambda data: data.append(data[0])),
    "foreign-index": _spoiler(lambda data: data[-1].update(index=99)),
    "no-index": _spoiler(lambda data: [entry.pop("index") for entry in data]),
    "nan": _spoiler(_first(float("nan"))),
    "null-value": _spoiler(_first(None)),
    "string-value": _spoiler(_first("0.1")),
    "huge": _spoiler(_first(1e300)),
    "whole-number": _spoiler(_first(10**400)),
    "206": Fault(206, body=b"{}"),
    "zero": _spoiler(lambda data: data[0].update(embedding=[0.0] * len(data[0]["embedding"]))),
    "null-vector": _spoiler(lambda data: data[0].update(embedding=None)),
    "bad-base64": _spoiler(lambda data: data[0].update(embedding="AAA!")),
    "shuffled": _spoiler(lambda data: data.reverse(), "fine"),
    "drop": Fault(raw=DROP),
    "truncate": Fault(raw=TRUNCATE),
    "trickle": Fault(raw=TRICKLE),
    "trickle-head": Fault(raw=TRICKLE_HEAD),
    "slow": Fault(raw=SLOW),
}  # fmt: skip


class OpenAIEmulator(Emulator):
    """A server of the dialect on 127.0.0.1, as `flavour` has it; see `Emulator` for the rest.

    `key` is what it asks for in Authorization; None lets everybody in, as servers of one's own do.
    """

    faults = FAULTS
    limits = ("rate", "rate-tokens")

    def __init__(self, flavour: str = "openai", **options: Any) -> None:
        super().__init__(**options)
        self.default = flavour
        self.flavour, self.key = FLAVOURS[flavour], None
        self.always_base64 = False

    def handler(self) -> type[Handler]:
        return _OpenAIHandler

    def reset(self) -> None:
        super().reset()
        self.use(self.default)
        self.key, self.always_base64 = None, False

    def use(self, flavour: str) -> None:
        """Become another server."""
        self.flavour = FLAVOURS[flavour]

    @property
    def base_url(self) -> str:
        return f"{self.host}/v1"

    @property
    def calls(self) -> list[Record]:
        return [r for r in self.records if r.path in ROUTES]

    def inputs(self, body: dict[str, Any]) -> list[Any]:
        given = body.get("input", [])
        parts = [part for message in body.get("messages", []) for part in message["content"]]
        return ([given] if isinstance(given, str) else list(given)) + parts

    def contents(self) -> list[Any]:
        return [content for record in self.calls for content in self.inputs(record.body)]


class _OpenAIHandler(Handler):
    emulator: OpenAIEmulator

    def _route(self, record: Record) -> None:
        if record.method == "POST" and self.path in ROUTES:
            self._embeddings(record)
        else:
            self._send(record, 404, b"404 page not found", kind="text/plain")

    def _embeddings(self, record: Record) -> None:
        emulator, body = self.emulator, record.body
        if emulator.latency_s:
            time.sleep(emulator.latency_s / emulator.scale)
        if emulator.key is not None and record.headers.get("Authorization") != f"Bearer {emulator.key}":
            return self._refuse(record, FAULTS["invalid_api_key"], "")
        if not isinstance(body, dict):
            return self._refuse(record, _refusal(emulator.flavour, 400, "invalid_request_error", "We could not parse the JSON body of your request.").fault, "")  # fmt: skip
        try:
            values = _values(body, emulator.flavour)
            limited = emulator._limited(str(body.get("model")), sum(map(_tokens, values)))
            picked = ("limit", limited) if limited is not None else emulator._pick_fault(body)
            if picked is not None and picked[1].spoil is None and picked[1].raw is None:
                record.fault = picked[0]
                return self._refuse(record, picked[1], "")
            answer = _answer(body, values, emulator)
        except Refusal as refusal:
            return self._refuse(record, refusal.fault, "")
        if picked is not None:
            record.fault, fault = picked
            if fault.spoil is not None:
                answer = fault.spoil(answer)
            if fault.raw is not None:
                return fault.raw(self, self._answer(200, answer))
        return self._send(record, 200, answer)


def _refusal(flavour: Flavour, status: int, kind: str, message: str, code: Any = None) -> Refusal:
    return Refusal(_said("", flavour.shape, status, kind, code, message))


def _values(body: dict[str, Any], flavour: Flavour) -> list[tuple[str, str]]:
    """Return kind and value of everything that gets a vector."""
    if "messages" in body:
        if flavour.pictures != "messages":
            raise _refusal(flavour, 422, "invalid_request_error", "Field required: input")
        return [_message(body["messages"], flavour)]
    given = body.get("input")
    inputs = [given] if isinstance(given, str) else given
    if not isinstance(inputs, list) or not inputs:
        raise _refusal(flavour, 400, "invalid_request_error", "'input' must be a string or a list of strings")
    return [_value(one, flavour) for one in inputs]


def _message(messages: Any, flavour: Flavour) -> tuple[str, str]:
    values = []
    for part in messages[0]["content"]:
        if part["type"] == "text":
            values.append(("text", part["text"]))
        elif part["type"] == "image_url":
            values.append(("image", part["image_url"]["url"]))
        else:
            raise _refusal(flavour, 400, "BadRequestError", f"Unknown part type: {part['type']}")
    return values[0] if len(values) == 1 else ("fused", repr(values))


def _value(one: Any, flavour: Flavour) -> tuple[str, str]:
    if isinstance(one, str) and one:
        return "text", one
    if flavour.pictures == "input" and isinstance(one, dict) and one and set(one) <= {"text", "image"}:
        return next(iter(one.items())) if len(one) == 1 else ("fused", repr(sorted(one.items())))
    raise _refusal(flavour, 400, "invalid_request_error", "'$.input' is invalid. Please check the API reference.")


def _tokens(value: tuple[str, str]) -> int:
    try:
        return image_tokens(value[1]) if value[0] == "image" else text_tokens(value[1])
    except BadInputError:
        return 1


def _answer(body: dict[str, Any], values: list[tuple[str, str]], emulator: OpenAIEmulator) -> dict[str, Any]:
    flavour, name = emulator.flavour, str(body.get("model"))
    if name not in MODELS:
        message = f"The model `{name}` does not exist or you do not have access to it."
        raise _refusal(flavour, 404, "invalid_request_error", message, "model_not_found")
    model, n = MODELS[name], len(values)
    most = min(flavour.largest, emulator.largest_batch or flavour.largest)
    if n > most:
        status, kind, code, message = flavour.too_many
        raise _refusal(flavour, status, kind, message.format(n=n, most=most), code)
    for value in values:
        _check(value, model, flavour)
    space = f"{name}{' drifted' if emulator.drift else ''}"
    dimension = _dimension(body, name, model, flavour)
    encode = flavour.base64 and (body.get("encoding_format") == "base64" or emulator.always_base64)
    rows = [list(vector(space, *value, dimension)) for value in values]
    data = [
        {"object": "embedding", "index": i, "embedding": _base64(row) if encode else row} for i, row in enumerate(rows)
    ]
    total = sum(map(_tokens, values))
    return {
        "object": "list",
        "data": data,
        "model": name,
        "usage": {"prompt_tokens": total, "total_tokens": total},
    }


def _check(value: tuple[str, str], model: Model, flavour: Flavour) -> None:
    if value[0] == "image":
        if not model.pictures:
            raise _refusal(flavour, 400, "BadRequestError", "The model takes no images")
        try:
            picture(value[1])
        except BadInputError as error:
            raise _refusal(flavour, 400, "BadRequestError", f"cannot identify image file: {error}") from error
    elif (n := text_tokens(value[1])) > model.tokens:
        status, kind, code, message = flavour.too_long
        raise _refusal(flavour, status, kind, message.format(n=n, most=model.tokens), code)


def _dimension(body: dict[str, Any], name: str, model: Model, flavour: Flavour) -> int:
    asked = body.get("dimensions")
    if asked is None or flavour.dimensions == "ignored":
        return model.dimension
    if not model.dimensions:
        message = flavour.no_dimensions.format(model=name)
        raise _refusal(flavour, 400, "BadRequestError", message)
    if asked not in (model.dimension, *model.dimensions):
        raise _refusal(flavour, 400, "BadRequestError", f"dimensions must be one of {model.dimensions}")
    return int(asked)


def _base64(row: list[float]) -> str:
    return base64.b64encode(np.asarray(row, dtype="<f4").tobytes()).decode()
