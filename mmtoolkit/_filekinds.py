"""The kind of a file, by the ending of its name."""

from __future__ import annotations

import os

from mmtoolkit._formats import IMAGE_ENDINGS, VIDEO_ENDINGS

__all__ = ["TABLE_ENDINGS", "is_video", "kind_of_file"]

TABLE_ENDINGS = frozenset({".csv", ".tsv", ".parquet", ".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".jsonl", ".ndjson"})


def kind_of_file(path: str | os.PathLike[str]) -> str | None:
    """Return "image", "video" or "text", or None for a file of another kind."""
    ending = os.path.splitext(path)[1].lower()
    if ending in IMAGE_ENDINGS:
        return "image"
    if ending in VIDEO_ENDINGS:
        return "video"
    return "text" if ending == ".txt" else None


def is_video(path: str) -> bool:
    """Return whether a file is a video, by the ending of its name."""
    return os.path.splitext(path)[1].lower() in VIDEO_ENDINGS
