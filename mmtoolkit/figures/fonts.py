"""Which font of this machine has Chinese letters: pictures of figures need one."""

from __future__ import annotations

import shutil
import subprocess

__all__ = ["chinese_font"]


def chinese_font() -> str | None:
    """Look for a font with Chinese letters.

    Returns
    -------
    str or None
        Its name, "" where there is none; None where nothing says so, as on Windows and macOS, whose own fonts have them.
    """
    if shutil.which("fc-list") is None:
        return None
    told = subprocess.run(["fc-list", ":lang=zh", "family"], capture_output=True, text=True, check=False).stdout
    return told.partition("\n")[0].partition(",")[0]
