"""Everything that can go wrong on the wire, by name: error codes, broken answers, broken connections."""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAGIC = re.compile(r"\[\[fault ([^\]]+?)(?: x(\d+))?\]\]")


def magic(name: str, times: int | None = None) -> str:
    """Put this into a text: the request that carries it fails so, always or the first `times` times."""
    return f"[[fault {name}]]" if times is None else f"[[fault {name} x{times}]]"


@dataclass(frozen=True)
class Fault:
    """One way to fail.

    An error has `status` and `code`; else `spoil` changes a good answer, or `raw` writes the bytes itself.
    """

    status: int = 200
    code: str = ""
    message: str = ""
    act: str = "retry"  # what a client should do: retry, item, stop, or nothing ("fine"); "pack": wrong in packs only
    headers: dict[str, str] = field(default_factory=dict)
    spoil: Callable[[dict[str, Any]], Any] | None = None
    raw: Callable[[Any, bytes], None] | None = None
    body: bytes | None = None
    content_type: str = "application/json"
    openai: bool = False

    def error(self, request_id: str) -> bytes:
        if self.openai:
            inner = {"message": self.message, "type": "invalid_request_error", "param": None, "code": self.code}
            return json.dumps({"error": inner, "request_id": request_id}).encode()
        return json.dumps({"code": self.code, "message": self.message, "request_id": request_id}).encode()


def _entries(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return answer["output"]["embeddings"]


def _index_name(answer: dict[str, Any]) -> str:
    return "text_index" if "text_index" in _entries(answer)[0] else "index"


def _spoiler(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    def spoil(answer: dict[str, Any]) -> Any:
        answer = copy.deepcopy(answer)
        return change(answer) or answer

    return spoil


def _set_first(value: Any) -> Callable[[dict[str, Any]], Any]:
    def change(answer: dict[str, Any]) -> None:
        _entries(answer)[0]["embedding"][0] = value

    return _spoiler(change)


def _missing_index(answer: dict[str, Any]) -> None:
    del _entries(answer)[-1][_index_name(answer)]


def _duplicate_index(answer: dict[str, Any]) -> None:
    _entries(answer).append(_entries(answer)[0])


def _missing_entry(answer: dict[str, Any]) -> None:
    _entries(answer).pop()


def _foreign_index(answer: dict[str, Any]) -> None:
    _entries(answer)[-1][_index_name(answer)] = 99


def _wrong_dimension(answer: dict[str, Any]) -> None:
    _entries(answer)[0]["embedding"].pop()


def _extra_entry(answer: dict[str, Any]) -> None:
    last = copy.deepcopy(_entries(answer)[-1])
    last[_index_name(answer)] += 1
    _entries(answer).append(last)


def _equal(answer: dict[str, Any]) -> None:
    for entry in _entries(answer)[1:]:
        entry["embedding"] = _entries(answer)[0]["embedding"]


def _odd_usage(answer: dict[str, Any]) -> None:
    """As one official sample has it: the total is not the sum of what stands beside it."""
    answer["usage"] = {
        "input_tokens": 10,
        "input_tokens_details": {"image_tokens": 896, "text_tokens": 7},
        "output_tokens": 3,
        "total_tokens": 906,
    }


def _zero(answer: dict[str, Any]) -> None:
    _entries(answer)[0]["embedding"] = [0.0] * len(_entries(answer)[0]["embedding"])


def _no_output(answer: dict[str, Any]) -> None:
    del answer["output"]


def _drop(handler: Any, _: bytes) -> None:
    handler.close_connection = True
    handler.connection.close()


def _truncate(handler: Any, whole: bytes) -> None:
    handler.wfile.write(whole[: len(whole) * 2 // 3])
    handler.close_connection = True


def _endless(handler: Any, _: bytes) -> None:
    """Two gigabytes of JSON, or as much as the client takes."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2147483648\r\n\r\n[")
    handler.close_connection = True
    try:
        for _ in range(2 << 14):
            handler.wfile.write(b"0," * (1 << 15))
    except OSError:
        pass  # the client has had enough, as it should


def _trickle(handler: Any, whole: bytes) -> None:
    head, _, body = whole.partition(b"\r\n\r\n")
    _drip(handler, head + b"\r\n\r\n", body)


def _drip(handler: Any, start: bytes, rest: bytes) -> None:
    handler.wfile.write(start)
    try:
        for i in range(len(rest)):
            handler.wfile.write(rest[i : i + 1])
            time.sleep(handler.emulator.trickle_s)
    except OSError:
        pass  # the client gave up, as it should
    handler.close_connection = True


def _trickle_head(handler: Any, whole: bytes) -> None:
    _drip(handler, whole[:1], whole[1:])


def _slow(handler: Any, whole: bytes) -> None:
    time.sleep(handler.emulator.slow_s)
    try:
        handler.wfile.write(whole)
    except OSError:
        handler.close_connection = True


DROP, TRUNCATE, TRICKLE, TRICKLE_HEAD, SLOW = _drop, _truncate, _trickle, _trickle_head, _slow
_HTML = b"<html><head><title>503</title></head><body>upstream connect error</body></html>"


def _coded(act: str, *rows: tuple[str, int, str]) -> dict[str, Fault]:
    return {code: Fault(status, code, message, act) for code, status, message in rows}


FAULTS: dict[str, Fault] = {
    **_coded(
        "stop",
        ("InvalidApiKey", 401, "Invalid API-key provided."),
        ("invalid_api_key", 401, "Incorrect API key provided."),
        ("NOT AUTHORIZED", 401, "Workspace not authorized."),
        ("Workspace.AccessDenied", 403, "Workspace access denied."),
        ("AccessDenied", 403, "Access denied."),
        (
            "AccessDenied.Unpurchased",
            403,
            "Access to model denied. Please make sure you are eligible for using the model.",
        ),
        ("Model.AccessDenied", 403, "Model access denied."),
        ("ModelNotFound", 404, "Model can not be found."),
        ("model_not_found", 404, "The model does not exist."),
        ("Model.NotExist", 404, "Model not exist."),
        ("model_not_supported", 404, "Unsupported model."),
        ("WorkSpaceNotFound", 404, "WorkSpace can not be found."),
        ("NotFound", 404, "Not found!"),
        ("Arrearage", 400, "Access denied, please make sure your account is in good standing."),
        ("AllocationQuota.FreeTierOnly", 403, "The free tier of the model has been exhausted."),
        ("CommodityNotPurchased", 429, "Commodity has not purchased yet."),
        ("PrepaidBillOverdue", 429, "The prepaid bill is overdue."),
        ("PostpaidBillOverdue", 429, "The postpaid bill is overdue."),
        ("BadRequest.EmptyInput", 400, "Required input parameter missing from request."),
        ("BadRequest.EmptyParameters", 400, 'Required parameter "parameters" missing from request.'),
        ("BadRequest.EmptyModel", 400, 'Required parameter "model" missing from request.'),
        ("UnsupportedOperation", 400, "The operation is unsupported on the referee object."),
        ("BadRequest.IllegalInput", 400, "The input is illegal."),
        ("invalid_parameter_error", 400, "The request is not understood."),
    ),
    "InsufficientQuota403": Fault(403, "insufficient_quota", "no message", "stop", openai=True),
    "NoModel400": Fault(400, "InvalidParameter", "Model not found", "stop"),
    "NoHttpCall": Fault(400, "InvalidParameter", "The current model does not support http call.", "stop"),
    "BodyInvalid": Fault(
        400, "InvalidParameter", "Required body invalid, please check the request body format.", "stop"
    ),
    "FieldRequired": Fault(
        400, "InvalidParameter", "<400> InternalError.Algo.InvalidParameter: Field required: input.contents", "stop"
    ),
    "NoContentType": Fault(401, "InvalidApiKey", "Invalid API-key provided.", "stop", content_type=""),
    "html403": Fault(403, act="stop", body=b"<html><body>Blocked by the proxy</body></html>", content_type="text/html"),
    "html400": Fault(400, act="stop", body=b"<html><body>Bad Request</body></html>", content_type="text/html"),
    "FreeQuota": Fault(429, "Throttling.AllocationQuota", "Free allocated quota exceeded.", "stop"),
    "UrlError": Fault(400, "InvalidParameter", "url error, please check url！", "stop"),
    "MissingParameter": Fault(400, "InvalidParameter", "Required parameter(s) missing or invalid", "stop"),
    "BadDimension": Fault(400, "InvalidParameter", "The dimension 999 is not supported", "stop"),
    "302": Fault(302, headers={"Location": "/login"}, act="stop", body=b"", content_type="text/html"),
    **_coded(
        "retry",
        ("Throttling", 429, "Requests throttling triggered."),
        ("Throttling.RateQuota", 429, "Requests rate limit exceeded, please try again later."),
        ("LimitRequests", 429, "You exceeded your current requests limit."),
        ("limit_requests", 429, "You exceeded your current requests limit."),
        ("Throttling.BurstRate", 429, "Request rate increased too quickly."),
        ("limit_burst_rate", 429, "Request rate increased too quickly."),
        ("Throttling.AllocationQuota", 429, "Allocated quota exceeded, please increase your quota limit."),
        ("insufficient_quota", 429, "You exceeded your current quota."),
        ("InternalError", 500, "An internal error has occured, please try again later."),
        ("internal_error", 500, "An internal error has occured."),
        ("InternalError.Algo", 500, "inference internal error"),
        ("SystemError", 500, "An system error has occured, please try again later."),
        ("ModelServiceFailed", 500, "Failed to request model service."),
        ("InternalError.Timeout", 500, "An internal timeout error has occured."),
        ("RequestTimeOut", 500, "Request timed out, please try again later."),
        (
            "ModelServingError",
            503,
            "Too many requests. Your requests are being throttled due to system capacity limits.",
        ),
        ("ServiceUnavailable", 503, "Service is unavailable."),
        ("ModelUnavailable", 503, "Model is unavailable, please try again later."),
    ),
    "RetryAfter": Fault(429, "Throttling.RateQuota", "Requests rate limit exceeded.", headers={"Retry-After": "2"}),
    "OpenAIStyle": Fault(429, "limit_requests", "You exceeded your current requests limit.", openai=True),
    **_coded(
        "item",
        ("DataInspectionFailed", 400, "Input data may contain inappropriate content."),
        ("data_inspection_failed", 400, "Input data may contain inappropriate content."),
        (
            "InvalidParameter.DataInspection",
            400,
            "Unable to download the media resource during the data inspection process.",
        ),
        ("InvalidURL", 400, "Invalid url."),
        ("InvalidURL.ConnectionRefused", 400, "Connection to the url refused."),
        ("InvalidURL.Timeout", 400, "Download the url timed out."),
        ("BadRequest.InputDownloadFailed", 400, "Failed to download the input."),
        ("BadRequest.TooLarge", 400, "Payload Too Large"),
        ("InternalError.Algo.InvalidParameter", 400, "<400> InternalError.Algo.InvalidParameter: invalid image"),
        ("Strange.NewCode", 400, "Something nobody has seen before."),
    ),
    "InputLength": Fault(400, "InvalidParameter", "Range of input length should be [1, 512]", "item"),
    "DownloadFailed": Fault(400, "InvalidParameter", "Failed to download multimodal content", "item"),
    "DownloadTimeout": Fault(400, "InvalidParameter", "Download the media resource timed out.", "item"),
    "DataUriTooLarge": Fault(
        400, "InvalidParameter", "Exceeded limit on max bytes per data-uri item : 10485760", "item"
    ),
    "MissingLength": Fault(500, "InternalError.Algo", "Missing Content-Length of multimodal url", "item"),
    "DecodeFailed": Fault(
        400, "InvalidParameter.DataInspection", "Failed to decode the image during the data inspection.", "item"
    ),
    "MediaFormat": Fault(
        400, "InvalidParameter.DataInspection", "The media format is not supported or incorrect.", "item"
    ),
    "PictureSize": Fault(400, "InvalidParameter", "The image length and width do not meet the requirements.", "item"),
    "NestedInspection": Fault(
        500, "InternalError.Algo", "<400> InternalError.Algo.DataInspectionFailed: inappropriate content.", "item"
    ),
    "Pipeline": Fault(500, "InternalError.Algo", "Embedding_pipeline_Error: cannot decode", "item"),
    "413": Fault(413, body=b"<html>413 Request Entity Too Large</html>", act="item", content_type="text/html"),
    "206": Fault(206, body=b"{}"),
    "html503": Fault(503, body=_HTML, content_type="text/html"),
    "html200": Fault(200, body=_HTML, content_type="text/html"),
    "empty": Fault(200, body=b""),
    "empty500": Fault(500, body=b"", content_type="text/plain"),
    "broken-json-500": Fault(500, body=b'{"code": "Int'),
    "garbage": Fault(200, body=b"\x00\xff\x1fnot json"),
    "null": Fault(200, body=b"null"),
    "list": Fault(200, body=b"[]"),
    "200-with-code": Fault(200, "InternalError", "An internal error has occured.", body=None),
    "missing-index": Fault(act="pack", spoil=_spoiler(_missing_index)),
    "equal": Fault(act="pack", spoil=_spoiler(_equal)),
    "extra-entry": Fault(spoil=_spoiler(_extra_entry)),
    "odd-usage": Fault(act="fine", spoil=_spoiler(_odd_usage)),
    "code-of-success": Fault(act="fine", spoil=_spoiler(lambda answer: answer.update(code="Success", message="ok"))),
    "no-usage": Fault(act="fine", spoil=_spoiler(lambda answer: answer.pop("usage") and None)),
    "nested": Fault(body=b'{"output": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
    "other-encoding": Fault(body="<html>网关错误</html>".encode("gb18030"), content_type="text/html; charset=gb18030"),
    "endless": Fault(raw=_endless),
    "duplicate-index": Fault(spoil=_spoiler(_duplicate_index)),
    "missing-entry": Fault(spoil=_spoiler(_missing_entry)),
    "foreign-index": Fault(spoil=_spoiler(_foreign_index)),
    "no-output": Fault(spoil=_spoiler(_no_output)),
    "wrong-dimension": Fault(spoil=_spoiler(_wrong_dimension)),
    "nan": Fault(spoil=_set_first(float("nan"))),
    "null-value": Fault(spoil=_set_first(None)),
    "huge": Fault(spoil=_set_first(1e300)),
    "whole-number": Fault(spoil=_set_first(10**400)),
    "string-value": Fault(spoil=_set_first("0.1")),
    "zero": Fault(spoil=_spoiler(_zero)),
    "shuffled": Fault(act="fine", spoil=_spoiler(lambda answer: _entries(answer).reverse())),
    "drop": Fault(raw=_drop),
    "truncate": Fault(raw=_truncate),
    "trickle": Fault(raw=_trickle),
    "trickle-head": Fault(raw=_trickle_head),
    "slow": Fault(raw=_slow),
}
