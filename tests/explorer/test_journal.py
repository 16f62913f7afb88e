"""The journal on disk: cut lines, other programs' files, and files that are none."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.explorer.annotations import Annotations

IDS = np.array(["a", "b", "c", "d"])
CLICK = np.array(["click"], dtype=object)


@pytest.fixture
def path(tmp_path):
    """A journal of two answers."""
    path = tmp_path / "labels.csv"
    notes = Annotations(IDS, path)
    notes.give(np.array([0]), "bird", CLICK)
    notes.give(np.array([1]), "cat, or\n\u2028dog", CLICK)
    return path


@pytest.mark.parametrize("cut", [4, 30, 40])
def test_last_line_that_was_cut_off_is_left_out_with_a_note(path, cut):
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])

    notes = Annotations(IDS, path)

    assert notes.frame()["id"].tolist() == ["a"]
    assert "the last line of the journal" in notes.note
    assert path.read_bytes() == whole[:-cut]  # looking changes nothing
    notes.give(np.array([2]), "fish", CLICK)
    again = Annotations(IDS, path)
    assert again.frame()["annotation"].tolist() == ["bird", "fish"]
    assert again.note == ""


def test_the_page_says_that_a_line_was_left_out(path, rng):
    path.write_bytes(path.read_bytes()[:-4])

    emb = mm.Embeddings(rng.normal(size=(4, 3)).astype("f"), ids=IDS)
    ex = mm.explore(emb, projection=np.zeros((4, 2)), journal=path)

    assert "was cut off" in ex.status


def test_whole_last_line_without_its_end_is_kept(path):
    path.write_bytes(path.read_bytes().rstrip())
    notes = Annotations(IDS, path)

    notes.give(np.array([2]), "fish", CLICK)

    assert Annotations(IDS, path).frame()["id"].tolist() == ["a", "b", "c"]


def test_broken_line_before_the_last_is_refused_by_number(path):
    text = path.read_text("utf-8")
    path.write_text(text.replace("bird,click,1", "bird,click,one"), "utf-8")

    with pytest.raises(ValueError, match="line 2: expected id, annotation, how, order, time"):
        Annotations(IDS, path)


def test_time_that_is_none_is_refused_by_line(path):
    path.write_text("id,annotation,how,order,time\na,bird,click,1,yesterday\nb,cat,click,2,\n", "utf-8")

    with pytest.raises(ValueError, match=r"line 2.*yesterday"):
        Annotations(IDS, path)


def test_times_of_other_programs_and_a_byte_order_mark_are_read(path):
    lines = "id,annotation,how,order,time\na,bird,click,1,2026-11-22 10:00\nb,cat,click,2,2026-11-22T10:00:00.5+00:00\n"
    path.write_text(lines, "utf-8-sig")

    notes = Annotations(IDS, path)

    assert notes.frame()["id"].tolist() == ["a", "b"]
    assert notes.frame()["time"].is_monotonic_increasing


def test_empty_file_gets_its_heading(tmp_path):
    path = tmp_path / "labels.csv"
    path.touch()

    Annotations(IDS, path).give(np.array([0]), "bird", CLICK)

    assert Annotations(IDS, path).frame()["id"].tolist() == ["a"]


def test_other_encodings_and_folders_say_what_is_expected(path, tmp_path):
    path.write_text("id,annotation\na,Vögel\n", "latin-1")
    with pytest.raises(ValueError, match=r"labels.csv' is not in UTF-8 \(byte 17\); save it as CSV in UTF-8"):
        Annotations(IDS, path)
    with pytest.raises(MMToolkitError, match=r"cannot be read \(Is a directory\); journal= takes the path of a CSV"):
        Annotations(IDS, tmp_path)
