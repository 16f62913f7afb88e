from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError
from mmtoolkit.spark.frames import from_array

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def small(glosses):
    """The glosses of four classes on 48 features, as a user's own vectors."""
    kept = glosses.items["label"].isin(["act", "animal", "food", "time"]).to_numpy()
    chosen = glosses[kept]
    return mm.Embeddings(chosen.vectors[:, :48], items=chosen.items)


@pytest.fixture(scope="module")
def vectors(spark, small):
    """The same as Spark rows with id, modality, text, label, vector."""
    table = pa.table({name: small.items[name].tolist() for name in ("id", "modality", "text", "label")})
    return spark.createDataFrame(table.append_column("vector", from_array(small.vectors))).coalesce(2).persist()


@pytest.fixture(scope="module")
def clustered(vectors):
    return mm.spark.cluster(vectors, 4, n_init=2, max_iter=15)


@pytest.fixture(scope="module")
def classified(vectors):
    return mm.spark.classify(vectors, "label", cv=3, Cs=(10.0, 100.0), max_iter=30)


def test_clusters_have_the_inertia_of_the_local_ones(clustered, small):
    local = mm.cluster(small, 4)

    assert clustered.scores.loc["inertia", "value"] <= 1.05 * local.scores.loc["inertia", "value"]
    assert clustered.sizes["size"].sum() == len(small)
    assert clustered.sizes["size"].is_monotonic_decreasing


def test_rows_of_a_clustering_are_labelled_like_assign(clustered, small):
    rows = {row["id"]: row["label"] for row in clustered.rows.collect()}

    assert [rows[i] for i in small.ids] == clustered.assign(small).tolist()


def test_representatives_are_the_nearest_to_the_centres(clustered, small):
    table = clustered.representatives(1).table

    X, labels = small.unit, clustered.assign(small)
    for cluster, item in zip(table["cluster"], table.index, strict=True):
        rows = np.flatnonzero(labels == cluster)
        nearest = rows[np.linalg.norm(X[rows] - clustered.centers[cluster], axis=1).argmin()]
        assert small.ids[nearest] == item


def test_classification_is_as_good_as_the_local_one(classified, small):
    local = mm.classify(small, "label", cv=3)

    spark_row, local_row = classified.metrics.loc["accuracy"], local.metrics.loc["accuracy"]

    assert abs(spark_row["value"] - local_row["value"]) <= 0.08  # other folds, 120 rows; the exact figure: benchmarks
    assert spark_row["low"] < spark_row["value"] < spark_row["high"]
    assert classified.n_scored == len(small) == int(classified.confusion.to_numpy().sum())


def test_held_out_predictions_agree_with_the_confusion(classified):
    rows = classified.rows.collect()

    right = sum(row["y_true"] == row["y_pred"] for row in rows)

    assert right == int(np.trace(classified.confusion.to_numpy()))
    assert {row["fold"] for row in rows} == {0, 1, 2}


def test_equal_items_share_a_fold(vectors):
    twice = vectors.unionByName(vectors.selectExpr("concat(id, '-again') as id", "modality", "text", "label", "vector"))

    rows = {row["id"]: row["fold"] for row in mm.spark.classify(twice, cv=2, Cs=(10.0,), max_iter=5).rows.collect()}

    assert all(rows[i] == rows[f"{i}-again"] for i in rows if not i.endswith("-again"))


def test_rows_without_class_are_predicted_not_scored(vectors):
    from pyspark.sql import functions as F

    half = vectors.withColumn("label", F.when(F.xxhash64("id") % 2 == 0, F.col("label")))

    r = mm.spark.classify(half, cv=2, Cs=(10.0,), max_iter=5)

    assert r.n_unlabelled == r.rows.where("fold = -1 and y_pred is not null").count() > 0
    assert r.n_scored + r.n_unlabelled == vectors.count()


def test_predict_equals_the_local_predictions_on_every_row(vectors, small, tmp_path):
    r = mm.classify(small, "label", cv=2)
    r.save(tmp_path / "model")

    rows = {row["id"]: row["y_pred"] for row in mm.spark.predict(vectors, tmp_path / "model").collect()}

    assert [rows[i] for i in small.ids] == r.predict(small).tolist()


def test_map_places_every_row_and_keeps_the_sample(vectors, small):
    p = mm.spark.project(vectors, sample=60, method="pca")

    rows = {row["id"]: (row["x"], row["y"]) for row in p.rows.collect()}

    assert len(rows) == len(small)
    assert np.array_equal(np.array([rows[i] for i in p.source.ids], dtype=np.float32), p.coords)


def test_search_equals_the_local_search(vectors, small):
    found = mm.spark.search(vectors, small.vectors[:2], k=7)

    local = mm.search(small, small.vectors[:2], k=7).table
    assert found["id"].tolist() == local["id"].tolist()
    assert found["rank"].tolist() == [*range(1, 8)] * 2


def test_query_of_words_is_embedded_by_the_named_model(spark, glosses):
    part = glosses[:20]
    table = pa.table({"id": part.ids.tolist(), "text": part.items["text"].tolist()})
    df = spark.createDataFrame(table.append_column("vector", from_array(part.vectors)))

    found = mm.spark.search(df, part.items["text"][3], k=1, model="local")

    assert found["id"].tolist() == [part.ids[3]]


def test_report_is_the_same_kind_of_page(clustered, classified, tmp_path):
    page = tmp_path / "report.html"

    mm.report(classified, clustered, title="On Spark").save(page)

    assert "On Spark" in page.read_text("utf-8")
    assert str(classified.n_scored) in page.read_text("utf-8")


@pytest.mark.parametrize("verb", [lambda df: mm.spark.cluster(df, 3), mm.spark.classify, mm.spark.project])
def test_rows_without_vectors_are_counted(vectors, verb):
    from pyspark.sql import functions as F

    broken = vectors.withColumn("vector", F.when(F.col("id") != vectors.first()["id"], F.col("vector")))

    with pytest.raises(ValueError, match=r"1 of 120 rows have no vector"):
        verb(broken)


def test_mixed_dimensions_are_named(vectors):
    mixed = vectors.selectExpr("id", "if(label = 'act', vector, slice(vector, 1, 8)) as vector")

    with pytest.raises(ValueError, match="different dimensions, from 8 to 48"):
        mm.spark.cluster(mixed, 3)


def test_one_class_is_not_enough(vectors):
    with pytest.raises(ValueError, match="at least two classes"):
        mm.spark.classify(vectors.where("label = 'act'"))


def test_query_of_another_space_is_refused(vectors):
    with pytest.raises(SpaceError, match="3 features"):
        mm.spark.search(vectors, np.ones(3, dtype=np.float32))
