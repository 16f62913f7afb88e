"""The explorer's HTML: tip, card, gallery, table, legend, keys, crosstab. Everything from users is escaped here.

What can be pressed is a ``<button data-mm=ACTION data-value=VALUE>``: the bridge sends it to Python, and it works by
keyboard like any button.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmtoolkit._text import escape
from mmtoolkit.explorer.colours import Look
from mmtoolkit.thumbnails import item_name, thumbnail_uri

__all__ = ["MOST_SHOWN", "button", "card", "crosstab", "gallery", "keys", "legend", "picture", "table", "tip"]

MOST_SHOWN = 48
_MOST_ROWS = 100
_MOST_NAMES = 60
_THUMB, _CARD = 128, 320


def button(
    text: str, action: str, value: object = "", *, title: str = "", kind: str = "", pressed: bool | None = None
) -> str:
    """Return a button; `text` is HTML, all else is escaped."""
    extra = f' title="{escape(title)}"' if title else ""
    extra += "" if pressed is None else f' aria-pressed="{str(pressed).lower()}"'
    key = escape(f"{action}:{value}")
    return (
        f'<button type="button" class="mmx-b {escape(kind)}" data-mm="{escape(action)}" data-value="{escape(value)}" '
        f'data-key="{key}"{extra}>{text}</button>'
    )


def picture(row: Mapping[str, Any], size: int) -> str:
    """Return an ``<img>`` with its alternative text, or the words of an item that has no picture."""
    name = item_name(row)
    roles = {"image": ("image",), "video": ("video",), "fused": ("image", "video")}.get(str(row.get("modality")), ())
    uri = next((found for role in roles if (found := thumbnail_uri(row.get(role), size=size))), None)
    if uri is not None:
        film = '<span class="mmx-film" aria-hidden="true">▶</span>' if row.get("modality") == "video" else ""
        return f'<span class="mmx-pic"><img src="{uri}" alt="{escape(name, 120)}">{film}</span>'
    kind = f"<small>no picture ({escape(row.get('modality'))})</small> " if roles else ""
    return f'<span class="mmx-words">{kind}{escape(name, 90 if size <= _THUMB else 600)}</span>'


def _facts(facts: Mapping[str, object]) -> str:
    shown = {name: value for name, value in facts.items() if value is not None}
    return "".join(f"<span><i>{escape(name, 30)}</i> {escape(value, 60)}</span>" for name, value in shown.items())


def tip(row: Mapping[str, Any], facts: Mapping[str, object]) -> str:
    """Return what floats beside the hovered dot."""
    return f'{picture(row, _THUMB)}<b>{escape(item_name(row), 80)}</b><span class="mmx-facts">{_facts(facts)}</span>'


def card(number: int, row: Mapping[str, Any], facts: Mapping[str, object], *, actions: str = "") -> str:
    """Return one item in full."""
    text = row.get("text")
    words = f"<p>{escape(text, 600)}</p>" if isinstance(text, str) else ""
    return (
        f'<article class="mmx-card" data-row="{number}" aria-label="{escape(item_name(row), 80)}">{picture(row, _CARD)}'
        f'<div><b>{escape(row.get("id"), 80)}</b>{words}<span class="mmx-facts">{_facts(facts)}</span>'
        f'<div class="mmx-row">{actions}</div></div></article>'
    )


def gallery(n_selected: int, shown: Sequence[tuple[int, Mapping[str, Any], str]]) -> str:
    """Return items as pictures that can be pressed: row number, row of the items frame, note."""
    if n_selected == 0:
        return '<p class="mmx-empty">Nothing is selected. Draw a lasso, search, press a legend entry, or use the arrow keys.</p>'
    cells = []
    for row, item, note in shown:
        line = f'<span class="mmx-note">{escape(note, 40)}</span>' if note else ""
        text = f'{picture(item, _THUMB)}<span class="mmx-name">{escape(item_name(item), 60)}</span>{line}'
        cells.append(button(text, "focus", row, title=item_name(item), kind="mmx-item"))
    left = n_selected - len(shown)
    more = f'<p class="mmx-empty">and {left:,} more: <code>ex.selected</code> has them all</p>' if left else ""
    return f'<div class="mmx-gallery" data-n="{n_selected}">{"".join(cells)}</div>{more}'


def table(rows: Sequence[int], frame: pd.DataFrame) -> str:
    """Return the selection as a table; the first cell of a row leads to the item on the map."""
    names = [str(name) for name in frame.columns]
    head = "".join(f'<th scope="col">{escape(name, 30)}</th>' for name in names)
    lines = []
    for row, values in zip(rows[:_MOST_ROWS], frame.head(_MOST_ROWS).itertuples(index=False), strict=True):
        first = button(escape(values[0], 60), "focus", row, kind="mmx-link")
        cells = "".join(f"<td>{_cell(value)}</td>" for value in values[1:])
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>')
    more = f'<p class="mmx-empty">and {len(rows) - _MOST_ROWS:,} more rows</p>' if len(rows) > _MOST_ROWS else ""
    return f'<div class="mmx-scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>{more}'


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return ""
    return f"{value:.3f}" if isinstance(value, float) else escape(value, 80)


def legend(look: Look) -> str:
    """Return the groups as buttons that select them, with colour, marker, name and count."""
    if not look.groups:
        return ""
    marks = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲", "circle-open": "○", "x-thin-open": "×"}
    entries = [
        button(
            f'<span style="color:{group.color}" aria-hidden="true">{marks[group.symbol]}</span> {escape(group.name, 48)}',
            "group",
            place,
            title=f"select all of {group.name}",
            kind="mmx-chip",
        )
        for place, group in enumerate(look.groups[:_MOST_NAMES])
    ]
    more = f"<span>and {len(look.groups) - _MOST_NAMES} more groups</span>" if len(look.groups) > _MOST_NAMES else ""
    return (
        f'<div class="mmx-row" role="group" aria-label="Groups by {escape(look.name)}">{"".join(entries)}{more}</div>'
    )


def keys(names: Sequence[str]) -> str:
    """Return the annotation names, the first nine with their keys, and a field for a new one."""
    chips = [
        button(f"{f'<kbd>{place}</kbd> ' if place <= 9 else ''}{escape(name, 30)}", "label", place - 1, kind="mmx-chip")
        for place, name in enumerate(names[:_MOST_NAMES], start=1)
    ]
    field = (
        '<input class="mmx-in" data-mm="new-label" data-key="new-label" aria-label="Annotation for the selection" '
        'placeholder="new name, then Enter" maxlength="100">'
    )
    return f'<div class="mmx-row" role="group" aria-label="Annotate the selection">{field}{"".join(chips)}</div>'


def crosstab(counts: pd.DataFrame, *, rows: str, columns: str) -> str:
    """Return a table of counts whose cells, row names and column names select their items."""
    top = max(int(counts.to_numpy().max(initial=0)), 1)
    head = "".join(
        f'<th scope="col">{button(escape(name, 20), "column", j, kind="mmx-link")}</th>'
        for j, name in enumerate(counts.columns)
    )
    lines = []
    for i, (name, values) in enumerate(zip(counts.index, counts.to_numpy().tolist(), strict=True)):
        cells = "".join(
            f'<td style="--share:{value / top:.2f}">'
            + (
                button(f"{value:,}", "cell", f"{i},{j}", title=f"{name} → {counts.columns[j]}", kind="mmx-cell")
                if value
                else ""
            )
            + "</td>"
            for j, value in enumerate(values)
        )
        lines.append(f'<tr><th scope="row">{button(escape(name, 24), "row", i, kind="mmx-link")}</th>{cells}</tr>')
    corner = f"{escape(rows, 30)} ↓ {escape(columns, 30)} →"
    return f'<div class="mmx-scroll"><table class="mmx-cross"><thead><tr><th>{corner}</th>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
