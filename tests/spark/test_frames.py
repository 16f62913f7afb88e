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
