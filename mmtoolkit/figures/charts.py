"""Plain charts: bars, curve, histogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmtoolkit.figures.layout import Mark, draw_reference_lines, faded_color, named_ticks, short_number
from mmtoolkit.figures.style import LINES, PALETTE, TEXT, finish, plot_text
from mmtoolkit.words import joined, listed, say, word

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["bars", "bars_over", "curve", "histogram"]

_BELOW = {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"}  # takes the room it needs
_FEW_STEPS = 30  # with more, markers would hide the line
_PERCENT = {"tickformat": ".0%"}
_ENTRY, _FEW_SERIES = 16, 6  # pixels of a legend's row on a narrow page; more series make the figure higher
_SMALL = 0.5  # bars up to here fill a scale of their own
_TOLD = 12  # bars that a reader who cannot see them is told
Band = tuple["ArrayLike", "ArrayLike | None", "ArrayLike | None"]


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
    baseline_name: str = word("baseline"),
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

    from mmtoolkit.figures.drawn import Figure

    v = np.asarray(values, dtype=np.float64)
    if v.shape != (len(names),):
        msg = f"values has shape {v.shape} for {len(names)} names"
        raise ValueError(msg)
    words = [f"{plot_text(n)}: {short_number(a)}" for n, a in zip(names, v.tolist(), strict=True)]
    fig = Figure(
        go.Bar(
            x=v,
            y=np.arange(len(v)),
            orientation="h",
            error_x=_whiskers(v, low, high),
            marker={"color": PALETTE[0], "line": {"width": 0}},
            hovertext=words,
            hovertemplate="%{hovertext}<extra></extra>",
        )
    )
    span = _range_of(v, low, high, baseline)
    marks = [] if baseline is None else [(float(baseline), baseline_name)]
    above = draw_reference_lines(fig, marks, 0.0, *span.get("range", ()))
    top = [f"{n}: {short_number(a)}" for n, a in list(zip(names, v.tolist(), strict=True))[:_TOLD]]
    return finish(
        fig,
        title=title,
        caption=caption,
        alt=say(
            "{title}: {names}.",
            title=title or say("Bars"),
            names=listed([*top, *(["…"] if len(v) > _TOLD else [])]),
        ),
        height=int(np.clip(24 * len(v) + 80, 180, 900)),
        above=above,
        bargap=0.3,
        xaxis={"title": {"text": plot_text(x_title)}, **span},
        yaxis={"showgrid": False, "autorange": "reversed", **named_ticks(names)},
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
    percent: bool = False,
    shares: bool = False,
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
    percent : bool, default=False
        Whether both axes are shares, written as percent.
    shares : bool, default=False
        Whether both axes run from 0 to 1.

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

    from mmtoolkit.figures.drawn import Figure

    at = np.asarray(x)
    fig = Figure()
    for i, (name, (y, low, high)) in enumerate(series.items()):
        v = np.asarray(y, dtype=np.float64)
        if v.shape != at.shape:
            msg = f"series {name!r} has shape {v.shape}, x has {at.shape}"
            raise ValueError(msg)
        color, dash = LINES[i % len(LINES)], ("solid", "dash", "dot", "dashdot")[i // len(LINES) % 4]
        group = {"legendgroup": str(i), "name": plot_text(name, 40)}
        if low is not None and high is not None:
            edge = {"mode": "lines", "line": {"width": 0}, "showlegend": False, "hoverinfo": "skip", **group}
            fig.add_trace(go.Scatter(x=at, y=np.asarray(high, dtype=np.float64), **edge))
            edge |= {"fill": "tonexty", "fillcolor": faded_color(color, 0.18)}
            fig.add_trace(go.Scatter(x=at, y=np.asarray(low, dtype=np.float64), **edge))
        line = {"color": color, "width": 2, "dash": dash}
        mode = "lines+markers" if len(at) <= _FEW_STEPS else "lines"
        fig.add_trace(go.Scatter(x=at, y=v, mode=mode, line=line, marker={"size": 5}, **group))
    above = draw_reference_lines(fig, marks)
    return finish(
        fig,
        title=title,
        caption=caption,
        alt=say(
            "{title}: {series} over {x}, {n} points.",
            title=title or say("Curve"),
            series=listed(map(str, series)),
            x=x_title or "x",
            n=len(at),
        ),
        height=340 + _ENTRY * max(0, len(series) - _FEW_SERIES),
        showlegend=len(series) > 1,
        xaxis={
            "title": {"text": plot_text(x_title)},
            **(_PERCENT if percent else {}),
            **({"range": [0, 1]} if shares else {}),
        },
        yaxis={
            "title": {"text": plot_text(y_title)},
            **(_PERCENT if percent else {}),
            **({"range": [0, 1.02]} if shares else {}),
        },
        legend=_BELOW,
        above=above,
    )


def bars_over(
    x: ArrayLike,
    values: ArrayLike,
    words: Sequence[str],
    *,
    title: str = "",
    x_title: str = "",
    y_title: str = "",
    caption: str = "",
) -> go.Figure:
    """Draw shares in equal bins of shares, each with a word above it.

    Parameters
    ----------
    x : array-like of shape (n,)
        Middles of the bins, between 0 and 1.
    values : array-like of shape (n,)
        Heights between 0 and 1; NaN draws none.
    words : sequence of str, of length n
        Plain text.
    title, x_title, y_title, caption : str, default=""
        Plain text.

    Returns
    -------
    plotly.graph_objects.Figure
        A new figure.
    """
    import plotly.graph_objects as go

    from mmtoolkit.figures.drawn import Figure

    at, v = np.asarray(x, dtype=np.float64), np.asarray(values, dtype=np.float64)
    fig = Figure(
        go.Bar(
            x=at,
            y=v,
            width=0.9 / max(len(at), 1),
            text=[plot_text(word, 12) for word in words],
            textposition="outside",
            textfont={"size": 11, "color": TEXT},
            cliponaxis=False,
            marker={"color": PALETTE[0], "line": {"width": 0}},
            hovertemplate="%{x:.0%}: %{y:.1%} (%{text})<extra></extra>",
        )
    )
    return finish(
        fig,
        title=title,
        caption=caption,
        alt=say("{title}: {series} over {x}, {n} points.", title=title, series=y_title, x=x_title, n=len(at)),
        height=340,
        xaxis={"title": {"text": plot_text(x_title)}, "range": [0, 1], **_PERCENT},
        yaxis={"title": {"text": plot_text(y_title)}, "range": [0, 1.08], **_PERCENT},
    )


def histogram(
    values: ArrayLike | Mapping[str, ArrayLike],
    *,
    bins: int = 40,
    title: str = "",
    x_title: str = "",
    y_title: str = word("items"),
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

    from mmtoolkit.figures.drawn import Figure

    sets = values if isinstance(values, Mapping) else {"": values}
    raw = {str(name): np.asarray(v, dtype=np.float64).ravel() for name, v in sets.items()}
    sound = {name: v[np.isfinite(v)] for name, v in raw.items()}
    lost = sum(len(raw[n]) - len(sound[n]) for n in raw)
    everything = np.concatenate([*sound.values(), np.empty(0)])
    edges = np.histogram_bin_edges(everything, bins=bins) if len(everything) else np.linspace(0, 1, bins + 1)
    middle, width = (edges[1:] + edges[:-1]) / 2, float(edges[1] - edges[0])
    fig = Figure()
    for i, (name, v) in enumerate(sound.items()):
        counts = np.histogram(v, bins=edges)[0]
        label = f"{plot_text(name, 40)} ({len(v):,})" if name else ""
        marker = {"color": PALETTE[i % len(PALETTE)], "opacity": 0.9 if len(sound) == 1 else 0.6}
        fig.add_trace(go.Bar(x=middle, y=counts, width=width, name=label, marker=marker))
    above = draw_reference_lines(fig, marks)
    note = say("{n:,} value is missing.", "{n:,} values are missing.", n=lost) if lost else ""
    alt = say("{title}: no values.", title=title or say("Histogram"))
    if len(everything):
        alt = say(
            "{title}: {n:,} values from {low} to {high}.",
            title=title or say("Histogram"),
            n=len(everything),
            low=short_number(everything.min()),
            high=short_number(everything.max()),
        )
    return finish(
        fig,
        title=title,
        caption=joined(caption, note),
        alt=alt,
        height=280,
        barmode="overlay",
        bargap=0.02,
        showlegend=len(sound) > 1,
        legend=_BELOW,
        above=above,
        xaxis={"title": {"text": plot_text(x_title)}},
        yaxis={"title": {"text": plot_text(y_title)}},
    )


def _range_of(v: NDArray[np.float64], *others: ArrayLike | None) -> dict[str, Any]:
    """Return the range of an axis of bars where Plotly's own would be of another kind: below 0 for nothing, above 1 for scores."""
    ends = np.concatenate(
        [v, *(np.ravel(np.asarray(other, dtype=np.float64)) for other in others if other is not None)]
    )
    ends = ends[np.isfinite(ends)]
    if len(ends) and (ends.min() < 0 or ends.max() > 1 or 0 < ends.max() <= _SMALL):
        return {}
    return {"range": [0, 1]}


def _whiskers(v: NDArray[np.float64], low: ArrayLike | None, high: ArrayLike | None) -> dict[str, Any] | None:
    if low is None or high is None:
        return None
    up, down = np.asarray(high, dtype=np.float64) - v, v - np.asarray(low, dtype=np.float64)
    look = {"type": "data", "symmetric": False, "color": TEXT, "thickness": 1.5, "width": 3}
    return look | {"array": up, "arrayminus": down}
