"""Small pictures of items, and the HTML that shows them: everything inline, everything escaped."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmtoolkit._filekinds import is_video
from mmtoolkit._html import Html, escape, tag, void
from mmtoolkit.content import Image, Video, is_url
from mmtoolkit.errors import MissingExtraError, UnreadableItemError, UnsupportedItemError

if TYPE_CHECKING:
    from PIL import Image as PILImage

__all__ = [
    "item_html",
    "item_name",
    "item_names",
    "picture_cell",
    "picture_of",
    "pictures_of",
    "strip_html",
    "thumbnail_uri",
]

_QUALITY = 72
_OPAQUE = 255
_RIM, _RIM_SHARE = "#8a8a8a", 64  # 3 : 1 against white and against black; a pixel wide for every 64
_KEPT = 4096  # thumbnails remembered per process, about 3 kB each
_FIGURE = "margin:0;width:{width}px;font-size:11px;line-height:1.3;display:inline-flex;flex-direction:column;gap:3px"
_CARD = (
    "box-sizing:border-box;width:{size}px;height:{size}px;display:flex;align-items:center;justify-content:center;"
    "overflow:hidden;padding:6px;border:1px solid rgba(128,128,128,.35);border-radius:6px;text-align:center"
)
_PICTURE = "width:{size}px;height:{size}px;object-fit:contain;border-radius:6px"
_STRIP = Html("display:flex;flex-wrap:wrap;gap:10px;align-items:flex-start")
_TEXT_CHARS = 90
_SIZES = (128, 96, 80, 64, 48)
_TRIAL = 40


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
        A ``data:image/webp`` URI; None when there is no readable picture. Transparent parts stay so, and what is drawn has a
        grey rim there, to be seen on light and on dark pages.
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
        picture: PILImage.Image = (
            content.sample(1)[0] if isinstance(content, Video) else content.parts[0].open(alpha=True)
        )
    except (UnreadableItemError, UnsupportedItemError, MissingExtraError):
        return None
    scale = min(1.0, size / max(picture.size))
    picture = picture.resize([max(1, round(scale * side)) for side in picture.size], reducing_gap=2.0)
    if picture.mode == "RGBA":
        picture = _rimmed(picture)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _rimmed(picture: PILImage.Image) -> PILImage.Image:
    """Return a picture with a grey rim around what is drawn; without its alpha channel where all of it is."""
    from PIL import Image as PILImage
    from PIL import ImageFilter

    alpha = picture.getchannel("A")
    if alpha.getextrema()[0] == _OPAQUE:
        return picture.convert("RGB")
    rim = PILImage.new("RGBA", picture.size, _RIM)
    rim.putalpha(alpha.filter(ImageFilter.MaxFilter(1 + 2 * max(1, max(picture.size) // _RIM_SHARE))))
    rim.alpha_composite(picture)
    return rim


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


def item_names(frame: pd.DataFrame) -> list[str]:
    """Return the names of the items of a frame, in its order."""
    return list(map(item_name, rows_of(frame)))


def rows_of(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows of a frame, by the names of their columns."""
    return (dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False, name=None))


def picture_of(row: Mapping[str, Any], *, size: int) -> tuple[Html | None, bool]:
    """Return the small picture of an item (None where it has none), and whether items of its modality have pictures."""
    roles = {"image": ("image",), "video": ("video",), "fused": ("image", "video")}.get(str(row.get("modality")), ())
    uri = next((found for role in roles if (found := thumbnail_uri(row.get(role), size=size))), None)
    return None if uri is None else Html(uri), bool(roles)


def pictures_of(rows: Sequence[Mapping[str, Any]], *, picture_bytes: int) -> list[str | None]:
    """Make a small picture of every item that has one, as large as the bytes allow.

    Parameters
    ----------
    rows : sequence of mapping
        Rows of an items frame.
    picture_bytes : int
        What all pictures together may take in the file. They get smaller, down to 48 pixels, to fit; then an even
        choice of the items has one, and the page says so.

    Returns
    -------
    list of str or None
        Data URIs; None where there is no readable picture, or no room for it.
    """
    cells = [picture_cell(row) for row in rows]
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


def picture_cell(row: Mapping[str, Any]) -> Any:
    """Return the cell that the small picture of an item is made from; None where it has none."""
    found = (row.get(role) for role in ("image", "video"))
    return next((c for c in found if c is not None and not (isinstance(c, float) and np.isnan(c))), None)


def item_html(row: Mapping[str, Any], *, size: int = 96, note: str = "", named: bool = True) -> Html:
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
    Html
        A ``<figure>`` element; everything from the row is escaped.
    """
    name, (uri, pictured) = item_name(row), picture_of(row, size=2 * size)
    if uri is not None:
        shown = void("img", src=uri, alt=escape(name, 120), style=Html(_PICTURE.format(size=size)))
    else:
        kind = tag("small", row.get("modality"), Html(": ")) if pictured else Html()
        words = tag("span", kind, name, limit=_TEXT_CHARS)
        shown = tag("div", words, class_="mm-card", style=Html(_CARD.format(size=size)))
    caption = [tag("span", name, limit=60)] if named and uri is not None else []
    caption += [tag("span", tag("b", note, limit=80))] if note else []
    lines = tag("figcaption", *caption, style=Html("display:flex;flex-direction:column;overflow-wrap:anywhere"))
    title = escape(f"{row.get('id', '')}: {name}", 300)
    return tag("figure", shown, lines, class_="mm-item", title=title, style=Html(_FIGURE.format(width=size)))


def strip_html(frame: pd.DataFrame, *, size: int = 96, notes: Sequence[str] | None = None, named: bool = True) -> Html:
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
    Html
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
    rows = zip(rows_of(frame), lines, strict=True)
    cells = (item_html(row, size=size, note=note, named=named) for row, note in rows)
    return tag("div", *cells, class_="mm-strip", style=_STRIP)
