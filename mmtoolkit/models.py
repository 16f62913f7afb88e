"""One table of facts about every model. Limits are read from here, never from an ``if model ==``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from mmtoolkit._modelspec import Interval, ModelSpec, Price

__all__ = ["Interval", "ModelSpec", "Price", "get_model", "list_models", "register_model"]

MIB = 1024 * 1024
_READ = "2026-08-01"  # the day on which limits and prices were read
_FORMATS = frozenset({"JPEG", "PNG", "BMP"})
_MORE_FORMATS = _FORMATS | {"WEBP", "TIFF", "ICO", "DIB", "ICNS", "SGI"}
_TABLE: dict[str, ModelSpec] = {}


def register_model(spec: ModelSpec) -> ModelSpec:
    """Add a row to the models table, or replace one.

    Parameters
    ----------
    spec : ModelSpec
        The facts.

    Returns
    -------
    ModelSpec
        The same row.

    Examples
    --------
    >>> import dataclasses
    >>> import mmtoolkit as mm
    >>> row = dataclasses.replace(mm.get_model("multimodal-embedding-v1"), name="my-model", rpm=60)
    >>> mm.register_model(row).rpm
    60
    """
    if spec.provider not in ("local", "dashscope"):
        msg = f"provider must be 'local' or 'dashscope', got {spec.provider!r}"
        raise ValueError(msg)
    _TABLE[spec.name] = spec
    return spec


def list_models() -> tuple[str, ...]:
    """Return the names of all known models."""
    return tuple(_TABLE)


def get_model(name: str) -> ModelSpec:
    """Return the facts about one model.

    Parameters
    ----------
    name : str
        Name as the provider spells it.

    Returns
    -------
    ModelSpec
        Its row.

    Raises
    ------
    ValueError
        If the name is unknown; the message suggests the nearest.
    """
    if name not in _TABLE:
        near = difflib.get_close_matches(str(name), _TABLE, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        msg = f"unknown model {name!r}{hint} Known: {', '.join(_TABLE)}. Add a row with mm.register_model"
        raise ValueError(msg)
    return _TABLE[name]


def _prices(**by_region: tuple[float, float, str]) -> Mapping[str, Price]:
    return MappingProxyType({region: Price(*price, as_of=_READ) for region, price in by_region.items()})


def _params(**lines: str) -> Mapping[str, str]:
    return MappingProxyType(lines)


def _values(names: Iterable[str]) -> Mapping[str, Any]:
    return MappingProxyType({name: _VALUES[name] for name in names if name in _VALUES})


_FPS = "share of the video's frames that is used, 0..1; the service's default is 1.0"
_INSTRUCT = "task hint, one English sentence"
_SNAPSHOT = _params(
    fps=_FPS,
    res_level="0, 1, 2 or 3: 127, 402, 578 or 1026 tokens per picture; the service's default is 1",
    max_video_frames="frames used of a video, at most 64; the service's default is 8",
)
_TEXT_TYPE = "'query' or 'document'; the service's default is 'document'"
_VALUES: dict[str, Any] = {
    "fps": Interval(0, 1),
    "res_level": range(4),
    "max_video_frames": range(1, 65),
    "text_type": ("query", "document"),
    "auto_truncation": (True, False),
}

_V1 = ModelSpec(
    name="multimodal-embedding-v1",
    provider="dashscope",
    dimension=1024,
    text_tokens=512,
    image_bytes=3 * MIB,
    image_formats=_FORMATS,
    image_min_side=10,
    image_max_ratio=200.0,
    video_bytes=10 * MIB,
    rpm=120,
    tpm=200_000,
    prices=_prices(beijing=(0.7, 0.9, "CNY")),
    regions=("beijing",),
    rows_as_of=_READ,
)
# No limit on contents per call is published for the undated tongyi models; eight is their published number of pictures.
_PLUS = replace(
    _V1,
    name="tongyi-embedding-vision-plus",
    dimension=1152,
    dimensions=(1152, 1024, 512, 256, 128, 64),
    text_tokens=1024,
    max_images=8,
    contents_per_call=8,
    packs=("text", "image"),
    rpm=600,
    prices=_prices(beijing=(0.5, 0.5, "CNY"), singapore=(0.09, 0.09, "USD")),
    regions=("beijing", "singapore"),
)
_FLASH = replace(
    _PLUS,
    name="tongyi-embedding-vision-flash",
    dimension=768,
    dimensions=(768, 512, 256, 128, 64),
    prices=_prices(beijing=(0.15, 0.15, "CNY"), singapore=(0.09, 0.03, "USD")),
)
_PLUS_2026 = replace(
    _PLUS,
    name="tongyi-embedding-vision-plus-2026-03-06",
    image_bytes=10 * MIB,
    image_formats=_MORE_FORMATS,
    modalities=frozenset({"text", "image", "video", "fused"}),
    max_images=64,
    video_bytes=50 * MIB,
    contents_per_call=20,
    packs=("text", "image", "fused"),
    fusion="object",
    params=_SNAPSHOT,
    prices=_prices(beijing=(0.5, 0.5, "CNY")),
    regions=("beijing",),
)
_FLASH_2026 = replace(
    _PLUS_2026,
    name="tongyi-embedding-vision-flash-2026-03-06",
    dimension=768,
    dimensions=(768, 512, 256, 128, 64),
    prices=_prices(beijing=(0.15, 0.15, "CNY")),
)
_QWEN3_VL = replace(
    _V1,
    name="qwen3-vl-embedding",
    dimension=2560,
    dimensions=(2560, 2048, 1536, 1024, 768, 512, 256),
    modalities=frozenset({"text", "image", "video", "fused"}),
    text_tokens=32_000,
    image_bytes=10 * MIB,
    max_images=5,
    video_formats=frozenset({"mp4", "avi", "mov"}),
    video_bytes=50 * MIB,
    contents_per_call=20,
    packs=("text",),
    fusion="flag",
    params=_params(fps=_FPS, instruct=_INSTRUCT),
    rpm=1200,
    tpm=600_000,
    prices=_prices(beijing=(0.7, 1.8, "CNY"), singapore=(0.10, 0.258, "USD")),
    regions=("beijing", "singapore"),  # the table of regions lacks Singapore, that of prices has it
)
_QWEN25_VL = replace(
    _QWEN3_VL,
    name="qwen2.5-vl-embedding",
    dimension=1024,
    dimensions=(2048, 1024, 768, 512),
    image_bytes=5 * MIB,
    video_formats=_V1.video_formats,  # none are published: the service decides
    max_images=1,
    contents_per_call=1,
    packs=(),
    fusion="always",
    params=_params(fps=_FPS),
    prices=_prices(beijing=(0.7, 1.8, "CNY")),
    regions=("beijing",),
)
# A legacy model: neither rates nor limits of pictures nor prices are published.
_ONE_PEACE = replace(
    _V1,
    name="multimodal-embedding-one-peace-v1",
    dimension=1536,
    modalities=frozenset({"text", "image", "fused"}),
    text_tokens=90,  # "about 70 words"
    image_bytes=None,
    image_min_side=1,
    image_max_ratio=None,
    video_formats=frozenset(),
    video_sources=frozenset(),
    video_bytes=None,
    fusion="always",
    params=_params(auto_truncation="cut a long text instead of failing: True or False"),
    rpm=None,
    tpm=None,
    prices=MappingProxyType({}),
)
_TEXT_V1 = ModelSpec(
    name="text-embedding-v1",
    provider="dashscope",
    family="text",
    dimension=1536,
    modalities=frozenset({"text"}),
    text_tokens=2048,
    contents_per_call=25,
    packs=("text",),
    params=_params(text_type=_TEXT_TYPE),
    rpm=1800,
    tpm=1_200_000,
    prices=_prices(beijing=(0.7, 0.7, "CNY")),
    regions=("beijing",),
    rows_as_of=_READ,
)
_TEXT_V3 = replace(
    _TEXT_V1,
    name="text-embedding-v3",
    dimension=1024,
    dimensions=(1024, 768, 512, 256, 128, 64),
    text_tokens=8192,
    contents_per_call=10,
    prices=_prices(beijing=(0.5, 0.5, "CNY")),
)
_TEXT_V4 = replace(
    _TEXT_V3,
    name="text-embedding-v4",
    dimensions=(2048, 1536, 1024, 768, 512, 256, 128, 64),
    params=_params(text_type=_TEXT_TYPE, instruct=f"{_INSTRUCT}; needs text_type='query'"),
    prices=_prices(beijing=(0.5, 0.5, "CNY"), singapore=(0.07, 0.07, "USD")),
    regions=("beijing", "singapore"),
)

_LOCAL = ModelSpec(
    name="local",
    provider="local",
    dimension=512,
    modalities=frozenset({"text", "image", "video", "fused"}),
    video_sources=frozenset({"file"}),
    contents_per_call=64,
    packs=("text", "image", "video"),
    max_images=64,
)

_ROWS: tuple[Any, ...] = (
    _LOCAL, _V1, _PLUS, _FLASH, _PLUS_2026, _FLASH_2026, _QWEN3_VL, _QWEN25_VL, _ONE_PEACE,
    _TEXT_V1, replace(_TEXT_V1, name="text-embedding-v2"), _TEXT_V3, _TEXT_V4,
    replace(
        _TEXT_V3,
        name="qwen3.7-text-embedding",
        dimensions=(2560, 2048, 1536, 1024, 768, 512, 256),
        text_tokens=128_000,
        contents_per_call=20,
        rpm=None,  # the published rates are those of v1 to v4
        tpm=None,
    ),
)  # fmt: skip
for _row in _ROWS:
    register_model(replace(_row, param_values=_values(_row.params)))
