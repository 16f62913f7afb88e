"""What every failure of the service means, as one table: read it from the top, the first row that fits counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["RULES", "Answer", "Rule", "batch_limit", "classify"]

Act = Literal["stop", "item", "slow", "retry", "shrink"]


@dataclass(frozen=True)
class Answer:
    """What came back for one request.

    Parameters
    ----------
    status : int or None
        HTTP status; None when there was no answer at all.
    body : mapping or None
        The JSON of a 200 that looks like a success.
    code, message, request_id : str
        The service's own words, without secrets.
    retry_after_s : float or None
        Seconds, when the service named them.
    sent : bool, default=True
        Whether the request may have reached the service; a refused connection cannot have cost anything.
    """

    status: int | None
    body: Mapping[str, Any] | None = None
    code: str = ""
    message: str = ""
    request_id: str = ""
    retry_after_s: float | None = None
    sent: bool = True


@dataclass(frozen=True)
class Rule:
    """One row of the table.

    Parameters
    ----------
    act : {"stop", "item", "slow", "retry", "shrink"}
        Stop the run; fail the item (a pack is split until it is alone); pause everybody, slow down and retry; retry
        with backoff; send smaller packs.
    remedy : str
        What the user can do.
    codes : str, default=""
        Codes of the service, separated by spaces, in any spelling (``InvalidApiKey`` is ``invalid_api_key``); empty
        fits all.
    words : str, default=""
        Regular expression searched in the message, without regard to case; empty fits all.
    statuses : tuple of int or None
        HTTP statuses; empty fits all, None stands for no answer.
    tries : int, default=1
        How often a request is sent in all.
    """

    act: Act
    remedy: str
    codes: str = ""
    words: str = ""
    statuses: tuple[int | None, ...] = ()
    tries: int = 1

    def fits(self, status: int | None, codes: set[str], message: str) -> bool:
        """Tell whether this row speaks of such a failure."""
        return (
            (not self.codes or bool(codes & {_plain(code) for code in self.codes.split()}))
            and (not self.words or re.search(self.words, message, re.IGNORECASE) is not None)
            and (not self.statuses or status in self.statuses)
        )


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
    # These speak of the contents.
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
    Rule("retry", "the answer was not what the protocol promises; it was not cached", "ProtocolError", tries=2),
    Rule("retry", _LINE, statuses=(None,), tries=5),
    # No code that anybody knows: the HTTP status must do.
    Rule("slow", _RATE, statuses=(429,), tries=12),
    Rule("stop", _KEY, statuses=(401,)),
    Rule("stop", _ACTIVATE, statuses=(402, 403)),
    Rule("stop", _NAME, statuses=(404, 405)),
    Rule("stop", "the address redirects elsewhere: " + _LINE, statuses=(301, 302, 303, 307, 308)),
    Rule("stop", "a proxy asks for a password: " + _LINE, statuses=(407,)),
    Rule("retry", _AGAIN, statuses=(200, 201, 202, 204, 408, 409, 425, *range(500, 600)), tries=5),
    Rule("retry", _AGAIN, words="^upstream", tries=5),
    Rule("item", "the service refuses the item for a reason unknown to this version"),
)


def classify(answer: Answer) -> Rule:
    """Return the row that speaks of a failure.

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
    codes = {_plain(code) for code in (answer.code, nested[1] if nested else "") if code}
    return next(rule for rule in RULES if rule.fits(answer.status, codes, answer.message))


def batch_limit(message: str) -> int | None:
    """Return N of "should not be larger than N"."""
    found = re.search(r"not be larger than (\d+)", message)
    return int(found[1]) if found and int(found[1]) > 0 else None


def _plain(code: str) -> str:
    return re.sub(r"[^a-z0-9]", "", code.lower())
