from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError
from mmtoolkit.spark.frames import from_array

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def vectors(spark, glosses):
    """The glosses as Spark rows with id, label, text, vector."""
    table = pa.table({name: glosses.items[name].tolist() for name in ("id", "modality", "text", "label")})
    return spark.createDataFrame(table.append_column("vector", from_array(glosses.vectors))).persist()


@pytest.fixture(scope="module")
def classified(vectors):
    return mm.spark.classify(vectors, "label", cv=3, Cs=(10.0, 100.0), model="local")


def test_clusters_have_the_inertia_of_the_local_ones(vectors, glosses):
    local = mm.cluster(glosses, 6)

    c = mm.spark.cluster(vectors, 6)

    assert c.scores.loc["inertia", "value"] <= 1.02 * local.scores.loc["inertia", "value"]
    assert c.sizes["size"].sum() == len(glosses)
    assert c.sizes["size"].is_monotonic_decreasing


def test_rows_of_a_clustering_are_labelled_like_assign(vectors, glosses):
    c = mm.spark.cluster(vectors, 4, n_init=1)

    rows = {row["id"]: row["label"] for row in c.rows.collect()}

    assert [rows[i] for i in glosses.ids] == c.assign(glosses).tolist()


def test_representatives_are_the_nearest_to_the_centres(vectors, glosses):
    c = mm.spark.cluster(vectors, 4, n_init=1)

    table = c.representatives(1).table

    X, labels = glosses.unit, c.assign(glosses)
    for cluster, item in zip(table["cluster"], table["id"], strict=True):
        rows = np.flatnonzero(labels == cluster)
        nearest = rows[np.linalg.norm(X[rows] - c.centers[cluster], axis=1).argmin()]
        assert glosses.ids[nearest] == item


def test_classification_is_as_good_as_the_local_one(classified, glosses):
    local = mm.classify(glosses, "label", cv=3)

    spark_row, local_row = classified.metrics.loc["accuracy"], local.metrics.loc["accuracy"]

    assert abs(spark_row["value"] - local_row["value"]) <= 0.05  # other folds, 480 rows; the exact figure: benchmarks
    assert spark_row["low"] < spark_row["value"] < spark_row["high"]
    assert classified.n_scored == len(glosses) == int(classified.confusion.to_numpy().sum())


def test_held_out_predictions_agree_with_the_confusion(classified):
    rows = classified.rows.collect()

    right = sum(row["y_true"] == row["y_pred"] for row in rows)

    assert right == int(np.trace(classified.confusion.to_numpy()))
    assert {row["fold"] for row in rows} == {0, 1, 2}


def test_equal_items_share_a_fold(vectors):
    twice = vectors.unionByName(vectors.selectExpr("concat(id, '-again') as id", "modality", "text", "label", "vector"))

    rows = {row["id"]: row["fold"] for row in mm.spark.classify(twice, cv=3, Cs=(10.0,)).rows.collect()}

    assert all(rows[i] == rows[f"{i}-again"] for i in rows if not i.endswith("-again"))


def test_rows_without_class_are_predicted_not_scored(vectors):
    from pyspark.sql import functions as F

    half = vectors.withColumn("label", F.when(F.xxhash64("id") % 2 == 0, F.col("label")))

    r = mm.spark.classify(half, cv=2, Cs=(10.0,))

    assert r.n_unlabelled == r.rows.where("fold = -1 and y_pred is not null").count() > 0
    assert r.n_scored + r.n_unlabelled == vectors.count()


def test_predict_equals_the_local_predictions_on_every_row(vectors, glosses, tmp_path):
    r = mm.classify(glosses, "label", cv=3)
    r.save(tmp_path / "model")

    rows = {row["id"]: row["y_pred"] for row in mm.spark.predict(vectors, tmp_path / "model").collect()}

    assert [rows[i] for i in glosses.ids] == r.predict(glosses).tolist()


def test_map_places_every_row_and_keeps_the_sample(vectors, glosses):
    p = mm.spark.project(vectors, sample=200, method="pca")

    rows = {row["id"]: (row["x"], row["y"]) for row in p.rows.collect()}

    assert len(rows) == len(glosses)
    assert np.array_equal(np.array([rows[i] for i in p.source.ids], dtype=np.float32), p.coords)


def test_search_equals_the_local_search(vectors, glosses):
    query = "a large animal with four legs"

    found = mm.spark.search(vectors, query, k=7, model="local")

    local = mm.search(glosses, query, k=7)
    assert found["id"].tolist() == local.table["id"].tolist() if hasattr(local, "table") else local["id"].tolist()
    assert found["rank"].tolist() == list(range(1, 8))


def test_report_is_the_same_kind_of_page(vectors, classified, tmp_path):
    page = tmp_path / "report.html"

    mm.report(classified, mm.spark.cluster(vectors, 4, n_init=1), title="On Spark").save(page)

    assert "On Spark" in page.read_text("utf-8")
    assert str(classified.n_scored) in page.read_text("utf-8")


@pytest.mark.parametrize("verb", [lambda df: mm.spark.cluster(df, 3), mm.spark.classify, mm.spark.project])
def test_rows_without_vectors_are_counted(vectors, verb):
    from pyspark.sql import functions as F

    broken = vectors.withColumn("vector", F.when(F.col("id") != vectors.first()["id"], F.col("vector")))

    with pytest.raises(ValueError, match=r"1 of 480 rows have no vector"):
        verb(broken)


def test_mixed_dimensions_are_named(vectors):
    mixed = vectors.selectExpr("id", "if(id < 'n05', vector, slice(vector, 1, 8)) as vector")

    with pytest.raises(ValueError, match="different dimensions, from 8 to 512"):
        mm.spark.cluster(mixed, 3)


def test_one_class_is_not_enough(vectors):
    with pytest.raises(ValueError, match="at least two classes"):
        mm.spark.classify(vectors.where("label = 'act'"))


def test_query_of_another_space_is_refused(vectors):
    with pytest.raises(SpaceError, match="3 features"):
        mm.spark.search(vectors, np.ones(3, dtype=np.float32))
