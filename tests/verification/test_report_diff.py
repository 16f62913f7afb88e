"""What changed between two reports: items, classes, scores, groups, settings, versions."""

import json

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import VerifyError


def emb(n, start=0, shift=0.0):
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    X = (rng.normal(size=(400, 8)) + (2 - shift) * np.outer(y, np.eye(8)[0])).astype(np.float32)
    frame = pd.DataFrame({"text": [f"t{i}" for i in range(400)], "label": np.array(["猫", "<b>dog</b>"])[y]})
    some = slice(start, start + n)
    return mm.Embeddings(
        X[some], items=frame[some].reset_index(drop=True), ids=[str(i) for i in range(start, start + n)]
    )


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("diff")
    may, june = emb(200), emb(240, start=100, shift=1.5)
    paths = []
    for name, source, cv in (("may", may, 5), ("june", june, 4)):
        rep = mm.report(mm.classify(source, "label", cv=cv, normalize=False), mm.cluster(source, 2), title=name)
        rep.save(folder / f"{name}.html")
        paths.append(rep.save(folder / f"{name}.json"))
    return paths


def test_items_classes_scores_settings_and_groups_are_compared(reports):
    found = mm.diff(*reports)

    assert found.items.loc["emb"].to_dict() == {
        "before": 200,
        "after": 240,
        "same": 50,
        "changed": 50,
        "added": 140,
        "gone": 100,
    }
    assert found.classes.loc[("classify", "猫")].tolist() == [100, 120]
    row = found.scores.loc[("classify", "accuracy")]
    assert row["change"] == pytest.approx(row["after"] - row["before"])
    assert row["low"] < row["change"] < row["high"] < 0
    upper = row["change"] + np.hypot(row["high_after"] - row["after"], row["before"] - row["low_before"])
    assert row["high"] == pytest.approx(upper)
    assert found.settings.loc[("classify", "cv")].tolist() == ["5", "4"]
    assert found.groups.loc[("cluster", "clusters")].tolist() == [2, 2]
    assert found.versions.empty
    assert "200 items before, 240 after" in repr(found)
    assert json.dumps(found.to_dict())
    assert "<b>dog</b>" not in found._repr_html_()


def test_a_report_does_not_differ_from_itself(reports):
    found = mm.diff(reports[0], reports[0].with_suffix(".html"))

    assert found.items.loc["emb", ["same", "changed", "added", "gone"]].tolist() == [200, 0, 0, 0]
    assert (found.scores["change"].dropna() == 0).all()
    assert "% before and after;" in repr(found)
    assert found.settings.empty
    assert "mm.compare has the test" in found.notes[0]


def test_reports_in_memory_and_other_results_are_compared_too():
    source = emb(60)

    found = mm.diff(
        mm.report(mm.cluster(source, 2)), mm.report(mm.cluster(source, 3), mm.project(source, method="pca"))
    )

    assert found.notes[0] == "project is in one of both reports only"
    assert found.groups.loc[("cluster", "clusters")].tolist() == [2, 3]
    assert found.classes.empty


def test_an_edited_report_is_named_and_a_damaged_one_refused(reports, tmp_path):
    data = json.loads(reports[0].read_text("utf-8"))
    data["results"]["classify"]["rounded"]["metrics"]["value"][0] = 0.999
    edited, damaged = tmp_path / "edited.json", tmp_path / "damaged.json"
    edited.write_text(json.dumps(data), "utf-8")
    data["results"]["classify"]["exact"]["y_true"] = 5
    damaged.write_text(json.dumps(data), "utf-8")

    assert (
        "edited.json was changed after it was written, first at classify.metrics"
        in mm.diff(edited, reports[1]).notes[0]
    )
    with pytest.raises(VerifyError, match="one of the reports is damaged"):
        mm.diff(damaged, reports[1])
    with pytest.raises(VerifyError, match="cannot be read"):
        mm.diff(tmp_path / "none.json", reports[1])
    with pytest.raises(
        TypeError, match=r"diff takes two reports, each a path or what mm\.report returned, got Clustering"
    ):
        mm.diff(mm.cluster(np.eye(3), 2), reports[1])
