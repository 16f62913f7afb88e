"""The map as a small still picture, for pages where no kernel lives; drawn by Pillow, without a browser."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._html import escape
from mmtoolkit.explorer.state import State
from mmtoolkit.figures.maps import view_limits
from mmtoolkit.words import joined, say

__all__ = ["still", "still_html"]

_WIDTH, _HEIGHT, _SHARP = 720, 480, 2
_MOST = 20_000  # dots drawn; a picture of this size shows no more


def still(state: State) -> bytes:
    """Return the map as it is coloured now, as PNG bytes.

    Parameters
    ----------
    state : State
        What to draw.

    Returns
    -------
    bytes
        720 x 480 pixels with a palette of 128 colours; above 20,000 items a random sample of them.
    """
    from PIL import Image, ImageDraw

    n = len(state)
    rows = np.arange(n) if n <= _MOST else np.sort(np.random.default_rng(0).permutation(n)[:_MOST])
    rows = rows[np.isfinite(state.seen(state.coords)[rows]).all(axis=1)]
    places = _pixels(state.coords)
    colors = _colors(state)
    radius = _SHARP * float(np.clip(5 - np.log10(max(n, 1)), 1.2, 4.0))
    canvas = Image.new("RGB", (_WIDTH * _SHARP, _HEIGHT * _SHARP), "white")
    draw = ImageDraw.Draw(canvas)
    for row in rows.tolist():
        x, y = places[row]
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colors[row])
    buffer = io.BytesIO()
    canvas.resize((_WIDTH, _HEIGHT)).quantize(128).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def still_html(state: State, png: bytes) -> str:
    """Return the picture with its text alternative and a legend."""
    entries = "".join(
        f'<span style="margin-right:12px"><span style="color:{group.color}">●</span> {escape(group.name, 48)}</span>'
        for group in state.look.groups[:24]
    )
    words = say("Map of {n:,} items, coloured by {color}.", n=len(state), color=state.color_title(state.color))
    still_words = joined(words, say("A still picture: run the cell to explore."))
    return (
        f'<figure style="margin:0"><img src="data:image/png;base64,{base64.b64encode(png).decode()}" width="{_WIDTH}" '
        f'style="max-width:100%" alt="{escape(words)}"><figcaption>{entries}<br>{escape(still_words)}</figcaption></figure>'
    )


def _pixels(coords: NDArray[np.float32]) -> NDArray[np.float64]:
    """Equal scales on both axes, as on the live map."""
    (x0, x1), (y0, y1) = (view_limits(coords[:, i]) for i in (0, 1))
    size = np.array([_WIDTH, _HEIGHT]) * _SHARP
    scale = min(size[0] / (x1 - x0), size[1] / (y1 - y0))
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    return np.asarray((coords - middle) * (scale, -scale) + size / 2)


def _colors(state: State) -> list[str]:
    """One colour per item, as on the live map; grey where the number is missing."""
    marker = state.look.marker(len(state))
    steps = (marker["color"] - marker["cmin"]) / ((marker["cmax"] - marker["cmin"]) or 1)
    scale = np.array([color for _, color in marker["colorscale"]] + ["#c8c8c8"])
    known = np.isfinite(steps)
    places = np.where(known, np.rint(np.where(known, steps, 0) * (len(scale) - 2)), -1)
    return [str(color) for color in scale[places.astype(int)]]
