"""The keys: what each does, and a key of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmtoolkit.explorer import keys


@pytest.fixture
def view(ex):
    assert ex.widget is ex.widget
    return ex.widget


def message(view, kind, polygon=None, **content):
    """Deliver a message the way the comm does, buffers included."""
    buffers = [] if polygon is None else [memoryview(np.asarray(polygon, dtype=np.float64).tobytes())]
    view.receive({"kind": kind, **content}, buffers)


def test_keys_label_undo_invert_clear_and_walk(view, around):
    ex = view.ex
    message(view, "lasso", around(1), mode="replace", version=0)

    message(view, "key", key="2")
    assert set(ex.annotations["annotation"]) == {ex.annotation_names[1]}
    message(view, "key", key="u")
    assert ex.annotations.empty
    message(view, "key", key="i")
    assert len(ex.selected) == 30
    message(view, "key", key="Escape")
    assert ex.selected.empty
    message(view, "key", key="ArrowRight")
    first = ex.focus
    message(view, "key", key="Enter")
    assert ex.selected["id"].tolist() == [f"item-{first}"]
    message(view, "key", key="Enter")
    assert ex.selected.empty
    message(view, "key", key="b")
    assert view.bridge.tool == "box"
    message(view, "key", key="9")  # no ninth name: nothing happens
    assert ex.annotations.empty


def test_the_page_gets_the_table_and_the_help_shows_it(view):
    help_page = "".join(w.value for w in view.children[-1].children[0].children if hasattr(w, "value"))

    assert view.bridge.shortcuts == keys.page_table()
    on_map = {row.key: row.on_map for row in keys.KEYS}
    assert {key for key, value in view.bridge.shortcuts.items() if value != on_map[key]} == {"Enter", "c"}
    assert view.bridge.shortcuts["Enter"] is False  # a review takes it, wherever the focus is
    assert view.bridge.shortcuts["c"] == "new-label"
    assert len(keys.KEYS) == len(view.bridge.shortcuts) + 1  # no other key twice
    assert view.bridge.shortcuts["ArrowLeft"]
    assert not view.bridge.shortcuts["u"]
    for row in keys.KEYS:
        assert row.words in help_page
    assert "<kbd>1</kbd>–<kbd>9</kbd>: annotate the selection" in help_page
    assert (
        "<kbd>←</kbd> <kbd>→</kbd> <kbd>↑</kbd> <kbd>↓</kbd>: go from item to item, with the map in focus" in help_page
    )


def test_every_key_is_told_in_the_documentation():
    page = (Path(__file__).parents[2] / "docs/explorer.md").read_text("utf-8")

    signs = {" ": "`Space`", "Escape": "`Esc`", **dict.fromkeys("12345678", "`1` … `9`")}
    for row in keys.KEYS:
        assert signs.get(row.key, "arrow keys" if row.key.startswith("Arrow") else f"`{row.key}`") in page, row.key


@pytest.mark.parametrize(("key", "row"), [("ArrowRight", 1), ("ArrowUp", 1), ("ArrowLeft", 0), ("ArrowDown", 0)])
def test_arrows_walk(ex, press, key, row):
    ex.show(0)

    press(key)

    assert ex.focus == row


@pytest.mark.parametrize(("key", "tool"), [("l", "lasso"), ("b", "box"), ("m", "move")])
def test_keys_choose_the_tool(ex, press, key, tool):
    press("b" if key == "l" else "l")

    press(key)

    assert ex.widget.bridge.tool == tool


@pytest.mark.parametrize("key", ["n", "Enter", " ", "9", "x", "constructor"])
def test_keys_that_do_not_apply_do_nothing(ex, press, key):
    press(key)  # no review, nothing in focus, no ninth name, no such key

    assert ex.widget.html["status"].value.count("mmx-error") == 0
    assert ex.annotations.empty
    assert ex.selected.empty


def test_a_key_is_one_row(ex, monkeypatch):
    row = keys.Shortcut(
        "a", "select all", lambda view: view.ex.select(range(len(view.ex))), lambda view: view.ex.selected.empty
    )
    monkeypatch.setattr(keys, "KEYS", (*keys.KEYS, row))
    told = ex.widget.bridge.shortcuts

    ex.widget.receive({"kind": "key", "key": "a"}, [])

    assert told["a"] is False
    assert "<kbd>a</kbd>: select all" in keys.help_lines()
    assert len(ex.selected) == 40
    ex.select([3])
    ex.widget.receive({"kind": "key", "key": "a"}, [])  # it applies to an empty selection only
    assert len(ex.selected) == 1


def test_enter_selects_nothing_while_an_item_is_asked_about_and_space_does(ex, press):
    ex.review("learn")

    press("Enter")  # nothing is suggested yet
    assert ex.selected.empty
    assert ex.annotations.empty
    press(" ")
    assert ex.selected["id"].tolist() == [ex.ids[ex.asked]]
