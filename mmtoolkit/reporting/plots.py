"""Figures on a page: data that page.js draws once it comes into view, Plotly packed, and the pictures of a map's points."""

from __future__ import annotations

import base64
import dataclasses
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import pandas as pd

from mmtoolkit._blocks import evenly
from mmtoolkit._html import escape, in_script
from mmtoolkit.reporting.blocks import Block, Drawing, Folded, Section
from mmtoolkit.thumbnails import pictures_of

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["packed_plotly", "placed", "plot_html"]

_PICTURE_BYTES = 1_500_000
_MOST_PICTURES = 1000  # a large photo takes a twentieth of a second


def placed(sections: Sequence[Section]) -> list[Section]:
    """Give every figure an id by its place, so that equal reports are equal pages; items' pictures stand beside their first map.

    Parameters
    ----------
    sections : sequence of Section
        In reading order.

    Returns
    -------
    list of Section
        The same, with `Drawing.place` and `Drawing.pictures` set.
    """
    seen: dict[int, str] = {}
    return [dataclasses.replace(s, blocks=_placed(s.blocks, s.name, seen)) for s in sections]


def _placed(blocks: Sequence[Block], name: str, seen: dict[int, str]) -> list[Block]:
    made: list[Block] = []
    for i, block in enumerate(blocks):
        if isinstance(block, Drawing):
            place = f"{name}-figure-{i}"
            pictures = "" if block.items is None else seen.setdefault(id(block.items), f"{place}-pictures")
            made.append(dataclasses.replace(block, place=place, pictures=pictures))
        elif isinstance(block, Folded):
            made.append(dataclasses.replace(block, blocks=_placed(block.blocks, f"{name}-{i}", seen)))
        else:
            made.append(block)
    return made


def plot_html(block: Drawing) -> str:
    """Return the place of a figure and its data.

    Parameters
    ----------
    block : Drawing
        From `placed`.

    Returns
    -------
    str
        HTML; the figure is without title and caption, which the page sets in its own type.
    """
    fig = _bare(block.figure)
    place = f' id="{escape(block.place)}"' if block.place else ""
    links = f' data-links="{escape(" ".join(block.links), 10_000)}"' if block.links else ""
    shown = f' data-pictures="{escape(block.pictures)}"' if block.pictures else ""
    first = block.items is not None and block.pictures == f"{block.place}-pictures"
    pictures = _json(_pictures(block.items), block.pictures) if first and block.items is not None else ""
    return (
        f'<div class="plot"{place}{links}{shown} style="height:{fig.layout.height:.0f}px"></div>'
        f'<script type="application/json">{fig.to_json()}</script>{pictures}'
    )


def _json(value: object, place: str) -> str:
    return f'<script type="application/json" id="{escape(place)}">{in_script(value)}</script>'


def _pictures(frame: pd.DataFrame) -> dict[int, str]:
    """Return small pictures by row; of many items an even choice has one."""
    rows = evenly(len(frame), _MOST_PICTURES).tolist()
    told = [{str(k): v for k, v in row.items()} for row in frame.iloc[rows].to_dict("records")]
    uris = pictures_of(told, picture_bytes=_PICTURE_BYTES)
    return {row: uri for row, uri in zip(rows, uris, strict=True) if uri is not None}


def _bare(fig: go.Figure) -> go.Figure:
    import plotly.graph_objects as go

    fig = go.Figure(fig)
    legend_above = bool(fig.layout.showlegend) and (fig.layout.legend.y or 0) >= 1
    top = 44 if legend_above else 14
    height = (fig.layout.height or 420) - (fig.layout.margin.t or 40) + top
    return fig.update_layout(title={"text": "", "subtitle": {"text": ""}}, margin={"t": top}, height=height, meta=None)


@lru_cache(maxsize=1)
def packed_plotly() -> str:
    """Return Plotly, deflated and in base64: two fifths of its size, and nothing that a browser reads before it is needed.

    Returns
    -------
    str
        About 2 MB.
    """
    from plotly.offline import get_plotlyjs

    return base64.b64encode(zlib.compress(get_plotlyjs().encode(), 9)).decode()
