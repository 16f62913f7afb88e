"""Items that changed after the report are named; those that stayed are checked all the same."""

import re
import shutil

import pandas as pd
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.errors import VerifyError


def test_one_changed_pixel_names_the_picture(home):
    path = next((home / "photos" / "money").iterdir())
    picture = PILImage.open(path).convert("RGB")
    picture.putpixel((3, 3), (255, 0, 255))
    picture.save(path.with_suffix(".png"))
    shutil.move(path.with_suffix(".png"), path)  # same name: same id

    checked = mm.verify(home / "report.json")

    assert checked.verdict.startswith("differs at ")
    assert checked.causes == (f"the picture of item 'money/{path.name}' has changed",)
    assert f"content_key of 'money/{path.name}'" in "".join(checked.differences.index)


def test_one_changed_class_names_item_and_both_classes(home):
    frame = mm.read_folder(home / "photos")
    frame.loc[5, "label"] = "money"
    item = frame.loc[5, "id"]

    checked = mm.verify(home / "report.json", items=frame)

    assert checked.verdict == f"differs at classify.y_true of {item!r}"
    assert checked.causes == (f"the value of 'label' of item {item!r} changed from 'animals' to 'money'",)


@pytest.mark.parametrize("given", [None, "photos"])
def test_a_deleted_picture_is_named_and_the_rest_is_checked(home, given):
    path = next((home / "photos" / "money").iterdir())
    path.unlink()

    checked = mm.verify(home / "report.json", items=given and home / given)

    assert checked.verdict == f"differs at items.emb.id of 'money/{path.name}'"
    assert checked.causes == (f"the item 'money/{path.name}' is not among the items any more",)
    assert checked.checked == ("classify", "classify_slices", "cluster", "project")


def test_a_deleted_picture_is_named_also_where_its_vector_is_nowhere(home, tmp_path):
    first, second, *_ = (home / "photos" / "money").iterdir()
    first.unlink()
    PILImage.new("RGB", (40, 30), "red").save(second.with_suffix(".png"))
    shutil.move(second.with_suffix(".png"), second)

    checked = mm.verify(home / "report.json", items=home / "photos", cache=tmp_path / "empty")

    assert checked.verdict == f"differs at items.emb.id of 'money/{first.name}'"
    assert checked.causes == (
        f"the item 'money/{first.name}' is not among the items any more",
        f"the picture of item 'money/{second.name}' has changed",
    )
    assert checked.checked == ()
    assert any("items that changed or are gone have no vectors" in note for note in checked.notes)


@pytest.mark.parametrize("cache", [None, "empty"])
def test_a_renamed_picture_is_followed_by_its_content(home, tmp_path, cache):
    path = next((home / "photos" / "money").iterdir())
    path.rename(path.with_name("new name.jpg"))

    checked = mm.verify(home / "report.json", items=home / "photos", cache=cache and tmp_path / cache)

    assert checked.verdict == f"differs at items.emb.id of 'money/{path.name}'"
    assert checked.causes == (f"the item 'money/{path.name}' is called 'money/new name.jpg' now",)
    assert checked.checked == ("classify", "classify_slices", "cluster", "project")


def test_an_added_picture_is_a_note(home):
    PILImage.new("RGB", (40, 30), "red").save(home / "photos" / "money" / "added.png")

    checked = mm.verify(home / "report.json", items=home / "photos")

    assert checked.verdict == "identical"
    assert checked.notes == (
        "1 of the items of 'emb' is new since the report was made, and is not part of it: 'money/added.png'",
    )


def test_items_of_another_kind_are_refused(home):
    other = mm.items(pd.DataFrame({"id": ["x"], "text": ["a cat"]}))

    with pytest.raises(VerifyError, match=r"none of the report's 60 items is among the items, the first is 'animals/"):
        mm.verify(home / "report.json", items=other)


def test_a_picture_in_another_class_folder_is_followed_there(home):
    path = next((home / "photos" / "money").iterdir())
    shutil.move(path, home / "photos" / "animals" / path.name)

    checked = mm.verify(home / "report.json")

    assert checked.verdict == f"differs at classify.y_true of 'money/{path.name}'"
    assert checked.causes == (
        f"the item 'money/{path.name}' is called 'animals/{path.name}' now",
        f"the value of 'label' of item 'money/{path.name}' changed from 'money' to 'animals'",
    )
    assert checked.checked == ("classify", "classify_slices", "cluster", "project")


def test_a_deleted_picture_hides_no_other_change(home):
    first, second, *_ = (home / "photos" / "money").iterdir()
    first.unlink()
    PILImage.new("RGB", (40, 30), "red").save(second.with_suffix(".png"))
    shutil.move(second.with_suffix(".png"), second)

    checked = mm.verify(home / "report.json")

    assert not checked.ok
    assert checked.causes == (
        f"the item 'money/{first.name}' is not among the items any more",
        f"the picture of item 'money/{second.name}' has changed",
    )


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (lambda texts: texts.drop(index=4), "the item '4' is not among the items any more"),
        (
            lambda texts: texts.assign(id=[0, 0, *range(2, 18)]),
            "the items in 'texts.csv' cannot be read any more: .*'0'",
        ),
        (lambda texts: texts[["id", "label"]], "the items in 'texts.csv' cannot be read any more: no column to embed"),
        (lambda texts: texts.replace("car 2", "cart 2"), "the text of item '7' has changed"),
    ],
)
@pytest.mark.parametrize("vectors", [None, "vectors.parquet"])
def test_a_table_that_changed_differs_also_beside_saved_vectors(words, change, cause, vectors):
    home, texts, _ = words
    change(texts).to_csv(home / "texts.csv", index=False)

    checked = mm.verify(home / "report.json", vectors=vectors and home / vectors)

    assert checked.verdict.startswith("differs at ")
    assert len(checked.causes) == 1
    assert re.match(cause, checked.causes[0])


def test_a_table_that_is_gone_is_a_note(words):
    (words[0] / "texts.csv").unlink()

    checked = mm.verify(words[0] / "report.json")

    assert checked.verdict == "identical"
    assert checked.notes[0].startswith("the items of 'emb' were not found again")


def test_classes_of_a_function_are_taken_from_the_report(home, monkeypatch):
    monkeypatch.chdir(home)
    frame = mm.read_folder("photos", label=lambda path: path.parent.name.upper())
    emb = mm.embed(frame, model="local", progress=False)
    path = mm.report(mm.classify(emb, cv=3)).save(home / "report.json")

    checked = mm.verify(path)

    assert checked.verdict == "identical"
    assert checked.notes == ("the items have no column 'label'; its values are taken from the report",)


@pytest.mark.parametrize("labels", [["cat", "car"] + ["tea"] * 16, [None] * 18])
def test_changed_classes_are_told_when_they_leave_nothing_to_compute(words, labels):
    home, texts, _ = words
    texts.assign(label=labels).to_csv(home / "texts.csv", index=False)

    checked = mm.verify(home / "report.json")

    assert checked.verdict.startswith("differs at items.emb.label of ")
    assert "the value of 'label' of item '" in checked.causes[0]
    assert "'classify' was not checked: the step 'classify' cannot be computed again" in " ".join(checked.notes)
    assert re.search(r"; and \d+ more causes>$", repr(checked))
    assert repr(checked).count("the value of 'label'") == 3


def test_an_item_that_could_not_be_embedded_may_stay_so(home, monkeypatch):
    (home / "photos" / "money" / "broken.png").write_bytes(b"no picture")
    monkeypatch.chdir(home)
    emb = mm.embed(mm.read_folder("photos"), model="local", on_error="nan", progress=False)
    path = mm.report(mm.audit(emb, "label")).save(home / "report.json")

    checked = mm.verify(path)

    assert checked.verdict == "identical"
    assert checked.checked == ("audit",)
