"""Blocks to Markdown: the same words and numbers, without the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

from mmtoolkit._text import escape_markdown, shorten
from mmtoolkit.reporting.blocks import (
    Block,
    Code,
    Drawing,
    Folded,
    Gallery,
    Groups,
    Keys,
    Note,
    Remarks,
    Section,
    Table,
    Words,
)
from mmtoolkit.results import plain
from mmtoolkit.words import joined, percent, say
from mmtoolkit.words import title as heading

__all__ = ["block_markdown", "markdown"]

_PARAGRAPH = 4000


def markdown(title: str, facts: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the whole report as Markdown.

    Parameters
    ----------
    title : str
        Heading.
    facts : sequence of str
        Short facts under the heading.
    sections : sequence of Section
        In reading order.

    Returns
    -------
    str
        GitHub-flavoured Markdown; everything from users is escaped.
    """
    parts = [f"# {escape_markdown(title)}", " · ".join(escape_markdown(fact, 120) for fact in facts)]
    for section in sections:
        parts += [f"## {escape_markdown(section.title)}", *map(block_markdown, section.blocks)]
    return "\n\n".join(part for part in parts if part) + "\n"


@singledispatch
def block_markdown(block: Block) -> str:
    """Return one block as Markdown.

    Parameters
    ----------
    block : Block
        Any of the kinds in `blocks`.

    Returns
    -------
    str
        One or more paragraphs.
    """
    raise TypeError(type(block).__name__)


@block_markdown.register
def _(block: Words) -> str:
    return escape_markdown(block.text, _PARAGRAPH)


@block_markdown.register
def _(block: Note) -> str:
    word = say("Mind.") if block.kind == "warn" else say("Note.")
    return f"> **{word}** {escape_markdown(block.text, _PARAGRAPH)}"


@block_markdown.register
def _(block: Remarks) -> str:
    return "\n".join(
        [f"**{escape_markdown(block.heading)}**\n", *(f"- {escape_markdown(line, _PARAGRAPH)}" for line in block.lines)]
    )


@block_markdown.register
def _(block: Groups) -> str:
    from mmtoolkit.thumbnails import item_names

    lines = []
    for group in block.entries:
        names = "; ".join(escape_markdown(name, 60) for name in item_names(group.frame))
        lines.append(f"- **{escape_markdown(group.name)}** ({escape_markdown(group.detail)}): {names}")
    return _joined("\n".join(lines), _caption(block.caption))


@block_markdown.register
def _(block: Keys) -> str:
    return "\n".join(
        f"- {escape_markdown(k.name)}: **{escape_markdown(k.value)}**{f' ({escape_markdown(k.detail)})' if k.detail else ''}"
        for k in block.entries
    )


@block_markdown.register
def _(block: Table) -> str:
    names = [heading(name) for name in [block.frame.index.name or "", *block.frame.columns]]
    lines = [_row(names), "|" + " --- |" * len(names)]
    head = block.frame.head(block.max_rows)
    for index, row in zip(head.index, head.itertuples(index=False, name=None), strict=True):
        cells = [
            percent(value) if isinstance(value, float) and block.is_share(index, name) else block.told(name, value)
            for name, value in zip(head.columns, row, strict=True)
        ]
        lines.append(_row([block.row_name(index), *cells]))
    return _joined("\n".join(lines), block.left_out, _caption(block.caption))


def _joined(*paragraphs: str) -> str:
    return "\n\n".join(filter(None, paragraphs))


def _caption(text: str) -> str:
    return f"*{escape_markdown(text, 600)}*" if text else ""


def _row(values: Sequence[object]) -> str:
    cells = [
        f"{v:.4g}" if isinstance(v, float) else escape_markdown("" if v is None else v, 90)
        for v in (value if isinstance(value, str) else plain(value) for value in values)
    ]
    return f"| {' | '.join(cells)} |"


@block_markdown.register
def _(block: Drawing) -> str:
    from mmtoolkit.figures import caption_of, title_of

    title = title_of(block.figure)
    caption = joined(block.caption, caption_of(block.figure))
    asks = title.endswith(("?", "!", ".", "？"))
    named = escape_markdown(title)
    head = say("Figure: {title}", title=named) if asks else say("Figure: {title}.", title=named)
    return f"**{head}** {escape_markdown(caption, 1000)}"


@block_markdown.register
def _(block: Gallery) -> str:
    from mmtoolkit.thumbnails import item_names

    notes = block.notes or [""] * len(block.frame)
    lines = [
        f"- {escape_markdown(name, 80)}{f': {escape_markdown(note, 80)}' if note else ''}"
        for name, note in zip(item_names(block.frame), notes, strict=True)
    ]
    head = f"### {escape_markdown(block.title)}" if block.title else ""
    return _joined(head, "\n".join(lines), _caption(block.caption))


@block_markdown.register
def _(block: Folded) -> str:
    return "\n\n".join([f"### {escape_markdown(block.title)}", *map(block_markdown, block.blocks)])


@block_markdown.register
def _(block: Code) -> str:
    fence = "```"
    lines = "\n".join(shorten(line, 500) if "`" in line else line for line in block.text.splitlines())
    while fence in lines:
        fence += "`"
    return f"{fence}{block.language}\n{lines}\n{fence}"
