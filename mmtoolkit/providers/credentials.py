"""Find the API key, and never show it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["find_api_key"]


def find_api_key() -> str | None:
    """Return the DashScope API key, read now: environment, key file, or the SDK's file in the home directory.

    Returns
    -------
    str or None
        Stripped of white space and quotes; None where there is none.
    """
    raw = os.environ.get("DASHSCOPE_API_KEY", "")
    if not raw.strip():
        named = os.environ.get("DASHSCOPE_API_KEY_FILE_PATH", "")
        path = Path(named) if named else Path.home() / ".dashscope" / "api_key"
        raw = path.read_text("utf-8") if path.is_file() else ""
    return raw.strip().strip("\"'") or None
