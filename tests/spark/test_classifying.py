"""Classification on Spark beside the local one."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.classification.intervals import wilson

pytestmark = pytest.mark.spark


def test_classification_is_as_good_as_the_local_one(classified, small):
    local = mm.classify(small, "label", cv=2)

    spark_row, local_row = classified.metrics.loc["accuracy"], local.metrics.loc["accuracy"]

    assert abs(spark_row["value"] - local_row["value"]) <= 0.08  # other folds, 120 items; the exact figure: benchmarks
    assert spark_row["low"] < spark_row["value"] < spark_row["high"]


def test_held_out_predictions_agree_with_the_confusion(classified):
    rows = [row for row in classified.rows.collect() if row["fold"] >= 0]

    right = sum(row["y_true"] == row["y_pred"] for row in rows)

    assert right == int(np.trace(classified.confusion.to_numpy()))
    assert classified.n_scored == len(rows) == int(classified.confusion.to_numpy().sum())
    assert {row["fold"] for row in rows} == {0, 1}


def test_intervals_go_by_different_items(classified):
    accuracy = classified.metrics.loc["accuracy"]

    n = classified.n_scored / 2  # every item is there twice

    assert (accuracy["low"], accuracy["high"]) == pytest.approx([float(b) for b in wilson(accuracy["value"] * n, n)])


def test_equal_items_share_a_fold(classified):
    rows = {row["id"]: row["fold"] for row in classified.rows.collect()}

    assert all(rows[i] == rows[f"{i}-again"] for i in rows if not i.endswith("-again"))


def test_rows_without_class_are_predicted_not_scored(classified, small):
    assert classified.n_unlabelled == classified.rows.where("fold = -1 and y_pred is not null").count() > 0
    assert classified.n_scored + classified.n_unlabelled == 2 * len(small)


def test_errors_shown_are_the_surest(classified):
    wrong = [row for row in classified.rows.collect() if row["fold"] >= 0 and row["y_true"] != row["y_pred"]]

    wrong = sorted(wrong, key=lambda row: (-row["confidence"], row["id"]))
    assert classified.shown.index.tolist() == classified.source.ids.tolist() == [row["id"] for row in wrong]
    assert classified.shown["y_pred"].tolist() == [row["y_pred"] for row in wrong]
    assert classified.shown["confidence"].is_monotonic_decreasing


def test_one_class_is_not_enough(vectors):
    with pytest.raises(ValueError, match="at least two classes"):
        mm.spark.classify(vectors.where("label = 'act'"))


def test_the_model_is_the_optimum_of_all_rows_though_it_starts_from_a_sample(vectors, small, monkeypatch):
    from sklearn.linear_model import LogisticRegression

    monkeypatch.setattr("mmtoolkit.spark.kept._DRAWN", 60)

    found = mm.spark.classify(vectors, cv=2, Cs=(10.0,), max_iter=30).estimator

    optimum = LogisticRegression(C=10.0, tol=1e-8, max_iter=1000).fit(small.unit, small.items["label"])
    assert found.coef_ == pytest.approx(optimum.coef_, abs=0.02 * np.abs(optimum.coef_).max())


def test_files_and_other_frames_give_the_same(vectors, classified, tmp_path):
    vectors.coalesce(1).write.parquet(str(tmp_path / "table"))
    stored = vectors.sparkSession.read.parquet(str(tmp_path / "table"))
    changed = stored.selectExpr("id", "label", "text", "modality", "slice(vector, 1, 48) as vector").coalesce(1)

    of_files, of_others = (mm.spark.classify(df, cv=2, Cs=(10.0, 100.0)) for df in (stored, changed))

    assert of_files.estimator.coef_.tobytes() == of_others.estimator.coef_.tobytes()
    assert of_files.metrics.equals(of_others.metrics)
    assert of_files.shown.equals(of_others.shown[of_files.shown.columns])
    assert of_files.source.vectors.tobytes() == of_others.source.vectors.tobytes()


def test_classes_without_an_error_have_nothing_to_show(spark):
    rows = [(str(i), [float(i % 2), 1.0, i / 100], "ab"[i % 2]) for i in range(40)]

    r = mm.spark.classify(spark.createDataFrame(rows, "id string, vector array<float>, label string"), cv=2)

    assert r.metrics.loc["accuracy", "value"] == 1.0
    assert len(r.shown) == 0
    assert "40" in mm.report(r).to_html()
