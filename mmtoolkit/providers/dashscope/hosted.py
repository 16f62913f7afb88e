"""What embedding and rerank models of DashScope have in common: an address that settings decide."""

from __future__ import annotations

import dataclasses
from typing import Self

from mmtoolkit.providers.dashscope.endpoint import Endpoint, find_endpoint
from mmtoolkit.providers.queue.provider import QueuedProvider

__all__ = ["HostedProvider"]


class HostedProvider(QueuedProvider):
    """A model of DashScope in a region; a subclass is a frozen dataclass with the fields below, too.

    Attributes
    ----------
    region, base_url, workspace : str or None
        Where items go, as `find_endpoint` takes them.
    """

    region: str | None
    base_url: str | None
    workspace: str | None

    @property
    def destination(self) -> str:
        """Where items go, in words."""
        return self._endpoint.words

    def in_region(self, region: str) -> Self:
        """Return the same model in another region.

        Parameters
        ----------
        region : str
            As the constructor takes it.

        Returns
        -------
        HostedProvider
            A new one, of the same class.
        """
        return dataclasses.replace(self, region=region)  # type: ignore[type-var]  # a dataclass

    @property
    def _endpoint(self) -> Endpoint:
        return find_endpoint(self.base_url, self.region, self.workspace)
