"""The figure of every drawing: Plotly's, which warns before it becomes a picture whose letters no font here has."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import plotly.graph_objects as go

from mmtoolkit.figures.fonts import chinese_font

__all__ = ["Figure"]

_CHINESE = re.compile("[\u2e80-\u9fff\uf900-\ufaff]")


class Figure(go.Figure):  # type: ignore[misc]  # Plotly has no types
    """A Plotly figure that names the font that a picture of it lacks."""

    def to_image(self, *args: Any, **kwargs: Any) -> bytes:
        """Return the figure as a picture, see Plotly."""
        self._look_for_boxes()
        picture: bytes = super().to_image(*args, **kwargs)
        return picture

    def write_image(self, *args: Any, **kwargs: Any) -> None:
        """Write the figure as a picture, see Plotly."""
        self._look_for_boxes()
        super().write_image(*args, **kwargs)

    def _look_for_boxes(self) -> None:
        letters = json.dumps(json.loads(self.to_json()), ensure_ascii=False)
        if _CHINESE.search(letters) and chinese_font() == "":
            msg = (
                "the figure has Chinese letters and no font of this machine has them: the picture will show empty boxes; "
                "install one first, on Debian: apt-get install fonts-noto-cjk"
            )
            warnings.warn(msg, stacklevel=3)
