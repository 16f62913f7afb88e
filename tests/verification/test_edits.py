"""An edit of a report or of its page is named; what is no report is refused."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from verification.editing import edit

import mmtoolkit as mm
from mmtoolkit.errors import VerifyError
from mmtoolkit.reporting import sidecar


def test_one_changed_figure_is_named_and_the_edit_is_seen(home):
    def change(data):
        data["results"]["classify"]["rounded"]["metrics"]["value"][0] += 0.05

    checked = mm.verify(edit(home, change))

    assert checked.verdict == "edited at classify.metrics.value of 'accuracy'"
    assert checked.causes == ("'classify.metrics' of the report was edited after it was written",)


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


def test_the_byte_order_mark_of_an_editor_changes_nothing(page):
    path, X = page
    for file in (path, path.with_suffix(".json")):
        file.write_text(file.read_text("utf-8"), "utf-8-sig")

    assert mm.verify(path, vectors=X).verdict == "identical"


def test_the_line_ends_of_windows_change_nothing(page):
    path, X = page
    for file in (path, path.with_suffix(".json")):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert mm.verify(path, vectors=X).verdict == "identical"

    path.write_bytes(path.read_bytes().replace(b"<h1>A page", b"<h1>The page"))
    assert mm.verify(path, vectors=X).verdict == "edited at page.title"


def test_a_page_that_a_browser_saved_anew_is_no_edit_of_a_person(page):
    path, X = page
    html = path.read_text("utf-8").replace("<html", "<!-- saved from url=(0014)about:internet -->\n<html", 1)
    path.write_text(html, "utf-8")

    with pytest.raises(
        VerifyError, match=r"written anew by a browser .* verify the file that mm.report wrote, or 'report"
    ):
        mm.verify(path, vectors=X)


def test_a_report_in_another_encoding_is_refused_by_its_name(page):
    path, X = page
    report = path.with_suffix(".json")
    report.write_text(report.read_text("utf-8"), "utf-16")

    with pytest.raises(VerifyError, match=r"'report.json' is not a report.json: it is in UTF-16; save it as UTF-8"):
        mm.verify(report, vectors=X)


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


def test_an_edit_of_what_cannot_be_computed_again_differs(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    far = mm.cluster(X, 4)
    mm.report(dataclasses.replace(far, recipe=dataclasses.replace(far.recipe, verb="spark.cluster"))).save(
        tmp_path / "report.json"
    )

    path = edit(tmp_path, lambda data: data["results"]["spark_cluster"]["exact"].update(n_clusters=9))

    assert mm.verify(path, vectors=X).verdict == "edited at spark_cluster.n_clusters"


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
