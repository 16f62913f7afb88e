from __future__ import annotations

import inspect
import json

import numpy as np
import pyarrow as pa
import pytest

import mmtoolkit as mm
from mmtoolkit._text import escape
from mmtoolkit.classification.intervals import wilson
from mmtoolkit.errors import SpaceError
from mmtoolkit.reporting.code import as_python
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
    return mm.spark.cluster(vectors, 4, n_init=2, max_iter=8)


@pytest.fixture(scope="module")
def classified(vectors):
    """Every item twice; a fifth has no class."""
    from pyspark.sql import functions as F

    twice = vectors.unionByName(vectors.withColumn("id", F.concat("id", F.lit("-again"))))
    some = twice.withColumn("label", F.when(F.xxhash64("text") % 5 != 0, F.col("label")))
    return mm.spark.classify(some.coalesce(2), "label", cv=2, Cs=(10.0, 100.0), max_iter=8)


def test_clusters_have_the_inertia_of_the_local_ones(clustered, small):
    local = mm.cluster(small, 4)

    assert clustered.scores.loc["inertia", "value"] <= 1.05 * local.scores.loc["inertia", "value"]
    assert clustered.sizes["size"].sum() == len(small)
    assert clustered.sizes["size"].is_monotonic_decreasing


def test_rows_of_a_clustering_are_labelled_like_assign(clustered, small):
    rows = {row["id"]: row["label"] for row in clustered.rows.collect()}

    assert [rows[i] for i in small.ids] == clustered.assign(small).tolist()


def test_shown_rows_are_the_nearest_to_the_centers(clustered, small):
    table = clustered.shown[clustered.shown["rank"] == 1]

    X, labels = small.unit, clustered.assign(small)
    assert table["cluster"].tolist() == [0, 1, 2, 3]
    for cluster, item in zip(table["cluster"], table.index, strict=True):
        rows = np.flatnonzero(labels == cluster)
        nearest = rows[np.linalg.norm(X[rows] - clustered.centers[cluster], axis=1).argmin()]
        assert small.ids[nearest] == item


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


def test_predict_equals_the_local_predictions_on_every_row(vectors, small, tmp_path):
    r = mm.classify(small, "label", cv=2)
    r.save(tmp_path / "model")

    rows = {row["id"]: row["y_pred"] for row in mm.spark.predict(vectors, tmp_path / "model").collect()}

    assert [rows[i] for i in small.ids] == r.predict(small).tolist()


def test_rows_that_cannot_be_predicted_are_null(vectors, small):
    from pyspark.sql import functions as F

    first, second, third = small.ids[:3].tolist()
    nan = F.transform("vector", lambda v: F.lit(float("nan")).cast("float"))
    broken = (
        F.when(F.col("id") == first, None)
        .when(F.col("id") == second, nan)
        .when(F.col("id") == third, F.slice("vector", 1, 8))
        .otherwise(F.col("vector"))
    )

    r = mm.classify(small, "label", cv=2)
    rows = mm.spark.predict(vectors.withColumn("vector", broken), r).collect()

    assert {row["id"] for row in rows if row["y_pred"] is None} == {first, second, third}
    assert all((row["y_pred"] is None) == (row["confidence"] is None) for row in rows)
    with pytest.raises(ValueError, match="no row has a vector"):
        mm.spark.predict(vectors.where("id is null"), r)


def test_batch_without_any_vector_is_null(vectors, small):
    from pyspark.sql import functions as F

    half = vectors.withColumn("vector", F.when(F.spark_partition_id() == 0, F.col("vector")))

    rows = mm.spark.predict(half, mm.classify(small, "label", cv=2)).collect()

    assert {row["y_pred"] is None for row in rows} == {True, False}
    assert all((row["y_pred"] is None) == (row["vector"] is None) for row in rows)


def test_predicting_a_folder_of_files_equals_predicting_the_frame(vectors, small, tmp_path):
    folder = tmp_path / "table"
    vectors.write.parquet(str(folder))
    r = mm.classify(small, "label", cv=2)

    read = mm.spark.predict(folder, r)

    assert read.columns == [*vectors.columns, "y_pred", "confidence"]
    columns = ("id", "text", "y_pred", "confidence")
    assert set(read.select(*columns).collect()) == set(mm.spark.predict(vectors, r).select(*columns).collect())


def test_a_folder_that_cannot_be_predicted_is_named(spark, small, tmp_path):
    r = mm.classify(small, "label", cv=2)
    spark.range(3).write.parquet(str(tmp_path / "numbers"))

    with pytest.raises(ValueError, match=r"no Parquet files in '.*nothing'"):
        mm.spark.predict(tmp_path / "nothing", r)
    with pytest.raises(ValueError, match="there is no column 'vector'; the frame has id"):
        mm.spark.predict(tmp_path / "numbers", r)


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


@pytest.fixture(scope="module")
def mapped(vectors):
    return mm.spark.project(vectors, sample=60, method="pca", n_neighbors=7)


@pytest.fixture(scope="module")
def page(clustered, classified, mapped):
    return mm.report(classified, clustered, mapped, title="On Spark").to_html()


def test_report_says_what_is_of_all_rows_and_what_is_a_sample(page, classified, clustered, mapped):
    assert "On Spark" in page
    assert f"{classified.n_scored} items scored" in page
    for result in (classified, clustered, mapped):
        assert escape(result.notes[0]) in page
    assert f"{len(clustered.source)} texts shown" in page
    assert page.count("Items shown") == 2


def test_what_needs_every_row_is_absent(classified, clustered, mapped):
    for name in ("risk_coverage", "label_issues", "learning_curve", "y_true", "y_pred", "y_proba", "fold", "together"):
        assert not hasattr(classified, name)
    for name in ("labels", "per_item", "representatives", "stability", "compare", "sweep", "plausible_n_clusters"):
        assert not hasattr(clustered, name)
    assert classified.figures == ("confusion", "per_class")
    assert clustered.figures == ("sizes",)
    assert "60 of 120 rows" in repr(mapped)


def test_errors_shown_are_the_surest(classified):
    wrong = [row for row in classified.rows.collect() if row["fold"] >= 0 and row["y_true"] != row["y_pred"]]

    wrong = sorted(wrong, key=lambda row: (-row["confidence"], row["id"]))
    assert classified.shown.index.tolist() == classified.source.ids.tolist() == [row["id"] for row in wrong]
    assert classified.shown["y_pred"].tolist() == [row["y_pred"] for row in wrong]
    assert classified.shown["confidence"].is_monotonic_decreasing


def test_clusters_are_named_by_their_centers_shown_texts_or_a_function(clustered):
    by_text = clustered.with_names(texts="text")
    by_function = clustered.with_names(function=lambda frame: f"{len(frame)} x {frame['label'].mode()[0]}")

    assert not by_text.names["name"].str.startswith("cluster ").any()
    assert [name.split()[0] for name in by_function.names["name"]] == [str(min(n, 20)) for n in clustered.sizes["size"]]
    assert by_function.sizes["size"].equals(clustered.sizes["size"])


def test_recorded_parameters_are_the_arguments_of_the_call(clustered, classified, mapped):
    for result, function in ((clustered, "cluster"), (classified, "classify"), (mapped, "project")):
        arguments = list(inspect.signature(getattr(mm.spark, function)).parameters)
        assert list(result.recipe.params) == arguments[1:]
        assert arguments[-2:] == ["normalize", "random_state"]
        assert result.recipe.verb == f"spark.{function}"


def test_printed_script_makes_the_report_again(vectors, tmp_path, monkeypatch):
    c = mm.spark.cluster(vectors, 3, n_init=1, max_iter=4, n_shown=5, random_state=2)
    results = [
        mm.spark.classify(vectors, cv=2, Cs=(10.0,), max_iter=4, normalize=False),
        c.with_names(texts="text"),
        mm.spark.project(vectors, sample=50, method="pca"),
    ]
    old, new = tmp_path / "old.json", tmp_path / "report.json"
    mm.report(*results, title="On Spark").save(old)
    data = json.loads(old.read_text("utf-8"))
    script = as_python(data["recipe"], "On Spark")

    first, _, rest = script.partition("df = ...")
    assert "emb" not in script
    assert rest.startswith("  # Spark and the frame it was given\n")
    monkeypatch.chdir(tmp_path)
    exec(compile(f"{first}df = FRAME{rest}", "script", "exec"), {"FRAME": vectors})

    again = json.loads(new.read_text("utf-8"))
    assert again["recipe"] == data["recipe"]
    assert again["results"] == data["results"]
    assert again["items"] == data["items"]


def test_raw_rows_are_taken_as_they_are(vectors, small):
    c = mm.spark.cluster(vectors, 3, n_init=1, max_iter=4, normalize=False)
    p = mm.spark.project(vectors, sample=50, method="pca", normalize=False)

    labels = {row["id"]: row["label"] for row in c.rows.collect()}
    inertia = sum(((x - c.centers[labels[i]]) ** 2).sum() for i, x in zip(small.ids, small.vectors, strict=True))
    assert c.scores.loc["inertia", "value"] == pytest.approx(inertia, rel=1e-4)
    assert c.sizes["cohesion"].isna().all()
    places = {row["id"]: (row["x"], row["y"]) for row in p.rows.collect()}
    local = p.transform(small)
    assert np.allclose([places[i] for i in small.ids], local, atol=1e-4)


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
