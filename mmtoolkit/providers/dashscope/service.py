"""DashScope behind the queue: its requests, its answers, its rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmtoolkit.providers.dashscope.reading import read_vectors
from mmtoolkit.providers.dashscope.rules import batch_limit, classify
from mmtoolkit.providers.dashscope.sdk import calls, send
from mmtoolkit.providers.dashscope.usage import counted
from mmtoolkit.providers.queue.service import Service
from mmtoolkit.providers.wire import session_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmtoolkit.models import ModelSpec
    from mmtoolkit.providers.queue.rules import Answer, Rule
    from mmtoolkit.providers.secrets import Secret

__all__ = ["DashScopeService"]


def _media(objects: Sequence[Mapping[str, Any]]) -> int:
    """Return how many pictures and videos a request holds."""
    return sum(len(one.get("multi_images", ())) + ("image" in one) + ("video" in one) for one in objects)


@dataclass(frozen=True)
class DashScopeService(Service):
    """One model of DashScope, as it is asked in one run.

    Parameters
    ----------
    spec : ModelSpec
        The model's row.
    key : Secret
        The API key.
    address : str
        Where requests go.
    params : mapping
        Parameters of the model, as they are sent.
    workspace : str or None
        The account's workspace.
    timeout_s : float
        Seconds for a whole request of one content or of texts; every further picture or video takes an eighth more.
    trust_env : bool
        Whether proxies are taken from the environment.
    """

    distinct = True
    spec: ModelSpec
    key: Secret = field(repr=False)
    address: str
    params: Mapping[str, Any]
    workspace: str | None
    timeout_s: float
    trust_env: bool

    def prepare(self) -> None:
        """Import the SDK and open the session."""
        calls(), session_for(self.trust_env)

    def send(self, objects: Sequence[Mapping[str, Any]], grouped: bool) -> Answer:
        """Send one request through the SDK; see `Service.send`."""
        return send(
            self.spec,
            self.key,
            self.address,
            self.params,
            objects,
            grouped,
            workspace=self.workspace,
            timeout_s=self.timeout_s * (1 + max(_media(objects) - 1, 0) / 8),
            trust_env=self.trust_env,
        )

    def vectors(self, body: Mapping[str, Any], n: int, dimension: int) -> list[NDArray[np.float32]]:
        """Read the vectors of a good answer; see `Service.vectors`."""
        return read_vectors(body, n, dimension, self.spec.dimension)

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
