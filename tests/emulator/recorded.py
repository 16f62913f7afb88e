"""Answers in the shapes that were recorded of the service, or stand on its pages; numbers and ids are made up."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from emulator.faults import Fault
from emulator.vectors import vector

V1, PLUS, VL = "multimodal-embedding-v1", "tongyi-embedding-vision-plus", "qwen3-vl-embedding"
ID = "5d6f8b34-1a2c-9e7d-8f00-3c4b5a697881"
GATEWAY = {
    "x-dashscope-call-gateway": "true", "req-cost-time": "87", "req-arrive-time": "1764211200000",
    "resp-start-time": "1764211200087", "x-envoy-upstream-service-time": "86", "vary": "Accept-Encoding",
}  # fmt: skip


@dataclass(frozen=True)
class Recorded:
    """One answer: to which model and contents, and what a client should make of it."""

    model: str
    fault: Fault
    ends: str  # "ok", "stop", "item", "slow" or "shrink"
    contents: tuple[dict[str, str], ...] = ({"text": "a"},)
    dimension: int = 1024
    counted: tuple[int, int] | None = None  # tokens of texts and of media
    says: str = field(default="")  # in the remedy


def _good(
    model: str, usage: Any, *kinds: str, dimension: int = 1024, index: str | None = "index", dressed: bool = False,
) -> Fault:  # fmt: skip
    entries = [
        {"embedding": list(vector(model, "recorded", f"{kind} {i}", dimension))}
        | ({} if kind == "plain" else {"type": kind})
        | ({} if index is None else {index: i})
        for i, kind in enumerate(kinds)
    ]
    body = {"output": {"embeddings": entries}, "usage": usage, "request_id": ID}
    if dressed:  # as the SDK shows it
        body = {"status_code": 200, "code": "", "message": "", **body}
    return Fault(body=json.dumps(body).encode(), headers=GATEWAY)


def _bad(status: int, code: str, message: str, **options: Any) -> Fault:
    return Fault(status, code, message, **{"headers": GATEWAY, **options})


def _nested(status: int, error: dict[str, Any], **outer: Any) -> Fault:
    return Fault(status, body=json.dumps({"error": error, **outer}).encode())


def _mixed(*kinds: str) -> tuple[dict[str, str], ...]:
    return tuple({kind: "a" if kind == "text" else f"https://a.example/1.{kind}"} for kind in kinds)


_V3_LIMIT = "<400> InternalError.Algo.InvalidParameter: Value error, batch size is invalid, it should not be larger than {}.: {}"
_VL_USAGE = {"input_tokens": 51, "image_tokens": 1190, "total_tokens": 1241}

RECORDED: dict[str, Recorded] = {
    "a text, as the SDK shows it": Recorded(
        V1, _good(V1, {"input_tokens": 9, "image_tokens": 0}, "text", dressed=True), "ok", counted=(9, 0)
    ),
    "a picture": Recorded(
        V1, _good(V1, {"input_tokens": 0, "image_tokens": 870, "image_count": 1, "duration": 0}, "image"), "ok",
        contents=_mixed("image"), counted=(0, 870),
    ),
    "three kinds, usage that does not add up": Recorded(
        PLUS,
        _good(
            PLUS, {"input_tokens": 10, "input_tokens_details": {"image_tokens": 880, "text_tokens": 7}, "output_tokens": 3, "total_tokens": 890},
            "text", "image", "video", dimension=1152,
        ),
        "ok", contents=_mixed("text", "image", "video"), dimension=1152, counted=(7, 880),
    ),
    "details of tokens": Recorded(
        PLUS,
        _good(PLUS, {"input_tokens": 8, "input_tokens_details": {"image_tokens": 0, "text_tokens": 8}, "output_tokens": 1, "total_tokens": 9},
              "text", dimension=1152, dressed=True),
        "ok", dimension=1152, counted=(8, 0),
    ),
    "type vl": Recorded(VL, _good(VL, _VL_USAGE, "vl", dimension=2560), "ok", dimension=2560, counted=(51, 1190)),
    "type fusion": Recorded(VL, _good(VL, _VL_USAGE, "fusion", dimension=2560), "ok", dimension=2560, counted=(51, 1190)),
    "no index": Recorded(
        VL, _good(VL, {"input_tokens": 4, "image_tokens": 0, "total_tokens": 4}, "vl", dimension=2560, index=None), "ok",
        dimension=2560, counted=(4, 0),
    ),
    "text_index": Recorded(
        "text-embedding-v2", _good("text-embedding-v2", {"total_tokens": 5}, "plain", dimension=1536, index="text_index"), "ok",
        dimension=1536, counted=(5, 0),
    ),
    "index of a text model": Recorded(
        "qwen3.7-text-embedding-flash", _good("qwen3.7-text-embedding-flash", {"total_tokens": 6}, "plain"), "ok", counted=(6, 0)
    ),
    "no usage": Recorded(V1, _good(V1, None, "text"), "ok"),
    "usage without a number": Recorded(V1, _good(V1, {"total_tokens": "many"}, "text"), "ok", counted=(0, 0)),
    "401 without Content-Type": Recorded(
        V1, _bad(401, "InvalidApiKey", "Invalid API-key provided.", content_type="", headers={"x-request-id": ID}), "stop",
        says="DASHSCOPE_API_KEY",
    ),
    "400 about a part": Recorded(
        V1, _bad(400, "InvalidParameter", "Content length must be greater than 0"), "item", says="cannot process"
    ),
    "403 free tier": Recorded(
        V1, _bad(403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted."), "stop", says="free quota"
    ),
    "403 insufficient_quota": Recorded(
        PLUS, _nested(403, {"message": "used up", "id": ID, "type": "insufficient_quota", "code": "insufficient_quota"}), "stop",
        says="free quota",
    ),
    "403 insufficient_quota as a type": Recorded(
        PLUS, _nested(403, {"message": "used up", "type": "insufficient_quota", "param": None, "code": None}), "stop", says="free quota"
    ),
    "403 unpurchased": Recorded(
        PLUS,
        _nested(403, {"message": "Access to model denied.", "type": "AccessDenied.Unpurchased", "param": None, "code": "AccessDenied.Unpurchased"},
                id=ID, request_id=ID),
        "stop", says="activate",
    ),
    "400 arrearage": Recorded(
        V1, _bad(400, "Arrearage", "Access denied, please make sure your account is in good standing."), "stop", says="bill"
    ),
    "400 batch of 25": Recorded(
        "text-embedding-v2", _bad(400, "InvalidParameter", _V3_LIMIT.format(25, "payload.input.contents")), "shrink"
    ),
    "400 batch of 10": Recorded("text-embedding-v4", _bad(400, "InvalidParameter", _V3_LIMIT.format(10, "input.contents")), "shrink"),
    "400 kind of contents": Recorded(
        "text-embedding-v4",
        _bad(400, "InvalidParameter", "<400> InternalError.Algo.InvalidParameter: Value error, contents is neither str nor list of str.: input.contents"),
        "item",
    ),
    "400 length": Recorded(
        "text-embedding-v2", _bad(400, "InvalidParameter", "Range of input length should be [1, 2048]"), "item", says="truncate=True"
    ),
    "400 url error": Recorded(
        "text-embedding-v4", _bad(400, "InvalidParameter", "url error, please check url！ For details, see: https://help.example.com"), "stop",
        says="endpoint",
    ),
    "400 no model": Recorded(PLUS, _bad(400, "InvalidParameter", "Model not found"), "stop", says="model's name"),
    "400 download": Recorded(
        V1, _bad(400, "InvalidParameter.DataInspection", "Unable to download the media resource during the data inspection process."), "item",
        contents=_mixed("image"), says="public and fast",
    ),
    "400 decode": Recorded(
        V1, _bad(400, "InvalidParameter.DataInspection", "Failed to decode the image during the data inspection."), "item",
        contents=_mixed("image"), says="save it anew",
    ),
    "429 rate": Recorded(V1, _bad(429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later."), "slow"),
    "429 burst": Recorded(V1, _bad(429, "Throttling.BurstRate", "Request rate increased too quickly."), "slow"),
    "429 tokens": Recorded(
        V1, _bad(429, "Throttling.AllocationQuota", "Allocated quota exceeded, please increase your quota limit."), "slow"
    ),
}  # fmt: skip
