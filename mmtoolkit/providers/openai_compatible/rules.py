"""The table of failures of these servers and their meaning; the first row from the top that fits counts.

Every server has its own words; `tests/emulator/openai.py` says which were seen where.
"""

from __future__ import annotations

import re

from mmtoolkit.providers.queue.rules import BROKEN_ANSWER, Rule

__all__ = ["RULES", "pack_limit"]

_KEY = "check the key in the variable that api_key_env names; without api_key_env= no key is sent"
_ACCESS = "this key has no right to the model; ask whoever runs the server"
_BILL = "the account's quota is used up: settle it with the provider and run again"
_MODEL = "check the model's name: it must be written as the server lists it at /v1/models"
_ROUTE = "check base_url: it must end before /embeddings, for most servers in /v1"
_LENGTH = "pass the dimension that the server answers with, or serve a model that can shorten its vectors"
_REQUEST = "the server does not understand the request; check that it serves embeddings of this kind"
_FEWER = "fewer contents are sent per request from now on; pass batch_size="
_LONG = "the text is too long for the model: pass text_tokens= and mm.Text(..., truncate=True), or cut it first"
_SMALLER = "the item is too large for the server: make it smaller"
_CONTENT = "the server finds the content inappropriate: leave the item out or change it"
_PICTURE = "the server cannot use the picture; check pictures= and the file"
_RATE = "the server is asked too often; the run slows down by itself, rpm= sets a pace"
_AGAIN = "the server is in trouble; run again later"
_LINE = "check the network and base_url, and that the server runs"
_OTHER = "the answer is not that of a server of the OpenAI dialect: " + _LINE

_TOO_MANY = r"batch size|array too long|number of inputs"
_NUMBER = re.compile(r"(?:maximum allowed batch size|not be larger than|maximum length|at most) (\d+)", re.IGNORECASE)

RULES: tuple[Rule, ...] = (
    # Only the user can heal these.
    Rule("stop", _LENGTH, "ProtocolError", words=r"every vector has \d+ numbers"),
    Rule("stop", _BILL, "insufficient_quota", statuses=(402, 403)),
    Rule("stop", _BILL, "insufficient_quota", words=r"platform\.openai\.com"),
    Rule("stop", _BILL, "Arrearage billing_hard_limit_reached insufficient_balance account_deactivated"),
    Rule("stop", _BILL, "CommodityNotPurchased PrepaidBillOverdue PostpaidBillOverdue"),
    Rule("stop", _KEY, statuses=(401,)),
    Rule("stop", _MODEL, "model_not_found model_not_supported Model.NotExist ModelNotFound"),
    Rule("stop", _MODEL, words=r"\bmodel\b.*(not found|does not exist)", statuses=(400, 404)),
    Rule("stop", _LENGTH, words=r"matryoshka|dimensions?\b.*not (currently )?supported|specifying dimensions"),
    Rule("stop", _LENGTH, words=r"\bdimensions?\b.*(must|should|one of)", statuses=(400, 422)),
    Rule("stop", _REQUEST, words=r"not support embeddings|field required|extra_forbidden"),
    Rule("stop", _BILL, statuses=(402,)),
    Rule("stop", _OTHER, words=r"^HTTP \d+ with .* instead of JSON", statuses=(403,)),
    Rule("stop", _ACCESS, statuses=(403,)),
    Rule("stop", _ROUTE, statuses=(404, 405, 410, 411, 501)),
    Rule("stop", "the address redirects elsewhere: " + _ROUTE, statuses=tuple(range(300, 400))),
    Rule("stop", "a proxy asks for a password: " + _LINE, statuses=(407,)),
    # These are about the contents.
    Rule("shrink", _FEWER, words=_TOO_MANY, statuses=(400, 413, 422)),
    Rule("item", _LONG, "context_length_exceeded max_tokens_per_request"),
    Rule("item", _LONG, words=r"context length|must have less than \d+ tokens|range of input length"),
    Rule("item", _CONTENT, "data_inspection_failed DataInspectionFailed content_filter content_policy_violation"),
    Rule("item", "the model computes NaN for it: leave the item out", words=r"unsupported value: nan", tries=2),
    Rule("item", _PICTURE, words=r"image|picture", statuses=(400, 422)),
    Rule("item", _SMALLER, statuses=(413,)),
    # These heal with time.
    Rule("slow", _RATE, statuses=(429,), tries=12),
    Rule("slow", _RATE, words=r"server busy|overloaded", statuses=(503, 529), tries=12),
    BROKEN_ANSWER,
    Rule("retry", _LINE, statuses=(None,), tries=5),
    Rule("retry", _OTHER, words=r"^HTTP (2\d\d|511) with .* instead of JSON|under 'data'", tries=5),
    Rule("retry", _AGAIN, statuses=(*range(100, 300), 408, 409, 424, 425, 499, *range(500, 1000)), tries=5),
)


def pack_limit(message: str) -> int | None:
    """Return how many contents a request may hold, where the server says it."""
    found = _NUMBER.search(message)
    return int(found[1]) if found and int(found[1]) > 0 else None
