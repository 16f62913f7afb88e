"""The way from the page to Python: one queue of custom messages, so that no lasso is lost behind a hover."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

__all__ = ["Bridge"]


class Bridge(anywidget.AnyWidget):
    """Listens to the figure and the buttons inside the box that carries its class name.

    Put it into a box that has the CSS class `target`, together with one ``FigureWidget``.

    Parameters
    ----------
    receive : callable
        Called with every message (a dict with "kind") and its buffers (bytes), in the order they were sent.
    figure : ipywidgets.Widget
        The ``FigureWidget``.
    **state
        First values of the traits.
    """

    _esm = "".join(Path(__file__).with_name(name).read_text("utf-8") for name in ("lasso.js", "names.js", "bridge.js"))
    target = traitlets.Unicode().tag(sync=True)
    models = traitlets.List(traitlets.Unicode()).tag(sync=True)
    label = traitlets.Unicode("Map").tag(sync=True)
    shortcuts = traitlets.Dict().tag(sync=True)  # of the page: whether the map must have the focus
    tool = traitlets.Enum(["lasso", "box", "move"], "lasso").tag(sync=True)
    mode = traitlets.Enum(["replace", "add", "remove"], "replace").tag(sync=True)
    version = traitlets.Int(0).tag(sync=True)
    waiting = traitlets.Bool(False).tag(sync=True)
    names = traitlets.List(traitlets.Dict()).tag(sync=True)  # of groups: x, y and text

    def __init__(
        self, receive: Callable[[Mapping[str, Any], Sequence[bytes]], None], figure: Any, **state: Any
    ) -> None:
        name = uuid.uuid4().hex  # chosen here, because the page cannot ask for it
        super().__init__(model_id=name, target=f"mmx-{name}", models=[name, figure.model_id], **state)
        self.on_msg(lambda _, content, buffers: receive(content, [bytes(buffer) for buffer in buffers]))

    def ready(self) -> None:
        """Send again the changes that came before the page listened."""
        self.send_state(["label", "tool", "mode", "version", "waiting", "names"])
