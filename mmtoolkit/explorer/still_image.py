"""The map as a small still picture, for pages where no kernel lives; drawn by Pillow, without a browser."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._html import escape
from mmtoolkit.figures.maps import view_limits
from mmtoolkit.figures.style import SEQUENTIAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.explorer.core import Explorer

__all__ = ["still", "still_html"]

_WIDTH, _HEIGHT, _SHARP = 720, 480, 2
_MOST = 20_000  # dots drawn; a picture of this size shows no more


def still(ex: Explorer) -> bytes:
    """Return the map as it is coloured now, as PNG bytes.

    Parameters
    ----------
    ex : Explorer
        What to draw.

    Returns
    -------
    bytes
        720 x 480 pixels with a palette of 128 colours; above 20,000 items a random sample of them.
    """
    from PIL import Image, ImageDraw

    n = len(ex)
    rows = np.arange(n) if n <= _MOST else np.sort(np.random.default_rng(0).permutation(n)[:_MOST])
    rows = rows[np.isfinite(ex.coords[rows]).all(axis=1)]
    places = _pixels(ex.coords)
    colors = _colors(ex)
    radius = _SHARP * float(np.clip(5 - np.log10(max(n, 1)), 1.2, 4.0))
    canvas = Image.new("RGB", (_WIDTH * _SHARP, _HEIGHT * _SHARP), "white")
    draw = ImageDraw.Draw(canvas)
    for row in rows.tolist():
        x, y = places[row]
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colors[row])
    buffer = io.BytesIO()
    canvas.resize((_WIDTH, _HEIGHT)).quantize(128).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def still_html(ex: Explorer, png: bytes) -> str:
    """Return the picture with its text alternative and a legend."""
    entries = "".join(
        f'<span style="margin-right:12px"><span style="color:{group.color}">●</span> {escape(group.name, 48)}</span>'
        for group in ex.look.groups[:24]
    )
    words = f"Map of {len(ex):,} items, coloured by {ex.color_by}."
    return (
        f'<figure style="margin:0"><img src="data:image/png;base64,{base64.b64encode(png).decode()}" width="{_WIDTH}" '
        f'style="max-width:100%" alt="{escape(words)}"><figcaption>{entries}<br>{escape(words)} A still picture: run the '
        "cell to explore.</figcaption></figure>"
    )


def _pixels(coords: NDArray[np.float32]) -> NDArray[np.float64]:
    """Equal scales on both axes, as on the live map."""
    (x0, x1), (y0, y1) = (view_limits(coords[:, i]) for i in (0, 1))
    size = np.array([_WIDTH, _HEIGHT]) * _SHARP
    scale = min(size[0] / (x1 - x0), size[1] / (y1 - y0))
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    return np.asarray((coords - middle) * (scale, -scale) + size / 2)


def _colors(ex: Explorer) -> list[str]:
    look = ex.look
    colors = np.full(len(ex), SEQUENTIAL[0] if look.values is not None else "#0072b2", dtype=object)
    for group in look.groups:
        colors[group.rows] = group.color
    if look.values is not None:
        known = np.isfinite(look.values)
        spread = np.ptp(look.values[known]) if known.any() else 0.0
        steps = np.zeros(len(ex))
        if spread > 0:
            steps[known] = (look.values[known] - look.values[known].min()) / spread
        colors = np.array(SEQUENTIAL, dtype=object)[np.rint(steps * (len(SEQUENTIAL) - 1)).astype(int)]
        colors[~known] = "#c8c8c8"
    return [str(color) for color in colors]
