"""The common part of all models of DashScope behind the queue: key, address, and the meaning of failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmtoolkit.providers.dashscope.rules import batch_limit, classify
from mmtoolkit.providers.dashscope.sdk import calls
from mmtoolkit.providers.dashscope.usage import counted
from mmtoolkit.providers.queue.rules import Answer, Rule
from mmtoolkit.providers.queue.service import Service
from mmtoolkit.providers.secrets import Secret
from mmtoolkit.providers.wire import session_for

if TYPE_CHECKING:
    from mmtoolkit._modelspec import ModelSpec

__all__ = ["HostedModel"]


@dataclass(frozen=True)
class HostedModel(Service):
    """One model of DashScope, as it is asked in one run.

    Parameters
    ----------
    spec : ModelSpec
        The model's row.
    key : Secret
        The API key.
    address : str
        Where requests go.
    workspace : str or None
        The account's workspace.
    timeout_s : float
        Seconds for a whole request.
    trust_env : bool
        Whether proxies are taken from the environment.
    """

    spec: ModelSpec
    key: Secret = field(repr=False)
    address: str
    workspace: str | None
    timeout_s: float
    trust_env: bool

    def prepare(self) -> None:
        """Import the SDK and open the session."""
        calls(), session_for(self.trust_env)

    def meaning(self, answer: Answer) -> Rule:
        """Return the row of the table of rules that fits a failure."""
        return classify(answer)

    def counted(self, body: Mapping[str, Any]) -> tuple[int, int] | None:
        """Return the tokens of texts and of media that the answer names; None when it names none."""
        usage = body.get("usage")
        return counted(usage) if isinstance(usage, Mapping) else None

    def pack_limit(self, message: str) -> int | None:
        """Return N of "should not be larger than N"."""
        return batch_limit(message)
