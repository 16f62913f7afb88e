"""Every figure of the toolkit: arrays in, Plotly figures out; one look for light and dark pages, no widgets."""

from __future__ import annotations

from mmtoolkit.figures.charts import bars, bars_over, curve, histogram
from mmtoolkit.figures.maps import scatter_map, view_limits
from mmtoolkit.figures.matrix import heatmap
from mmtoolkit.figures.style import PALETTE, alt_of, caption_of, figure_html, plot_text, template, title_of

__all__ = [
    "PALETTE",
    "alt_of",
    "bars",
    "bars_over",
    "caption_of",
    "curve",
    "figure_html",
    "heatmap",
    "histogram",
    "plot_text",
    "scatter_map",
    "template",
    "title_of",
    "view_limits",
]
