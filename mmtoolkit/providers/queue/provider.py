"""A service behind the queue as a provider: the part between items and requests that is the same for all services."""

from __future__ import annotations

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from mmtoolkit._arguments import is_number
from mmtoolkit.content import Content
from mmtoolkit.providers.base import Forecast, Provider, Sink
from mmtoolkit.providers.queue import tokens
from mmtoolkit.providers.queue.limiter import GUESS_RPM, MOST_WORKERS, limiter_for

if TYPE_CHECKING:
    from mmtoolkit.providers.queue.purse import Purse
    from mmtoolkit.providers.queue.service import Service
    from mmtoolkit.providers.queue.splitting import Maker

Start = Callable[[Sequence[Any], Any], None]
__all__ = ["QueuedProvider", "check_amount"]


class QueuedProvider(Provider):
    """Base of the services whose requests the queue packs, paces, pays and repeats.

    A subclass is a frozen dataclass with the fields below. It gives `spec`, `price`, `_service`, `_how_to_price`
    and `_warn`.

    Attributes
    ----------
    timeout_s : float
        Seconds for one request.
    rate_share : float
        Part of the account's rate that this process may use.
    trust_env : bool
        Use the proxies and certificates that the environment names.
    allow_private : bool
        Let ``Image(url, inline=True)`` fetch from this machine and from local networks.
    patience_s : float
        Seconds to wait for a service that has answered in this run and does so no more.
    clock, sleep : callable
        What the limiter and the retries measure and wait with, in seconds.
    """

    timeout_s: float
    rate_share: float
    trust_env: bool
    allow_private: bool
    patience_s: float = 600.0
    clock: Callable[[], float]
    sleep: Callable[[float], None]

    def _check_settings(self) -> None:
        """Raise for seconds and shares that are out of range."""
        check_amount("timeout_s", self.timeout_s, "seconds above 0")
        patience: object = self.patience_s
        if not (is_number(patience) and 0 <= patience < math.inf):
            msg = f"patience_s must be seconds of at least 0, got {patience!r}"
            raise ValueError(msg)
        check_amount("rate_share", self.rate_share, "a share above 0 and at most 1", 1.0)

    @abstractmethod
    def _service(self, dimension: int, params: Mapping[str, Any]) -> Service:
        """Return the service object of one run; the key is read here."""

    @abstractmethod
    def _warn(self, contents: Sequence[Content], address: str) -> None:
        """Warn, once per run, of settings that the service will probably refuse."""

    @property
    @abstractmethod
    def _how_to_price(self) -> str:
        """The end of the sentence "budget= needs a price, and ..." for a user without a price."""

    @property
    def _limited(self) -> str:
        """Name of the model whose rate is shared."""
        return self.spec.name

    @property
    def _most_workers(self) -> int:
        """The largest number of parallel requests."""
        return MOST_WORKERS

    @property
    def _guess_rpm(self) -> float:
        """Requests a minute to start from when the model's row has none."""
        return GUESS_RPM

    def _maker(self) -> Maker:
        from mmtoolkit.providers.queue.splitting import Maker

        return Maker(self.spec, fetch=self._fetch)

    def check(self, content: Content, *, dimension: int, params: Mapping[str, Any]) -> None:  # noqa: ARG002, D102 - see Provider
        self._maker().check(content)

    def recipe(self, content: Content) -> str:  # noqa: D102 - see Provider
        return self._maker().recipe(content)

    def members(self, content: Content) -> list[Any]:  # noqa: D102 - see Provider
        leaves = self._maker().members(content)
        return leaves if len(leaves) > 1 else []

    def combine(self, content: Content, vectors: Sequence[Any]) -> tuple[Any, str]:  # noqa: D102 - see Provider
        return self._maker().combine(content, vectors)

    def forecast(self, contents: Sequence[Content], params: Mapping[str, Any]) -> Forecast:  # noqa: D102 - see Provider
        calls, text, media = self._maker().count(contents, params)
        price, (rpm, tpm) = self.price, self._rates()
        minutes = max(calls / rpm, (text + media) / tpm if tpm else 0.0)
        if price is None:
            return Forecast(calls=calls, tokens=text + media, cost=None, minutes=minutes)
        cost = tokens.cost(price, text, media)
        return Forecast(calls, text + media, cost, price.currency, price.as_of, minutes)

    def share(self, workers: int) -> Self:  # noqa: D102 - see Provider
        return dataclasses.replace(self, rate_share=self.rate_share / workers)  # type: ignore[type-var]  # a dataclass

    def embed(  # noqa: D102 - see Provider
        self,
        contents: Sequence[Content],
        *,
        dimension: int,
        params: Mapping[str, Any],
        sink: Sink,
        budget: float | None = None,
    ) -> None:
        from mmtoolkit.providers.queue.purse import Purse

        service, price = self._service(dimension, params), self.price
        if price is None and budget is not None:
            msg = f"budget= needs a price, and {self._how_to_price}"
            raise ValueError(msg)
        self._warn(contents, service.address)
        start = partial(self._run, service, Purse(price, budget), dimension, params)
        self._begin(start, dimension, params)
        start(contents, sink)

    def _begin(self, start: Start, dimension: int, params: Mapping[str, Any]) -> None:
        """Do the work before the first item, such as probes; `start` embeds contents from the same budget."""

    def _run(
        self,
        service: Service,
        purse: Purse,
        dimension: int,
        params: Mapping[str, Any],
        contents: Sequence[Content],
        sink: Sink,
    ) -> None:
        from mmtoolkit.providers.queue.runner import Runner

        Runner(
            service,
            self._maker(),
            limiter_for(service.address, self._limited, *self._rates(), self.clock),
            dimension=dimension,
            params=params,
            sink=sink,
            purse=purse,
            clock=self.clock,
            sleep=self.sleep,
            most_workers=self._most_workers,
            patience_s=self.patience_s,
        ).go(contents)

    def _rates(self) -> tuple[float, float | None]:
        """Return the requests and tokens a minute of this process."""
        rpm, tpm = self.spec.rpm or self._guess_rpm, self.spec.tpm
        return rpm * self.rate_share, None if tpm is None else tpm * self.rate_share

    def _fetch(self, url: str) -> bytes:
        from mmtoolkit.providers.download import fetch
        from mmtoolkit.providers.wire import session_for

        return fetch(url, session_for(self.trust_env), allow_private=self.allow_private)


def check_amount(name: str, value: object, expected: str, most: float = math.inf) -> None:
    """Raise for a value that is not a number above 0 and up to `most`."""
    if not (is_number(value) and 0 < value <= most and value < math.inf):
        msg = f"{name} must be {expected}, got {value!r}"
        raise ValueError(msg)
