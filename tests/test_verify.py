"""Verify: whatever changes is caught and named; what has not changed is identical."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PILImage
from sklearn.linear_model import LogisticRegression

import mmtoolkit as mm
from mmtoolkit.errors import VerifyError
from mmtoolkit.reporting import record, sidecar
from mmtoolkit.verification.differences import compare


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
    assert checked.checked == ("classify", "classify_slices", "cluster", "project")
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

    assert checked.verdict == "edited at recipe.classify.random_state"
    assert checked.causes == (
        "'recipe' of the report was edited after it was written",
        "the recipe says random_state=1 for 'classify', but its results were made with random_state=0",
    )


def test_one_changed_figure_is_named_and_the_edit_is_seen(home):
    def change(data):
        data["results"]["classify"]["rounded"]["metrics"]["value"][0] += 0.05

    checked = mm.verify(edit(home, change))

    assert checked.verdict == "edited at classify.metrics.value of 'accuracy'"
    assert checked.causes == ("'classify.metrics' of the report was edited after it was written",)


def resealed(data):
    """Seal a report anew, as a machine would have written it that rounds otherwise."""
    data["seals"] = {name: record.seal(data[name]) for name in data["seals"] if name in record.SEALED}


def test_a_last_digit_that_was_computed_is_equal_within_tolerance(home):
    def change(data):
        data["results"]["classify"]["rounded"]["metrics"]["value"][0] += 0.0001
        resealed(data)

    checked = mm.verify(edit(home, change))

    assert checked.ok
    assert checked.verdict == "equal within tolerance"
    assert checked.causes == checked.notes == ()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda d: d["results"]["classify"]["rounded"]["metrics"]["value"].__setitem__(0, d["results"]["classify"]["rounded"]["metrics"]["value"][0] + 0.0001), "classify.metrics.value of 'accuracy'"),
        (lambda d: d["results"]["classify"]["exact"]["notes"].append("All is well."), "classify.notes (length)"),
        (lambda d: d["results"]["project"]["map"]["coords"][0].__setitem__(0, 9.0), "project.coords"),
        (lambda d: d["results"]["cluster"]["exact"].pop("labels"), "cluster.labels"),
        (lambda d: d["results"]["cluster"]["params"].update(algorithm="dbscan"), "cluster.algorithm"),
        (lambda d: d.update(title="Sixty thousand pictures"), "title"),
        (lambda d: d["environment"].update(mmtoolkit="9.9"), "environment"),
        (lambda d: d["tolerance"].update(rounded=1e-5), "tolerance"),
    ],
)  # fmt: skip
def test_any_edit_is_named_however_small(home, change, where):
    checked = mm.verify(edit(home, change))

    assert not checked.ok
    assert checked.verdict.startswith(f"edited at {where}")
    assert "of the report was edited after it was written" in checked.causes[0]


def test_a_figure_that_was_edited_is_named_before_the_picture_that_has_changed(home):
    picture = next((home / "photos" / "money").iterdir())
    shutil.copy(next((home / "photos" / "animals").iterdir()), picture)

    def change(data):
        data["results"]["cluster"]["exact"]["n_clusters"] = 4

    checked = mm.verify(edit(home, change))

    assert checked.verdict == "edited at cluster.n_clusters"
    assert checked.causes == (
        "'cluster.n_clusters' of the report was edited after it was written",
        f"the picture of item 'money/{picture.name}' has changed",
    )


@pytest.fixture
def page(tmp_path, rng):
    """A page, its report beside it, and its vectors."""
    X = rng.normal(size=(60, 5))
    rep = mm.report(mm.classify(X, np.arange(60) % 2, cv=3), title="A page <b>")
    rep.save(tmp_path / "report.json")
    return rep.save(tmp_path / "report.html"), X


def test_a_page_is_verified_with_the_report_beside_it(page):
    path, X = page

    checked = mm.verify(path, vectors=X)

    assert checked.verdict == "identical"
    assert checked.checked == ("classify",)


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("Each score was measured on items", "Each score was nicely measured on items", "page.classify"),
        (
            '<div class="key"><dt>accuracy</dt><dd><strong>',
            '<div class="key"><dt>accuracy</dt><dd><strong>1',
            "page.summary",
        ),
        ("<h1>A page", "<h1>The page", "page.title"),
        ("<title>A page", "<title>The page", "page"),
        ("</main>", "<p>99 %</p></main>", "page"),
        ('<section id="environment">', '<section id="other">', "page.environment"),
    ],
)
def test_whatever_a_reader_sees_on_a_page_is_sealed(page, old, new, where):
    path, X = page
    html = path.read_text("utf-8")
    assert old in html
    path.write_text(html.replace(old, new, 1), "utf-8")

    checked = mm.verify(path, vectors=X)

    assert checked.verdict == f"edited at {where}"
    assert checked.causes[0] == f"the page is not as it was written: {where}"


def test_a_page_of_another_report_is_told(page):
    path, X = page
    mm.report(mm.classify(X, np.arange(60) % 3, cv=3), title="Another").save(path.with_suffix(".json"))

    assert mm.verify(path, vectors=X).verdict == "edited at page (of another report.json)"


def test_an_edit_of_the_report_beside_a_page_is_named(page):
    path, X = page
    edit(path.parent, lambda data: data["results"]["classify"]["exact"].update(n_scored=600))

    assert mm.verify(path, vectors=X).verdict == "edited at classify.n_scored"


def test_a_page_alone_or_without_seals_says_what_to_do(page):
    path, X = page
    path.with_suffix(".json").rename(path.parent / "elsewhere.json")
    with pytest.raises(VerifyError, match=r"checked by 'report\.json', which must lie beside it; save both"):
        mm.verify(path, vectors=X)

    path.write_text("<html>no seals</html>", "utf-8")
    with pytest.raises(VerifyError, match=r"carries no seals: .* verify 'report\.json' instead"):
        mm.verify(path, vectors=X)


def test_a_version_alone_is_a_note(home):
    def change(data):
        data["environment"]["libraries"]["numpy"] = "1.0"
        data["results"]["project"]["map"]["coords"][0][0] += 9  # not comparable across versions
        data["seals"]["environment"] = record.seal(data["environment"])
        data["seals"]["results"] = record.seal(data["results"])

    checked = mm.verify(edit(home, change))

    assert checked.verdict == "identical"
    assert checked.notes[0] == f"numpy was 1.0, now it is {np.__version__}"
    assert "map coordinates were not compared" in checked.notes[1]


def test_a_version_is_the_cause_when_figures_differ(home):
    def change(data):
        data["environment"]["libraries"]["numpy"] = "1.0"
        data["results"]["cluster"]["exact"]["labels"][7] = 99
        for part in ("environment", "results"):
            data["seals"][part] = record.seal(data[part])

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


@pytest.fixture
def words(tmp_path):
    """Eighteen texts in a table, and a report on them beside it."""
    texts = pd.DataFrame({"id": range(18), "text": [f"{w} {i}" for i in range(6) for w in ("cat", "car", "tea")]})
    texts["label"] = texts["text"].str.split().str[0]
    texts.to_csv(tmp_path / "texts.csv", index=False)
    emb = mm.embed(mm.items(tmp_path / "texts.csv"), model="local", progress=False)
    mm.report(mm.classify(emb, cv=3)).save(tmp_path / "report.json")
    emb.save(tmp_path / "vectors.parquet")
    return tmp_path, texts, emb


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


def test_vectors_centered_by_modality_are_centered_again_in_the_same_way(words, home, made):
    both = mm.concat([made[1], words[2]])
    centered = both.centered(by="modality")
    centered.save(home / "centered.parquet")
    both.save(home / "raw.parquet")
    path = mm.report(mm.cluster(centered, 3), mm.project(centered[::3], method="pca")).save(home / "report.json")

    assert mm.verify(path).verdict == "identical"
    assert mm.verify(path, vectors=home / "centered.parquet").verdict == "identical"
    assert mm.verify(path, vectors=home / "raw.parquet").verdict == "identical"
    assert not mm.verify(path, vectors={"emb": both.vectors, "emb_2": centered[::3]}).ok


def test_two_labelings_of_the_same_vectors_stay_apart(home):
    frame = mm.read_folder(home / "photos")
    corrected = frame.copy()
    corrected.loc[:4, "label"] = "money"
    before, after = (mm.embed(f, model="local", progress=False) for f in (frame, corrected))
    results = mm.cluster(after, 3), mm.classify(before, cv=3), mm.classify(after, cv=3)
    path = mm.report(*results).save(home / "report.json")

    checked = mm.verify(path)

    assert checked.verdict == "identical"
    assert checked.notes[0].startswith("the items of 'emb_2' were not found again")  # they are in memory alone
    steps = json.loads(path.read_text())["recipe"]["steps"]
    assert [step["source"] for step in steps] == ["emb", "emb", "emb", "emb_2", "emb_2"]


def test_a_comparison_may_mix_embeddings_and_plain_vectors(made, tmp_path):
    emb, X = made[1], made[1].vectors[:, ::2]
    path = mm.report(mm.compare({"all": emb, "half": X}, "label", cv=3)).save(tmp_path / "report.json")

    assert mm.verify(path, vectors={"emb_2": X}, items=emb.items).verdict == "identical"


@pytest.mark.parametrize("names", [(0, 1), (False, True), ("0", "1")])
def test_classes_from_words_keep_their_kind(words, tmp_path, names):
    z = mm.zero_shot(words[2][:12], {names[0]: "an animal", names[1]: "a machine"}, y=[*names] * 6)
    path = mm.report(z).save(tmp_path / "zero.json")

    assert mm.verify(path, items=words[0] / "texts.csv").verdict == "identical"


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda d: d["results"].pop("cluster"), "results.cluster"),
        (lambda d: d.update(results={}), "results"),
        (lambda d: d["recipe"].pop("steps"), "recipe.steps"),
        (lambda d: d["recipe"]["steps"][3].update(source="other"), "recipe.steps[3].source"),
        (lambda d: d["recipe"]["sources"].update(emb={}), "recipe.sources.emb.n_items"),
        (lambda d: d["items"]["emb"]["vector"].pop(), "items.emb.vector"),
        (lambda d: d["environment"].update(libraries=5), "environment.libraries"),
        (lambda d: d["tolerance"].update(rounded="much"), "tolerance"),
        (lambda d: d.update(run=[]), "run"),
        (lambda d: d["run"]["items_folder"].update(emb=5), "run.items_folder"),
        (lambda d: d["items"]["emb"]["id"].insert(0, None), "items.emb.id"),
    ],
)
def test_a_damaged_report_names_the_part(derived, tmp_path, change, part):
    shutil.copy(derived[0] / "report.json", tmp_path)

    with pytest.raises(VerifyError, match=f"'report.json' is damaged: its part {re.escape(repr(part))} is"):
        mm.verify(edit(tmp_path, change), vectors=derived[1])


def test_vectors_that_cannot_be_read_are_refused(derived, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))

    for name in ("nothing.npy", "objects.npy"):
        with pytest.raises(VerifyError, match=f"{name}' cannot be read as an array of numbers"):
            mm.verify(derived[0] / "report.json", vectors=tmp_path / name)
    with pytest.raises(VerifyError, match="30 rows of numbers"):
        mm.verify(derived[0] / "report.json", vectors=derived[1].astype(str))


def test_a_service_is_not_called_unless_allowed(tmp_path, emulator, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)
    monkeypatch.setenv("DASHSCOPE_API_KEY", emulator.api_key)
    frame = mm.items(pd.DataFrame({"text": [f"word {i}" for i in range(12)]}))
    emb = mm.embed(frame, model="tongyi-embedding-vision-plus", cache=tmp_path / "a", progress=False)
    path = mm.report(mm.cluster(emb, 2)).save(tmp_path / "report.json")
    sent = emulator.calls

    with pytest.raises(VerifyError, match="allow_fetch"):
        mm.verify(path, items=frame, cache=tmp_path / "b")
    assert emulator.calls == sent

    assert mm.verify(path, items=frame, cache=tmp_path / "a").ok
    assert emulator.calls == sent


def test_changed_texts_are_seen_without_key_and_service(tmp_path, emulator, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)
    monkeypatch.setenv("DASHSCOPE_API_KEY", emulator.api_key)
    frame = mm.items(pd.DataFrame({"text": [f"word {i}" for i in range(12)]}))
    emb = mm.embed(frame, model="tongyi-embedding-vision-plus", cache=tmp_path / "a", progress=False)
    path = mm.report(mm.cluster(emb, 2), mm.search(emb, "other words", k=3)).save(tmp_path / "report.json")
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    sent = emulator.calls
    frame.loc[3, "text"] = "another word"

    checked = mm.verify(path, items=frame, vectors=emb, cache=False)

    assert checked.causes == ("the text of item '3' has changed",)
    assert checked.checked == ("cluster",)
    assert "'search' was not checked: the step 'search' cannot be computed again" in checked.notes[-1]
    assert "allow_fetch=True" in checked.notes[-1]
    assert emulator.calls == sent


def test_an_estimator_of_ones_own_does_not_end_the_check_of_the_rest(tmp_path, rng):
    class Own(LogisticRegression):
        pass

    X = rng.normal(size=(40, 5))
    path = mm.report(mm.classify(X, np.arange(40) % 2, estimator=Own(), cv=3), mm.cluster(X, 3)).save(
        tmp_path / "r.json"
    )

    checked = mm.verify(path, vectors=X)

    assert checked.checked == ("cluster",)
    assert re.match("not checked: 'classify', because .* is not from scikit-learn or mmtoolkit", checked.verdict)


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
    far = mm.cluster(X, 4)
    far = dataclasses.replace(far, recipe=dataclasses.replace(far.recipe, verb="spark.cluster"))
    path = mm.report(mm.cluster(X, 3), far, far.representatives(2)).save(tmp_path / "report.json")

    checked = mm.verify(path, vectors=X)

    assert not checked.ok
    assert checked.checked == ("cluster",)
    assert checked.verdict.startswith("not checked: 'spark_cluster' and 1 more, because spark.cluster needs Spark")
    assert checked.notes[0].startswith("'spark_cluster' was not checked: spark.cluster needs Spark")
    assert checked.notes[1].startswith("'cluster_representatives' was not checked: spark.cluster needs Spark")


def test_a_spark_report_of_0_1_0_is_read_and_the_obstacle_said(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    params = {
        "n_clusters": 4,
        "random_state": 0,
        "n_init": 3,
        "max_iter": 100,
        "algorithm": "kmeans",
        "normalize": True,
    }
    far = dataclasses.replace(mm.cluster(X, 4), recipe={"verb": "spark.cluster", "params": params})
    path = mm.report(mm.cluster(X, 3), far).save(tmp_path / "report.json")

    checked = mm.verify(path, vectors=X)

    assert checked.checked == ("cluster",)
    assert checked.notes[0] == (
        "'spark_cluster' was not checked: spark.cluster needs Spark and the frame it was given; run it there again"
    )


def test_an_edit_of_what_cannot_be_computed_again_differs(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    far = mm.cluster(X, 4)
    mm.report(dataclasses.replace(far, recipe=dataclasses.replace(far.recipe, verb="spark.cluster"))).save(
        tmp_path / "report.json"
    )

    path = edit(tmp_path, lambda data: data["results"]["spark_cluster"]["exact"].update(n_clusters=9))

    assert mm.verify(path, vectors=X).verdict == "edited at spark_cluster.n_clusters"


def test_every_verb_is_computed_again_also_those_that_start_from_another_result(tmp_path, rng):
    X, y = rng.normal(size=(45, 5)), np.arange(45) % 3
    c = mm.cluster(X, 3)
    results = [
        c.compare(y),
        c.stability(5),
        c.representatives(2),
        c,
        mm.classify(X, y, cv=3).learning_curve(sizes=[2, 4]),
        mm.similarity(X, X[:3]),
        mm.protocols.mteb_classification(X, y, cross_validation=True),
        mm.protocols.mteb_clustering(X, y, n_experiments=1),
        mm.audit(X, y),
        mm.pick(X, 5),
    ]
    path = mm.report(*results).save(tmp_path / "report.json")

    checked = mm.verify(path, vectors={"emb": X, "emb_2": X[:3]})

    assert checked.verdict == "identical"
    assert checked.checked == (
        "cluster_compare",
        "cluster_stability",
        "cluster_representatives",
        "cluster",
        "classify_learning_curve",
        "similarity",
        "protocols_mteb_classification",
        "protocols_mteb_clustering",
        "audit",
        "pick",
    )


@pytest.fixture(scope="module")
def derived(tmp_path_factory):
    """A quick report on vectors of one's own, with results that start from another one."""
    home, rng = tmp_path_factory.mktemp("derived"), np.random.default_rng(3)
    X, y = rng.normal(size=(30, 5)), np.arange(30) % 2
    c = mm.cluster(X, 3)
    protocol = mm.protocols.mteb_classification(X, y, cross_validation=True)
    mm.report(c.compare(y), c.stability(5), c, protocol).save(home / "report.json")
    return home, X


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda d: d["results"]["cluster_stability"]["rounded"].update(ari=[1.0] * 5), "cluster_stability.ari[0]"),
        (
            lambda d: d["results"]["protocols_mteb_classification"]["rounded"]["mean"].update(accuracy=0.99),
            "protocols_mteb_classification.mean.accuracy",
        ),
        (lambda d: d["recipe"].update(steps=[]), "recipe"),
        (lambda d: d["tolerance"].update(rounded=1.0), "tolerance.rounded"),
        (lambda d: d["items"]["emb"].update(id=[f"x{i}" for i in range(30)]), "items"),
    ],
)
def test_no_edit_passes(derived, tmp_path, change, verdict):
    shutil.copy(derived[0] / "report.json", tmp_path)

    checked = mm.verify(edit(tmp_path, change), vectors=derived[1])

    assert checked.verdict.startswith(f"edited at {verdict}")


def test_a_wide_tolerance_excuses_nothing(derived, tmp_path):
    def change(data):
        data["tolerance"]["rounded"] = 1.0
        data["results"]["cluster_compare"]["rounded"]["metrics"]["ari"] -= 0.2

    shutil.copy(derived[0] / "report.json", tmp_path)

    checked = mm.verify(edit(tmp_path, change), vectors=derived[1])

    assert checked.verdict == "edited at tolerance.rounded"
    assert "cluster_compare.metrics.ari" in checked.differences.index
    assert checked.causes[-1] == "the report allows a tolerance of rounded values of 1.0, more than 0.0001"


def test_rows_without_a_vector_may_stay_without_one(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    X[3] = np.nan
    path = mm.report(mm.audit(X, np.arange(40) % 2)).save(tmp_path / "report.json")

    assert mm.verify(path, vectors=X).checked == ("audit",)
    assert mm.verify(path, vectors=X).verdict == "identical"
    assert not mm.verify(path, vectors=np.nan_to_num(X)).ok


def test_an_item_that_could_not_be_embedded_may_stay_so(home, monkeypatch):
    (home / "photos" / "money" / "broken.png").write_bytes(b"no picture")
    monkeypatch.chdir(home)
    emb = mm.embed(mm.read_folder("photos"), model="local", on_error="nan", progress=False)
    path = mm.report(mm.audit(emb, "label")).save(home / "report.json")

    checked = mm.verify(path)

    assert checked.verdict == "identical"
    assert checked.checked == ("audit",)


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


def test_true_is_not_one_anywhere():
    report = {"flags": [True, False], "deep": [[1, 2.0]], "one": True}
    now = {"flags": [1, 0], "deep": [[1.0, 2]], "one": 1}

    assert [d.where for d in compare("r", report, now, "exact", ())] == ["r.flags[0]", "r.flags[1]", "r.one"]


def test_differences_name_rows_of_tables_and_items_of_lists():
    report = {"metrics": {"metric": ["accuracy", "f1"], "value": [0.5, 0.6]}, "labels": [1, 2, 3], "n": 1}
    now = {"metrics": {"metric": ["accuracy", "f1"], "value": [0.5, 0.7]}, "labels": [1, 2, 4], "n": None}

    places = [d.where for d in compare("r", report, now, "exact", ["a", "b", "c"])]

    assert places == ["r.metrics.value of 'f1'", "r.labels of 'c'", "r.n"]
