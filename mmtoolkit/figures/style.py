"""The common look of all figures: palette, template, escaped text, captions and text alternatives."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mmtoolkit._html import escape
from mmtoolkit._text import shorten, width_of
from mmtoolkit.words import PAGE_TAGS, language, word

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "GREY",
    "PALETTE",
    "SEQUENTIAL",
    "TEXT",
    "alt_of",
    "caption_of",
    "figure_html",
    "finish",
    "plot_config",
    "plot_text",
    "template",
    "title_of",
]

PALETTE: tuple[str, ...] = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#a52d00", "#3cc3ff",
    "#a578f0", "#d26900", "#00694b", "#a53c87", "#78c378", "#d2a5c3",
)  # fmt: skip
"""Twelve colours that stay apart for colour-blind readers and stand out from white and from near-black.

The first four are Okabe and Ito's (2008); the others were searched for the largest smallest OKLab distance under normal
sight and simulated (Machado et al. 2009) protanopia, deuteranopia and tritanopia.
"""

LINES: tuple[str, ...] = ("#0072b2", "#c2410c", "#00936b", "#b8608f", "#8a5fd6", "#b07a00")
"""Colours of lines and bars, each at least 3 : 1 against white and near-black; then dashes tell them apart."""

SEQUENTIAL: tuple[str, ...] = ("#4462a8", "#5f86b4", "#8aa5a8", "#c2b26f", "#e0a81c")
"""Low to high, for numbers."""

GREY = "#9a9a9a"
TEXT = "#797979"  # the same contrast, 4.3 to 1, against white and near-black
_GRID = "rgba(128,128,128,0.22)"
_FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK SC', sans-serif"
_CAPTION_CHARS = 900  # more than any of ours has
_BUTTONS = (  # what Plotly says by itself, and asks its table of a language for
    word("Download plot as a PNG"),
    word("Zoom"),
    word("Pan"),
    word("Box Select"),
    word("Lasso Select"),
    word("Zoom in"),
    word("Zoom out"),
    word("Autoscale"),
    word("Reset axes"),
    word("Double-click to zoom back out"),
    word("Preparing image - this may take a few seconds"),
    word("Image download succeeded"),
    word("Sorry, there was a problem downloading your image!"),
)
_PIECES = re.compile(
    r"[\u2e80-\uffef][，。：；、！？）」”]*|(?:(?![\u2e80-\uffef])\S)+\s*|\s+"
)  # what stays together in a line
_CAPTION_COLUMNS, _TITLE_COLUMNS = 60, 38  # fit a page of 400 pixels, from its left edge


def plot_text(text: object, limit: int = 60, *, tail: int = 0) -> str:
    """Return `text` shortened and safe wherever Plotly takes text: names, ticks, hover, titles.

    Plotly reads a small HTML dialect and, on pages with MathJax, TeX between dollars; neither is left in.

    Parameters
    ----------
    text : object
        Anything; its ``str`` is shown.
    limit : int, default=60
        Longest length in characters; longer text ends with an ellipsis.
    tail : int, default=0
        How many of them are the last ones, after the ellipsis: names are often alike but for their ends.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> plot_text("<b>5 $ & more</b>")
    '&lt;b&gt;5 &#36; &amp; more&lt;/b&gt;'
    """
    return html.escape(shorten(text, limit, tail=tail), quote=False).replace("$", "&#36;")


def _wrapped(text: str, columns: int = _CAPTION_COLUMNS) -> str:
    """Return a caption in lines that are not too wide: broken at blanks, and between Chinese letters."""
    lines, width = [""], 0.0
    for piece in _PIECES.findall(shorten(text, _CAPTION_CHARS)):
        if width and width + width_of(piece.rstrip()) > columns:
            lines, width = [*lines, ""], 0.0
        lines[-1] += piece
        width += width_of(piece)
    return "<br>".join(plot_text(line, len(line) + 1) for line in lines)


@lru_cache(maxsize=1)
def _template() -> go.layout.Template:
    import plotly.graph_objects as go

    axis = {
        "gridcolor": _GRID,
        "linecolor": _GRID,
        "zeroline": False,
        "ticks": "",
        "automargin": True,
        "title": {"font": {"size": 12}, "standoff": 10},
        "tickfont": {"size": 11},
    }
    return go.layout.Template(
        layout={
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(PALETTE),
            "font": {"family": _FONT, "size": 12, "color": TEXT},
            "title": {"x": 0, "xref": "container", "xanchor": "left", "font": {"size": 16}},
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 48, "r": 16, "t": 24, "b": 44},
            "legend": {"itemsizing": "constant", "font": {"size": 11}, "tracegroupgap": 0},
            "hoverlabel": {"font": {"family": _FONT, "size": 12}, "align": "left"},
            "hovermode": "closest",
            "modebar": {
                "remove": ["sendChartToCloud"],
                "bgcolor": "rgba(0,0,0,0)",
                "color": TEXT,
                "activecolor": PALETTE[0],
            },
            "colorscale": {"sequential": [[i / (len(SEQUENTIAL) - 1), c] for i, c in enumerate(SEQUENTIAL)]},
        }
    )


def template() -> go.layout.Template:
    """Return the Plotly template of every figure: transparent, mid-grey text, our palette.

    Returns
    -------
    plotly.graph_objects.layout.Template
        A copy, safe to change.
    """
    import copy

    return copy.deepcopy(_template())


def finish(
    fig: go.Figure, *, title: str, caption: str, alt: str, height: int = 420, above: int = 0, **layout: Any
) -> go.Figure:
    """Give a figure the template, its title and caption, and its text alternative.

    Parameters
    ----------
    fig : Figure
        With its traces; changed in place.
    title, caption : str
        Plain text; the caption is shown small under the title, shortened and wrapped, and kept in ``layout.meta``.
    alt : str
        What a reader who cannot see the figure is told.
    height : int, default=420
        In pixels, without what stands above.
    above : int, default=0
        Pixels kept free between caption and plot, for words of reference lines.
    **layout
        Further layout settings.

    Returns
    -------
    Figure
        The same figure.
    """
    lines, heading = _wrapped(caption), _wrapped(shorten(title, 80), _TITLE_COLUMNS)
    top = (
        20
        + above
        + (28 + 21 * heading.count("<br>") if title else 0)
        + (15 * (lines.count("<br>") + 1) + 6 if lines else 0)
    )
    head: dict[str, Any] = {
        "text": f"<b>{heading}</b>" if title else "",
        "y": 1,
        "yanchor": "top",
        "pad": {"t": 10 + 11 * heading.count("<br>"), "l": 12},  # Plotly lifts a title by half of each further line
    }
    if lines:
        head["subtitle"] = {"text": lines, "font": {"size": 11.5}}
    fig.update_layout(
        template=_template(),
        title=head,
        margin={"t": top},
        height=height + top,
        modebar={"remove": ["sendChartToCloud"]},
        meta={"title": shorten(title, 200), "caption": shorten(caption, 2000), "alt": shorten(alt, 1000)},
    )
    return fig.update_layout(**layout)


def _meta(fig: go.Figure, key: str) -> str:
    meta = fig.layout.meta
    return str(meta.get(key, "")) if isinstance(meta, Mapping) else ""


def title_of(fig: go.Figure) -> str:
    """Return the title of one of our figures as plain text, not escaped; "" for others.

    Parameters
    ----------
    fig : plotly.graph_objects.Figure
        Any figure.

    Returns
    -------
    str
        At most 200 characters.
    """
    return _meta(fig, "title")


def caption_of(fig: go.Figure) -> str:
    """Return the caption of one of our figures as plain text, not escaped; "" for others.

    Parameters
    ----------
    fig : plotly.graph_objects.Figure
        Any figure.

    Returns
    -------
    str
        At most 2,000 characters.
    """
    return _meta(fig, "caption")


def alt_of(fig: go.Figure) -> str:
    """Return the text alternative of one of our figures as plain text, not escaped; "" for others.

    Parameters
    ----------
    fig : plotly.graph_objects.Figure
        Any figure.

    Returns
    -------
    str
        At most 1,000 characters.
    """
    return _meta(fig, "alt")


def plot_config() -> dict[str, Any]:
    """Return Plotly's options for a figure: no logo, and its buttons in the language that is spoken."""
    config: dict[str, Any] = {"displaylogo": False, "responsive": True}
    if language() != "en":
        tag = PAGE_TAGS[language()]
        config |= {"locale": tag, "locales": {tag: {"dictionary": {said.entry: str(said) for said in _BUTTONS}}}}
    return config


def figure_html(fig: go.Figure, *, include_plotlyjs: bool | str = False) -> str:
    """Return a figure as an HTML fragment with role, text alternative and no connection to anywhere.

    Parameters
    ----------
    fig : plotly.graph_objects.Figure
        Any figure.
    include_plotlyjs : bool or str, default=False
        True puts the 5 MB library into the fragment (the first figure of a page needs it).

    Returns
    -------
    str
        A ``<figure>`` element.
    """
    inner = fig.to_html(
        full_html=False,
        include_plotlyjs=include_plotlyjs,
        include_mathjax=False,
        config=plot_config(),
    )
    return f'<figure role="img" aria-label="{escape(alt_of(fig), 1000)}" style="margin:0">{inner}</figure>'
