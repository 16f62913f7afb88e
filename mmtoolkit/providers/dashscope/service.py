"""DashScope's models behind the queue: key, address, the meaning of failures; requests and answers of embedding models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmtoolkit.providers.dashscope.reading import read_vectors
from mmtoolkit.providers.dashscope.rules import batch_limit, classify
from mmtoolkit.providers.dashscope.sdk import calls, exchanged
from mmtoolkit.providers.dashscope.usage import counted
from mmtoolkit.providers.queue.rules import Answer, Rule
from mmtoolkit.providers.queue.service import Service
from mmtoolkit.providers.secrets import Secret
from mmtoolkit.providers.wire import Exchange, session_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmtoolkit._modelspec import ModelSpec

__all__ = ["DashScopeService", "HostedModel"]

_SPARE_BYTES, _NUMBER_BYTES = 1 << 20, 100  # a good answer has about 22 bytes per number


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

    def _ask(self, family: str, timeout_s: float, n_numbers: int, **arguments: Any) -> Answer:
        """Send one request by the SDK's call for a family of models; a good answer has about so many numbers."""
        exchange = Exchange(session_for(self.trust_env), timeout_s, _SPARE_BYTES + _NUMBER_BYTES * n_numbers)
        where = {"workspace": self.workspace, "base_address": self.address}
        return exchanged(calls()[family], exchange, self.key, model=self.spec.name, **where, **arguments)

    def _sent(self, objects: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return content objects as the model takes them: a model of texts bare."""
        return [one["text"] for one in objects] if self.spec.family == "text" else list(objects)

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


@dataclass(frozen=True)
class DashScopeService(HostedModel):
    """One embedding model of DashScope, as it is asked in one run; every further picture or video has more time.

    Parameters
    ----------
    params : mapping
        Parameters of the model, as they are sent.
    """

    distinct = True
    params: Mapping[str, Any]

    def send(self, objects: Sequence[Mapping[str, Any]], grouped: bool) -> Answer:
        """Send one request through the SDK; see `Service.send`."""
        timeout_s = self.timeout_s * (1 + max(_media(objects) - 1, 0) / 8)
        n_numbers = max(self.spec.dimension, *self.spec.dimensions, 0) * len(objects)
        options = dict(self.params)
        if grouped and self.spec.fusion == "flag":
            options["enable_fusion"] = True
        sent = self._sent(objects)
        return self._ask(self.spec.family, timeout_s, n_numbers, input=sent, flattened_output=True, **options)

    def vectors(self, body: Mapping[str, Any], n: int, dimension: int) -> list[NDArray[np.float32]]:
        """Read the vectors of a good answer; see `Service.vectors`."""
        return read_vectors(body, n, dimension, self.spec.dimension)


def _media(objects: Sequence[Mapping[str, Any]]) -> int:
    """Return how many pictures and videos a request holds."""
    return sum(len(one.get("multi_images", ())) + ("image" in one) + ("video" in one) for one in objects)
