"""The rerank models of the DashScope service as a provider."""

from __future__ import annotations

import dataclasses
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mmtoolkit._modelspec import ModelSpec, Price
from mmtoolkit._text import did_you_mean
from mmtoolkit.providers.dashscope.endpoint import (
    check_workspace,
    region_of,
    warn_of_exposure,
)
from mmtoolkit.providers.dashscope.hosted import HostedProvider
from mmtoolkit.providers.dashscope.key import require_api_key
from mmtoolkit.providers.reranker import WIDTH, Reranker
from mmtoolkit.providers.secrets import shown_address

if TYPE_CHECKING:
    from mmtoolkit.providers.queue.pairs import PairMaker
    from mmtoolkit.providers.queue.service import Service

__all__ = ["RERANKERS", "DashScopeRerank", "RerankRow"]

_READ = "2026-11-27"  # the day on which limits and prices were read
_MIB = 1024 * 1024
_FORMATS = frozenset({"JPEG", "PNG", "BMP", "WEBP", "TIFF", "ICO", "DIB", "ICNS", "SGI"})


@dataclass(frozen=True)
class RerankRow:
    """The facts about one rerank model.

    Parameters
    ----------
    spec : ModelSpec
        The facts that any model has.
    queries : frozenset of str
        Modalities that a query may have.
    per_request : mapping of str to int
        By modality, how many items a request may hold.
    request_tokens : int
        Tokens that a request may hold.
    template : int, default=0
        Tokens that the service adds to every pair.
    """

    spec: ModelSpec
    queries: frozenset[str]
    per_request: Mapping[str, int]
    request_tokens: int
    template: int = 0


def _prices(text: float, media: float) -> Mapping[str, Price]:
    return MappingProxyType({"beijing": Price(text, media, "CNY", _READ)})


_QWEN3_VL = RerankRow(
    ModelSpec(
        name="qwen3-vl-rerank",
        provider="dashscope",
        dimension=WIDTH,
        modalities=frozenset({"text", "image", "video"}),
        text_tokens=8_000,
        image_bytes=7 * _MIB,  # 10 MiB in Base64
        image_formats=_FORMATS,
        image_min_side=10,
        image_max_ratio=200.0,
        video_formats=frozenset({"mp4", "avi", "mov"}),
        contents_per_call=100,
        rpm=600,
        tpm=9_000_000,
        prices=_prices(0.7, 1.8),
        regions=("beijing",),
        rows_as_of=_READ,
    ),
    queries=frozenset({"text", "image"}),
    per_request={"text": 100, "image": 40, "video": 4},
    request_tokens=120_000,
    template=30,  # the family's system template
)
_GTE_V2 = RerankRow(
    dataclasses.replace(
        _QWEN3_VL.spec,
        name="gte-rerank-v2",
        family="text",
        modalities=frozenset({"text"}),
        text_tokens=4_000,
        contents_per_call=500,
        rpm=None,  # not published
        tpm=None,
        prices=_prices(0.8, 0.8),
    ),
    queries=frozenset({"text"}),
    per_request={"text": 500},
    request_tokens=30_000,
)
RERANKERS: Mapping[str, RerankRow] = MappingProxyType({row.spec.name: row for row in (_QWEN3_VL, _GTE_V2)})


@dataclass(frozen=True)
class DashScopeRerank(HostedProvider, Reranker):
    """A rerank model of the DashScope service, for ``rerank=`` of `search` and `evaluate_search`.

    Query and items are sent: texts as they are, local pictures inside the request, videos and other pictures by URL.
    The API key is read from ``DASHSCOPE_API_KEY`` at each call and never kept in the object.

    Parameters
    ----------
    model : {"qwen3-vl-rerank", "gte-rerank-v2"}, default="qwen3-vl-rerank"
        The second takes texts only.
    region, base_url, workspace, trust_env, allow_private
        As `DashScope` takes them. Both models are offered in Beijing.
    timeout_s : float, default=120
        Seconds for one request from its start to the last byte of the answer; dozens of pictures take long.
    rate_share : float, default=1
        Part of the account's rate that this process may use.
    clock, sleep : callable, default=time.monotonic, time.sleep
        What the limiter and the retries measure and wait with, in seconds.
    patience_s : float, default=600
        Seconds to wait for a service that goes away after it has answered in this run.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.DashScopeRerank().spec.regions
    ('beijing',)
    >>> plan = mm.estimate(["a cat", "a dog"], model="local", cache=False, rerank="qwen3-vl-rerank", n_queries=40)
    >>> plan.rerank_calls, plan.rerank_currency
    (40, 'CNY')
    >>> there = mm.DashScopeRerank(region="beijing")
    >>> there.name, there.revision, there.label, there.destination, there.directed_by
    ('qwen3-vl-rerank', '', 'qwen3-vl-rerank', 'the DashScope service', '')
    >>> sorted(there.spec.modalities), there.price.currency, there.leaves_machine
    (['image', 'text', 'video'], 'CNY', True)
    """

    model: str = "qwen3-vl-rerank"
    region: str | None = None
    base_url: str | None = None
    workspace: str | None = None
    trust_env: bool = False
    allow_private: bool = False
    timeout_s: float = 120.0
    rate_share: float = 1.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    patience_s: float = 600.0

    def __post_init__(self) -> None:
        """Raise at once for unknown models, regions without the model, and numbers out of range."""
        if self.model not in RERANKERS:
            msg = (
                f"unknown rerank model {self.model!r}{did_you_mean(self.model, RERANKERS)}. Known: {', '.join(RERANKERS)}. A reranker of your own is an "
                "object of a class derived from mm.Reranker"
            )
            raise ValueError(msg)
        self._check_settings()
        check_workspace(self.workspace)
        if self.base_url is not None or self.region is not None:
            self._refuse_region(self._endpoint.url)

    @property
    def spec(self) -> ModelSpec:
        """The model's row."""
        return RERANKERS[self.model].spec

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model

    @property
    def revision(self) -> str:
        """Empty, because the service does not give a revision."""
        return ""

    def ready(self) -> None:
        """Raise for an address whose region lacks the model, and for a missing key; see `Reranker.ready`."""
        self._refuse_region(self._endpoint.url)
        require_api_key()

    def _refuse_region(self, address: str) -> None:
        """Raise for an address of a region that lacks the model; other hosts are not checked."""
        region, offered = region_of(address), self.spec.regions
        if region is not None and region not in offered:
            msg = (
                f"{self.model!r} is offered in {', '.join(offered)}, but {shown_address(address)} is {region}. Nothing was sent; to send query and "
                f"items to {offered[0]}, with a key of that region: rerank=mm.DashScopeRerank({self.model!r}, region={offered[0]!r})"
            )
            raise ValueError(msg)

    def _service(self, dimension: int, params: Mapping[str, Any]) -> Service:  # noqa: ARG002 - it has one, and none
        from mmtoolkit.providers.dashscope.rerank_service import RerankService

        self.ready()
        there = self._endpoint
        return RerankService(
            self.spec, require_api_key(), there.url, there.workspace, self.timeout_s, trust_env=self.trust_env
        )

    @property
    def _how_to_price(self) -> str:
        return f"none is known for {self.model!r}"

    def _maker(self) -> PairMaker:
        from mmtoolkit.providers.dashscope.usage import media_tokens
        from mmtoolkit.providers.queue.pairs import PairMaker

        row = RERANKERS[self.model]
        return PairMaker(
            row.spec,
            fetch=self._fetch,
            weigh=partial(media_tokens, row.spec),
            advice="rerank the parts on their own",
            queries=row.queries,
            per_request=row.per_request,
            request_tokens=row.request_tokens,
            template=row.template,
        )

    @property
    def price(self) -> Price | None:  # noqa: D102 - see Provider
        return self.spec.prices.get(region_of(self._endpoint.url) or self.spec.regions[0])

    def _warn(self, contents: Sequence[Any], address: str) -> None:
        from mmtoolkit.content import Text
        from mmtoolkit.providers.queue.tokens import text_tokens

        warn_of_exposure(address, stacklevel=2)
        most = self.spec.text_tokens
        assert most is not None  # of every row
        ends = {id(end): end for pair in contents for end in (pair.query, pair.document)}.values()
        long = {one.name for one in ends if isinstance(one, Text) and not one.truncate and text_tokens(one.text) > most}
        if long:
            msg = (
                f"{len(long)} texts may be longer than the {most} tokens that {self.model!r} reads of one, first: {min(long)!r}; the "
                "service scores their beginning"
            )
            warnings.warn(msg, UserWarning, stacklevel=2)
