"""The table of failures, row by row against everything the service is known to say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from emulator import FAULTS

from mmtoolkit.providers.dashscope.rules import RULES, batch_limit, classify
from mmtoolkit.providers.queue.rules import Answer

CODED = {name: fault for name, fault in FAULTS.items() if fault.code and fault.status != 200}
ACTS = {"stop": {"stop"}, "item": {"item"}, "retry": {"retry", "slow"}}
KEY, RIGHT, NAME, BILL, FREE, REQUEST = (
    "DASHSCOPE_API_KEY",
    "activate",
    "model's name",
    "bill",
    "free quota",
    "mistake in the request",
)
WORDS, FILE, LOAD, LARGE, TEXT, ITEM = (
    "inappropriate",
    "save it anew",
    "public and fast",
    "make it smaller",
    "too long or empty",
    "cannot process",
)
RATE, AGAIN, LINE, PACK, WRONG = (
    "rate is shared",
    "run again later",
    "check the network",
    "fewer contents",
    "protocol promises",
)
ALGO = "<400> InternalError.Algo.InvalidParameter: "

TABLE = [  # status, code, message, what is to be done, words of the remedy: all that is known of the service
    (401, "InvalidApiKey", "Invalid API-key provided.", "stop", KEY),
    (401, "invalid_api_key", "Incorrect API key provided.", "stop", KEY),
    (401, "NOT AUTHORIZED", "Workspace not authorized.", "stop", RIGHT),
    (403, "Workspace.AccessDenied", "", "stop", RIGHT),
    (403, "AccessDenied", "Current user api does not support asynchronous calls.", "stop", RIGHT),
    (403, "AccessDenied.Unpurchased", "Access to model denied.", "stop", RIGHT),
    (403, "Model.AccessDenied", "Model access denied.", "stop", RIGHT),
    (404, "ModelNotFound", "Model can not be found.", "stop", NAME),
    (404, "model_not_found", "The model does not exist.", "stop", NAME),
    (404, "Model.NotExist", "Model not exist.", "stop", NAME),
    (404, "model_not_supported", "Unsupported model `x` for OpenAI compatibility mode.", "stop", NAME),
    (404, "WorkSpaceNotFound", "WorkSpace can not be found.", "stop", NAME),
    (404, "NotFound", "Not found!", "stop", NAME),
    (400, "Arrearage", "Access denied, please make sure your account is in good standing.", "stop", BILL),
    (403, "AllocationQuota.FreeTierOnly", "The free tier of the model has been exhausted.", "stop", FREE),
    (400, "Throttling.AllocationQuota", "Free allocated quota exceeded.", "stop", FREE),
    (429, "Throttling.AllocationQuota", "Free allocated quota exceeded.", "stop", FREE),
    (429, "Throttling.AllocationQuota", "免费额度已用完", "stop", FREE),
    (403, "insufficient_quota", "", "stop", FREE),
    (429, "CommodityNotPurchased", "Commodity has not purchased yet.", "stop", BILL),
    (429, "PrepaidBillOverdue", "The prepaid bill is overdue.", "stop", BILL),
    (429, "PostpaidBillOverdue", "The postpaid bill is overdue.", "stop", BILL),
    (429, "Throttling", "Requests throttling triggered.", "slow", RATE),
    (429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.", "slow", RATE),
    (429, "LimitRequests", "You exceeded your current requests limit.", "slow", RATE),
    (429, "limit_requests", "You exceeded your current requests limit.", "slow", RATE),
    (429, "Throttling.BurstRate", "Request rate increased too quickly.", "slow", RATE),
    (429, "limit_burst_rate", "Request rate increased too quickly.", "slow", RATE),
    (429, "Throttling.AllocationQuota", "Allocated quota exceeded, please increase your quota limit.", "slow", RATE),
    (429, "insufficient_quota", "You exceeded your current quota.", "slow", RATE),
    (400, "DataInspectionFailed", "Input data may contain inappropriate content.", "item", WORDS),
    (400, "data_inspection_failed", "Input data may contain inappropriate content.", "item", WORDS),
    (400, "InvalidParameter.DataInspection", "Unable to download the media resource during the data inspection process.", "item", LOAD),
    (400, "InvalidParameter.DataInspection", "Failed to decode the image during the data inspection.", "item", FILE),
    (400, "InvalidParameter.DataInspection", "The media format is not supported or incorrect for the data inspection.", "item", FILE),
    (400, "InvalidParameter", "The image format is illegal and cannot be opened", "item", FILE),
    (400, "InvalidParameter", "The image length and width do not meet the model restrictions.", "item", LARGE),
    (400, "InvalidParameter", "The video file is too large.", "item", LARGE),
    (400, "InvalidParameter", ALGO + "Value error, batch size is invalid, it should not be larger than 10.: input.contents", "shrink", PACK),
    (400, "InvalidParameter", "The number of images should not exceed 5", "shrink", PACK),
    (400, "InvalidParameter", "Range of input length should be [1, 2048]", "item", TEXT),
    (400, "invalid_parameter_error", ALGO + "Range of input length should be [1, 8192]", "item", TEXT),
    (400, "InvalidParameter", "url error, please check url！", "stop", NAME),
    (400, "InvalidParameter", "Required parameter(s) missing or invalid, please check the request parameters.", "stop", REQUEST),
    (400, "InvalidParameter", ALGO + "Value error, dimension should be one of 1024, 768: parameters.dimension", "stop", REQUEST),
    (400, "InvalidParameter", "Failed to download multimodal content", "item", LOAD),
    (400, "InvalidParameter", "Download the media resource timed out.", "item", LOAD),
    (400, "InvalidParameter", "Exceeded limit on max bytes per data-uri item : 10485760", "item", LARGE),
    (400, "InvalidURL", "The provided URL does not appear to be valid.", "item", LOAD),
    (400, "InvalidURL.ConnectionRefused", "Connection to the url refused.", "item", LOAD),
    (400, "InvalidURL.Timeout", "Download the url timed out.", "item", LOAD),
    (400, "BadRequest.InputDownloadFailed", "Failed to download the input file: ...", "item", LOAD),
    (400, "BadRequest.EmptyInput", "Required input parameter missing from request.", "stop", REQUEST),
    (400, "BadRequest.EmptyParameters", "Required parameter missing from request.", "stop", REQUEST),
    (400, "BadRequest.EmptyModel", "Required parameter missing from request.", "stop", REQUEST),
    (400, "BadRequest.IllegalInput", "The input parameters contain illegal content.", "stop", REQUEST),
    (400, "UnsupportedOperation", "The operation is unsupported on the referee object.", "stop", REQUEST),
    (400, "BadRequest.TooLarge", "Payload Too Large", "item", LARGE),
    (413, "", "HTTP 413 with '<html>' instead of JSON", "item", LARGE),
    (500, "InternalError.Algo.InvalidParameter", "invalid", "item", ITEM),
    (500, "InternalError.Algo", ALGO + "the picture is strange", "item", ITEM),
    (500, "InternalError.Algo", "Missing Content-Length of multimodal url", "item", LOAD),
    (500, "InternalError.Algo", "Embedding_pipeline_Error: cannot decode", "item", ITEM),
    (500, "InternalError", "An internal error has occured, please try again later.", "retry", AGAIN),
    (500, "internal_error", "An internal error has occured.", "retry", AGAIN),
    (500, "InternalError.Algo", "inference internal error", "retry", AGAIN),
    (500, "SystemError", "An system error has occured, please try again later.", "retry", AGAIN),
    (500, "ModelServiceFailed", "Failed to request model service.", "retry", AGAIN),
    (500, "InternalError.Timeout", "An internal timeout error has occured.", "retry", AGAIN),
    (500, "RequestTimeOut", "Request timed out, please try again later.", "retry", AGAIN),
    (408, "RequestTimeOut", "Request timed out, please try again later.", "retry", AGAIN),
    (503, "ModelServingError", "Your requests are being throttled due to system capacity limits.", "retry", AGAIN),
    (503, "ServiceUnavailable", "", "retry", AGAIN),
    (503, "ModelUnavailable", "Model is unavailable, please try again later.", "retry", AGAIN),
    (502, "", "HTTP 502 with '<html>' instead of JSON", "retry", AGAIN),
    (503, "", "HTTP 503 with an empty body", "retry", AGAIN),
    (200, "ProtocolError", "the vector is zero", "retry", WRONG),
    (None, "", "the connection was refused", "retry", LINE),
    (None, "", "the answer is larger than 1,000 bytes", "retry", WRONG),
    (418, "Strange.NewCode", "Something nobody has seen before.", "item", "unknown to this version"),
    # what concerns every item, though it comes as a 400
    (400, "InvalidParameter", "Model not found", "stop", NAME),
    (400, "InvalidParameter", "The model `foo-1` does not exist.", "stop", NAME),
    (400, "InvalidParameter", "The current model does not support http call.", "stop", NAME),
    (400, "InvalidParameter", "Required body invalid, please check the request body format.", "stop", REQUEST),
    (400, "InvalidParameter", ALGO + "Field required: input.contents", "stop", REQUEST),
    (400, "invalid_parameter_error", "The request is not understood.", "stop", REQUEST),
    (200, "ProtocolError", "the model ignores dimension=512 and answers 1152; leave it out", "stop", "leave dimension= out"),
    # what a proxy writes
    (403, "", "HTTP 403 with '<html>Blocked</html>' instead of JSON", "stop", LINE),
    (404, "", "HTTP 404 with '<html>nginx</html>' instead of JSON", "stop", LINE),
    (400, "", "HTTP 400 with an empty body", "stop", LINE),
    (300, "", "HTTP 300 with 'choose' instead of JSON", "stop", LINE),
    (304, "", "HTTP 304 with an empty body", "stop", LINE),
    (200, "", "HTTP 200 with '<html>Log in to the WiFi</html>' instead of JSON", "retry", LINE),
    (511, "", "HTTP 511 with '<html>Log in</html>' instead of JSON", "retry", LINE),
    # no other status is about an item
    (103, "", "HTTP 103 with an empty body", "retry", AGAIN),
    (206, "", "", "retry", AGAIN),
    (499, "", "HTTP 499 with an empty body", "retry", AGAIN),
    (524, "", "HTTP 524 with an empty body", "retry", AGAIN),
    (999, "", "HTTP 999 with 'denied' instead of JSON", "retry", AGAIN),
    # the inner code says more than the outer one
    (400, "InvalidParameter", "<400> InternalError.Algo.DataInspectionFailed: Input text may be inappropriate.", "item", WORDS),
    (500, "InternalError.Algo", "<500> InternalError.Algo: x <400> InternalError.Algo.DataInspectionFailed: y", "item", WORDS),
    (500, "InternalError.Algo.DataInspectionFailed", "Input data may be inappropriate.", "item", WORDS),
    (400, "InvalidParameter", "<429> Throttling.RateQuota: Requests rate limit exceeded", "slow", RATE),
    (400, "InvalidParameter", "<401> InvalidApiKey: Invalid API-key provided.", "stop", KEY),
    (400, "bad_request", "upstream said {'error': {'code': 'data_inspection_failed', 'message': 'no'}}", "item", WORDS),
]  # fmt: skip


@pytest.mark.parametrize(("status", "code", "message", "act", "words"), TABLE)
def test_every_code_says_what_to_do(status, code, message, act, words):
    rule = classify(Answer(status, code=code, message=message))

    assert (rule.act, words in rule.remedy) == (act, True), rule


def test_the_table_knows_every_code_that_the_rules_know():
    spelled = {re.sub(r"[^a-z]", "", code.lower()) for _, code, *_ in TABLE}

    assert {
        code for rule in RULES for code in rule.codes.split() if re.sub(r"[^a-z]", "", code.lower()) not in spelled
    } == set()


def test_a_broken_file_is_asked_for_once_and_a_slow_download_twice():
    code = "InvalidParameter.DataInspection"

    assert classify(Answer(400, code=code, message="Failed to decode the image")).tries == 1
    assert classify(Answer(400, code=code, message="media format not supported")).tries == 1
    assert classify(Answer(400, code=code, message="Unable to download the media resource")).tries == 2


@pytest.mark.parametrize("name", CODED)
def test_the_emulated_service_means_the_same(name):
    fault = CODED[name]

    rule = classify(Answer(fault.status, code=fault.code, message=fault.message))

    assert rule.act in ACTS[fault.act]


@pytest.mark.parametrize("spelling", ["InvalidApiKey", "invalid_api_key", "INVALID API KEY", "Invalid-Api-Key"])
def test_spelling_does_not_matter(spelling):
    assert "DASHSCOPE_API_KEY" in classify(Answer(401, code=spelling)).remedy


@pytest.mark.parametrize(
    ("message", "act"),
    [
        ("The dimension 999 is not supported", "stop"),
        ("Value error, dimension should be one of 1024, 768: parameters.dimension", "stop"),
        ("The image dimensions do not meet the requirements", "item"),
        ("The dimension of the image is too small", "item"),
    ],
)
def test_the_size_of_a_picture_is_no_setting(message, act):
    assert classify(Answer(400, code="InvalidParameter", message=message)).act == act


@pytest.mark.parametrize(
    ("status", "act"),
    [(None, "retry"), (200, "retry"), (302, "stop"), (400, "item"), (401, "stop"), (403, "stop"), (404, "stop"), (407, "stop"),
     (408, "retry"), (501, "retry"), (520, "retry"), (529, "retry"), (413, "item"), (418, "item"), (429, "slow"), (500, "retry"), (502, "retry"), (503, "retry"), (504, "retry")],
)  # fmt: skip
def test_without_a_known_code_the_status_decides(status, act):
    assert classify(Answer(status)).act == act


def test_batch_limit_is_read_from_the_message():
    message = "Value error, batch size is invalid, it should not be larger than 10.: input.contents"

    assert classify(Answer(400, code="InvalidParameter", message=message)).act == "shrink"
    assert batch_limit(message) == 10
    assert batch_limit("batch size is invalid") is None


def test_tries_are_bounded_and_only_for_what_can_heal():
    assert all(rule.tries == 1 for rule in RULES if rule.act in ("stop", "shrink"))
    assert all(2 <= rule.tries <= 12 for rule in RULES if rule.act in ("retry", "slow"))


def test_every_row_says_what_to_do_and_stands_in_the_documentation():
    page = (Path(__file__).resolve().parents[3] / "docs" / "dashscope.md").read_text("utf-8")

    assert all(rule.remedy for rule in RULES)
    missing = {code for rule in RULES for code in rule.codes.split() if code not in page}
    assert not missing
