"""A map as one HTML file that needs no network: Plotly inside, a picture and a caption at every point."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._files import replaced
from mmtoolkit._html import escape, in_script
from mmtoolkit._text import shorten
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.figures import alt_of
from mmtoolkit.thumbnails import item_name, thumbnail_uri
from mmtoolkit.words import PAGE_TAGS, language, say

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

__all__ = ["map_page", "pictures_of", "save_map"]

_SIZES = (96, 80, 64, 48)
_PICTURE_BYTES = 3_400_000
_TRIAL = 40
_NO_BUTTONS = ["sendChartToCloud", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"]


def save_map(
    path: str | os.PathLike[str], fig: go.Figure, items: pd.DataFrame | None, *, picture_bytes: int = _PICTURE_BYTES
) -> None:
    """Write a map with hover pictures to one file.

    Parameters
    ----------
    path : path
        Such as ``"map.html"``; replaced in one step.
    fig : plotly.graph_objects.Figure
        From `scatter_map`: its ``customdata`` are rows of `items`.
    items : DataFrame or None
        Items frame, row by row; None shows row numbers.
    picture_bytes : int, default=3_400_000
        What all pictures together may take in the file. They get smaller, down to 48 pixels, to fit; then an even
        choice of the items has one, and the page says so.

    Raises
    ------
    ValueError
        If `path` is a folder, or its folder does not exist.
    MMToolkitError
        If the file cannot be written; nothing is left behind.
    """
    target = Path(path)
    if os.path.isdir(target) or not target.parent.is_dir():
        why = "is a folder" if os.path.isdir(target) else f"lies in {os.fspath(target.parent)!r}, which is no folder"
        msg = f"a map is saved as one file such as 'map.html'; {os.fspath(path)!r} {why}"
        raise ValueError(msg)
    if items is None:
        pictures: list[str | None] = []
        captions: list[str] = []
    else:
        rows = [{str(k): v for k, v in row.items()} for row in items.to_dict("records")]
        pictures = pictures_of(rows, picture_bytes=picture_bytes)
        captions = [item_name(row) for row in rows]
    page = map_page(fig, pictures, captions)
    try:
        with replaced(target) as part:
            part.write_text(page, encoding="utf-8")
    except OSError as error:
        msg = f"the map cannot be written to {os.fspath(path)!r} ({error.strerror})"
        raise MMToolkitError(msg) from error


def pictures_of(rows: Sequence[Mapping[str, Any]], *, picture_bytes: int = _PICTURE_BYTES) -> list[str | None]:
    """Make a small picture of every item that has one, as large as the bytes allow.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of an items frame.
    picture_bytes : int, default=3_400_000
        For all of them together.

    Returns
    -------
    list of str or None
        Data URIs; None where there is no readable picture, or no room for it.
    """
    cells = [_cell(row) for row in rows]
    have = [i for i, cell in enumerate(cells) if cell is not None]
    trial = have[:: max(1, len(have) // _TRIAL)]
    for size in _SIZES:
        known = [len(uri) for i in trial if (uri := thumbnail_uri(cells[i], size=size))]
        expected = float(np.mean(known)) * len(have) if known else 0.0
        if expected <= 0.95 * picture_bytes:
            break
    out: list[str | None] = [None] * len(cells)
    left = picture_bytes
    share = min(1.0, 0.95 * picture_bytes / expected) if expected else 1.0
    for n, i in enumerate(have):
        if int((n + 1) * share) == int(n * share):
            continue
        uri = thumbnail_uri(cells[i], size=size)
        if uri is not None and len(uri) <= left:
            out[i], left = uri, left - len(uri)
    return out


def _cell(row: Mapping[str, Any]) -> Any:
    found = (row.get(role) for role in ("image", "video"))
    return next((c for c in found if c is not None and not (isinstance(c, float) and np.isnan(c))), None)


def map_page(fig: go.Figure, pictures: Sequence[str | None], captions: Sequence[str]) -> str:
    """Return the whole page.

    Parameters
    ----------
    fig : plotly.graph_objects.Figure
        Its ``customdata`` are positions in `pictures` and `captions`; it is not changed.
    pictures : sequence of str or None
        Data URIs; may be empty.
    captions : sequence of str
        Plain text; may be empty, then row numbers are shown.

    Returns
    -------
    str
        HTML; its own policy forbids every connection, and all text is data, never markup.
    """
    import plotly.graph_objects as go
    from plotly.offline import get_plotlyjs

    fig = go.Figure(fig)
    fig.update_traces(hovertext=None, hovertemplate=None, hoverinfo="none", selector=lambda t: t.mode == "markers")
    fig.update_layout(height=None, autosize=True, modebar={"remove": _NO_BUTTONS})
    title = str((fig.layout.meta or {}).get("title") or say("Map"))
    note = _picture_note(pictures)
    data = {
        "figure": json.loads(fig.to_json()),
        "pictures": list(pictures),
        "captions": [shorten(c, 200) for c in captions],
        "row": say("row {number}", number="%n"),
    }
    parts = {
        "LANG": PAGE_TAGS[language()],
        "TITLE": escape(title),
        "ALT": escape(f"{alt_of(fig)} {note}", 1200),
        "NOTE": escape(note),
        "PLOTLY": get_plotlyjs(),
        "DATA": in_script(data),
    }
    page = resources.files("mmtoolkit").joinpath("_mapfile.html").read_text(encoding="utf-8")
    return re.sub(r"@@([A-Z]+)@@", lambda found: parts[found[1]], page)


def _picture_note(pictures: Sequence[str | None]) -> str:
    shown = sum(p is not None for p in pictures)
    told = say("{shown:,} of {n:,} items have a picture here.", shown=shown, n=len(pictures))
    return told if 0 < shown < len(pictures) else ""
