"""What the emulated service knows about its models: written down apart from the package, so that each checks the other."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


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


MODELS = {
    "multimodal-embedding-v1": Model(1024, tokens=512, usage="v1"),
    "tongyi-embedding-vision-plus": Model(1152, (1024, 512, 256, 128, 64), contents=20),
    "tongyi-embedding-vision-flash": Model(768, (512, 256, 128, 64), contents=20),
    "tongyi-embedding-vision-plus-2026-03-06": Model(
        1152, (1024, 512, 256, 128, 64), contents=20, image_bytes=10 * MIB, fusion="object",
        formats=("JPEG", "PNG", "BMP", "WEBP", "TIFF", "ICO", "DIB", "ICNS", "SGI"),
    ),
    "tongyi-embedding-vision-flash-2026-03-06": Model(
        768, (512, 256, 128, 64), contents=20, image_bytes=10 * MIB, fusion="object",
        formats=("JPEG", "PNG", "BMP", "WEBP", "TIFF", "ICO", "DIB", "ICNS", "SGI"),
    ),
    "qwen3-vl-embedding": Model(
        2560, (2048, 1536, 1024, 768, 512, 256), contents=20, tokens=32_000, image_bytes=10 * MIB, fusion="flag", usage="qwen"
    ),
    "qwen2.5-vl-embedding": Model(
        1024, (2048, 768, 512), contents=3, tokens=32_000, image_bytes=5 * MIB, fusion="always", usage="v1"
    ),
    "multimodal-embedding-one-peace-v1": Model(1536, contents=3, fusion="always", usage="one-peace"),
    "text-embedding-v1": Model(1536, texts=True, contents=25, tokens=2048),
    "text-embedding-v2": Model(1536, texts=True, contents=25, tokens=2048),
    "text-embedding-v3": Model(1024, (768, 512, 256, 128, 64), texts=True, contents=10, tokens=8192),
    "text-embedding-v4": Model(1024, (2048, 1536, 768, 512, 256, 128, 64), texts=True, contents=10, tokens=8192),
    "qwen3.7-text-embedding": Model(1024, (2560, 2048, 1536, 768, 512, 256), texts=True, contents=20, tokens=128_000),
}  # fmt: skip
