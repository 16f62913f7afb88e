"""Verify: whatever changes is caught and named; what has not changed is identical."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.errors import VerifyError
from mmtoolkit.report import document, sidecar
from mmtoolkit.verify.compare import compare


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with 60 pictures of three classes, and a report on them beside it."""
    home = tmp_path_factory.mktemp("verify")
    frame = mm.load_dataset("stamps")
    frame = frame[frame["label"].isin(["animals", "money", "vehicles"])].groupby("label").head(20)
    for label, path in zip(frame["label"], frame["image"], strict=True):
        (home / "photos" / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, home / "photos" / label)
    emb = mm.embed(mm.read_folder(home / "photos"), model="local", progress=False)
    results = mm.classify(emb, cv=3), mm.cluster(emb, 3), mm.project(emb, method="pca")
    rep = mm.report(*results, title="Sixty pictures")
    rep.save(home / "report.json")
    emb.save(home / "vectors.parquet")
    return home, emb


@pytest.fixture
def home(made, tmp_path):
    """A copy that a test may spoil."""
    shutil.copytree(made[0], tmp_path / "copy")
    return tmp_path / "copy"


def edit(home, change):
    path = home / "report.json"
    data = json.loads(path.read_text("utf-8"))
    change(data)
    path.write_text(json.dumps(data), "utf-8")
    return path


def test_an_unchanged_report_is_identical(home):
    checked = mm.verify(home / "report.json")

    assert checked.ok
    assert checked.verdict == "identical"
    assert checked.checked == ("classify", "cluster", "project")
    assert checked.causes == checked.notes == ()


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


def test_one_changed_seed_names_the_parameter(home):
    path = edit(home, lambda data: data["recipe"]["steps"][0]["params"].update(random_state=1))

    checked = mm.verify(path)

    assert checked.verdict.startswith("differs at classify.")
    assert checked.causes == (
        "the recipe says random_state=1 for 'classify', but its results were made with random_state=0",
    )


def test_one_changed_figure_is_named_and_the_edit_is_seen(home):
    def change(data):
        data["results"]["classify"]["rounded"]["metrics"]["value"][0] += 0.05

    checked = mm.verify(edit(home, change))

    assert checked.verdict == "differs at classify.metrics.value of 'accuracy'"
    assert checked.causes == ("the part 'results' of the report was edited after it was written",)


def test_a_last_digit_is_equal_within_tolerance(home):
    def change(data):
        data["results"]["classify"]["rounded"]["metrics"]["value"][0] += 0.0001

    checked = mm.verify(edit(home, change))

    assert checked.ok
    assert checked.verdict == "equal within tolerance"
    assert checked.notes == ("the part 'results' of the report was edited after it was written",)


def test_a_version_alone_is_a_note(home):
    def change(data):
        data["environment"]["libraries"]["numpy"] = "1.0"
        data["results"]["project"]["map"]["coords"][0][0] += 9  # not comparable across versions
        data["seals"]["environment"] = document.seal(data["environment"])
        data["seals"]["results"] = document.seal(data["results"])

    checked = mm.verify(edit(home, change))

    assert checked.verdict == "identical"
    assert checked.notes[0] == f"numpy was 1.0, now it is {np.__version__}"
    assert "map coordinates were not compared" in checked.notes[1]


def test_a_version_is_the_cause_when_figures_differ(home):
    def change(data):
        data["environment"]["libraries"]["numpy"] = "1.0"
        data["results"]["cluster"]["exact"]["labels"][7] = 99
        for part in ("environment", "results"):
            data["seals"][part] = document.seal(data[part])

    checked = mm.verify(edit(home, change))

    assert checked.verdict.startswith("differs at cluster.labels of 'animals/")
    assert checked.causes == (f"versions differ: numpy 1.0 became {np.__version__}",)


def test_saved_vectors_are_enough_without_pictures_and_cache(home):
    shutil.rmtree(home / "photos")

    checked = mm.verify(home / "report.json", vectors=home / "vectors.parquet", cache=False)

    assert checked.verdict == "identical"


def test_one_changed_vector_names_its_item(made, home):
    X = made[1].vectors.copy()
    X[4, 0] += 1e-3

    checked = mm.verify(home / "report.json", vectors=X)

    assert not checked.ok
    assert checked.causes == (f"the vector of item {str(made[1].ids[4])!r} is not the one the report was made from",)


def test_without_pictures_the_cache_is_enough(home):
    shutil.rmtree(home / "photos")

    checked = mm.verify(home / "report.json")

    assert checked.verdict == "identical"
    assert any("were not compared with the report" in note for note in checked.notes)


def test_vectors_that_are_gone_say_what_to_do(home, tmp_path):
    shutil.rmtree(home / "photos")

    with pytest.raises(VerifyError, match=r"60 of 60 items are not in the cache, first: 'animals/.*--vectors"):
        mm.verify(home / "report.json", cache=tmp_path / "empty")


def test_a_missing_picture_is_named(home):
    path = next((home / "photos" / "money").iterdir())
    path.unlink()

    with pytest.raises(VerifyError, match=f"lack 1 of the report's 60, first: 'money/{path.name}'"):
        mm.verify(home / "report.json", items=home / "photos")


def test_a_service_is_not_called_unless_allowed(tmp_path, emulator, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)
    monkeypatch.setenv("DASHSCOPE_API_KEY", emulator.api_key)
    frame = mm.items(pd.DataFrame({"text": [f"word {i}" for i in range(12)]}))
    emb = mm.embed(frame, model="multimodal-embedding-v1", cache=tmp_path / "a", progress=False)
    path = mm.report(mm.cluster(emb, 2)).save(tmp_path / "report.json")
    sent = emulator.calls

    with pytest.raises(VerifyError, match="allow_fetch"):
        mm.verify(path, items=frame, cache=tmp_path / "b")
    assert emulator.calls == sent

    assert mm.verify(path, items=frame, cache=tmp_path / "a").ok
    assert emulator.calls == sent


def test_own_vectors_must_be_passed(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    path = mm.report(mm.classify(X, np.arange(40) % 2), mm.cluster(X, 3)).save(tmp_path / "report.json")

    assert mm.verify(path, vectors=X).verdict == "identical"
    with pytest.raises(VerifyError, match="vectors of your own"):
        mm.verify(path)
    with pytest.raises(VerifyError, match="40 rows"):
        mm.verify(path, vectors=X[:30])


def test_a_step_that_cannot_be_computed_again_is_said(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    clusters = mm.cluster(X, 3)
    path = mm.report(clusters, clusters.representatives(2)).save(tmp_path / "report.json")

    checked = mm.verify(path, vectors=X)

    assert checked.checked == ("cluster",)
    assert checked.notes[0].startswith("'representatives' was not checked")


def test_long_lists_travel_beside_the_report(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(sidecar, "LONGEST", 30)
    X = rng.normal(size=(40, 5))
    path = mm.report(mm.cluster(X, 3)).save(tmp_path / "report.json")

    assert json.loads(path.read_text())["items"]["emb"]["id"]["length"] == 40
    assert mm.verify(path, vectors=X).verdict == "identical"
    (tmp_path / "report.items.parquet").unlink()
    with pytest.raises(VerifyError, match="must lie beside it"):
        mm.verify(path, vectors=X)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a report.json"),
        ("[1, 2]", "is not a report"),
        ('{"format": "other"}', "is not a report"),
        ('{"format": "mmtoolkit-report", "version": 99}', "update mmtoolkit"),
        ('{"format": "mmtoolkit-report", "version": 1}', "damaged: it has no 'recipe'"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path, text, message):
    (tmp_path / "report.json").write_text(text)

    with pytest.raises(VerifyError, match=message):
        mm.verify(tmp_path / "report.json")


def test_a_report_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(VerifyError, match="cannot be read: No such file"):
        mm.verify(tmp_path / "none.json")


def test_differences_name_rows_of_tables_and_items_of_lists():
    report = {"metrics": {"metric": ["accuracy", "f1"], "value": [0.5, 0.6]}, "labels": [1, 2, 3], "n": 1}
    now = {"metrics": {"metric": ["accuracy", "f1"], "value": [0.5, 0.7]}, "labels": [1, 2, 4], "n": None}

    places = [d.where for d in compare("r", report, now, "exact", ["a", "b", "c"])]

    assert places == ["r.metrics.value of 'f1'", "r.labels of 'c'", "r.n"]
