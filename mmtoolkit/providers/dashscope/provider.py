"""The DashScope service as a provider: checks, messages and counts before and after the requests."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from mmtoolkit.content import Content, Text, inputs_of
from mmtoolkit.models import ModelSpec, Price, get_model
from mmtoolkit.providers.base import Outcome
from mmtoolkit.providers.dashscope.endpoint import (
    check_workspace,
    region_of,
    warn_of_exposure,
)
from mmtoolkit.providers.dashscope.hosted import HostedProvider
from mmtoolkit.providers.dashscope.key import require_api_key
from mmtoolkit.providers.queue import tokens
from mmtoolkit.providers.queue.provider import Start
from mmtoolkit.providers.secrets import shown_address

if TYPE_CHECKING:
    from mmtoolkit.providers.queue.service import Service
    from mmtoolkit.providers.queue.splitting import Maker

__all__ = ["DashScope"]

_ADVICE = (
    "embed the parts on their own, use a model with fusion, or average them with mm.DashScope(model, local_fusion=True)"
)


@dataclass(frozen=True)
class DashScope(HostedProvider):
    """A model of the DashScope service.

    The API key is read from ``DASHSCOPE_API_KEY`` at each call and never kept in the object.

    Parameters
    ----------
    model : str, default="multimodal-embedding-v1"
        A name of `list_models`.
    region : str or None, default=None
        "beijing", "singapore", "virginia", "hongkong", "finance", or an Alibaba Cloud region id together with
        `workspace`. Keys belong to one region.
    base_url : str or None, default=None
        Address of the service up to ``/api/v1``. With neither this nor `region`, the environment is read at each call:
        ``DASHSCOPE_HTTP_BASE_URL``, ``DASHSCOPE_BASE_URL``, ``DASHSCOPE_REGION``, ``DASHSCOPE_API_REGION``; Beijing's
        address is taken when it says nothing. Settings that name different regions are refused.
    workspace : str or None, default=None
        Workspace id; None takes ``DASHSCOPE_WORKSPACE`` or ``DASHSCOPE_WORKSPACE_ID``.
    trust_env : bool, default=False
        Use the proxies and certificates that the environment names.
    canary : bool, default=False
        Embed a few fixed inputs once a day, and refuse to go on when the model's vectors have changed.
    local_fusion : bool, default=False
        Give `Fused` items, and pictures that share a vector, the mean of their unit vectors when the model has no
        fusion of its own; ``emb.notes`` says where.
    allow_private : bool, default=False
        Let ``Image(url, inline=True)`` fetch from this machine and from local networks.
    timeout_s : float, default=60
        Seconds for one request from its start to the last byte of the answer; connecting may take ten of them at most.
        Every further picture or video of a request takes an eighth more.
    rate_share : float, default=1
        Part of the account's rate that this process may use, when several use one account at the same time.
    clock, sleep : callable, default=time.monotonic, time.sleep
        What the limiter and the retries measure and wait with, in seconds.
    patience_s : float, default=600
        Seconds to wait for a service or network that goes away after it has answered in this run; growing pauses, and
        one request at a time. A run without any answer ends after ten seconds.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.DashScope("tongyi-embedding-vision-plus", region="singapore").spec.dimension
    1152
    >>> there = mm.DashScope(region="singapore")
    >>> there.spec.name, there.destination, there.directed_by, there.leaves_machine
    ('multimodal-embedding-v1', 'the DashScope service', '', True)
    >>> mm.DashScope("tongyi-embedding-vision-plus", region="singapore").price.currency
    'USD'
    """

    model: str = "multimodal-embedding-v1"
    region: str | None = None
    base_url: str | None = field(default=None, repr=False)  # the path of a gateway may hold a token
    workspace: str | None = None
    trust_env: bool = False
    canary: bool = False
    local_fusion: bool = False
    allow_private: bool = False
    timeout_s: float = 60.0
    rate_share: float = 1.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    patience_s: float = 600.0

    def __post_init__(self) -> None:
        """Raise at once for unknown models and regions and for numbers out of range."""
        if get_model(self.model).provider != "dashscope":
            msg = f"model {self.model!r} is not one of the DashScope service"
            raise ValueError(msg)
        self._check_settings()
        if self.base_url is not None or self.region is not None:
            self._endpoint  # noqa: B018 - refuses what is none
        check_workspace(self.workspace)

    @property
    def spec(self) -> ModelSpec:
        """The model's row."""
        return get_model(self.model)

    @property
    def directed_by(self) -> str:
        """The variable of the environment that decides where items go."""
        return self._endpoint.surprising

    def share(self, workers: int) -> DashScope:
        """Return the provider for one of several processes; the address is fixed, because their environment may differ.

        Parameters
        ----------
        workers : int
            How many processes.

        Returns
        -------
        DashScope
            A new one; with the address that counts here, where the environment decides it.
        """
        there, shared = self._endpoint, super().share(workers)
        if not there.source and there.workspace == self.workspace:
            return shared
        return dataclasses.replace(shared, base_url=there.url, workspace=there.workspace)

    def _service(self, dimension: int, params: Mapping[str, Any]) -> Service:
        from mmtoolkit.providers.dashscope.service import DashScopeService

        spec, key, sent = self.spec, require_api_key(), dict(params)
        if spec.dimensions and dimension != spec.dimension:
            sent["dimension"] = dimension
        there = self._endpoint
        return DashScopeService(spec, key, there.url, there.workspace, self.timeout_s, self.trust_env, sent)

    @property
    def _how_to_price(self) -> str:
        return f"the table has none for {self.model!r}; add it with mm.register_model"

    def _begin(self, start: Start, dimension: int, params: Mapping[str, Any]) -> None:
        if self.canary:
            from mmtoolkit.providers.dashscope.canary import check_drift

            check_drift(self.spec, dimension, params, partial(_collect, start))

    def _maker(self) -> Maker:
        from mmtoolkit.providers.dashscope.usage import media_tokens
        from mmtoolkit.providers.queue.splitting import Maker

        spec = self.spec
        weigh = partial(media_tokens, spec)
        return Maker(spec, self.local_fusion, self._fetch, weigh, mixed=False, advice=_ADVICE)

    @property
    def price(self) -> Price | None:  # noqa: D102 - see Provider
        spec = self.spec
        region = region_of(self._endpoint.url) or (spec.regions[0] if spec.regions else "")
        return spec.prices.get(region)

    def _warn(self, contents: Sequence[Content], address: str) -> None:
        spec, region = self.spec, region_of(address)
        if region is not None and spec.regions and region not in spec.regions:
            msg = f"{spec.name!r} is offered in {', '.join(spec.regions)}, but {shown_address(address)} is {region}; the service may refuse the key or the model"
            warnings.warn(msg, UserWarning, stacklevel=7)
        warn_of_exposure(address, stacklevel=8)
        limit = spec.text_tokens
        if limit is None:
            return
        texts = [part for content in contents for part in inputs_of(content) if isinstance(part, Text)]
        sizes = [(tokens.text_tokens(t.text), t.name) for t in texts if not t.truncate and len(t.text) > limit]
        long = [(size, name) for size, name in sizes if size > limit]
        if long:
            size, name = max(long)
            msg = (
                f"{len(long)} texts may be longer than the {limit} tokens that {spec.name!r} takes, the longest about {size} tokens "
                f"({name!r}); the service may refuse or cut them. mm.Text(..., truncate=True) cuts before sending"
            )
            warnings.warn(msg, UserWarning, stacklevel=7)


def _collect(start: Start, contents: Sequence[Content]) -> list[Any]:
    """Embed a few contents and return their vectors, raising the first error."""
    found: dict[int, Outcome] = {}
    start(contents, lambda outcomes: found.update({o.index: o for o in outcomes}))
    for outcome in found.values():
        if outcome.error is not None:
            raise outcome.error
    return [found[i].vector for i in range(len(contents))]
