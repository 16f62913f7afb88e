"""The DashScope service as a provider: what is checked, said and counted before and after the requests."""

from __future__ import annotations

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from mmtoolkit._arguments import is_number
from mmtoolkit.content import Fused, Text
from mmtoolkit.models import ModelSpec, get_model
from mmtoolkit.providers.base import Forecast, Provider
from mmtoolkit.providers.dashscope.endpoint import check_workspace, find_base_url, region_of
from mmtoolkit.providers.dashscope.key import require_api_key
from mmtoolkit.providers.queue import tokens

if TYPE_CHECKING:
    from mmtoolkit.content import Content
    from mmtoolkit.models import Price
    from mmtoolkit.providers.base import Outcome, Sink
    from mmtoolkit.providers.queue.purse import Purse
    from mmtoolkit.providers.queue.splitting import Maker
    from mmtoolkit.providers.secrets import Secret

__all__ = ["DashScope"]

_ADVICE = (
    "embed the parts on their own, use a model with fusion, or average them with mm.DashScope(model, local_fusion=True)"
)
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True)
class DashScope(Provider):
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
        Address of the service up to ``/api/v1``; wins over `region`. With neither, ``DASHSCOPE_HTTP_BASE_URL`` is read
        at each call, and Beijing's address taken when it is not set.
    workspace : str or None, default=None
        Workspace id.
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
    rate_share : float, default=1
        Part of the account's rate that this process may use, when several use one account at the same time.
    clock, sleep : callable, default=time.monotonic, time.sleep
        What the limiter and the retries measure and wait with, in seconds.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.DashScope("tongyi-embedding-vision-plus", region="singapore").spec.dimension
    1152
    """

    model: str = "multimodal-embedding-v1"
    region: str | None = None
    base_url: str | None = None
    workspace: str | None = None
    trust_env: bool = False
    canary: bool = False
    local_fusion: bool = False
    allow_private: bool = False
    timeout_s: float = 60.0
    rate_share: float = 1.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        """Refuse unknown models and regions, and numbers out of range, at once."""
        if get_model(self.model).provider != "dashscope":
            msg = f"model {self.model!r} is not one of the DashScope service"
            raise ValueError(msg)
        _check_number("timeout_s", self.timeout_s, "seconds above 0", math.inf)
        _check_number("rate_share", self.rate_share, "a share above 0 and at most 1", 1.0)
        if self.base_url is not None or self.region is not None:
            find_base_url(self.base_url, self.region, self.workspace)
        check_workspace(self.workspace)

    @property
    def spec(self) -> ModelSpec:
        """The model's row."""
        return get_model(self.model)

    @property
    def destination(self) -> str:
        """Where items go, in words."""
        return "the DashScope service"

    def in_region(self, region: str) -> DashScope:
        """Return the same model in another region.

        Parameters
        ----------
        region : str
            As the constructor takes it.

        Returns
        -------
        DashScope
            A new one.
        """
        return dataclasses.replace(self, region=region)

    def check(self, content: Content, *, dimension: int, params: Mapping[str, Any]) -> None:  # noqa: ARG002 - the protocol's
        """Refuse what the model cannot take; nothing is sent.

        Parameters
        ----------
        content : Text, Image, Video or Fused
            One item.
        dimension, params : int, mapping
            Not looked at: they are checked against the model's row.

        Raises
        ------
        ItemError
            The message names the limit and the ways out.
        """
        self._maker().check(content)

    def recipe(self, content: Content) -> str:
        """Return the id of what is done to an item before it is sent.

        Parameters
        ----------
        content : Text, Image, Video or Fused
            One item.

        Returns
        -------
        str
            Part of the cache key; empty when it is sent as it is.
        """
        return self._maker().recipe(content)

    def members(self, content: Content) -> list[Any]:
        """Return the contents whose vectors are averaged here into that of `content`; they can be cached on their own.

        Parameters
        ----------
        content : Text, Image, Video or Fused
            Checked.

        Returns
        -------
        list
            Contents, or frames of a video; empty when the item is sent as it is.
        """
        leaves = self._maker().members(content)
        return leaves if len(leaves) > 1 else []

    def combine(self, content: Content, vectors: Sequence[Any]) -> tuple[Any, str]:
        """Return the mean of the members' unit vectors, and a note that says so.

        Parameters
        ----------
        content : Text, Image, Video or Fused
            One with members.
        vectors : sequence of ndarray of shape (dimension,)
            In the order of `members`.

        Returns
        -------
        vector, note : ndarray of shape (dimension,), str
            The content's.
        """
        return self._maker().combine(content, vectors)

    def forecast(self, contents: Sequence[Content], params: Mapping[str, Any]) -> Forecast:
        """Say what embedding `contents` would take; nothing is sent.

        Parameters
        ----------
        contents : sequence of contents
            Checked.
        params : mapping
            Parameters of the model.

        Returns
        -------
        Forecast
            Calls, tokens, cost, minutes.
        """
        from mmtoolkit.providers.queue.packs import count_packs

        calls, text, media = count_packs(contents, self._maker(), params)
        price = self._price(find_base_url(self.base_url, self.region, self.workspace))
        rpm, tpm = self._rates()
        minutes = max(calls / rpm, (text + media) / tpm if tpm else 0.0)
        return Forecast(
            calls=calls,
            tokens=text + media,
            cost=None if price is None else tokens.cost(price, text, media),
            currency="" if price is None else price.currency,
            price_as_of="" if price is None else price.as_of,
            minutes=minutes,
        )

    def share(self, workers: int) -> DashScope:
        """Return the provider as one of `workers` processes should use it.

        Parameters
        ----------
        workers : int
            How many processes use the account at the same time.

        Returns
        -------
        DashScope
            With an equal part of the rate.
        """
        return dataclasses.replace(self, rate_share=self.rate_share / workers)

    def embed(
        self,
        contents: Sequence[Content],
        *,
        dimension: int,
        params: Mapping[str, Any],
        sink: Sink,
        budget: float | None = None,
    ) -> None:
        """Embed all `contents`; see `Provider.embed`.

        Parameters
        ----------
        contents : sequence of contents
            Checked.
        dimension : int
            Length of a vector.
        params : mapping
            Parameters of the model.
        sink : callable
            Takes outcomes as they arrive, from worker threads.
        budget : float or None, default=None
            In the price's currency.

        Raises
        ------
        ProviderError
            If the service stopped the run, or did not answer well within the tries.
        BudgetError
            If the next request would cross `budget`.
        DriftError
            If vectors have changed.
        """
        from mmtoolkit.providers.queue.purse import Purse

        key = require_api_key()
        base_url = find_base_url(self.base_url, self.region, self.workspace)
        if (price := self._price(base_url)) is None and budget is not None:
            msg = f"budget= needs a price, and the table has none for {self.model!r}; add it with mm.register_model"
            raise ValueError(msg)
        self._warn(contents, base_url)
        start = partial(self._run, key, base_url, dimension, params, Purse(price, budget))
        if self.canary:
            from mmtoolkit.providers.dashscope.canary import check_drift

            check_drift(self.spec, dimension, params, partial(_collect, start))
        start(contents, sink)

    def _run(
        self,
        key: Secret,
        base_url: str,
        dimension: int,
        params: Mapping[str, Any],
        purse: Purse,
        contents: Sequence[Content],
        sink: Sink,
    ) -> None:
        from mmtoolkit.providers.dashscope.service import DashScopeService
        from mmtoolkit.providers.queue.limiter import limiter_for
        from mmtoolkit.providers.queue.runner import Runner

        spec = self.spec
        sent = dict(params)
        if spec.dimensions and dimension != spec.dimension:
            sent["dimension"] = dimension
        service = DashScopeService(spec, key, base_url, sent, self.workspace, self.timeout_s, self.trust_env)
        Runner(
            service,
            self._maker(),
            limiter_for(base_url, spec.name, *self._rates(), self.clock),
            dimension=dimension,
            params=params,
            sink=sink,
            purse=purse,
            clock=self.clock,
            sleep=self.sleep,
        ).go(contents)

    def _rates(self) -> tuple[float, float | None]:
        """Return the requests and tokens a minute of this process."""
        from mmtoolkit.providers.queue.limiter import GUESS_RPM

        rpm, tpm = self.spec.rpm or GUESS_RPM, self.spec.tpm
        return rpm * self.rate_share, None if tpm is None else tpm * self.rate_share

    def _maker(self) -> Maker:
        from mmtoolkit.providers.dashscope.usage import media_tokens
        from mmtoolkit.providers.queue.splitting import Maker

        spec = self.spec
        return Maker(spec, self.local_fusion, self._fetch, partial(media_tokens, spec), _ADVICE)

    def _fetch(self, url: str) -> bytes:
        from mmtoolkit.providers.download import fetch
        from mmtoolkit.providers.wire import session_for

        return fetch(url, session_for(self.trust_env), allow_private=self.allow_private)

    def _price(self, base_url: str) -> Price | None:
        spec = self.spec
        region = region_of(base_url) or (spec.regions[0] if spec.regions else "")
        return spec.prices.get(region)

    def _warn(self, contents: Sequence[Content], base_url: str) -> None:
        """Warn, once per run, of what the service will probably not like."""
        spec, region = self.spec, region_of(base_url)
        if region is not None and spec.regions and region not in spec.regions:
            msg = f"{spec.name!r} is offered in {', '.join(spec.regions)}, but {base_url} is {region}; the service may refuse the key or the model"
            warnings.warn(msg, UserWarning, stacklevel=7)
        host = base_url.split("/")[2].rsplit(":", 1)[0]
        if base_url.startswith("http://") and host not in _LOCAL_HOSTS:
            warnings.warn(f"the API key goes unencrypted to {base_url}; use https", UserWarning, stacklevel=7)
        limit = spec.text_tokens
        if limit is None:
            return
        texts = [
            part for c in contents for part in (c.parts if isinstance(c, Fused) else (c,)) if isinstance(part, Text)
        ]
        sizes = [(tokens.text_tokens(t.text), t.name) for t in texts if not t.truncate and len(t.text) > limit]
        long = [(size, name) for size, name in sizes if size > limit]
        if long:
            size, name = max(long)
            msg = (
                f"{len(long)} texts may be longer than the {limit} tokens that {spec.name!r} takes, the longest about {size} tokens "
                f"({name!r}); the service may refuse or cut them. mm.Text(..., truncate=True) cuts before sending"
            )
            warnings.warn(msg, UserWarning, stacklevel=7)


def _collect(start: Callable[..., None], contents: Sequence[Content]) -> list[Any]:
    """Embed a few contents and return their vectors, raising the first error."""
    found: dict[int, Outcome] = {}
    start(contents, lambda outcomes: found.update({o.index: o for o in outcomes}))
    for outcome in found.values():
        if outcome.error is not None:
            raise outcome.error
    return [found[i].vector for i in range(len(contents))]


def _check_number(name: str, value: object, expected: str, most: float) -> None:
    if not (is_number(value) and 0 < value <= most and value < math.inf):
        msg = f"{name} must be {expected}, got {value!r}"
        raise ValueError(msg)
