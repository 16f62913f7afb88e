"""What every failure of DashScope means, as one table: read it from the top, the first row that fits counts."""

from __future__ import annotations

import re

from mmtoolkit.providers.queue.rules import BROKEN_ANSWER, UNKNOWN, Answer, Rule, meaning

__all__ = ["RULES", "batch_limit", "classify"]

_KEY = "check DASHSCOPE_API_KEY: it must be valid, and of the same region as the base URL (keys belong to one region)"
_ACTIVATE = "activate the model for this account and workspace in the Model Studio console"
_NAME = "check the model's name, the region that offers it, and base_url"
_BILL = "settle the account's bill in the Alibaba Cloud console and run again"
_FREE = "the free quota is used up: switch to paid use in the Model Studio console and run again"
_REPORT = "this is a mistake in the request; please report it with the request id"
_CONTENT = "the service finds the content inappropriate: leave the item out or change it"
_DOWNLOAD = (
    "the service could not download it: the URL must be public and fast; pass a local file or Image(url, inline=True)"
)
_SMALLER = "the item is too large for the service: make it smaller, or let it be resized"
_RATE = "the account's rate is shared by all its keys and programs; the run slows down by itself"
_AGAIN = "the service is in trouble; run again later"
_LINE = "check the network, the proxy and base_url"

_SETTING = (  # the dimension of a vector is a setting, those of a picture are the item's
    r"required parameter|^(?!.*(image|picture|video|width|height|pixel)).*\bdimension\b|should be 'dense'"
)

RULES: tuple[Rule, ...] = (
    # Only the user can heal these.
    Rule("stop", _FREE, "AllocationQuota.FreeTierOnly"),
    Rule("stop", _FREE, "Throttling.AllocationQuota insufficient_quota", words="free.*quota exceeded"),
    Rule("stop", _BILL, "Arrearage CommodityNotPurchased PrepaidBillOverdue PostpaidBillOverdue"),
    Rule("stop", _KEY, "InvalidApiKey"),
    Rule(
        "stop",
        _ACTIVATE,
        "NotAuthorized Workspace.AccessDenied AccessDenied AccessDenied.Unpurchased Model.AccessDenied",
    ),
    Rule("stop", _NAME, "ModelNotFound Model.NotExist model_not_supported WorkSpaceNotFound NotFound"),
    Rule("stop", "the model does not belong to this endpoint: " + _NAME, "InvalidParameter", words="url error"),
    Rule(
        "stop", _REPORT, "BadRequest.EmptyInput BadRequest.EmptyParameters BadRequest.EmptyModel UnsupportedOperation"
    ),
    Rule("stop", _REPORT, "InvalidParameter", words=_SETTING),
    # These are about the contents.
    Rule("shrink", "send fewer contents per request", words=r"batch size.*not be larger than \d+"),
    Rule("item", _DOWNLOAD, "InvalidParameter.DataInspection", tries=2),
    Rule("item", _CONTENT, "DataInspectionFailed"),
    Rule("item", _DOWNLOAD, words="failed to download|download.*timed out|missing content-length", tries=2),
    Rule(
        "item",
        _DOWNLOAD,
        "InvalidURL InvalidURL.ConnectionRefused InvalidURL.Timeout BadRequest.InputDownloadFailed",
        tries=2,
    ),
    Rule("item", _SMALLER, words="max bytes per data-uri"),
    Rule("item", _SMALLER, "BadRequest.TooLarge"),
    Rule("item", _SMALLER, statuses=(413,)),
    Rule(
        "item",
        "the text is too long or empty for the model; Text(..., truncate=True) cuts it",
        words="range of input length",
    ),
    Rule("item", "the service cannot process the item", words="embedding_pipeline_error", tries=2),
    Rule("item", "the service cannot process the item", "InternalError.Algo.InvalidParameter InvalidParameter"),
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
    Rule("retry", _LINE, statuses=(None,), tries=5),
    # An unknown code: the HTTP status decides.
    Rule("slow", _RATE, statuses=(429,), tries=12),
    Rule("stop", _KEY, statuses=(401,)),
    Rule("stop", _ACTIVATE, statuses=(402, 403)),
    Rule("stop", _NAME, statuses=(404, 405)),
    Rule("stop", "the address redirects elsewhere: " + _LINE, statuses=(301, 302, 303, 307, 308)),
    Rule("stop", "a proxy asks for a password: " + _LINE, statuses=(407,)),
    Rule("retry", _AGAIN, statuses=(200, 201, 202, 204, 408, 409, 425, *range(500, 600)), tries=5),
    Rule("retry", _AGAIN, words="^upstream", tries=5),
    UNKNOWN,
)


def classify(answer: Answer) -> Rule:
    """Return the row that fits a failure; a code inside the message, as in ``<400> Code: ...``, counts too.

    Parameters
    ----------
    answer : Answer
        A failure.

    Returns
    -------
    Rule
        The first row of `RULES` that fits.
    """
    nested = re.match(r"<\d+> ([\w.]+):", answer.message)
    return meaning(RULES, answer, nested[1] if nested else "")


def batch_limit(message: str) -> int | None:
    """Return N of "should not be larger than N"."""
    found = re.search(r"not be larger than (\d+)", message)
    return int(found[1]) if found and int(found[1]) > 0 else None
