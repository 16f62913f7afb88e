"""From a request's body to the service's answer, or its refusal."""

from __future__ import annotations

from collections import Counter
from typing import Any

from emulator.faults import FAULTS, MAGIC, Fault
from emulator.models import MODELS, Model
from emulator.vectors import BadInputError, picture, text_tokens, tokens, vector

_KINDS = {"text", "image", "video", "multi_images", "audio", "factor"}


class Refusal(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def _bad(message: str, code: str = "InvalidParameter") -> Refusal:
    return Refusal(Fault(400, code, message))


def inputs(body: dict[str, Any]) -> list[Any]:
    """Return what a request asks to be embedded."""
    given = body.get("input")
    if not isinstance(given, dict):
        return []
    found = given.get("contents", given.get("texts", given.get("documents")))
    return found if isinstance(found, list) else []


def magic_fault(contents: list[Any], seen: Counter[str]) -> str | None:
    """Return the fault that a text of the request asks for, if it is its turn."""
    for content in contents:
        value = str(content.get("text", "")) if isinstance(content, dict) else str(content)
        match = MAGIC.search(value)
        if match is None:
            continue
        seen[value] += 1
        if match[2] is None or seen[value] <= int(match[2]):
            return match[1]
    return None


def tokens_of(body: dict[str, Any]) -> int:
    try:
        return sum(text_tokens(c) if isinstance(c, str) else sum(tokens(c)) for c in inputs(body))
    except (BadInputError, AttributeError, TypeError):
        return 1


def _model(body: dict[str, Any], *, texts: bool) -> Model:
    name = body.get("model")
    if not name:
        raise Refusal(FAULTS["BadRequest.EmptyModel"])
    if not isinstance(name, str) or name not in MODELS:
        raise Refusal(FAULTS["ModelNotFound"])
    if MODELS[name].texts is not texts:
        raise Refusal(FAULTS["UrlError"])
    return MODELS[name]


def _parameters(body: dict[str, Any]) -> dict[str, Any]:
    given = body.get("parameters") or {}
    if not isinstance(given, dict):
        raise _bad("parameters must be an object")
    return given


def _check_parameters(body: dict[str, Any], model: Model) -> None:
    for name, value in _parameters(body).items():
        if name == "dimension" or (name == "output_type" and value == "dense"):
            continue
        if name not in model.parameters:
            raise _bad(f"The parameter {name} is not supported")
        if not model.parameters[name](value):
            raise _bad(f"The value {value!r} of the parameter {name} is not supported")


def _dimension(body: dict[str, Any], model: Model, emulator: Any) -> int:
    asked = model.dimension if emulator.ignores_dimension else _parameters(body).get("dimension", model.dimension)
    if asked != model.dimension and asked not in model.dimensions:
        if not model.dimensions:
            return model.dimension  # silently ignored, as the real one does
        raise _bad(f"The dimension {asked} is not supported")
    return int(asked)


def _check_text(value: Any, model: Model) -> None:
    if not isinstance(value, str) or not value.strip():
        raise Refusal(FAULTS["BadRequest.EmptyInput"])
    if text_tokens(value) > model.tokens:
        raise _bad(f"Range of input length should be [1, {model.tokens}]")


def _check_media(kind: str, value: Any, model: Model) -> None:
    if not isinstance(value, str):
        raise _bad(f"{kind} must be a string")
    if kind == "image" and value.startswith("data:"):
        try:
            data, image = picture(value)
        except BadInputError as error:
            raise _bad(str(error)) from error
        if len(data) > model.image_bytes:
            raise _bad("The image is too large", "BadRequest.TooLarge")
        low, high = sorted(image.size)
        if model.sides and (low < 10 or high > 200 * low):
            raise _bad("The image dimensions do not meet the requirements")
        if image.format not in model.formats:
            raise _bad("The image format is illegal and cannot be opened")
        return
    if not value.startswith(("http://", "https://")):
        raise _bad("The provided URL does not appear to be valid", "InvalidURL")
    if "missing" in value:
        raise _bad("Failed to download multimodal content")
    if kind == "video" and value.rsplit(".", 1)[-1].lower() not in model.video_formats:
        raise _bad("The video format is illegal and cannot be opened")


def _check(content: Any, model: Model) -> None:
    if not isinstance(content, dict) or not content or set(content) - _KINDS:
        raise Refusal(FAULTS["MissingParameter"])
    for kind, value in content.items():
        if kind == "text":
            _check_text(value, model)
        elif kind == "multi_images":
            if not isinstance(value, list) or not 1 <= len(value) <= model.multi:
                raise _bad(f"multi_images should be a list of 1 to {model.multi} images")
            for one in value:
                _check_media("image", one, model)
        elif kind in ("image", "video"):
            _check_media(kind, value, model)


def _check_counts(contents: list[dict[str, Any]], model: Model) -> None:
    seen = Counter(kind for content in contents for kind in content)
    pictures = seen["image"] + sum(len(content.get("multi_images", [])) for content in contents)
    if model.pictures is not None and pictures > model.pictures:
        raise _bad(f"The number of images should not exceed {model.pictures}")
    if model.videos is not None and seen["video"] > model.videos:
        raise _bad(f"The number of videos should not exceed {model.videos}")
    if model.once and max(seen.values()) > 1:
        raise _bad("Each type of content is allowed at most once")


def _value(content: dict[str, Any]) -> tuple[str, str]:
    if len(content) > 1 or "multi_images" in content:
        return ("multi_images" if "multi_images" in content else "fused"), repr(sorted(content.items()))
    return next(iter(content.items()))


def _usage(style: str, contents: list[dict[str, Any]], template: int = 0) -> dict[str, Any]:
    counts = [tokens(content) for content in contents]
    text, image = sum(t for t, _ in counts) + template * len(contents), sum(i for _, i in counts)
    if style == "v1":
        return {"input_tokens": text, "image_tokens": image}
    if style == "qwen":
        return {"input_tokens": text, "image_tokens": image, "total_tokens": text + image}
    if style == "one-peace":
        return {"total_usage": text + image}
    details = {"image_tokens": image, "text_tokens": text}
    return {
        "input_tokens": text + image,
        "input_tokens_details": details,
        "output_tokens": 1,
        "total_tokens": text + image + 1,
    }


def multimodal(body: dict[str, Any], emulator: Any) -> dict[str, Any]:
    """Answer the multimodal endpoint."""
    model = _model(body, texts=False)
    contents = inputs(body)
    if not contents:
        raise Refusal(FAULTS["BadRequest.EmptyInput"])
    largest = min(model.contents, emulator.largest_batch or model.contents)
    if len(contents) > largest:
        raise _bad(
            f"<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger than {largest}.: input.contents"
        )
    for content in contents:
        _check(content, model)
    _check_counts(contents, model)
    _check_parameters(body, model)
    dimension = _dimension(body, model, emulator)
    space = f"{body['model']}{' drifted' if emulator.drift else ''}"
    flagged = _parameters(body).get("enable_fusion") is True
    fused = model.fusion == "always" or flagged
    if fused and model.fusion != "object":
        parts = [_value(content) for content in contents]
        kind, value = parts[0] if len(parts) == 1 else ("fusion", repr(parts))
        name = "fusion" if flagged else kind
        embeddings = [{"index": 0, "embedding": list(vector(space, kind, value, dimension)), "type": name}]
    else:
        embeddings = [
            {
                "index": i,
                "embedding": list(vector(space, *_value(content), dimension)),
                "type": "vl" if model.fusion == "flag" else _value(content)[0],
            }
            for i, content in enumerate(contents)
        ]
    if MODELS[body["model"]].usage == "one-peace":
        return {"output": {"embedding": embeddings[0]["embedding"]}, "usage": _usage("one-peace", contents)}
    return {"output": {"embeddings": embeddings}, "usage": _usage(model.usage, contents, model.template)}


def text(body: dict[str, Any], emulator: Any) -> dict[str, Any]:
    """Answer the text endpoint."""
    model = _model(body, texts=True)
    texts = inputs(body)
    largest = min(model.contents, emulator.largest_batch or model.contents)
    if len(texts) > largest:
        raise _bad(f"batch size is invalid, it should not be larger than {largest}.")
    if not texts:
        raise Refusal(FAULTS["BadRequest.EmptyInput"])
    for value in texts:
        _check_text(value, model)
    _check_parameters(body, model)
    dimension = _dimension(body, model, emulator)
    space = f"{body['model']}{' drifted' if emulator.drift else ''}"
    embeddings = [
        {model.index: i, "embedding": list(vector(space, "text", value, dimension))} for i, value in enumerate(texts)
    ]
    return {"output": {"embeddings": embeddings}, "usage": {"total_tokens": sum(map(text_tokens, texts))}}
