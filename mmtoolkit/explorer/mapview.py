"""The live map: one Plotly FigureWidget with one trace of all items and a ring around the item in focus."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from mmtoolkit._text import shorten
from mmtoolkit.explorer.colours import Look
from mmtoolkit.explorer.state import State
from mmtoolkit.figures import scatter_map
from mmtoolkit.figures.groups import centres
from mmtoolkit.figures.style import plot_config

__all__ = ["MapView", "WholeFigure"]

_HEIGHT, _NAMES = 480, 60
_RING = "#e4003a"
_DIMMED = {"color": "#8a8a8a", "opacity": 0.45}  # to be seen on white and on black
_REMOVED = ["sendChartToCloud", "lasso2d", "select2d", "autoScale2d", "toImage", "zoom2d", "pan2d"]


class WholeFigure(go.FigureWidget):  # type: ignore[misc]  # Plotly has no types
    """A figure widget that the page hears of when it is complete, not traces later.

    The first message is the one that always arrives: anywidget drops what follows, for good, when the page needed
    more than two seconds to load Plotly. What is dropped, `MapView.ready` says again.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        What is drawn.
    config : dict
        Plotly's options.
    """

    _esm = str(go.FigureWidget._esm)  # of a file, which would call every figure for ever when it changes
    _complete = False

    def __init__(self, figure: go.Figure, config: dict[str, Any]) -> None:
        super().__init__(figure)
        self._config = config
        self._complete = True
        self.open()

    def open(self) -> None:
        """Send the figure to the page, once there is a page."""
        if self._complete:
            super().open()


class MapView:
    """Keeps one ``FigureWidget`` like the state; every change is one message.

    Parameters
    ----------
    state : State
        What to show.

    Attributes
    ----------
    figure : WholeFigure
        The widget.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        base = self._drawn()
        points = base.data[0]
        self._opacity = points.marker.opacity
        points.update(
            customdata=None, hovertemplate=None, hovertext=None, hoverinfo="none", showlegend=False, name="items"
        )
        points.update(unselected={"marker": _DIMMED}, selected={"marker": {"opacity": 1.0}})
        ring = go.Scatter(
            x=[],
            y=[],
            mode="markers",
            hoverinfo="skip",
            showlegend=False,
            cliponaxis=False,  # whole at the edge of the map, too
            marker={"symbol": "circle-open", "size": 22, "color": _RING, "line": {"width": 3}},
        )
        self.figure: Any = go.Figure([points, ring], layout=base.layout)
        self.figure.update_layout(
            height=_HEIGHT, margin={"l": 8, "r": 8, "t": 8, "b": 8}, title=None, showlegend=False, uirevision="map",
            modebar={"remove": _REMOVED},
        )  # fmt: skip
        self.recolor(state.look)
        self.select(state.selection.rows)
        self.focus(state.focus)
        self.figure = WholeFigure(self.figure, plot_config() | {"scrollZoom": True})
        self._changed = False

    def sync(self) -> None:
        """Hand the whole state to views that are yet to come; Plotly does so only for a figure displayed by itself."""
        self.figure._repr_mimebundle_()

    def ready(self) -> None:
        """Repeat what changed since the figure was made: it may have come before the page could hear of it.

        Setting a property to the value it has sends nothing, hence the message behind it.
        """
        if not self._changed:
            return
        traces, layout = [trace.to_plotly_json() for trace in self.figure.data], self.figure.layout
        style = {name: [trace.get(name) for trace in traces] for name in ("x", "y", "marker", "selectedpoints")}
        frame = {"xaxis.range": layout.xaxis.range, "yaxis.range": layout.yaxis.range}
        self.figure._send_update_msg(style, frame, [0, 1])

    def fit(self) -> None:
        """Send the ranges again to views whose size has changed."""
        layout = self.figure.layout
        self.figure._send_relayout_msg({"xaxis.range": layout.xaxis.range, "yaxis.range": layout.yaxis.range})

    def _drawn(self) -> Any:
        """One trace of all items: those without a place too, so that a point's number is its row; Plotly skips NaN."""
        drawn = scatter_map(self._state.coords)
        places = self._state.seen(self._state.coords)
        drawn.data[0].x, drawn.data[0].y = places[:, 0], places[:, 1]
        return drawn

    def recolor(self, look: Look) -> None:
        """Colour the points."""
        self._changed = True
        marker = look.marker(len(self._state))
        marker["opacity"] = self._opacity if look.opacity is None else look.opacity
        marker["colorbar"] = {"thickness": 10, "outlinewidth": 0, "len": 0.6, "title": {"text": ""}}
        with self.figure.batch_update():
            self.figure.data[0].marker.update(marker)

    def names(self, look: Look) -> list[dict[str, Any]]:
        """Return names of groups and where they stand, the largest first; the page leaves out what would overlap."""
        return [
            {"x": x, "y": y, "text": shorten(name, 28, tail=10)}
            for name, x, y in centres(self._state.coords, look.groups)[:_NAMES]
        ]

    def select(self, rows: NDArray[np.intp]) -> None:
        """Dim what is not selected; nothing selected dims nothing."""
        self._changed = True
        self.figure.data[0].selectedpoints = rows.tolist() if len(rows) else None

    def focus(self, row: int | None) -> None:
        """Put the ring around an item; around none that the filter hides."""
        self._changed = True
        place = self._state.seen(self._state.coords)[[] if row is None else [row]]
        with self.figure.batch_update():
            self.figure.data[1].x, self.figure.data[1].y = place[:, 0], place[:, 1]

    def filter(self) -> None:
        """Draw what the filter shows; the others have no place, so that nothing finds them."""
        self._changed = True
        places = self._state.seen(self._state.coords)
        with self.figure.batch_update():
            self.figure.data[0].x, self.figure.data[0].y = places[:, 0], places[:, 1]

    def relocate(self) -> None:
        """Move all points to their present places."""
        drawn = self._drawn()
        with self.figure.batch_update():
            self.filter()
            self.figure.layout.xaxis.range, self.figure.layout.yaxis.range = (
                drawn.layout.xaxis.range,
                drawn.layout.yaxis.range,
            )
        self.focus(self._state.focus)
        self.recolor(self._state.look)
