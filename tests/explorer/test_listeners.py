"""Observers: told of every change, by mouse or by code."""

from __future__ import annotations

import pytest

import mmtoolkit as mm


def test_observers_hear_code_and_get_frames(ex, around):
    heard = []
    ex.observe(heard.append)

    ex.lasso(around(2))
    ex.label("third")

    assert [event["name"] for event in heard] == ["selected", "annotations"]
    assert len(heard[0]["new"]) == 10
    assert set(heard[1]["new"]["annotation"]) == {"third"}
    ex.unobserve(heard.append)
    ex.clear()
    assert len(heard) == 2


def test_observe_refuses_unknown_names(ex):
    with pytest.raises(ValueError, match="among selected, annotations, hovered, got 'moved'"):
        ex.observe(print, "moved")


def test_two_explorers_that_set_each_other_come_to_rest(ex, emb, coords, around):
    other = mm.explore(emb, projection=coords)
    ex.observe(lambda event: setattr(other, "selected", event["new"]), "selected")
    other.observe(lambda event: setattr(ex, "selected", event["new"]), "selected")

    ex.lasso(around(1))
    assert other.selected["id"].tolist() == ex.selected["id"].tolist()
    assert set(ex.selected["how"]) == {"lasso"}
    other.select([3, 5])

    assert ex.selected["id"].tolist() == ["item-3", "item-5"]


def test_hovered_is_the_item_under_the_mouse(ex):
    heard = []
    ex.observe(heard.append, "hovered")
    assert ex.hovered is None

    ex.hover(3)

    assert ex.hovered == "item-3"
    assert heard[0] == {"name": "hovered", "owner": ex, "new": "item-3"}
