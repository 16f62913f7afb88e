"""The map: points in the plane, coloured by group or by number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._text import shorten, width_of
from mmtoolkit.figures.groups import GroupedPoints, centres, groups_of
from mmtoolkit.figures.style import GREY, PALETTE, TEXT, finish, plot_text
from mmtoolkit.words import joined, listed, say

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["GL_ABOVE", "scatter_map", "view_limits"]

GL_ABOVE = 5000
_BELOW = {"orientation": "h", "x": 0, "xanchor": "left", "yanchor": "top", "maxheight": 0.35}
_COLORBAR = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "y": -0.02,
    "yanchor": "top",
    "len": 0.5,
    "thickness": 8,
    "outlinewidth": 0,
    "nticks": 6,
}
_TOLD = 12  # groups that a reader who cannot see the map is told
_LETTER = 6.4  # pixels of a small letter in the legend
_NARROWEST, _WIDEST = 50, 170  # pixels of an entry
_PAGE, _TALL = 360, 420  # pixels of a map on a narrow page
_LABEL = {"bgcolor": "rgba(60,60,60,0.66)", "borderpad": 1.5, "font": {"size": 10.5, "color": "#ffffff"}}


def view_limits(values: ArrayLike) -> tuple[float, float]:
    """Return axis limits that a few far points cannot stretch.

    Values are left outside only when they are among the extreme 0.5 % of their side and further away than twice the
    distance between the 10th and the 90th percentile.

    Parameters
    ----------
    values : array-like of shape (n,)
        Coordinates along one axis; NaN and infinities are passed over.

    Returns
    -------
    tuple of float
        Low and high, with a margin of 4 %.
    """
    v = np.asarray(values, dtype=np.float64)
    v = v[np.isfinite(v)]
    if len(v) == 0:
        return -1.0, 1.0
    low, high = float(v.min()), float(v.max())
    p10, p90 = np.quantile(v, [0.1, 0.9])
    reach = 2 * float(p90 - p10)
    if reach > 0:
        floor = min(float(p10) - reach, float(np.quantile(v, 0.005, method="higher")))
        roof = max(float(p90) + reach, float(np.quantile(v, 0.995, method="lower")))
        low, high = float(v[v >= floor].min()), float(v[v <= roof].max())
    margin = 0.04 * (high - low) or 1.0
    return low - margin, high + margin


def scatter_map(
    coords: ArrayLike,
    *,
    color: ArrayLike | None = None,
    names: Mapping[Any, str] | None = None,
    groups: Sequence[GroupedPoints] | None = None,
    hover: Sequence[str] | None = None,
    title: str = "",
    caption: str = "",
    color_title: str = "",
    color_range: tuple[float, float] | None = None,
    centroid_names: bool | None = None,
) -> go.Figure:
    """Draw items as points in the plane.

    Every trace carries ``customdata``: the row of `coords` of each of its points.

    Parameters
    ----------
    coords : array-like of shape (n_items, 2)
        Where the points stand; rows that are not finite are not drawn, and counted in the caption.
    color : array-like of shape (n_items,) or None, default=None
        Floats are drawn on a colour scale (NaN in grey), anything else as groups: see `groups_of`.
    names : mapping or None, default=None
        Names of groups, such as ``{0: "birds"}``.
    groups : sequence of GroupedPoints or None, default=None
        Groups as `groups_of` gives them, drawn as they are; then `color` and `names` are not needed.
    hover : sequence of str or None, default=None
        What to show at each point.
    title, caption : str, default=""
        Plain text.
    color_title : str, default=""
        What the colour means; heads the legend or the colour bar.
    color_range : (float, float) or None, default=None
        Ends of the colour scale; None are the smallest and the largest value.
    centroid_names : bool or None, default=None
        Write group names on the map, as far as they do not overlap; None does so for two groups or more.

    Returns
    -------
    plotly.graph_objects.Figure
        Above 5,000 points drawn by WebGL.

    Raises
    ------
    ValueError
        If a shape or a length is wrong.
    """
    from mmtoolkit.figures.drawn import Figure

    xy = _checked(coords, color, hover)
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(xy).all(axis=1))
    texts = None if hover is None else np.array([plot_text(t, 120) for t in hover], dtype=object)
    numeric = color is not None and np.asarray(color).dtype.kind == "f"
    if groups is None:
        groups = _grouped(len(xy), color, names, numeric=numeric)
    fig = Figure()
    for g in sorted(groups, key=lambda g: g.color != GREY):  # grey lies below
        rows = g.rows[finite[g.rows]]
        scale = np.asarray(color, dtype=np.float32)[rows] if numeric and not g.name else None
        fig.add_trace(_points(xy, rows, g, texts, scale))
    limits = [view_limits(xy[finite, i]) for i in (0, 1)]
    notes, alt = _notes_and_alt(xy, finite, limits, groups, numeric)
    named = len(groups) > 1 if centroid_names is None else centroid_names
    return finish(
        fig,
        title=title,
        caption=joined(caption, *notes),
        alt=f"{title or say('Map')}: {alt}",
        height=500,
        margin_l=10,
        margin_r=10,
        margin_b=10,
        xaxis={"visible": False, "range": limits[0], "constrain": "domain"},
        yaxis={"visible": False, "range": limits[1], "scaleanchor": "x", "constrain": "domain"},
        showlegend=any(g.name for g in groups),
        legend=_legend(groups, numeric, color_title),
        coloraxis={
            "colorbar": _COLORBAR | {"title": _heading(color_title)},
            **({} if color_range is None else dict(zip(("cmin", "cmax"), color_range, strict=True))),
        },
        dragmode="pan",
        annotations=_name_labels(xy, groups, limits) if named and not numeric else [],
    )


def _checked(coords: ArrayLike, color: ArrayLike | None, hover: Sequence[str] | None) -> NDArray[np.float32]:
    xy = np.asarray(coords, dtype=np.float32)
    if xy.ndim != 2 or xy.shape[1] != 2:
        msg = f"coords must have shape (n_items, 2), got {xy.shape}"
        raise ValueError(msg)
    for what, values in (("color", color), ("hover", hover)):
        if values is not None and np.shape(values)[:1] != (len(xy),):
            msg = f"{what} has shape {np.shape(values)} for {len(xy)} points; give one value per point"
            raise ValueError(msg)
    return xy


def _grouped(n: int, color: ArrayLike | None, names: Mapping[Any, str] | None, *, numeric: bool) -> list[GroupedPoints]:
    """Return the points by group; all in one without colour; with and without value where the colour is a number."""
    if color is not None and not numeric:
        return groups_of(color, names)
    known = np.isfinite(np.asarray(color)) if numeric else np.ones(n, dtype=bool)
    rows = np.flatnonzero(~known)
    unknown = [GroupedPoints(rows, say("no value ({n:,})", n=len(rows)), GREY)] if len(rows) else []
    return [*unknown, GroupedPoints(np.flatnonzero(known))]


def _points(
    xy: NDArray[np.float32], rows: NDArray[np.intp], g: GroupedPoints, texts: Any, scale: NDArray[np.float32] | None
) -> go.Scatter | go.Scattergl:
    import plotly.graph_objects as go

    many = len(xy) > GL_ABOVE
    grey = g.color == GREY
    colors = {"color": g.color} if scale is None else {"color": scale, "coloraxis": "coloraxis"}
    return (go.Scattergl if many else go.Scatter)(
        x=xy[rows, 0],
        y=xy[rows, 1],
        customdata=rows.astype(np.int32),
        mode="markers",
        marker={
            "size": float(np.clip(10 - 1.8 * np.log10(max(len(xy), 1) / 30), 3, 10)),
            "opacity": 0.7 if grey or many else 0.85,
            "symbol": g.symbol,
            **(
                {} if many else {"line": {"color": TEXT, "width": 0.8}}
            ),  # light colours stand out from a white page, too
            **colors,
        },
        name=plot_text(_legend_name(g.name), 60),
        showlegend=bool(g.name),
        legendrank=2000 if grey else 1000,
        hovertext=None if texts is None else texts[rows],
        hovertemplate=f"{say('row {number}', number='%{customdata}') if texts is None else '%{hovertext}'}<extra>{'%{fullData.name}' if g.name else ''}</extra>",
    )


def _legend(groups: Sequence[GroupedPoints], numeric: bool, title: str) -> dict[str, Any]:
    longest = max((width_of(_legend_name(g.name)) for g in groups), default=0)
    return _BELOW | {
        "y": -0.14 if numeric else -0.02,
        "entrywidth": max(_LETTER * longest, _NARROWEST),
        "title": _heading("" if numeric else title),
    }


def _heading(text: str) -> dict[str, Any]:
    return {"text": plot_text(text, 40), "side": "top", "font": {"size": 11}}


def _legend_name(name: str) -> str:
    """Cut a group's name so that it fits into the widest entry together with its count."""
    head, bracket, count = name.rpartition(" (")
    room = _WIDEST / _LETTER - width_of(bracket + count)
    cut = next((short for n in range(int(room), 0, -1) if width_of(short := shorten(head, n, tail=n // 3)) <= room), "")
    return f"{cut}{bracket}{count}"


def _notes_and_alt(
    xy: NDArray[np.float32],
    finite: NDArray[np.bool_],
    limits: list[tuple[float, float]],
    groups: Sequence[GroupedPoints],
    numeric: bool,
) -> tuple[list[str], str]:
    """Return sentences for the caption, and the text alternative of the map."""
    inside = finite.copy()
    for i, (low, high) in enumerate(limits):
        inside &= (xy[:, i] >= low) & (xy[:, i] <= high)
    out, lost = int((finite & ~inside).sum()), int((~finite).sum())
    notes: list[str] = []
    if out:
        notes.append(
            say(
                "{n:,} of {n_points:,} points lies outside the view; double-click to see all.",
                "{n:,} of {n_points:,} points lie outside the view; double-click to see all.",
                n=out,
                n_points=len(xy),
            )
        )
    if lost:
        notes.append(
            say("{n:,} point has no place and is not drawn.", "{n:,} points have no place and are not drawn.", n=lost)
        )
    named = [g.name for g in groups if g.name]
    if not named or numeric:
        return notes, say("{n:,} points.", n=len(xy))
    names = listed([*named[:_TOLD], *(["…"] if len(named) > _TOLD else [])])
    return notes, say(
        "{n_points:,} points in {n} group: {names}.",
        "{n_points:,} points in {n} groups: {names}.",
        n_points=len(xy),
        n=len(named),
        names=names,
    )


def _name_labels(
    xy: NDArray[np.float32], groups: Sequence[GroupedPoints], limits: list[tuple[float, float]]
) -> list[dict[str, Any]]:
    """Return names in the middle of their points, shifted where a narrow page ends; a name that would cover a larger group's is left out."""
    (x0, x1), (y0, y1) = limits
    width = (
        640 if len(groups) > len(PALETTE) else _PAGE
    )  # where a legend has all names, those that fit everywhere will do
    scale = min(width / (x1 - x0), _TALL / (y1 - y0))  # about pixels
    narrow = min(_PAGE / (x1 - x0), _TALL / (y1 - y0))
    placed: list[tuple[float, float, float]] = []
    labels = []
    for name, x, y in centres(xy, groups):
        text = shorten(name, 24, tail=8)
        half = 3.2 * width_of(text) + 4
        at = _PAGE / 2 + narrow * (x - (x0 + x1) / 2)  # of a page
        shift = max(half - at, 0.0) - max(half + at - _PAGE, 0.0)
        u, v = scale * (x - x0) + shift, scale * (y - y0)
        if all(abs(u - a) > half + h or abs(v - b) > 17 for a, b, h in placed):
            placed.append((u, v, half))
            labels.append({"x": x, "y": y, "xshift": shift, "text": plot_text(text, 24), "showarrow": False, **_LABEL})
    return labels
