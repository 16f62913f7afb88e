"""The texts of the explorer's panels: which HTML belongs to which state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._html import escape
from mmtoolkit.explorer import cards
from mmtoolkit.explorer.cards import button

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.explorer.core import Explorer

__all__ = ["TABS", "body", "card", "queue", "search", "status", "tabs", "tools"]

TABS = ("gallery", "table", "counts")
_QUESTIONS = {
    "label_issues": "Is the class wrong?",
    "outliers": "Is this an outlier?",
    "boundary": "Does this belong elsewhere?",
    "audit": "What is this? Drawn at random; scores come from these answers only.",
}
_HELP = (
    ("drag", "lasso or box; <kbd>Shift</kbd> adds, <kbd>Alt</kbd> removes"),
    ("<kbd>1</kbd>–<kbd>9</kbd>", "annotate the selection, or the item under review"),
    ("<kbd>u</kbd>", "undo"),
    ("<kbd>i</kbd> <kbd>Esc</kbd>", "invert, clear"),
    ("<kbd>n</kbd>", "next item under review"),
    ("arrow keys", "with the map in focus: go from item to item; <kbd>Enter</kbd> selects"),
    ("mouse wheel", "zoom, once the map was clicked"),
)


def tools() -> str:
    """Return the row of tools."""
    kinds = (("lasso", "draw a loop around items"), ("box", "drag a box"), ("move", "drag the map"))
    modes = (
        ("replace", "a new selection"),
        ("add", "to the selection; or hold Shift"),
        ("remove", "from it; or hold Alt"),
    )
    groups = [("tool", "Tool", kinds), ("mode", "What a lasso does", modes)]
    bits = "".join(
        f'<div class="mmx-bits" role="group" aria-label="{label}">'
        + "".join(button(name, action, name, title=title, pressed=False) for name, title in choices)
        + "</div>"
        for action, label, choices in groups
    )
    rest = (
        button("invert", "invert")
        + button("clear", "clear")
        + button("undo", "undo", title="take the last annotation back")
    )
    return f'<div class="mmx-row">{bits}{rest}</div>'


def search() -> str:
    """Return the search field."""
    return (
        '<input class="mmx-in mmx-wide" type="search" data-mm="search" data-key="search" maxlength="1000" '
        'aria-label="Search by meaning" placeholder="search by meaning, then Enter">'
    )


def status(ex: Explorer, *, error: bool = False) -> str:
    """Return the line that says what just happened; read aloud by screen readers."""
    kind, role = (" mmx-error", "alert") if error else ("", "status")
    note = f'<div class="mmx-note-top">{escape(ex.layout.note, 300)}</div>' if ex.layout.note else ""
    return f'<div class="mmx-status{kind}" role="{role}" aria-live="polite">{escape(ex.status, 300)}</div>{note}'


def help_html() -> str:
    """Return the list of keys."""
    lines = "".join(f"<li>{what}: {does}</li>" for what, does in _HELP)
    return f'<details class="mmx-help"><summary>Mouse and keys</summary><ul>{lines}</ul></details>'


def card(ex: Explorer) -> str:
    """Return the item that the next answer is about, else the item in focus."""
    asked = ex.asked
    row = ex.focus if asked is None else asked
    if row is None:
        return ""
    facts = ex.facts(row)
    if asked is not None and ex.queue is not None and ex.queue.name == "audit":
        facts = {}  # an answer must not lean on what others said
    chosen = row in ex.selection.rows
    actions = button("similar items", "similar", row) + button("unselect" if chosen else "select", "toggle", row)
    return cards.card(row, ex.item(row), facts, actions=actions)


def queue(ex: Explorer) -> str:
    """Return what the review asks, or the buttons that open one."""
    if ex.queue is None:
        kinds = [
            ("audit", "random audit sample", "judge items drawn at random first: scores come from these only"),
            ("outliers", "outliers", "items far from all others"),
        ]
        kinds += [("label_issues", "label issues", "items whose class a classifier doubts")] if ex.y is not None else []
        kinds += [("boundary", "boundary", "items between two clusters")] if ex.clusters is not None else []
        chips = "".join(button(text, "review", name, title=title, kind="mmx-chip") for name, text, title in kinds)
        return f'<div class="mmx-row" role="group" aria-label="Review">review: {chips}</div>'
    name = ex.queue.name
    question = _QUESTIONS.get(name, "Look at this item.")
    left, total = len(ex.queue), len(ex.queue.rows)
    yes_no = (
        ""
        if name == "audit" or not left
        else button("yes", "answer", "yes", kind="mmx-main-b") + button("no", "answer", "no")
    )
    rest = (button("skip <kbd>n</kbd>", "skip") if left else "") + button("close", "review", "")
    text = f"{question} {left} of {total} left." if left else f"All {total} answered."
    return f'<div class="mmx-note-top" data-left="{left}"><b>{escape(name.replace("_", " "))}</b>: {text}<div class="mmx-row">{yes_no}{rest}</div></div>'


def tabs(active: str) -> str:
    """Return the row that chooses what is shown of the selection."""
    bits = "".join(button(name, "tab", name, pressed=name == active) for name in TABS)
    return f'<div class="mmx-bits" role="group" aria-label="Show the selection as">{bits}</div>'


def body(ex: Explorer, tab: str) -> str:
    """Return the selection as pictures or as a table, or the linked counts."""
    rows = ex.selection.rows
    if tab == "counts":
        if ex.linked is None:
            return '<p class="mmx-empty">Counts need clusters or a classification: <code>ex.link(result)</code>.</p>'
        return cards.crosstab(ex.linked.counts, rows=ex.linked.row_title, columns=ex.linked.column_title)
    if tab == "table" and len(rows):
        return cards.table(rows.tolist(), _shown_columns(ex))
    shown = rows[: cards.MOST_SHOWN]
    return cards.gallery(len(rows), [(row, ex.item(row), _note(ex, row)) for row in shown.tolist()])


def _note(ex: Explorer, row: int) -> str:
    if ex.notes.annotation[row] is not None:
        return str(ex.notes.annotation[row])
    return f"{ex.scores[row]:.2f}" if np.isfinite(ex.scores[row]) else ""


def _shown_columns(ex: Explorer) -> pd.DataFrame:
    frame = ex.selected
    plain = [name for name in frame.columns if name not in ("image", "video") and frame[name].notna().any()]
    return frame[
        [
            "id",
            *(name for name in ("annotation", "how") if name in plain),
            *(name for name in plain if name not in ("id", "annotation", "how")),
        ]
    ]
