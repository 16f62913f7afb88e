"""Frames that cannot be used are named before a job starts."""

from __future__ import annotations

import pytest

import mmtoolkit as mm

pytestmark = pytest.mark.spark


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


def test_nan_in_files_is_counted_by_rows(vectors, tmp_path):
    from pyspark.sql import functions as F

    nan = F.array(F.lit(float("nan")), F.lit(float("nan"))).cast("array<float>")
    some = F.when(F.col("label") == "act", F.concat(F.slice("vector", 1, 46), nan)).otherwise(F.col("vector"))
    vectors.withColumn("vector", some).write.parquet(str(tmp_path / "table"))
    n = vectors.where("label = 'act'").count()

    with pytest.raises(ValueError, match=rf"cluster: {n} of 120 rows have no vector, or NaN in it"):
        mm.spark.cluster(vectors.sparkSession.read.parquet(str(tmp_path / "table")), 3)


def test_no_rows_are_said(vectors):
    with pytest.raises(ValueError, match="the frame has no rows"):
        mm.spark.cluster(vectors.limit(0), 3)


def test_empty_vectors_are_said(vectors):
    with pytest.raises(ValueError, match="the vectors have no numbers"):
        mm.spark.cluster(vectors.selectExpr("id", "slice(vector, 1, 0) as vector"), 3)
