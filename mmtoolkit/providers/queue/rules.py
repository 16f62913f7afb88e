"""The answer of a service, and its meaning by a table of rules; the first row from the top that fits counts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["BROKEN_ANSWER", "UNKNOWN", "Answer", "Rule", "meaning"]

Act = Literal["stop", "item", "slow", "retry", "shrink"]


@dataclass(frozen=True)
class Answer:
    """The service's answer to one request.

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
        """Return whether this row is about such a failure; `codes` and `message` belong to one answer."""
        return (
            (not self.codes or bool(codes & {_plain(code) for code in self.codes.split()}))
            and (not self.words or re.search(self.words, message, re.IGNORECASE) is not None)
            and (not self.statuses or status in self.statuses)
        )


BROKEN_ANSWER = Rule(
    "retry", "the answer was not what the protocol promises; it was not cached", "ProtocolError", tries=2
)
UNKNOWN = Rule("item", "the service refuses the item for a reason unknown to this version")


def meaning(rules: Sequence[Rule], answer: Answer, *codes: str) -> Rule:
    """Return the row that fits a failure.

    Parameters
    ----------
    rules : sequence of Rule
        Read from the top. A table needs `BROKEN_ANSWER`: the runner gives the code ``ProtocolError`` to an answer
        whose vectors are wrong.
    answer : Answer
        A failure.
    *codes : str
        Further codes that the service hides somewhere else.

    Returns
    -------
    Rule
        The first row that fits; `UNKNOWN` when none does.
    """
    plain = {_plain(code) for code in (answer.code, *codes) if code}
    return next((rule for rule in rules if rule.fits(answer.status, plain, answer.message)), UNKNOWN)


def _plain(code: str) -> str:
    """Return a code without case and punctuation."""
    return re.sub(r"[^a-z0-9]", "", code.lower())
