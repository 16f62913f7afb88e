"""Blocks to one self-contained HTML page: no network, plotly once, light and dark, phone to desktop, print."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import singledispatch
from importlib import resources
from typing import Any

import pandas as pd

from mmtoolkit import _html
from mmtoolkit._html import Html, escape, tag, verbatim
from mmtoolkit.figures.style import plot_config
from mmtoolkit.reporting.blocks import (
    Block,
    Code,
    Drawing,
    Folded,
    Gallery,
    Group,
    Groups,
    Keys,
    Note,
    Remarks,
    Section,
    Table,
    Words,
)
from mmtoolkit.reporting.plots import packed_plotly, placed, plot_html
from mmtoolkit.words import PAGE_TAGS, joined, language, percent, say
from mmtoolkit.words import title as heading

__all__ = ["block_html", "page", "summary_html"]

_PARAGRAPH = 4000
_CELL = 90
_SPARED = 2  # a table is not folded for so few rows
# Nothing may be loaded or sent, whatever the content of the page; WebGL maps compile their shaders with eval.
_POLICY = (
    "default-src 'none'; img-src data: blob:; font-src data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline' 'unsafe-eval'"
)


def page(title: str, facts: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the whole page.

    Parameters
    ----------
    title : str
        Heading, escaped here.
    facts : sequence of str
        Short facts under the heading, escaped here.
    sections : sequence of Section
        In reading order; each gets a line in the table of contents.

    Returns
    -------
    str
        An HTML document.
    """
    links = "".join(f'<li><a href="#{escape(s.name)}">{escape(s.title)}</a></li>' for s in sections)
    body = "".join(
        f'<section id="{escape(s.name)}"><h2>{escape(s.title)}</h2>{"".join(map(block_html, s.blocks))}</section>'
        for s in placed(sections)
    )
    chips = "".join(f"<li>{escape(fact, 120)}</li>" for fact in facts)
    failed = escape(say("This browser is too old to draw the figure."))
    config = escape(json.dumps(plot_config()), 4_000)
    packed = f'<script type="text/plain" id="plotly" data-failed="{failed}" data-config="{config}">{packed_plotly()}</script>'
    packed = packed if '<div class="plot"' in body else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{PAGE_TAGS[language()]}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="generator" content="mmtoolkit">'
        '<meta name="mmtoolkit-seals" content="">'
        f"<title>{escape(title)}</title><style>{_asset('page.css')}</style>"
        "</head><body>"
        f'<header><p class="eyebrow">{escape(say("mmtoolkit report"))}</p><h1>{escape(title)}</h1><ul class="facts">{chips}</ul></header>'
        f'<div class="columns"><nav aria-label="{escape(say("Contents"))}"><p>{escape(say("Contents"))}</p><ol>{links}</ol></nav><main>{body}</main></div>'
        f"{packed}<script>{_asset('page.js')}</script></body></html>\n"
    )


def _asset(name: str) -> str:
    return resources.files("mmtoolkit.reporting").joinpath(name).read_text("utf-8")


@singledispatch
def block_html(block: Block) -> str:
    """Return one block as HTML, everything from users escaped.

    Parameters
    ----------
    block : Block
        Any of the kinds in `blocks`.

    Returns
    -------
    str
        A fragment.
    """
    raise TypeError(type(block).__name__)


@block_html.register
def _(block: Words) -> str:
    return f"<p>{escape(block.text, _PARAGRAPH)}</p>"


@block_html.register
def _(block: Note) -> str:
    word = say("Note.") if block.kind == "info" else say("Mind.")
    return f'<p class="note {block.kind}"><b>{escape(word)}</b> {escape(block.text, _PARAGRAPH)}</p>'


@block_html.register
def _(block: Remarks) -> str:
    lines = "".join(f"<li>{escape(line, _PARAGRAPH)}</li>" for line in block.lines)
    return f'<div class="note warn"><b>{escape(block.heading)}</b><ul>{lines}</ul></div>'


@block_html.register
def _(block: Keys) -> str:
    cards = "".join(
        f'<div class="key"><dt>{escape(k.name)}</dt><dd><strong>{escape(k.value)}</strong> '
        f"<span>{escape(k.detail, 160)}</span></dd></div>"
        for k in block.entries
    )
    return f'<dl class="keys">{cards}</dl>'


@block_html.register
def _(block: Table) -> str:
    frame, hidden = block.frame, {n for pair in block.intervals.values() for n in pair}
    shown = [name for name in frame.columns if name not in hidden]
    head = [escape(heading(name), 40) for name in [frame.index.name or "", *shown]]
    rows = [
        (
            escape(block.row_name(index), _CELL),
            [_cell(block, index, name, dict(zip(frame.columns, values, strict=True))) for name in shown],
        )
        for index, values in zip(
            frame.index, frame.head(block.max_rows).itertuples(index=False, name=None), strict=False
        )
    ]
    folds = len(rows) > block.shown + _SPARED
    first, rest = (rows[: block.shown], rows[block.shown :]) if folds else (rows, [])
    tail = _caption(block.left_out)
    inside = tag("div", _html.table(head, rest), class_="table") if rest else ""
    folded = _details(say("{n} more row", "{n} more rows", n=len(rest)), f"{inside}{tail}") if rest else tail
    return f"{tag('div', _html.table(head, first), class_='table')}{folded}{_caption(block.caption)}"


@block_html.register
def _(block: Folded) -> str:
    return _details(block.title, "".join(map(block_html, block.blocks)))


def _details(title: str, inside: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{inside}</details>"


def _caption(text: str) -> str:
    return tag("p", text, limit=_PARAGRAPH, class_="caption") if text else ""


def _cell(block: Table, index: Any, name: Any, row: dict[Any, Any]) -> Html:
    value = block.told(name, row[name])
    if isinstance(value, bool) or (not isinstance(value, int | float) and not hasattr(value, "dtype")):
        return tag("td", "" if value is None else value, limit=_CELL)
    number = float(value)
    if number != number:  # noqa: PLR0124 - NaN
        return tag("td", "–", class_="number")
    share = block.is_share(index, name)
    words = f"{number:,.0f}" if number.is_integer() and name not in block.shares else f"{number:.3f}"
    words = str(percent(number)) if share else words
    low, high = (float(row[n]) for n in block.intervals.get(name, (name, name)))
    known = low == low and name in block.intervals  # noqa: PLR0124 - NaN
    ends = f"{100 * low:.1f} – {percent(high)}" if share else f"{low:.3f} – {high:.3f}"
    interval = f"<small>{ends}</small>" if known else ""
    if name not in block.shares:
        return tag("td", Html(words + interval), class_="number")
    style = f"--v:{100 * number:.1f}%" + (f";--l:{100 * low:.1f}%;--h:{100 * high:.1f}%" if known else "")
    whisker = '<i class="whisker"></i>' if known else ""
    mark = float(row[block.marks[name]]) if name in block.marks else float("nan")
    tick = f'<i class="tick" style="left:{100 * min(max(mark, 0.0), 1.0):.1f}%"></i>' if mark == mark else ""  # noqa: PLR0124 - NaN
    bar = tag("span", Html(f"<i></i>{whisker}{tick}"), class_="bar", style=Html(style))
    return tag("td", Html(words + interval), bar, class_="number share")


@block_html.register
def _(block: Gallery) -> str:
    title = f"<h3>{escape(block.title, 120)}</h3>" if block.title else ""
    return f"{title}{_strip(block.frame, block.size, block.notes)}{_caption(block.caption)}"


def _strip(frame: pd.DataFrame, size: int, notes: Sequence[str] | None = None, *, named: bool = True) -> str:
    """Show items side by side, or below one another when they are texts."""
    from mmtoolkit.thumbnails import item_names, strip_html

    if set(frame["modality"]) != {"text"}:
        return strip_html(frame, size=size, notes=notes, named=named)
    lines = "".join(
        f"<li>{escape(name, 240)}{f'<b>{escape(note, 80)}</b>' if note else ''}</li>"
        for name, note in zip(item_names(frame), notes or [""] * len(frame), strict=True)
    )
    return f'<ul class="texts">{lines}</ul>'


@block_html.register
def _(block: Groups) -> str:
    shown = "".join(map(_group, block.entries[: block.shown]))
    rest = block.entries[block.shown :]
    folded = "".join(map(_group, rest))
    label = say("{n} smaller one", "{n} smaller ones", n=len(rest))
    more = _details(label, folded) if rest else ""
    return f'<div class="groups">{shown}{more}</div>{_caption(block.caption)}'


def _group(group: Group) -> str:
    bar = f'<span class="bar" style="--v:{100 * group.share:.1f}%"><i></i></span>'
    head = f"<h3>{escape(group.name, 60)}</h3><span>{escape(group.detail)}</span>{bar}"
    place = f' id="{escape(group.place)}"' if group.place else ""
    return f'<div class="group"{place}><div class="head">{head}</div>{_strip(group.frame, 68, named=False)}</div>'


@block_html.register
def _(block: Code) -> str:
    return tag("pre", tag("code", verbatim(block.text), class_=block.language))


@block_html.register
def _(block: Drawing) -> str:
    from mmtoolkit.figures import alt_of, caption_of, title_of

    caption = joined(block.caption, caption_of(block.figure))
    title = title_of(block.figure)
    return (
        f'<figure class="drawing">{f"<h3>{escape(title)}</h3>" if title else ""}'
        f'<div role="img" aria-label="{escape(alt_of(block.figure), 1000)}">{plot_html(block)}</div>'
        f"<figcaption>{escape(caption, _PARAGRAPH)}</figcaption></figure>"
    )


def summary_html(title: str, facts: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the first section alone, for a notebook: no script, no style sheet.

    Parameters
    ----------
    title : str
        Heading, escaped here.
    facts : sequence of str
        Short facts, escaped here.
    sections : sequence of Section
        The report's; the first is shown.

    Returns
    -------
    str
        A ``<div>``.
    """
    body = "".join(map(block_html, sections[0].blocks))
    words = " · ".join(escape(fact, 120) for fact in facts)
    return f'<div class="mmtoolkit"><p><b>{escape(title)}</b><br>{words}</p>{body}</div>'
