"""The plain figures: heatmap, bars, curve, histogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.figures.style import GREY, PALETTE, TEXT, finish, plot_text

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import ArrayLike, NDArray

__all__ = ["bars", "curve", "heatmap", "histogram"]

_MAX_TICKS = 40
_MAX_CELL_TEXT = 20
_ABOVE = {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"}
Band = tuple["ArrayLike", "ArrayLike | None", "ArrayLike | None"]
Mark = float | tuple[float, str]


def _ticks(names: Sequence[object], limit: int = 28) -> dict[str, Any]:
    """Positions with names, so that equal or numeric names stay apart and in order."""
    step = max(1, -(-len(names) // _MAX_TICKS))
    at = list(range(0, len(names), step))
    return {"tickmode": "array", "tickvals": at, "ticktext": [plot_text(names[i], limit) for i in at]}


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.3g}"


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

    Z = np.asarray(values, dtype=np.float64)
    C = Z if color is None else np.asarray(color, dtype=np.float64)
    if Z.shape != (len(y), len(x)) or C.shape != Z.shape:
        msg = f"values has shape {Z.shape} and color {C.shape}, expected ({len(y)}, {len(x)}) from the names"
        raise ValueError(msg)
    small = max(Z.shape, default=0) <= _MAX_CELL_TEXT
    words = np.array([["" if np.isnan(v) else _number(v) for v in row] for row in Z], dtype=object).reshape(Z.shape)
    cells = np.array(
        [
            [f"{plot_text(b)} → {plot_text(a)}: {w}" for a, w in zip(x, row, strict=True)]
            for b, row in zip(y, words, strict=True)
        ],
        dtype=object,
    ).reshape(Z.shape)
    fig = go.Figure(
        go.Heatmap(
            z=C,
            x=np.arange(len(x)),
            y=np.arange(len(y)),
            hovertext=cells,
            hovertemplate="%{hovertext}<extra></extra>",
            colorscale=[[0.0, "rgba(0,114,178,0.04)"], [1.0, "rgba(0,114,178,0.95)"]],
            xgap=1,
            ygap=1,
            showscale=not small,
            colorbar={
                "title": {"text": plot_text(color_title, 40), "side": "right"},
                "thickness": 10,
                "outlinewidth": 0,
            },
        )
    )
    bare = {"showgrid": False, "ticklabeloverflow": "allow"}
    if small and Z.size:
        fig.add_trace(_cell_text(words, C))
    return finish(
        fig,
        title=title,
        caption=caption,
        alt=f"{title or 'Heatmap'}: {len(y)} rows ({y_title}) by {len(x)} columns ({x_title}).",
        height=int(np.clip(26 * len(y) + 110, 260, 820)),
        xaxis={"title": {"text": plot_text(x_title)}, "range": [-0.5, len(x) - 0.5], **bare, **_ticks(x, 18)},
        yaxis={"title": {"text": plot_text(y_title)}, "range": [len(y) - 0.5, -0.5], **bare, **_ticks(y)},
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
        textfont={"size": 11, "color": np.where(np.nan_to_num(C, nan=-np.inf) > middle, "#ffffff", TEXT).ravel()},
        hoverinfo="skip",
        showlegend=False,
    )


def bars(
    names: Sequence[object],
    values: ArrayLike,
    *,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    title: str = "",
    x_title: str = "",
    caption: str = "",
    baseline: float | None = None,
    baseline_name: str = "baseline",
) -> go.Figure:
    """Draw one horizontal bar per name, the first on top.

    Parameters
    ----------
    names : sequence of length n
        What the bars stand for.
    values : array-like of shape (n,)
        Their lengths; NaN draws none.
    low, high : array-like of shape (n,) or None, default=None
        Ends of intervals, drawn as whiskers.
    title, x_title, caption : str, default=""
        Plain text.
    baseline : float or None, default=None
        A dashed line to compare with.
    baseline_name : str, default="baseline"
        What the line means.

    Returns
    -------
    plotly.graph_objects.Figure
        A new figure.

    Raises
    ------
    ValueError
        If lengths differ.
    """
    import plotly.graph_objects as go

    v = np.asarray(values, dtype=np.float64)
    if v.shape != (len(names),):
        msg = f"values has shape {v.shape} for {len(names)} names"
        raise ValueError(msg)
    error = None
    if low is not None and high is not None:
        error = {
            "type": "data",
            "symmetric": False,
            "array": np.asarray(high, dtype=np.float64) - v,
            "arrayminus": v - np.asarray(low, dtype=np.float64),
            "color": TEXT,
            "thickness": 1.5,
            "width": 3,
        }
    words = [f"{plot_text(n)}: {_number(a)}" for n, a in zip(names, v.tolist(), strict=True)]
    fig = go.Figure(
        go.Bar(
            x=v,
            y=np.arange(len(v)),
            orientation="h",
            error_x=error,
            marker={"color": _faded(PALETTE[0], 0.6), "line": {"width": 0}},
            hovertext=words,
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    if baseline is not None:
        _line(fig, float(baseline), baseline_name)
    top = ", ".join(f"{n}: {_number(a)}" for n, a in list(zip(names, v.tolist(), strict=True))[:12])
    return finish(
        fig,
        title=title,
        caption=caption,
        alt=f"{title or 'Bars'}: {top}{', …' if len(v) > 12 else ''}.",
        height=int(np.clip(24 * len(v) + 80, 180, 900)),
        bargap=0.3,
        xaxis={"title": {"text": plot_text(x_title)}},
        yaxis={"showgrid": False, "autorange": "reversed", **_ticks(names)},
    )


def curve(
    x: ArrayLike,
    series: Mapping[str, Band],
    *,
    title: str = "",
    x_title: str = "",
    y_title: str = "",
    caption: str = "",
    marks: Sequence[Mark] = (),
) -> go.Figure:
    """Draw lines over a common x, each with a band when it has one.

    Parameters
    ----------
    x : array-like of shape (n,)
        Common positions.
    series : mapping of str to (y, low, high)
        Arrays of shape (n,); low and high may be None.
    title, x_title, y_title, caption : str, default=""
        Plain text.
    marks : sequence of float or (float, str), default=()
        Positions on x for a dotted line, with a word.

    Returns
    -------
    plotly.graph_objects.Figure
        Up to twelve colours, then dashes.

    Raises
    ------
    ValueError
        If a series is not as long as `x`.
    """
    import plotly.graph_objects as go

    at = np.asarray(x)
    fig = go.Figure()
    for i, (name, (y, low, high)) in enumerate(series.items()):
        v = np.asarray(y, dtype=np.float64)
        if v.shape != at.shape:
            msg = f"series {name!r} has shape {v.shape}, x has {at.shape}"
            raise ValueError(msg)
        color, dash = PALETTE[i % len(PALETTE)], ("solid", "dash", "dot", "dashdot")[i // len(PALETTE) % 4]
        group = {"legendgroup": str(i), "name": plot_text(name, 40)}
        if low is not None and high is not None:
            fig.add_trace(
                go.Scatter(
                    x=at, y=_floats(high), mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip", **group
                )
            )
            fill = {"fill": "tonexty", "fillcolor": _faded(color, 0.18)}
            fig.add_trace(
                go.Scatter(
                    x=at,
                    y=_floats(low),
                    mode="lines",
                    line={"width": 0},
                    showlegend=False,
                    hoverinfo="skip",
                    **fill,
                    **group,
                )
            )
        line = {"color": color, "width": 2, "dash": dash}
        fig.add_trace(go.Scatter(x=at, y=v, mode="lines+markers", line=line, marker={"size": 5}, **group))
    for mark in marks:
        place, word = mark if isinstance(mark, tuple) else (mark, "")
        _line(fig, float(place), word)
    return finish(
        fig,
        title=title,
        caption=caption,
        alt=f"{title or 'Curve'}: {', '.join(map(str, series))} over {x_title or 'x'}, {len(at)} points.",
        height=340,
        showlegend=len(series) > 1,
        xaxis={"title": {"text": plot_text(x_title)}},
        yaxis={"title": {"text": plot_text(y_title)}},
        legend=_ABOVE,
        above=24 if len(series) > 1 else 0,
    )


def histogram(
    values: ArrayLike | Mapping[str, ArrayLike],
    *,
    bins: int = 40,
    title: str = "",
    x_title: str = "",
    y_title: str = "items",
    caption: str = "",
    marks: Sequence[Mark] = (),
) -> go.Figure:
    """Draw how values are spread; the counting is done here, so the figure stays small.

    Parameters
    ----------
    values : array-like of shape (n,) or mapping of str to such
        Numbers, or several named sets of them over the same bins; NaN are left out and counted in the caption.
    bins : int, default=40
        Number of equal bins between the smallest and the largest value.
    title, x_title, y_title, caption : str
        Plain text.
    marks : sequence of float or (float, str), default=()
        Positions on x for a dotted line, with a word.

    Returns
    -------
    plotly.graph_objects.Figure
        A new figure.
    """
    import plotly.graph_objects as go

    sets = values if isinstance(values, Mapping) else {"": values}
    raw = {str(name): np.asarray(v, dtype=np.float64).ravel() for name, v in sets.items()}
    sound = {name: v[np.isfinite(v)] for name, v in raw.items()}
    lost = sum(len(raw[n]) - len(sound[n]) for n in raw)
    everything = np.concatenate([*sound.values(), np.empty(0)])
    edges = np.histogram_bin_edges(everything, bins=bins) if len(everything) else np.linspace(0, 1, bins + 1)
    middle, width = (edges[1:] + edges[:-1]) / 2, float(edges[1] - edges[0])
    fig = go.Figure()
    for i, (name, v) in enumerate(sound.items()):
        counts = np.histogram(v, bins=edges)[0]
        label = f"{plot_text(name, 40)} ({len(v):,})" if name else ""
        fig.add_trace(
            go.Bar(
                x=middle,
                y=counts,
                width=width,
                name=label,
                marker={"color": PALETTE[i % 12], "opacity": 0.9 if len(sound) == 1 else 0.6},
            )
        )
    for mark in marks:
        place, word = mark if isinstance(mark, tuple) else (mark, "")
        _line(fig, float(place), word)
    note = f"{lost:,} values are missing." if lost else ""
    spread = f"from {_number(everything.min())} to {_number(everything.max())}" if len(everything) else "none"
    return finish(
        fig,
        title=title,
        caption=" ".join(filter(None, [caption, note])),
        alt=f"{title or 'Histogram'}: {len(everything):,} values {spread}.",
        height=280,
        barmode="overlay",
        bargap=0.02,
        showlegend=len(sound) > 1,
        legend=_ABOVE,
        above=24 if len(sound) > 1 else 0,
        xaxis={"title": {"text": plot_text(x_title)}},
        yaxis={"title": {"text": plot_text(y_title)}},
    )


def _floats(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _faded(color: str, alpha: float) -> str:
    r, g, b = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({r},{g},{b},{alpha})"


def _line(fig: go.Figure, x: float, word: str) -> None:
    fig.add_vline(x=x, line={"color": GREY, "width": 1.2, "dash": "dot"})
    if word:
        fig.add_annotation(
            x=x,
            y=1,
            yref="paper",
            text=plot_text(word, 40),
            showarrow=False,
            xanchor="left",
            yanchor="top",
            font={"size": 11},
            xshift=4,
        )
