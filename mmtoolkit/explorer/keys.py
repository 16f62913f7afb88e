"""The table of keys: when each works, what it does, and the words of the help.

Python and the page read the same table; another key is one more row of `KEYS`, and one test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from mmtoolkit.words import Said, say, word

if TYPE_CHECKING:
    from mmtoolkit.explorer.view import View

__all__ = ["KEYS", "Shortcut", "find", "help_lines", "page_table"]

_SIGNS = {"ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", "Escape": "Esc", " ": word("Space")}


@dataclass(frozen=True)
class Shortcut:
    """One key.

    Parameters
    ----------
    key : str
        What the browser calls it: "u", "Escape", "ArrowLeft", …
    words : Said
        What the help says; keys one after another with the same words share a line.
    does : callable
        Takes the view.
    when : callable, default=always
        Takes the view and tells whether the key does anything now.
    on_map : bool, default=False
        Whether the map must have the focus; else the key works everywhere in the explorer, but in text fields.
    field : str, default=""
        The text field to which the page goes, without asking Python: what is typed next would be lost.
    answers : bool, default=False
        Whether it says something of the item under review: then the page must have shown that item.
    """

    key: str
    words: Said
    does: Callable[[View], object]
    when: Callable[[View], bool] = lambda _view: True
    on_map: bool = False
    field: str = ""
    answers: bool = False


def _calls(method: str, *values: object) -> Callable[[View], object]:
    """Return what calls a method of the explorer."""
    return lambda view: getattr(view.ex, method)(*values)


def _name(n: int) -> Shortcut:
    return Shortcut(
        str(n),
        word("annotate the selection, or the item under review"),
        lambda view: view.ex.label(view.ex.annotation_names[n - 1]),
        lambda view: n <= len(view.ex.annotation_names),
        answers=True,
    )


def _arrow(key: str) -> Shortcut:
    way: Any = key.removeprefix("Arrow").lower()
    return Shortcut(key, word("go from item to item"), lambda view: view.ex.move(way), on_map=True)


def _toggle(key: str) -> Shortcut:
    words = word("select the item, or unselect it")
    return Shortcut(key, words, lambda view: view.toggle(), lambda view: _selectable(view, key), on_map=True)


def _selectable(view: View, key: str) -> bool:
    """Return whether a key selects what is in focus; Enter is an answer while an item is under review."""
    return view.ex.focus is not None and (key != "Enter" or view.ex.asked is None)


def _tool(key: str, words: Said, tool: str, *, on_map: bool) -> Shortcut:
    return Shortcut(key, words, lambda view: setattr(view.bridge, "tool", tool), on_map=on_map)


def _askable(view: View) -> bool:
    return view.ex.asked is not None and view.ex.reviews.kind.says is not None


def _answerable(view: View) -> bool:
    return _askable(view) or view.ex.reviews.suggestion is not None


KEYS = (
    *map(_name, range(1, 10)),
    Shortcut("u", word("undo"), _calls("undo")),
    Shortcut("i", word("invert the selection"), _calls("invert")),
    Shortcut("Escape", word("clear the selection; in a text field: back to the map"), _calls("clear")),
    Shortcut(
        "Enter",
        word("yes, or the suggested class, in a review"),
        _calls("answer", True),
        _answerable,
        answers=True,
    ),
    Shortcut("x", word("no: the item keeps its class"), _calls("answer", False), _askable, answers=True),
    Shortcut("c", word("write the name of a class"), lambda _view: None, field="new-label"),
    Shortcut("n", word("next item under review"), _calls("skip"), lambda view: view.ex.asked is not None),
    *map(_arrow, ("ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown")),
    *map(_toggle, ("Enter", " ")),
    _tool("l", word("draw a lasso"), "lasso", on_map=True),
    _tool("b", word("draw a box"), "box", on_map=True),
    _tool("m", word("move the map"), "move", on_map=False),
)


def find(key: str, view: View) -> Shortcut | None:
    """Return the first row of a key that works now, or None."""
    return next((row for row in KEYS if row.key == key and row.when(view)), None)


def page_table() -> dict[str, bool | str]:
    """Return what the page must know: the keys, and whether the map must have the focus, or the field to go to."""
    table: dict[str, bool | str] = {}
    for row in KEYS:
        table[row.key] = row.field or (row.on_map and table.get(row.key, True))
    return table


def help_lines() -> list[str]:
    """Return one line of HTML for all keys that have the same words."""
    lines: list[str] = []
    for (words, on_map), rows in groupby(KEYS, key=lambda row: (row.words, row.on_map)):
        signs = [f"<kbd>{_SIGNS.get(row.key, row.key)}</kbd>" for row in rows]
        shown = f"{signs[0]}–{signs[-1]}" if len(signs) > 4 else " ".join(signs)
        told = say("{what}, with the map in focus", what=words) if on_map else words
        lines.append(say("{what}: {told}", what=shown, told=told))
    return lines
