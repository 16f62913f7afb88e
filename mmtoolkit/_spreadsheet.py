"""Write CSV files whose cells a spreadsheet shows as text and never runs as formulas."""

from __future__ import annotations

import os
import re
from typing import Any

import pandas as pd

from mmtoolkit._arguments import as_path
from mmtoolkit._files import replaced

__all__ = ["restored", "safe", "safe_frame", "write_csv"]

# what a spreadsheet may take for a formula or for the next cell, also behind spaces and behind our own apostrophe
_RUNS = re.compile(r"['\s\x00-\x1f]*[=+\-@＝＋－＠]|'*[\t\r\n]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def safe(cell: Any) -> Any:
    """Return a cell as it is written: a text that a spreadsheet could run gets an apostrophe before it; numbers stay.

    Examples
    --------
    >>> from mmtoolkit._spreadsheet import restored, safe
    >>> safe("=1+1"), safe("-1"), safe(-1), safe("a-b")
    ("'=1+1", '-1', -1, 'a-b')
    >>> restored("'=1+1"), restored("'tis")
    ('=1+1', "'tis")
    """
    runs = isinstance(cell, str) and _RUNS.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if runs else cell


def restored(cell: str) -> str:
    """Return the text that `safe` changed."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell) else cell


def safe_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with all its cells, names and index safe."""
    texts = {name: column.map(safe) for name, column in frame.items() if column.dtype.kind not in "biufcmM"}
    return frame.assign(**texts).rename(index=safe, columns=safe)  # type: ignore[arg-type]  # names are texts


def write_csv(frame: pd.DataFrame, path: str | os.PathLike[str]) -> None:
    """Write a frame as CSV that spreadsheets show as it is: a byte order mark tells them the encoding, no cell runs."""
    with replaced(as_path(path, "path")) as part:
        safe_frame(frame).to_csv(part, encoding="utf-8-sig")
