"""DashScope's embedding models behind the queue: their requests and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mmtoolkit.providers.dashscope.hosted import HostedModel
from mmtoolkit.providers.dashscope.reading import read_vectors
from mmtoolkit.providers.dashscope.sdk import send
from mmtoolkit.providers.queue.rules import Answer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["DashScopeService"]


def _media(objects: Sequence[Mapping[str, Any]]) -> int:
    """Return how many pictures and videos a request holds."""
    return sum(len(one.get("multi_images", ())) + ("image" in one) + ("video" in one) for one in objects)


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
