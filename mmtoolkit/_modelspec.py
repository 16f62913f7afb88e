"""A row of the models table: all facts about one embedding model."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal, cast

from mmtoolkit._arguments import is_number

__all__ = ["Interval", "ModelSpec", "Price"]

Modality = Literal["text", "image", "video", "fused"]


@dataclass(frozen=True)
class Price:
    """What a model costs in one region, on one day.

    Parameters
    ----------
    text, media : float
        Price of 1,000,000 tokens of text, and of pictures and videos.
    currency : str
        ISO code.
    as_of : str
        ISO date on which the price was read.
    """

    text: float
    media: float
    currency: str
    as_of: str


@dataclass(frozen=True)
class Interval:
    """All numbers from one to another, both included.

    Parameters
    ----------
    low, high : float
        The ends.
    """

    low: float
    high: float

    def __str__(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class ModelSpec:
    """What one embedding model can take, gives back and costs.

    Parameters
    ----------
    name : str
        Name as the provider spells it.
    provider : str
        Kind of provider that computes the vectors: "local", "dashscope", or one of your own (see `register_model`).
    dimension : int
        Default number of features.
    revision : str, default=""
        Part of the cache key: changes when the same name gives other vectors. Empty for services that do not tell;
        the offline model fills in a hash of its weights at run time.
    dimensions : tuple of int, default=()
        Selectable numbers of features; empty when fixed.
    family : {"multimodal", "text"}, default="multimodal"
        Which endpoint of the service.
    modalities : frozenset of str
        What the model takes, of "text", "image", "video", "fused".
    text_tokens : int or None, default=None
        Longest text in model tokens; None is unlimited.
    image_bytes : int or None, default=None
        Largest picture in bytes, before Base64; None is unlimited.
    image_formats : frozenset of str
        Pillow names of formats taken as they are; others are transcoded. Empty means every format Pillow reads.
    image_min_side : int, default=1
        Smallest width and height in pixels.
    image_max_ratio : float or None, default=None
        Largest ratio of the longer to the shorter side.
    max_images : int, default=1
        Pictures that may share one vector (``Image([...])``).
    video_formats : frozenset of str
        File-name endings without the dot, lower case.
    video_bytes : int or None, default=None
        Largest video in bytes.
    video_sources : frozenset of {"url", "file"}
        How a whole video may be given. Frames (``Video(path, frames=8)``) work for every model that takes images.
    contents_per_call : int, default=1
        How many items may be packed into one request.
    packs : tuple of str, default=()
        Modalities that may be packed; empty means one item per call whatever `contents_per_call` says.
    fusion : {"none", "object", "flag", "always"}, default="none"
        How the service makes one vector of several inputs: not at all; when they sit in one content object; with the
        parameter ``enable_fusion``; or always.
    params : mapping of str to str
        Parameters a user may pass in ``params=``, with one line on each.
    param_values : mapping of str to collection or Interval
        What a parameter may be, where that is published; others take any JSON value.
    rpm, tpm : int or None, default=None
        Requests and tokens per minute that the account may send.
    prices : mapping of str to Price
        By region.
    regions : tuple of str, default=()
        Where the model is offered, the default first.
    rows_as_of : str, default=""
        ISO date on which the limits were read.
    duplicate_thresholds : mapping of str to float
        Cosine similarity above which two items of one modality count as near duplicates.
    remark : str, default=""
        A sentence that reports show to readers of results made with this model.
    pictures_per_call : int or None, default=None
        How many pictures may be packed into one request, whose answer takes longer with each; None is as many as contents.
    tokens_per_call : int or None, default=None
        Tokens that may be packed into one request; None takes what is usual.
    template_tokens : int, default=0
        Tokens that the service adds to every content and counts as text.
    unverified : mapping of str to str
        Facts of this row on which the sources disagree, or that have one source only, with one line on each.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> mm.ModelSpec(name="letters", provider="mine", dimension=26, revision="1").check_dimension(None)
    26
    """

    name: str
    provider: str
    dimension: int
    revision: str = ""
    dimensions: tuple[int, ...] = ()
    family: Literal["multimodal", "text"] = "multimodal"
    modalities: frozenset[str] = frozenset({"text", "image", "video"})
    text_tokens: int | None = None
    image_bytes: int | None = None
    image_formats: frozenset[str] = frozenset()
    image_min_side: int = 1
    image_max_ratio: float | None = None
    max_images: int = 1
    video_formats: frozenset[str] = frozenset({"mp4", "mpeg", "mpg", "webm", "avi", "flv", "mkv", "mov"})
    video_bytes: int | None = None
    video_sources: frozenset[str] = frozenset({"url"})
    contents_per_call: int = 1
    packs: tuple[str, ...] = ()
    fusion: Literal["none", "object", "flag", "always"] = "none"
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    param_values: Mapping[str, Collection[Any] | Interval] = field(default_factory=lambda: MappingProxyType({}))
    rpm: int | None = None
    tpm: int | None = None
    prices: Mapping[str, Price] = field(default_factory=lambda: MappingProxyType({}))
    regions: tuple[str, ...] = ()
    rows_as_of: str = ""
    duplicate_thresholds: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({"text": 0.95, "image": 0.95, "video": 0.95})
    )
    remark: str = ""
    pictures_per_call: int | None = None
    tokens_per_call: int | None = None
    template_tokens: int = 0
    unverified: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __getstate__(self) -> dict[str, Any]:
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in vars(self).items()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        """Make the mappings read-only again: they cannot be pickled so, and a provider that holds its row must be."""
        frozen = {name: MappingProxyType(value) for name, value in state.items() if isinstance(value, dict)}
        self.__dict__.update({**state, **frozen})

    def check_dimension(self, dimension: int | None) -> int:
        """Return the number of features to ask for.

        Parameters
        ----------
        dimension : int or None
            What the user asked for; None is the default.

        Returns
        -------
        int
            A dimension that this model has.

        Raises
        ------
        ValueError
            If the model does not have it; the message lists those it has.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.get_model("qwen3-vl-embedding").check_dimension(1024)
        1024
        >>> mm.get_model("local").check_dimension(3)
        Traceback (most recent call last):
            ...
        ValueError: model 'local' has no dimension 3; it has 512
        """
        if dimension is None or dimension == self.dimension:
            return self.dimension
        if dimension not in self.dimensions:
            have = sorted({self.dimension, *self.dimensions}, reverse=True)
            msg = f"model {self.name!r} has no dimension {dimension!r}; it has {', '.join(map(str, have))}"
            raise ValueError(msg)
        return int(dimension)

    def check_params(self, params: Mapping[str, object] | None) -> dict[str, object]:
        """Return `params` as a plain dict.

        Parameters
        ----------
        params : mapping or None
            What the user asked for.

        Returns
        -------
        dict
            A copy with plain Python values, equal ones always written alike: they are part of the cache key.

        Raises
        ------
        ValueError
            If the model has no such parameter, or it cannot be that; the message lists what there is.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> mm.get_model("local").check_params({"tone": "warm"})
        Traceback (most recent call last):
            ...
        ValueError: model 'local' has no parameter 'tone'; it has: none
        """
        unknown = sorted(set(params or {}) - set(self.params))
        if unknown:
            have = ", ".join(sorted(self.params)) or "none"
            msg = f"model {self.name!r} has no parameter {unknown[0]!r}; it has: {have}"
            raise ValueError(msg)
        return {name: self._check_value(name, value) for name, value in (params or {}).items()}

    def _check_value(self, name: str, value: Any) -> object:
        value = value.item() if getattr(value, "ndim", None) == 0 else value  # of numpy
        allowed = self.param_values.get(name)
        if allowed is None:
            expected = "a JSON value"
            if _is_json(value):  # a copy of the user's, always written alike
                return cast("object", json.loads(json.dumps(value, sort_keys=True)))
        elif isinstance(allowed, Interval):
            expected = str(allowed)
            if is_number(value) and allowed.low <= value <= allowed.high:
                return float(value)
        else:
            expected = f"one of {', '.join(map(repr, allowed))}"
            for one in allowed:
                if one == value and isinstance(one, bool) == isinstance(value, bool):
                    return one
        msg = f"model {self.name!r}: the parameter {name!r} must be {expected}, got {value!r}"
        raise ValueError(msg)

    def _repr_html_(self) -> str:
        """Show the facts that the row has, one a line."""
        import pandas as pd

        from mmtoolkit.results import table_html

        facts = {f.name: getattr(self, f.name) for f in fields(self)}
        shown = {name: _shown(value) for name, value in facts.items() if value not in (None, "", (), 0) and value != {}}
        return table_html(pd.DataFrame({"value": shown}), self.name, max_rows=len(shown))


def _is_json(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return False
    return True


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {inner}" for name, inner in value.items())
    return ", ".join(map(str, sorted(value))) if isinstance(value, frozenset) else str(value)
