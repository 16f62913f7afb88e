"""Annotations: how each was chosen, undo, the audit sample's protection, and the journal."""

from __future__ import annotations

import numpy as np
import pytest

from mmtoolkit.errors import MMToolkitError
from mmtoolkit.explorer.annotations import Annotations

IDS = np.array(["a", "b", "c", "d"])


def how(*words):
    return np.array(words, dtype=object)


def test_frame_tells_how_every_item_was_chosen_in_order():
    notes = Annotations(IDS)

    notes.give(np.array([2, 0]), "bird", how("lasso", "click"))
    notes.give(np.array([1]), "cat", how("search: cat"))

    frame = notes.frame()
    assert frame["id"].tolist() == ["a", "c", "b"]
    assert frame["how"].tolist() == ["click", "lasso", "search: cat"]
    assert frame["order"].tolist() == [1, 1, 2]
    assert frame["time"].is_monotonic_increasing


def test_undo_restores_what_an_annotation_replaced():
    notes = Annotations(IDS)
    notes.give(np.array([0, 1]), "bird", how("lasso", "lasso"))
    notes.give(np.array([1, 2]), "cat", how("box", "box"))

    assert notes.undo().tolist() == [1, 2]
    assert notes.annotation.tolist() == ["bird", "bird", None, None]
    assert notes.how.tolist() == ["lasso", "lasso", None, None]
    notes.undo()
    assert not notes.given.any()
    assert len(notes.undo()) == 0


def test_none_takes_an_annotation_away_and_undo_brings_it_back():
    notes = Annotations(IDS)
    notes.give(np.array([0]), "bird", how("click"))

    notes.give(np.array([0]), None, how("click"))

    assert not notes.given.any()
    notes.undo()
    assert notes.annotation[0] == "bird"


def test_answers_of_the_audit_sample_are_not_overwritten_by_a_lasso():
    notes = Annotations(IDS)
    notes.give(np.array([0]), "bird", how("audit"))

    given = notes.give(np.array([0, 1]), "cat", how("lasso", "lasso"))

    assert given == 1
    assert notes.annotation.tolist() == ["bird", "cat", None, None]
    assert notes.audited.tolist() == [True, False, False, False]
    assert notes.give(np.array([0]), "fish", how("audit")) == 1


def test_diff_has_new_and_changed_but_not_confirmed():
    y = np.array(["bird", "cat", None, "dog"], dtype=object)
    notes = Annotations(IDS)
    notes.give(np.array([0, 1, 2]), "bird", how("lasso", "lasso", "lasso"))

    diff = notes.diff(y)

    assert diff[["id", "before", "after", "change"]].values.tolist() == [
        ["b", "cat", "bird", "changed"],
        ["c", None, "bird", "new"],
    ]
    assert notes.diff(None)["change"].tolist() == ["new"] * 3


def test_journal_survives_a_restart_with_undo_and_odd_text(tmp_path):
    path = tmp_path / "labels.csv"
    notes = Annotations(IDS, path)
    notes.give(np.array([0, 1]), 'a "quoted", <b>name</b>\n中文', how("lasso", "search: red, bird"))
    notes.give(np.array([1]), "wrong", how("click"))
    notes.undo()
    notes.give(np.array([2]), "x", how("audit"))
    notes.undo()

    again = Annotations(IDS, path)

    assert again.frame().drop(columns="time").equals(notes.frame().drop(columns="time"))
    assert (again.frame()["time"] == notes.frame()["time"]).all()
    again.give(np.array([3]), "later", how("click"))
    assert Annotations(IDS, path).frame()["order"].is_unique is False
    assert Annotations(IDS, path).annotation[3] == "later"


def test_journal_of_other_items_is_refused_by_line(tmp_path):
    path = tmp_path / "labels.csv"
    Annotations(IDS, path).give(np.array([3]), "x", how("click"))

    with pytest.raises(ValueError, match=r"labels.csv', line 2: the item 'd' is none of the 3 of this map .*a new one"):
        Annotations(IDS[:3], path)


def test_journal_that_cannot_be_written_says_where_the_answers_are(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    notes = Annotations(IDS, folder / "labels.csv")
    folder.rmdir()

    with pytest.raises(MMToolkitError, match=r"kept in memory: ex\.annotations"):
        notes.give(np.array([0]), "x", how("click"))
    assert notes.annotation[0] == "x"
