"""What a file is, told from its ending."""

from __future__ import annotations

from pathlib import Path

__all__ = ["IMAGE_ENDINGS", "TABLE_ENDINGS", "VIDEO_ENDINGS", "is_video", "kind_of_file"]

IMAGE_ENDINGS = frozenset(
    f".{e}"
    for e in [
        "jpg",
        "jpeg",
        "jfif",
        "png",
        "bmp",
        "dib",
        "gif",
        "webp",
        "tif",
        "tiff",
        "ico",
        "icns",
        "sgi",
        "ppm",
        "pgm",
        "avif",
    ]
)
VIDEO_ENDINGS = frozenset(f".{e}" for e in ["mp4", "mpeg", "mpg", "webm", "avi", "flv", "mkv", "mov", "m4v"])
TABLE_ENDINGS = frozenset({".csv", ".tsv", ".parquet"})


def kind_of_file(path: Path) -> str | None:
    """Return "image", "video" or "text", or None for a file of another kind."""
    ending = path.suffix.lower()
    if ending in IMAGE_ENDINGS:
        return "image"
    if ending in VIDEO_ENDINGS:
        return "video"
    return "text" if ending == ".txt" else None


def is_video(path: str) -> bool:
    """Tell from its ending whether a file is a video."""
    return Path(path).suffix.lower() in VIDEO_ENDINGS
