"""The table of DashScope's failures and their meaning; the first row from the top that fits counts."""

from __future__ import annotations

import dataclasses
import re

from mmtoolkit.providers.queue.rules import BROKEN_ANSWER, UNKNOWN, Answer, Rule, meaning

__all__ = ["RULES", "batch_limit", "classify"]

_KEY = "check DASHSCOPE_API_KEY: it must be valid, and of the same region as the base URL (keys belong to one region)"
_ACTIVATE = "activate the model for this account and workspace in the Model Studio console"
_NAME = "check the model's name, the region that offers it, and base_url"
_BILL = "settle the account's bill in the Alibaba Cloud console and run again"
_FREE = "the free quota is used up: switch to paid use in the Model Studio console and run again"
_REPORT = "this is a mistake in the request: check dimension= and params=, else please report it with the request id"
_LENGTH = "leave dimension= out, or take a model whose length can be chosen"
_CONTENT = "the service finds the content inappropriate: leave the item out or change it"
_DOWNLOAD = (
    "the service could not download it: the URL must be public and fast; pass a local file or Image(url, inline=True)"
)
_FILE = "the service cannot open the file: look whether it opens here, and save it anew as JPEG or PNG, a video as MP4"
_SMALLER = "the file or text is too large for the service: make it smaller, or let it be resized"
_CUT = "the text is too long or empty for the model; Text(..., truncate=True) cuts it"
_ITEM = "the service cannot process the item"
_RATE = "the account's rate is shared by all its keys and programs; the run slows down by itself"
_AGAIN = "the service is in trouble; run again later"
_LINE = "check the network, the proxy and base_url"
_PROXY = "the answer is not the service's own: " + _LINE

_REFUSALS = (400, 403, 404, 405, 406, 410, 451)
_FAMILY = re.compile(r"^InternalError\.(Algo\.)?", re.IGNORECASE)  # stands before the code that says what happened
_NESTED = re.compile(r"""(?:<\d{3}>\s*|^)([A-Z]\w*(?:\.\w+)*)\s*:|["']code["']\s*:\s*["']([\w.]+)["']""")
_NO_MODEL = r"\bmodel\b.{0,60}\bnot (be )?(found|exist)|does not support http call"
_NO_REQUEST = r"required (body|parameter)|field required|request body format"
_SETTING = (  # the dimension of a vector is a setting, those of a picture are the item's
    r"^(?!.*(image|picture|video|width|height|pixel)).*\bdimension\b|should be 'dense'"
)
_TOO_MANY = r"batch size|number of (contents|texts|inputs|images|videos)|only one content"
_UNREADABLE = (
    r"(fail\w*|unable|cannot|could not)( to)? (be )?(decode|open)|(media|image|picture|video|file) format"
    r"|\bformat\b.{0,40}(not supported|unsupported|illegal|incorrect)"
)
_TOO_LARGE = (
    r"max bytes per data-uri|(image|picture|video|file|media).{0,40}(too (large|big)|exceed|\bsize\b|length and width)"
    r"|dimensions do not meet"
)

RULES: tuple[Rule, ...] = (
    # Only the user can heal these.
    Rule("stop", _FREE, "AllocationQuota.FreeTierOnly"),
    Rule("stop", _FREE, "Throttling.AllocationQuota insufficient_quota", words="free.*quota exceeded|免费额度"),
    Rule("stop", _FREE, "Throttling.AllocationQuota insufficient_quota", statuses=(402, 403)),
    Rule("stop", _BILL, "Arrearage CommodityNotPurchased PrepaidBillOverdue PostpaidBillOverdue"),
    Rule("stop", _KEY, "InvalidApiKey"),
    Rule(
        "stop",
        _ACTIVATE,
        "NotAuthorized Workspace.AccessDenied AccessDenied AccessDenied.Unpurchased Model.AccessDenied",
    ),
    Rule("stop", _NAME, "ModelNotFound Model.NotExist model_not_supported WorkSpaceNotFound NotFound"),
    Rule("stop", _NAME, words=_NO_MODEL, statuses=(400, 404, 422)),
    Rule("stop", "the model does not belong to this endpoint: " + _NAME, words="url error"),
    Rule("stop", _REPORT, "BadRequest.EmptyInput BadRequest.EmptyParameters BadRequest.EmptyModel"),
    Rule("stop", _REPORT, "BadRequest.IllegalInput UnsupportedOperation"),
    Rule("stop", _REPORT, words=_NO_REQUEST, statuses=(400, 422)),
    Rule("stop", _REPORT, "InvalidParameter invalid_parameter_error", words=_SETTING),
    Rule("stop", _LENGTH, "ProtocolError", words="ignores dimension="),
    # These are about the contents.
    Rule("shrink", "send fewer contents per request", words=_TOO_MANY, statuses=(400, 413, 422)),
    Rule("item", _CONTENT, "DataInspectionFailed"),
    Rule("item", _ITEM, words="embedding_pipeline_error", tries=2),
    Rule("item", _FILE, words=_UNREADABLE, statuses=(400, 415, 422, 500)),
    Rule("item", _DOWNLOAD, "InvalidParameter.DataInspection", tries=2),
    Rule("item", _DOWNLOAD, words=r"download|missing content-length", statuses=(400, 422, 500), tries=2),
    Rule(
        "item",
        _DOWNLOAD,
        "InvalidURL InvalidURL.ConnectionRefused InvalidURL.Timeout BadRequest.InputDownloadFailed",
        tries=2,
    ),
    Rule("item", _CUT, words="range of input length"),
    Rule("item", _SMALLER, words=_TOO_LARGE, statuses=(400, 413, 422)),
    Rule("item", _SMALLER, "BadRequest.TooLarge"),
    Rule("item", _SMALLER, statuses=(413,)),
    Rule("item", _ITEM, "InternalError.Algo.InvalidParameter InvalidParameter"),
    Rule("stop", _REPORT, "invalid_parameter_error"),  # what it says of items has stood above
    # These heal with time.
    Rule(
        "slow", _RATE, "Throttling Throttling.RateQuota LimitRequests Throttling.BurstRate limit_burst_rate", tries=12
    ),
    Rule("slow", _RATE, "Throttling.AllocationQuota insufficient_quota", tries=12),
    Rule(
        "retry",
        _AGAIN,
        "InternalError InternalError.Algo InternalError.Timeout SystemError ModelServiceFailed",
        tries=5,
    ),
    Rule("retry", _AGAIN, "RequestTimeOut ModelServingError ServiceUnavailable ModelUnavailable", tries=5),
    BROKEN_ANSWER,
    Rule("retry", BROKEN_ANSWER.remedy, words="^the answer is larger than", statuses=(None,), tries=2),
    Rule("retry", _LINE, statuses=(None,), tries=5),
    # An unknown code: the HTTP status decides.
    Rule("slow", _RATE, statuses=(429,), tries=12),
    Rule("stop", _KEY, statuses=(401,)),
    Rule("stop", _PROXY, words=r"^HTTP (4\d\d with .* instead of JSON|400 with an empty body)$", statuses=_REFUSALS),
    Rule("stop", _ACTIVATE, statuses=(402, 403)),
    Rule("stop", _NAME, statuses=(404, 405, 410, 411)),
    Rule("stop", "the address redirects elsewhere: " + _LINE, statuses=tuple(range(300, 400))),
    Rule("stop", "a proxy asks for a password: " + _LINE, statuses=(407,)),
    Rule("retry", _PROXY, words=r"^HTTP (2\d\d|511) with .* instead of JSON", tries=5),
    Rule("retry", _AGAIN, statuses=(*range(100, 300), 408, 409, 425, 499, *range(500, 1000)), tries=5),
    Rule("retry", _AGAIN, words="^upstream", tries=5),
    UNKNOWN,
)


def classify(answer: Answer) -> Rule:
    """Return the row that fits a failure; a code inside the message, as in ``<400> Code: ...``, is more precise than the outer one.

    Parameters
    ----------
    answer : Answer
        A failure.

    Returns
    -------
    Rule
        The first row of `RULES` that fits the innermost code which the table knows, else the message or the status.
    """
    nested = [one or other for one, other in _NESTED.findall(answer.message)]
    for code in (*reversed(nested), answer.code):
        rule = meaning(RULES, dataclasses.replace(answer, code=code), _FAMILY.sub("", code))
        if rule.codes or rule.words:
            return rule
    return meaning(RULES, answer)


def batch_limit(message: str) -> int | None:
    """Return N of "should not be larger than N" and "should not exceed N"."""
    found = re.search(r"not (?:be larger than|exceed) (\d+)", message)
    return int(found[1]) if found and int(found[1]) > 0 else None
