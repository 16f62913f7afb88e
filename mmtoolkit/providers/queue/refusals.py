"""Turn a failure of a service into the error for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmtoolkit.errors import ProtocolError, ProviderError, RefusedItemError, ServiceStopError, ServiceUnavailableError

if TYPE_CHECKING:
    from mmtoolkit.providers.queue.rules import Answer, Rule

__all__ = ["item_error", "lost_error", "said", "stop_error"]


def said(answer: Answer) -> str:
    """Return the words of the service, shortened."""
    if answer.status is None:
        return f"no answer ({answer.message})"
    words = f"{answer.code}: {answer.message}" if answer.code and answer.code != "ProtocolError" else answer.message
    return words or f"HTTP {answer.status} without a word"


def stop_error(answer: Answer, rule: Rule, address: str) -> ServiceStopError:
    """Return the error of a failure that only the user can solve."""
    words = said(answer) if answer.code == "ProtocolError" else f"the service stopped the run with {said(answer)}"
    where = f" ({address}, HTTP {answer.status}, request_id={answer.request_id or 'none'})"
    return ServiceStopError(f"{words}. What to do: {rule.remedy}{where}", **_told(answer))


def lost_error(answer: Answer, rule: Rule, address: str, how: str) -> ProviderError:
    """Return the error of a service that fails again and again; `how` says how often or how long."""
    kind = ProtocolError if answer.code == "ProtocolError" else ServiceUnavailableError
    return kind(f"{said(answer)} from {address}, {how}: {rule.remedy}", **_told(answer))


def item_error(answer: Answer, rule: Rule) -> RefusedItemError:
    """Return the error of an item that the service refuses."""
    words = answer.message if answer.message and answer.status else said(answer)
    return RefusedItemError(f"{words}: {rule.remedy}", **_told(answer))


def _told(answer: Answer) -> dict[str, Any]:
    return {"status_code": answer.status, "code": answer.code or None, "request_id": answer.request_id or None}
