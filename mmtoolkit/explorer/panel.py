"""The texts of the explorer's panels: which HTML belongs to which state."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmtoolkit._html import escape
from mmtoolkit.explorer import cards, keys, kinds
from mmtoolkit.explorer.cards import button
from mmtoolkit.explorer.learner import CHECKS, curve_of
from mmtoolkit.explorer.linked import Linked
from mmtoolkit.explorer.queue import LearningQueue
from mmtoolkit.explorer.review import Review
from mmtoolkit.explorer.state import State
from mmtoolkit.words import joined, say, title, word

__all__ = ["beside", "body", "card", "legend", "looking", "queue", "search", "status", "tabs", "tools"]

_MOUSE = (
    word("drag: lasso or box; <kbd>Shift</kbd> adds, <kbd>Alt</kbd> removes"),
    word("mouse wheel: zoom, once the map was clicked"),
)
_TOOLS = (
    ("lasso", word("lasso"), word("draw a loop around items")),
    ("box", word("box"), word("drag a box")),
    ("move", word("move"), word("drag the map")),
)
_MODES = (
    ("replace", word("replace"), word("a new selection")),
    ("add", word("add"), word("to the selection; or hold Shift")),
    ("remove", word("remove"), word("from it; or hold Alt")),
)
_NEAR = 12
_TABS = (("gallery", word("gallery")), ("table", word("table")), ("counts", word("counts")))


def tools() -> str:
    """Return the row of tools."""
    groups = [("tool", say("Tool"), _TOOLS), ("mode", say("What a lasso does"), _MODES)]
    bits = "".join(
        f'<div class="mmx-bits" role="group" aria-label="{label}">'
        + "".join(button(str(shown), action, name, title=title, pressed=False) for name, shown, title in choices)
        + "</div>"
        for action, label, choices in groups
    )
    rest = (
        button(say("invert"), "invert")
        + button(say("clear"), "clear")
        + button(say("undo"), "undo", title=say("take the last annotation back"))
        + button(say("full window"), "full", title=say("the explorer alone; press again to go back"), pressed=False)
    )
    return f'<div class="mmx-row">{bits}{rest}</div>'


def search() -> str:
    """Return the search field."""
    return (
        '<input class="mmx-in mmx-wide" type="search" data-mm="search" data-key="search" maxlength="1000" '
        f'aria-label="{escape(say("Search by meaning"))}" placeholder="{escape(say("search by meaning, then Enter"))}">'
    )


def status(state: State, *, error: bool = False) -> str:
    """Return the line that says what just happened; read aloud by screen readers."""
    kind, role = (" mmx-error", "alert") if error else ("", "status")
    told = [text for text in (state.layout.note, state.layout.unseen) if text and text != state.status]
    note = "".join(f'<div class="mmx-note-top">{escape(text, 300)}</div>' for text in told)
    return f'<div class="mmx-status{kind}" role="{role}" aria-live="polite">{escape(state.status, 300)}</div>{note}'


def help_html() -> str:
    """Return the help on mouse and keys."""
    lines = "".join(f"<li>{line}</li>" for line in (*_MOUSE, *keys.help_lines()))
    return f'<details class="mmx-help"><summary>{say("Mouse and keys")}</summary><ul>{lines}</ul></details>'


def card(review: Review) -> str:
    """Return the item that the next answer is about, else the item in focus."""
    state, asked = review.state, review.asked
    row = state.focus if asked is None else asked
    if row is None:
        return ""
    facts = state.facts(row) if asked is None else review.card(row)
    chosen = row in state.selection.rows
    actions = button(say("similar items"), "similar", row) + button(
        say("unselect") if chosen else say("select"), "toggle", row
    )
    return cards.card(row, state.item(row), facts, actions=actions)


def queue(review: Review) -> str:
    """Return the question of the review, or the buttons that open one."""
    if review.queue is None:
        chips = "".join(
            button(escape(kind.button), "review", kind.name, title=kind.about, kind="mmx-chip")
            for kind in kinds.KINDS.values()
            if kind.offered(review.state)
        )
        return f'<div class="mmx-row" role="group" aria-label="{escape(say("Review"))}">{say("review:")} {chips}</div>'
    kind, left, total, suggested = review.kind, len(review.queue), review.queue.total, review.suggestion
    buttons: str = button(say("close"), "review", "")
    if left:
        buttons = button(say("skip {key}", key="<kbd>n</kbd>"), "skip") + buttons
    if left and kind.says is not None:
        buttons = button(say("no") + " <kbd>x</kbd>", "answer", "no") + buttons
    if left and (kind.says is not None or suggested is not None):
        yes = escape(suggested.annotation, 60) if suggested is not None else say("yes")
        buttons = button(f"{yes} <kbd>Enter</kbd>", "answer", "yes", kind="mmx-main-b") + buttons
    asked = (
        joined(review.asks, say("{left:,} of {n:,} left.", left=left, n=total))
        if left
        else say("All {n:,} answered.", n=total)
    )
    text = say("{what}: {told}", what=f"<b>{escape(kind.button)}</b>", told=escape(asked, 400))
    return (
        f'<div class="mmx-note-top" data-left="{left}" data-asked="{review.asked if left else ""}">{text}'
        f'{_suggested(review)}{_hidden(review)}<div class="mmx-row">{buttons}</div>{_progress(review)}</div>'
    )


def looking(review: Review) -> str:
    """Return the line that says that the search goes on, and for how long."""
    suspects = review.state.suspects
    if review.later is None or suspects is None:
        return ""
    told = say(
        "A classifier is being trained on all items: {n} s so far. What it finds takes the place of the first look.",
        n=int(suspects.seconds),
    )
    return f'<div class="mmx-looking" role="progressbar" aria-label="{escape(told, 300)}">{escape(told, 300)}</div>'


def _suggested(review: Review) -> str:
    """Return the suggested class of the item under review, its probability, and the evidence for it."""
    said = review.suggestion
    if said is None:
        return ""
    row = review.asked
    given = None if row is None or review.kind.says is None or review.state.y is None else review.state.y[row]
    what = f"{escape(given, 60)} → " if given is not None else ""
    evidence = f"<br><small>{escape(said.evidence, 300)}</small>" if said.evidence else ""
    return (
        f'<div class="mmx-suggested">{what}<b>{escape(said.annotation, 60)}</b>? {said.confidence:.2f}{evidence}</div>'
    )


def _hidden(review: Review) -> str:
    """Return a word on an item under review that is not on the map."""
    row = review.asked
    if row is None or review.state.filter.shown[row]:
        return ""
    return (
        f"<br><small>{escape(say('The filter hides this item on the map; it can be answered all the same.'))}</small>"
    )


def _progress(review: Review) -> str:
    """Return the present score of the classifier that learns, with its curve."""
    queue = review.queue
    curve = curve_of(queue)
    if not isinstance(queue, LearningQueue):
        return ""
    taught = int(queue.learner.trains.sum())
    if not len(curve):
        text = say(
            "{n} answer to learn from; the score comes after {least} items drawn at random.",
            "{n} answers to learn from; the score comes after {least} items drawn at random.",
            n=taught,
            least=CHECKS[0],
        )
        if review.notes.audited.sum() >= CHECKS[0]:
            text = say("No score yet: it takes answers of two classes beside those drawn at random.")
        return f'<p class="mmx-empty">{escape(text)}</p>'
    last = curve.iloc[-1]
    text = say(
        "Accuracy {accuracy:.2f} ({low:.2f} to {high:.2f}) with {labels:.0f} answers, on {random:.0f} items drawn at random.",
        **{str(name): value for name, value in last.items()},
    )
    more = f" {say('More answers will hardly help: its predictions stay the same.')}" if queue.learner.settled else ""
    return f'<p class="mmx-empty">{escape(text)}{escape(more)}</p>{cards.sparkline(curve)}'


def legend(state: State) -> str:
    """Return the groups, and for clusters that are selected as a whole the buttons that split them or make them one."""
    whole = state.whole_clusters if state.color == "cluster" and state.clusters is not None else []
    actions = (
        [button(say("split in two"), "split", whole[0], title=say("the selected cluster in two parts"))]
        if len(whole) == 1
        else []
    )
    if len(whole) > 1:
        actions = [
            button(
                say("make one of {n}", n=len(whole)),
                "merge",
                ",".join(map(str, whole)),
                title=say("the selected clusters"),
            )
        ]
    return cards.legend(state.look, actions)


def tabs(active: str) -> str:
    """Return the row that chooses what is shown of the selection."""
    bits = "".join(button(str(shown), "tab", name, pressed=name == active) for name, shown in _TABS)
    return f'<div class="mmx-bits" role="group" aria-label="{escape(say("Show the selection as"))}">{bits}</div>'


def body(state: State, linked: Linked | None, tab: str) -> str:
    """Return the selection as pictures or as a table, or the linked counts."""
    rows = state.selection.rows
    if tab == "counts":
        if linked is None:
            need = say("Counts need clusters or a classification: {code}.", code="<code>ex.link(result)</code>")
            return f'<p class="mmx-empty">{need}</p>'
        counts = linked.counts_among(state.filter.shown)
        return cards.crosstab(counts, rows=linked.row_title, columns=linked.column_title)
    if tab == "table" and len(rows):
        return cards.table(rows.tolist(), _shown_columns(state.selected))
    shown = rows[: cards.MOST_SHOWN]
    return cards.gallery(len(rows), [(row, state.item(row), _note(state, row)) for row in shown.tolist()])


def beside(review: Review) -> str:
    """Return what is most like the item under review, with classes; nothing where the answer counts for a score."""
    row, queue = review.asked, review.queue
    if row is None or queue is None or queue.counts(row):
        return ""
    state = review.state
    likeness = state.X @ state.X[row]
    likeness[row], likeness[~state.filter.shown] = -np.inf, -np.inf
    near = np.argsort(-likeness, kind="stable")[:_NEAR]
    shown = [(i, state.item(i), _class_note(state, i)) for i in near[np.isfinite(likeness[near])].tolist()]
    head = f'<p class="mmx-empty">{escape(say("most like it:"))}</p>' if shown else ""
    return head + (cards.gallery(len(shown), shown) if shown else "")


def _class_note(state: State, row: int) -> str:
    said = state.notes.annotation[row]
    return str(said if said is not None else "" if state.y is None or state.y[row] is None else state.y[row])


def _note(state: State, row: int) -> str:
    if state.notes.annotation[row] is not None:
        return str(state.notes.annotation[row])
    return f"{state.scores[row]:.2f}" if np.isfinite(state.scores[row]) else ""


def _shown_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Put the id, annotation and how first; leave out columns of pictures and empty ones."""
    filled = [name for name in frame.columns if name not in ("image", "video") and frame[name].notna().any()]
    first = [name for name in ("id", "annotation", "how") if name == "id" or name in filled]
    shown = frame[[*first, *(name for name in filled if name not in first)]]
    return shown.assign(modality=shown["modality"].map(title)) if "modality" in filled else shown
