"""Parts of several charts: named positions on an axis, short numbers, faded colours, reference lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._text import width_of
from mmtoolkit.figures.style import GREY, plot_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Mark", "draw_reference_lines", "faded_color", "named_ticks", "short_number"]

_MAX_TICKS = 40
_NARROW, _LETTER, _ROW = 300, 6, 14  # pixels: a chart on a page 400 wide; a letter; a row of words
Mark = float | tuple[float, str]


def named_ticks(names: Sequence[object], limit: int = 28, most: int = _MAX_TICKS) -> dict[str, Any]:
    """Return an axis's settings that put names at positions, so that equal or numeric names stay apart and in order."""
    step = max(1, -(-len(names) // most))
    at = list(range(0, len(names), step))
    return {"tickmode": "array", "tickvals": at, "ticktext": [plot_text(names[i], limit, tail=limit // 3) for i in at]}


def short_number(value: float) -> str:
    """Return a number in few digits."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"


def faded_color(color: str, alpha: float) -> str:
    """Return a colour of the palette with less than full strength."""
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},{alpha})"


def draw_reference_lines(fig: go.Figure, marks: Sequence[Mark], *limits: float) -> int:
    """Draw a dotted line across the chart at every mark, with its word over it; return how many pixels the words take.

    `limits` are where the axis ends, if that is beyond the data. Words that would meet on a page 400 pixels wide stand one over
    another, and no word runs out at the right.
    """
    named = sorted(mark if isinstance(mark, tuple) else (mark, "") for mark in marks)
    if not named:
        return 0
    at = np.concatenate([[x for x, _ in named], limits, *(np.asarray(trace.x, dtype=np.float64) for trace in fig.data)])
    low, high = np.nanmin(at), np.nanmax(at)
    ends: list[float] = []  # of each row of words
    for x, word in named:
        fig.add_vline(x=float(x), line={"color": GREY, "width": 1.2, "dash": "dot"})
        if word:
            wide = _LETTER * width_of(word) * (high - low) / _NARROW
            start = x if x + wide <= high else x - wide
            row = next((i for i, end in enumerate(ends) if end <= start), len(ends))
            ends[row : row + 1] = [start + wide]
            look = {"showarrow": False, "yanchor": "bottom", "yshift": _ROW * row, "font": {"size": 11}}
            look["xanchor"] = "left" if start == x else "right"
            fig.add_annotation(x=float(x), y=1, yref="paper", text=plot_text(word, 40), **look)
    return _ROW * len(ends)
