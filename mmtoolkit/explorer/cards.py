"""The explorer's HTML: tip, card, gallery, table, legend, keys, crosstab. Everything from users is escaped here.

What can be pressed is a ``<button data-mm=ACTION data-value=VALUE>``: the bridge sends it to Python, and it works by
keyboard like any button.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmtoolkit import _html
from mmtoolkit._html import Html, escape, tag, void
from mmtoolkit._text import shorten
from mmtoolkit.explorer.colours import Look
from mmtoolkit.thumbnails import item_name, picture_of
from mmtoolkit.words import say
from mmtoolkit.words import title as heading

__all__ = [
    "MOST_SHOWN",
    "button",
    "card",
    "crosstab",
    "gallery",
    "keys",
    "legend",
    "picture",
    "sparkline",
    "table",
    "tip",
]

MOST_SHOWN = 48
_MOST_ROWS = 100
_MOST_NAMES = 60
_THUMB, _CARD = 128, 320


def button(
    text: str,
    action: str,
    value: object = "",
    *,
    title: str = "",
    kind: str = "",
    pressed: bool | None = None,
    expanded: bool | None = None,
) -> Html:
    """Return a button; `text` is HTML, all else is escaped."""
    return tag(
        "button",
        Html(text),
        type="button",
        class_=f"mmx-b {kind}",
        data_mm=action,
        data_value=value,
        data_key=f"{action}:{value}",
        title=title or None,
        aria_pressed=None if pressed is None else str(pressed).lower(),
        aria_expanded=None if expanded is None else str(expanded).lower(),
    )


def picture(row: Mapping[str, Any], size: int) -> str:
    """Return an ``<img>`` with its alternative text, or the words of an item that has no picture."""
    name = item_name(row)
    uri, pictured = picture_of(row, size=size)
    if uri is not None:
        film = tag("span", "▶", class_="mmx-film", aria_hidden="true") if row.get("modality") == "video" else Html()
        return tag("span", void("img", src=uri, alt=escape(name, 120)), film, class_="mmx-pic")
    kind = (
        Html(f"<small>{escape(say('no picture ({kind})', kind=row.get('modality')))}</small> ") if pictured else Html()
    )
    return tag("span", kind, name, limit=90 if size <= _THUMB else 600, class_="mmx-words")


def _facts(facts: Mapping[str, object]) -> str:
    shown = {name: value for name, value in facts.items() if value is not None}
    return "".join(
        f"<span><i>{escape(heading(name), 30)}</i> {escape(value, 60)}</span>" for name, value in shown.items()
    )


def tip(row: Mapping[str, Any], facts: Mapping[str, object]) -> str:
    """Return the tip beside the hovered dot."""
    return f'{picture(row, _THUMB)}<b>{escape(item_name(row), 80)}</b><span class="mmx-facts">{_facts(facts)}</span>'


def card(number: int, row: Mapping[str, Any], facts: Mapping[str, object], *, actions: str = "") -> str:
    """Return one item in full; what stands for its picture says its text already."""
    text, face = row.get("text"), picture(row, _CARD)
    words = f"<p>{escape(text, 600)}</p>" if isinstance(text, str) and "<img" in face else ""
    return (
        f'<article class="mmx-card" data-row="{number}" aria-label="{escape(item_name(row), 80)}">{face}'
        f'<div><b>{escape(row.get("id"), 80)}</b>{words}<span class="mmx-facts">{_facts(facts)}</span>'
        f'<div class="mmx-row">{actions}</div></div></article>'
    )


def gallery(n_selected: int, shown: Sequence[tuple[int, Mapping[str, Any], str]]) -> str:
    """Return items as pictures that can be pressed: row number, row of the items frame, note."""
    if n_selected == 0:
        empty = say("Nothing is selected. Draw a lasso, search, press a legend entry, or use the arrow keys.")
        return f'<p class="mmx-empty">{empty}</p>'
    cells = []
    for row, item, note in shown:
        line = f'<span class="mmx-note">{escape(note, 40)}</span>' if note else ""
        text = f'{picture(item, _THUMB)}<span class="mmx-name">{escape(item_name(item), 60)}</span>{line}'
        cells.append(button(text, "focus", row, title=item_name(item), kind="mmx-item"))
    left = n_selected - len(shown)
    told = say("and {n:,} more: {code} has them all", n=left, code="<code>ex.selected</code>")
    more = f'<p class="mmx-empty">{told}</p>' if left else ""
    return f'<div class="mmx-gallery" data-n="{n_selected}">{"".join(cells)}</div>{more}'


def table(rows: Sequence[int], frame: pd.DataFrame) -> str:
    """Return the selection as a table; the first cell of a row leads to the item on the map."""
    lines = (
        (button(escape(first, 60), "focus", row, kind="mmx-link"), list(map(_cell, others)))
        for row, (first, *others) in zip(rows, frame.head(_MOST_ROWS).itertuples(index=False), strict=False)
    )
    shown = tag("div", _html.table([escape(heading(name), 30) for name in frame.columns], lines), class_="mmx-scroll")
    left = len(rows) - _MOST_ROWS
    return shown + (
        tag("p", say("… and {n} more row", "… and {n} more rows", n=left), class_="mmx-empty") if left > 0 else ""
    )


def _cell(value: object) -> Html:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return Html()
    return Html(f"{value:.3f}") if isinstance(value, float) else escape(value, 80)


def legend(look: Look, actions: Sequence[Html] = ()) -> str:
    """Return the groups as buttons that select them, with colour, marker, name and count, and what can be done with them."""
    if not look.groups:
        return ""
    marks = {"circle": "●", "square": "■", "diamond": "◆", "triangle-up": "▲", "circle-open": "○", "x-thin-open": "×"}
    entries = [
        button(
            f'<span class="mmx-mark" style="color:{group.color}" aria-hidden="true">{marks[group.symbol]}</span> '
            f"<bdi>{escape(group.name.rpartition(' (')[0], 44)}</bdi> ({len(group.rows):,})",
            "group",
            place,
            title=say("select all of {name}", name=group.name),
            kind="mmx-chip",
        )
        for place, group in enumerate(look.groups[:_MOST_NAMES])
    ]
    left = len(look.groups) - _MOST_NAMES
    more = f"<span>{say('and {n} more group', 'and {n} more groups', n=left)}</span>" if left > 0 else ""
    by = escape(say("Groups by {name}", name=heading(look.name)))
    return f'<div class="mmx-row mmx-many" role="group" aria-label="{by}">{"".join([*entries, *actions])}{more}</div>'


def keys(names: Sequence[str]) -> str:
    """Return the annotation names, the first nine with their keys, and a field for a new one."""
    chips = [
        button(
            f"{f'<kbd>{place}</kbd> ' if place <= 9 else ''}<bdi>{escape(shorten(name, 30, tail=10))}</bdi>",
            "label",
            place - 1,
            title=name,
            kind="mmx-chip",
        )
        for place, name in enumerate(names[:_MOST_NAMES], start=1)
    ]
    field = (
        f'<input class="mmx-in" data-mm="new-label" data-key="new-label" aria-label="{escape(say("Annotation for the selection"))}" '
        f'placeholder="{escape(say("new name, then Enter"))}" maxlength="100">'
    )
    return f'<div class="mmx-row mmx-many" role="group" aria-label="{escape(say("Annotate the selection"))}">{field}{"".join(chips)}</div>'


def crosstab(counts: pd.DataFrame, *, rows: str, columns: str) -> str:
    """Return a table of counts whose cells, row names and column names select their items."""
    top = max(int(counts.to_numpy().max(initial=0)), 1)
    names = [button(escape(name, 20), "column", j, kind="mmx-link") for j, name in enumerate(counts.columns)]

    def cell(i: int, j: int, value: int) -> Html:
        title = f"{counts.index[i]} → {counts.columns[j]}"
        inner = button(f"{value:,}", "cell", f"{i},{j}", title=title, kind="mmx-cell") if value else Html()
        return tag("td", inner, style=f"--share:{value / top:.2f}")

    lines = (
        (button(escape(name, 24), "row", i, kind="mmx-link"), [cell(i, j, value) for j, value in enumerate(values)])
        for i, (name, values) in enumerate(zip(counts.index, counts.to_numpy().tolist(), strict=True))
    )
    corner = Html(f"{escape(heading(rows), 30)} ↓ {escape(heading(columns), 30)} →")
    return tag("div", _html.table([corner, *names], lines, kind="mmx-cross"), class_="mmx-scroll")


def sparkline(curve: pd.DataFrame) -> str:
    """Return the accuracy over the answers with its interval, as a small picture; 0 to 1 from bottom to top."""
    if len(curve) < 2:
        return ""
    labels = curve["labels"].to_numpy(dtype=float)
    x = 200.0 * (labels - labels.min()) / max(np.ptp(labels), 1.0)
    low, middle, high = (50.0 * (1.0 - curve[name].to_numpy()) for name in ("low", "accuracy", "high"))

    def path(xs: Any, ys: Any) -> str:
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(xs, ys, strict=True))

    return (
        '<svg class="mmx-spark" viewBox="-2 -2 204 54" role="img" aria-hidden="true">'
        f'<polygon points="{path(np.r_[x, x[::-1]], np.r_[low, high[::-1]])}"/><polyline points="{path(x, middle)}"/></svg>'
    )
