"""A classifier applied to Spark frames and to folders of files."""

from __future__ import annotations

import pytest

import mmtoolkit as mm

pytestmark = pytest.mark.spark


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
