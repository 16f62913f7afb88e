"""Small pictures of items, and the HTML that shows them: everything inline, everything escaped."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmtoolkit._text import escape
from mmtoolkit.content import Image, Video, is_url
from mmtoolkit.errors import MissingExtraError, UnreadableItemError, UnsupportedItemError
from mmtoolkit.frames import is_video

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image as PILImage

__all__ = ["item_html", "item_name", "strip_html", "thumbnail_uri"]

_QUALITY = 72
_KEPT = 4096  # thumbnails remembered per process, about 3 kB each
_FIGURE = "margin:0;width:{width}px;font-size:11px;line-height:1.3;display:inline-flex;flex-direction:column;gap:3px"
_CARD = (
    "box-sizing:border-box;width:{size}px;height:{size}px;display:flex;align-items:center;justify-content:center;"
    "overflow:hidden;padding:6px;border:1px solid rgba(128,128,128,.35);border-radius:6px;text-align:center"
)
_PICTURE = "width:{size}px;height:{size}px;object-fit:contain;border-radius:6px;background:#fff"
_TEXT_CHARS = 90


def thumbnail_uri(value: Any, *, size: int = 96) -> str | None:
    """Make a small picture of an image or video cell of an items frame.

    Parameters
    ----------
    value : path, bytes, PIL image, ndarray, data URI, Image, Video, or a list of pictures
        What stands in the column ``image`` or ``video``. Nothing is ever fetched: a URL gives None.
    size : int, default=96
        Pixels; longest side of the result.

    Returns
    -------
    str or None
        A ``data:image/webp`` URI; None when there is no readable picture.
    """
    if isinstance(value, Image | Video):
        return _encode(value, size)
    if value is None or is_url(value) or (isinstance(value, float) and value != value):  # noqa: PLR0124 - NaN
        return None
    if isinstance(value, str | os.PathLike) and not str(value).startswith("data:"):
        try:
            stat = os.stat(value)
        except (OSError, ValueError):
            return None
        return _of_file(os.fspath(value), size, stat.st_mtime_ns, stat.st_size)
    try:
        return _encode(Image(value), size)
    except TypeError:
        return None


@lru_cache(maxsize=_KEPT)
def _of_file(path: str, size: int, _mtime_ns: int, _bytes: int) -> str | None:
    return _encode(Video(path) if is_video(path) else Image(path), size)


def _encode(content: Image | Video, size: int) -> str | None:
    try:
        picture: PILImage.Image = content.sample(1)[0] if isinstance(content, Video) else content.parts[0].open()
    except (UnreadableItemError, UnsupportedItemError, MissingExtraError):
        return None
    picture.thumbnail((size, size))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def item_name(row: Mapping[str, Any]) -> str:
    """Return the best short name of an item: its text, else the file's name, else its id (not escaped).

    Parameters
    ----------
    row : mapping
        A row of the items frame.

    Returns
    -------
    str
        For captions and alternative texts.
    """
    if isinstance(row.get("text"), str):
        return str(row["text"])
    for role in ("image", "video"):
        if isinstance(row.get(role), str) and not row[role].startswith("data:"):
            return Path(row[role]).name
    return str(row.get("id", ""))


def item_html(row: Mapping[str, Any], *, size: int = 96, note: str = "", named: bool = True) -> str:
    """Show one item: picture, frame of the video, or the start of the text, with its name below.

    Parameters
    ----------
    row : mapping
        A row of the items frame.
    size : int, default=96
        Pixels on the page; the picture has twice as many, for sharp screens.
    note : str, default=""
        A line below the name.
    named : bool, default=True
        Write the name below; it is always the picture's alternative text.

    Returns
    -------
    str
        A ``<figure>`` element; everything from the row is escaped.
    """
    modality, name = row.get("modality"), item_name(row)
    roles = {"image": ("image",), "video": ("video",), "fused": ("image", "video")}.get(str(modality), ())
    uri = next((found for role in roles if (found := thumbnail_uri(row.get(role), size=2 * size))), None)
    if uri is not None:
        shown = f'<img src="{uri}" alt="{escape(name, 120)}" style="{_PICTURE.format(size=size)}">'
    else:
        words = escape(name, _TEXT_CHARS)
        kind = f"<small>{escape(modality)}: </small>" if roles else ""
        shown = f'<div class="mm-card" style="{_CARD.format(size=size)}"><span>{kind}{words}</span></div>'
    caption = escape(name, 60) if named and uri is not None else ""
    lines = "".join(f"<span>{line}</span>" for line in (caption, f"<b>{escape(note, 80)}</b>" if note else "") if line)
    style = "display:flex;flex-direction:column;overflow-wrap:anywhere"
    title = escape(f"{row.get('id', '')}: {name}", 300)
    return (
        f'<figure class="mm-item" title="{title}" style="{_FIGURE.format(width=size)}">'
        f'{shown}<figcaption style="{style}">{lines}</figcaption></figure>'
    )


def strip_html(frame: pd.DataFrame, *, size: int = 96, notes: Sequence[str] | None = None, named: bool = True) -> str:
    """Show the items of a frame side by side, in its order.

    Parameters
    ----------
    frame : DataFrame
        Rows of an items frame.
    size : int, default=96
        Pixels per picture.
    notes : sequence of str or None, default=None
        One line per item, shown below its name.
    named : bool, default=True
        Write names below the pictures.

    Returns
    -------
    str
        A ``<div>`` that wraps; the caller bounds the number of rows.

    Raises
    ------
    ValueError
        If there is not one note per row.
    """
    lines = [""] * len(frame) if notes is None else list(notes)
    if len(lines) != len(frame):
        msg = f"notes has {len(lines)} lines for {len(frame)} items"
        raise ValueError(msg)
    rows = (dict(zip(frame.columns, values, strict=True)) for values in frame.itertuples(index=False, name=None))
    cells = [item_html(row, size=size, note=note, named=named) for row, note in zip(rows, lines, strict=True)]
    return f'<div class="mm-strip" style="display:flex;flex-wrap:wrap;gap:10px;align-items:flex-start">{"".join(cells)}</div>'
