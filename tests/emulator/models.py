"""What the emulated service knows about its models: written down apart from the package, so that each checks the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

MIB = 1024 * 1024
VIDEOS = ("mp4", "mpeg", "mpg", "webm", "avi", "flv", "mkv", "mov")

Check = Callable[[Any], bool]


def _number(low: float, high: float) -> Check:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _integer(low: int, high: int) -> Check:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _one_of(*values: Any) -> Check:
    return lambda value: any(value is one or (isinstance(one, str) and value == one) for one in values)


def _text(value: Any) -> bool:
    return isinstance(value, str)


_FPS = {"fps": _number(0, 1)}
_SNAPSHOT = {**_FPS, "res_level": _integer(0, 3), "max_video_frames": _integer(1, 64), "instruct": _text}
_MANY = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "ICO", "DIB", "ICNS", "SGI")
_TYPE = {"text_type": _one_of("query", "document"), "output_type": _one_of("dense", "sparse", "dense&sparse")}


@dataclass(frozen=True)
class Model:
    dimension: int
    dimensions: tuple[int, ...] = ()
    texts: bool = False  # the text endpoint
    contents: int = 1
    tokens: int = 1024
    image_bytes: int = 3 * MIB
    formats: tuple[str, ...] = ("JPEG", "PNG", "BMP")
    fusion: str = ""  # "object", "flag" or "always"
    usage: str = "tongyi"
    pictures: int | None = None  # per call; None is not limited
    videos: int | None = None  # per call
    once: bool = False  # each kind of content at most once per call
    multi: int = 0  # pictures in one multi_images; 0 is none of that
    video_formats: tuple[str, ...] = VIDEOS
    sides: bool = True  # at least 10 pixels, at most 200:1
    parameters: Mapping[str, Check] = field(default_factory=dict)  # besides dimension and output_type
    index: str = "text_index"  # what the text endpoint calls the place of a vector
    template: int = 0  # tokens of the system's own per content


MODELS = {
    "multimodal-embedding-v1": Model(1024, tokens=512, usage="v1", contents=20, pictures=1, videos=1),
    "tongyi-embedding-vision-plus": Model(1152, (1024, 512, 256, 128, 64), contents=20, multi=8),
    "tongyi-embedding-vision-flash": Model(768, (512, 256, 128, 64), contents=20, multi=8),
    "tongyi-embedding-vision-plus-2026-03-06": Model(
        1152, (1024, 512, 256, 128, 64), contents=20, image_bytes=10 * MIB, fusion="object",
        formats=_MANY, pictures=64, videos=8, multi=64,
        parameters=_SNAPSHOT, template=28,
    ),
    "tongyi-embedding-vision-flash-2026-03-06": Model(
        768, (512, 256, 128, 64), contents=20, image_bytes=10 * MIB, fusion="object",
        formats=_MANY, pictures=64, videos=8, multi=64,
        parameters=_SNAPSHOT, template=28,
    ),
    "qwen3-vl-embedding": Model(
        2560, (2048, 1536, 1024, 768, 512, 256), contents=20, tokens=32_000, image_bytes=10 * MIB, fusion="flag", usage="qwen", formats=_MANY,
        template=28,
        pictures=5, videos=1, video_formats=("mp4", "avi", "mov"),
        parameters={**_FPS, "instruct": _text, "enable_fusion": _one_of(True, False)},
    ),
    "qwen2.5-vl-embedding": Model(
        1024, (2048, 768, 512), contents=3, tokens=32_000, image_bytes=5 * MIB, fusion="always", usage="v1", formats=_MANY,
        once=True, parameters=_FPS,
    ),
    "multimodal-embedding-one-peace-v1": Model(
        1536, contents=3, fusion="always", usage="one-peace", sides=False, parameters={"auto_truncation": _one_of(True, False)}
    ),
    "text-embedding-v1": Model(1536, texts=True, contents=25, tokens=2048, parameters=_TYPE),
    "text-embedding-v2": Model(1536, texts=True, contents=25, tokens=2048, parameters=_TYPE),
    "text-embedding-v3": Model(1024, (768, 512, 256, 128, 64), texts=True, contents=10, tokens=8192, parameters=_TYPE),
    "text-embedding-v4": Model(1024, (2048, 1536, 768, 512, 256, 128, 64), texts=True, contents=10, tokens=8192, parameters={**_TYPE, "instruct": _text}),
    "qwen3.7-text-embedding": Model(1024, (2560, 2048, 1536, 768, 512, 256), texts=True, contents=20, tokens=128_000, parameters=_TYPE),
    "qwen3.7-text-embedding-flash": Model(1024, (768, 512, 256), texts=True, contents=20, tokens=128_000, parameters=_TYPE, index="index"),
}  # fmt: skip
