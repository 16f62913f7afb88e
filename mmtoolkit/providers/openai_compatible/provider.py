"""A server of the dialect as a provider: checks, messages and counts before and after the requests."""

from __future__ import annotations

import dataclasses
import hashlib
import numbers
import os
import re
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mmtoolkit._arguments import check_choice, is_number
from mmtoolkit.content import Content
from mmtoolkit.errors import ServiceStopError
from mmtoolkit.models import ModelSpec, Price, find_model
from mmtoolkit.providers.openai_compatible.address import endpoint_of, host_of, is_local
from mmtoolkit.providers.queue.limiter import GUESS_RPM
from mmtoolkit.providers.queue.provider import QueuedProvider, check_amount
from mmtoolkit.providers.secrets import Secret, shown_address

if TYPE_CHECKING:
    from mmtoolkit.providers.queue.service import Service

__all__ = ["OpenAICompatible"]

_OPEN_RPM = 6000  # a server without a key is one's own and has no account to exceed
_KIND = "openai-compatible"
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,63}")
_FORMATS = frozenset({"JPEG", "PNG"})  # what every server reads; others are encoded anew


@dataclass(frozen=True)
class OpenAICompatible(QueuedProvider):
    """A model behind a server that speaks OpenAI's ``/v1/embeddings``.

    vLLM, Ollama, text-embeddings-inference, SGLang, a company's gateway, DashScope's compatible mode. No key leaves the
    machine unless `api_key_env` names its variable, whatever else is set in the environment; it is read at each call
    and never kept in the object.

    Parameters
    ----------
    model : str
        The model's name on the server.
    base_url : str
        Address of the server up to ``/v1``, or the whole address that ends in ``/embeddings``.
    dimension : int
        Length of the model's vectors. An answer of another length stops the run and names the right one.
    api_key_env : str or None, default=None
        Name of the environment variable that holds the key. None sends no key.
    name : str or None, default=None
        Name of the model in the cache and in reports; None takes `model`. Vectors are found again by this name,
        `revision`, `dimension` and `picture_text`, not by the address. So two servers of one model share their
        vectors. Give different names when two servers use one name for different models.
    revision : str, default=""
        Part of the cache key. Nobody notices when a server changes its model under the same name: write here what
        tells them apart, for instance a commit or a date.
    pictures : {"messages", "input"} or None, default=None
        How the server takes pictures, which are sent as data URIs: as ``image_url`` of a message, one a request
        (vLLM); as objects of `input`, where texts are objects, too (SGLang, Xinference, Jina); None takes texts only.
    picture_text : str, default=""
        Text that some models want beside every picture ("Represent the given image."); only with "messages".
    send_dimension : bool, default=False
        Ask the server for vectors of length `dimension`. Models that cannot shorten theirs refuse that.
    text_tokens : int or None, default=None
        Longest text that the model takes, for ``mm.Text(..., truncate=True)``.
    batch_size : int, default=32
        Contents per request; a server that takes fewer is understood.
    max_workers : int, default=8
        Requests under way at once.
    rpm, tpm : int or None, default=None
        Requests and tokens a minute. With None the pace starts at 6000 requests for a server without a key, where
        `max_workers` is what holds it, and at 600 for one with a key; a 429 halves it, down to a 32nd.
    price_per_million : float or None, default=None
        Price of 1,000,000 tokens. None is not known: ``budget=`` is refused then.
    currency : str, default=""
        ISO code, with `price_per_million`.
    timeout_s : float, default=60
        Seconds for one request from its start to the last byte of the answer.
    trust_env : bool, default=False
        Use the proxies and certificates that the environment names.
    allow_private : bool, default=False
        Let ``Image(url, inline=True)`` fetch from this machine and from local networks.
    rate_share : float, default=1
        Part of the rate that this process may use, when several share it.
    clock, sleep : callable, default=time.monotonic, time.sleep
        What the limiter and the retries measure and wait with, in seconds.
    patience_s : float, default=600
        Seconds to wait for a server that goes away after it has answered in this run. A run without any answer ends
        after ten seconds.

    Raises
    ------
    ValueError
        If an argument cannot be what it is meant to be.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> server = mm.OpenAICompatible("bge-m3", base_url="http://localhost:11434/v1", dimension=1024)
    >>> server.destination, server.leaves_machine, server.spec.dimension
    ('localhost:11434', False, 1024)
    >>> server.spec.name, server.price is None
    ('bge-m3', True)
    """

    model: str
    _: dataclasses.KW_ONLY
    base_url: str = field(repr=False)  # the path of a gateway may hold a token
    dimension: int
    api_key_env: str | None = None
    name: str | None = None
    revision: str = ""
    pictures: Literal["messages", "input"] | None = None
    picture_text: str = ""
    send_dimension: bool = False
    text_tokens: int | None = None
    batch_size: int = 32
    max_workers: int = 8
    rpm: int | None = None
    tpm: int | None = None
    price_per_million: float | None = None
    currency: str = ""
    timeout_s: float = 60.0
    trust_env: bool = False
    allow_private: bool = False
    rate_share: float = 1.0
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    patience_s: float = 600.0

    def __post_init__(self) -> None:
        """Raise at once for arguments that cannot work."""
        endpoint_of(self.base_url)
        for what in ("model", "name"):
            value = getattr(self, what)
            if not (isinstance(value, str) and value.strip()) and not (what == "name" and value is None):
                msg = f"{what} must be a text that is not empty, got {value!r}"
                raise ValueError(msg)
        known = find_model(self.name or self.model)
        if known is not None and known.provider != _KIND:
            msg = (
                f"the name {known.name!r} belongs to a model of {known.provider!r}: the cache would take one for the other, and items "
                f"could go there. Pass name=, such as name={f'{self.model} at {host_of(endpoint_of(self.base_url))}'!r}"
            )
            raise ValueError(msg)
        if self.api_key_env is not None and not _VARIABLE.fullmatch(str(self.api_key_env)):
            msg = "api_key_env must be the name of an environment variable, in capitals, such as GATEWAY_API_KEY; it is not the key itself"
            raise ValueError(msg)
        if self.pictures is not None:
            check_choice("pictures", self.pictures, ("messages", "input"))
        if self.picture_text and self.pictures != "messages":
            msg = f"picture_text needs pictures='messages', got pictures={self.pictures!r}"
            raise ValueError(msg)
        for what in ("dimension", "batch_size", "max_workers", "text_tokens", "rpm", "tpm"):
            _check_count(what, getattr(self, what), optional=what in ("text_tokens", "rpm", "tpm"))
        self._check_settings()
        if self.price_per_million is not None:
            check_amount("price_per_million", self.price_per_million, "None or an amount above 0")
        if (self.price_per_million is None) != (self.currency == ""):
            msg = (
                f"price_per_million and currency belong together, got {self.price_per_million!r} and {self.currency!r}"
            )
            raise ValueError(msg)

    @property
    def spec(self) -> ModelSpec:
        """The model's row."""
        price = self.price
        both = self.pictures == "input"
        return ModelSpec(
            name=self.name or self.model,
            provider=_KIND,
            dimension=self.dimension,
            revision=self.revision,
            modalities=frozenset({"text"} if self.pictures is None else {"text", "image"}),
            text_tokens=self.text_tokens,
            image_formats=_FORMATS,
            contents_per_call=self.batch_size,
            packs=("text", "image") if both else ("text",),
            rpm=self.rpm,
            tpm=self.tpm,
            prices={} if price is None else {"": price},
        )

    @property
    def leaves_machine(self) -> bool:
        """Whether the server is another machine; only loopback addresses are this one."""
        return not is_local(self.base_url)

    @property
    def destination(self) -> str:
        """The server's host."""
        return host_of(self.base_url)

    def recipe(self, content: Content) -> str:  # noqa: D102 - see Provider
        made = super().recipe(content)
        if self.picture_text and content.modality != "text":
            return f"{made} beside:{hashlib.sha256(self.picture_text.encode()).hexdigest()[:16]}".strip()
        return made

    def _service(self, dimension: int, params: Mapping[str, Any]) -> Service:  # noqa: ARG002 - the dialect has no parameters
        from mmtoolkit.providers.openai_compatible.service import OpenAIService

        return OpenAIService(
            address=endpoint_of(self.base_url),
            model=self.model,
            key=self._key(),
            pictures=self.pictures,
            picture_text=self.picture_text,
            dimensions=dimension if self.send_dimension else None,
            timeout_s=self.timeout_s,
            trust_env=self.trust_env,
        )

    @property
    def _how_to_price(self) -> str:
        return f"{self.spec.name!r} has none; pass price_per_million= and currency= to mm.OpenAICompatible"

    @property
    def _limited(self) -> str:
        return self.model

    @property
    def _most_workers(self) -> int:
        return self.max_workers

    @property
    def _guess_rpm(self) -> float:
        return _OPEN_RPM if self.api_key_env is None else GUESS_RPM

    def _warn(self, contents: Sequence[Content], address: str) -> None:  # noqa: ARG002 - nothing is known of the model
        if self.api_key_env is not None and address.startswith("http://") and self.leaves_machine:
            warnings.warn(
                f"the API key goes unencrypted to {shown_address(self.base_url)}; use https", UserWarning, stacklevel=6
            )

    def _key(self) -> Secret | None:
        """Return the key, read now; None when none is named."""
        if self.api_key_env is None:
            return None
        key = Secret(os.environ.get(self.api_key_env, "").strip().strip("\"'").strip())
        state = "is empty" if self.api_key_env in os.environ else "is not set"
        if not key:
            msg = f"no API key: the environment variable {self.api_key_env} {state}; set it before the call, or leave api_key_env out to send no key"
            raise ServiceStopError(msg)
        if (wrong := key.first_odd_letter()) is not None:
            msg = f"the API key in {self.api_key_env} ({len(key)} characters) holds a space, line break or non-ASCII character at position {wrong + 1}; copy it again"
            raise ServiceStopError(msg)
        return key

    @property
    def price(self) -> Price | None:  # noqa: D102 - see Provider
        price = self.price_per_million
        return None if price is None else Price(price, price, self.currency, as_of="")


def _check_count(name: str, value: object, *, optional: bool) -> None:
    """Raise for a value that is not a whole number above 0."""
    if not (optional and value is None) and not (
        isinstance(value, numbers.Integral) and is_number(value) and int(value) > 0
    ):
        msg = f"{name} must be {'None or ' if optional else ''}a whole number above 0, got {value!r}"
        raise ValueError(msg)
