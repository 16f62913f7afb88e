"""The heatmap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmtoolkit.figures.layout import faded_color, named_ticks, short_number
from mmtoolkit.figures.style import PALETTE, TEXT, finish, plot_text
from mmtoolkit.words import say

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["heatmap"]

_MAX_CELL_TEXT = 20
_MAX_ACROSS = 20  # names that stand upright side by side on a page 400 pixels wide
_BAR = {"orientation": "h", "x": 1, "xanchor": "right", "yanchor": "top", "ypad": 2, "len": 0.6}
_BAR |= {"thickness": 8, "outlinewidth": 0, "nticks": 6}
_BAR_TITLE = {"xref": "paper", "yref": "paper", "x": 1, "y": 1, "xanchor": "right", "yanchor": "top"}
_BAR_TITLE |= {"showarrow": False, "borderpad": 0, "font": {"size": 11}}
_BAR_ROOM, _BAR_BELOW = 48, 14  # pixels over the cells, where a figure's title is not lifted by it; of its own title
_BARE = {"showgrid": False, "ticklabeloverflow": "allow"}


def heatmap(
    values: ArrayLike,
    x: Sequence[object],
    y: Sequence[object],
    *,
    title: str = "",
    x_title: str = "",
    y_title: str = "",
    caption: str = "",
    color: ArrayLike | None = None,
    color_title: str = "",
) -> go.Figure:
    """Draw a matrix; the first row is on top.

    Parameters
    ----------
    values : array-like of shape (n_rows, n_columns)
        Written into the cells when neither side is longer than 20; NaN cells stay empty.
    x, y : sequence
        Names of columns and rows.
    title, x_title, y_title, caption : str, default=""
        Plain text.
    color : array-like of shape (n_rows, n_columns) or None, default=None
        What colours the cells instead of `values`, such as shares of a row.
    color_title : str, default=""
        Heads the colour bar, which is there when the cells hold no numbers.

    Returns
    -------
    plotly.graph_objects.Figure
        A new figure; ``x`` and ``y`` of its first trace are positions, from 0.

    Raises
    ------
    ValueError
        If the names do not fit the matrix.
    """
    import plotly.graph_objects as go

    from mmtoolkit.figures.drawn import Figure

    Z = np.asarray(values, dtype=np.float64)
    C = Z if color is None else np.asarray(color, dtype=np.float64)
    if Z.shape != (len(y), len(x)) or C.shape != Z.shape:
        msg = f"values has shape {Z.shape} and color {C.shape}, expected ({len(y)}, {len(x)}) from the names"
        raise ValueError(msg)
    small = max(Z.shape, default=0) <= _MAX_CELL_TEXT
    shares = bool((np.abs(Z[np.isfinite(Z)]) <= 1).all() and (Z[np.isfinite(Z)] % 1).any())  # in the cells: two digits
    words = np.array(
        [["" if np.isnan(v) or v == 0 else short_number(v) for v in row] for row in Z], dtype=object
    ).reshape(Z.shape)
    inside = np.array(
        [
            [w and f"{v:.2f}" if shares else w for v, w in zip(*rows, strict=True)]
            for rows in zip(Z, words, strict=True)
        ],
        dtype=object,
    ).reshape(Z.shape)
    height = int(np.clip(26 * len(y) + 110, 260, 820))
    across, down = [plot_text(a) for a in x], [plot_text(b) for b in y]
    cells = [[f"{b} → {a}: {w}" for a, w in zip(across, row, strict=True)] for b, row in zip(down, words, strict=True)]
    fig = Figure(
        go.Heatmap(
            z=C,
            x=np.arange(len(x)),
            y=np.arange(len(y)),
            hovertext=cells,
            hovertemplate="%{hovertext}<extra></extra>",
            colorscale=[[0.0, faded_color(PALETTE[0], 0.04)], [1.0, faded_color(PALETTE[0], 0.95)]],
            xgap=1,
            ygap=1,
            showscale=not small,
            colorbar=_BAR | {"y": 1 - _BAR_BELOW / height},
        )
    )
    if small and Z.size:
        fig.add_trace(_cell_text(inside, C))
    if color_title and not small:  # not the bar's own title: Plotly lifts the figure's with it
        fig.add_annotation(text=plot_text(color_title, 40), **_BAR_TITLE)
    return finish(
        fig,
        title=title,
        caption=caption,
        alt=say(
            "{title}: {n_rows} rows ({y}) by {n_columns} columns ({x}).",
            title=title or say("Heatmap"),
            n_rows=len(y),
            y=y_title,
            n_columns=len(x),
            x=x_title,
        ),
        height=height + (0 if small else _BAR_ROOM),
        xaxis={
            "title": {"text": plot_text(x_title)},
            "range": [-0.5, len(x) - 0.5],
            **_BARE,
            **named_ticks(x, 18, _MAX_ACROSS),
        },
        yaxis={
            "title": {"text": plot_text(y_title)},
            "range": [len(y) - 0.5, -0.5],
            "domain": [0, 1 if small else 1 - _BAR_ROOM / height],
            **_BARE,
            **named_ticks(y, 28 if small else 18),
        },
    )


def _cell_text(words: NDArray[np.object_], C: NDArray[np.float64]) -> go.Scatter:
    """Numbers as their own trace: a heatmap's own text is dark on weak cells, which a dark page hides."""
    import plotly.graph_objects as go

    known = C[np.isfinite(C)]
    middle = (known.min() + known.max()) / 2 if len(known) else 0.0
    y, x = np.indices(C.shape)
    return go.Scatter(
        x=x.ravel(),
        y=y.ravel(),
        text=words.ravel(),
        mode="text",
        textfont={
            "size": 11 if C.shape[1] <= 12 else 9,
            "color": np.where(np.nan_to_num(C, nan=-np.inf) > middle, "#ffffff", TEXT).ravel(),
        },
        hoverinfo="skip",
        showlegend=False,
    )
