"""The data sets that come along: in the frame's columns, complete, with their papers."""

import csv
import os
from collections import Counter
from pathlib import Path

import pytest

import mmtoolkit as mm
from mmtoolkit.frames import COLUMNS, DATASETS

HOME = Path(__file__).resolve().parent.parent / "datasets"
SIZES = {
    "stamps": (756, 14, "image"),
    "emoji": (1242, 12, "image"),
    "glosses": (5120, 16, "text"),
    "clips": (40, 7, "video"),
    "tickets": (2129, 11, "text"),
}


@pytest.mark.parametrize("name", DATASETS)
def test_every_set_is_an_items_frame(name):
    n_items, n_labels, modality = SIZES[name]

    frame = mm.load_dataset(name)

    assert list(frame.columns[:8]) == [*COLUMNS, "text_zh", "label_zh"]
    assert len(frame) == n_items
    assert frame["id"].is_unique
    assert frame["label"].nunique() == n_labels
    assert frame["label"].notna().all()
    assert set(frame["modality"]) == {modality}
    assert all(isinstance(text, str) and text.strip() for text in frame["text"])
    assert len(set(zip(frame["label"], frame["label_zh"], strict=True))) == n_labels


@pytest.mark.parametrize("name", DATASETS)
def test_the_table_on_disk_says_the_same(name):
    with (HOME / name / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    frame = mm.load_dataset(name)

    assert list(rows[0])[:8] == [*COLUMNS, "text_zh", "label_zh"]
    assert [row["id"] for row in rows] == frame["id"].tolist()
    assert [row["text"] for row in rows] == frame["text"].tolist()
    assert not any(os.path.isabs(row["image"] or row["video"]) for row in rows)


@pytest.mark.parametrize("name", ["stamps", "emoji", "clips"])
def test_every_file_is_there_and_none_is_left_over(name):
    frame = mm.load_dataset(name)
    column = "video" if name == "clips" else "image"

    listed = set(frame[column])

    assert len(listed) == len(frame)
    assert listed == {str(p) for p in (HOME / name / ("clips" if name == "clips" else "images")).iterdir()}


@pytest.mark.parametrize("name", DATASETS)
def test_every_set_has_its_papers(name):
    readme = (HOME / name / "README.md").read_text("utf-8")

    assert readme.startswith(f"# {name}: ")
    assert "icence" in readme
    assert "modality" in readme
    assert list((HOME / name).glob("LICENSE.*.txt"))
    assert (HOME / name / "build.py").is_file()


def test_chinese_is_there_where_promised():
    assert mm.load_dataset("stamps")["text_zh"].notna().sum() == 623
    assert mm.load_dataset("emoji")["text_zh"].notna().all()
    assert mm.load_dataset("glosses")["text_zh"].isna().all()
    assert mm.load_dataset("clips")["text_zh"].notna().all()
    assert mm.load_dataset("tickets")["text_zh"].isna().all()


def test_glosses_are_balanced():
    frame = mm.load_dataset("glosses")

    assert set(Counter(frame["label"]).values()) == {320}


def test_tickets_carry_their_days_in_order():
    frame = mm.load_dataset("tickets")

    assert frame["date"].is_monotonic_increasing
    assert frame["date"].str.fullmatch(r"20(1[5-9]|2[0-3])-\d\d-\d\d").all()
    assert frame["text"].str.len().between(25, 500).all()


def test_an_unknown_set_is_told_the_names():
    with pytest.raises(
        ValueError, match=r"'stmps' \(did you mean 'stamps'\?\); choose one of stamps, emoji, glosses, clips, tickets"
    ):
        mm.load_dataset("stmps")


@pytest.mark.parametrize("name", ["../stamps", "/etc", "", None])
def test_names_are_no_paths(name):
    with pytest.raises(ValueError, match="unknown data set"):
        mm.load_dataset(name)
