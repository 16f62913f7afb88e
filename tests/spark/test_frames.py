"""Frames that cannot be used are named before a job starts."""

from __future__ import annotations

import numpy as np
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


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e300"])
def test_numbers_that_are_none_are_counted_by_rows(vectors, tmp_path, number):
    from pyspark.sql import functions as F

    two = F.array(F.lit(float(number)), F.lit(float(number)))
    changed = F.concat(F.slice("vector", 1, 46).cast("array<double>"), two)
    some = F.when(F.col("label") == "act", changed).otherwise(F.col("vector").cast("array<double>"))
    vectors.withColumn("vector", some).write.parquet(str(tmp_path / "table"))
    n, stored = vectors.where("label = 'act'").count(), vectors.sparkSession.read.parquet(str(tmp_path / "table"))

    for verb in (mm.spark.cluster, mm.spark.search):
        with pytest.raises(ValueError, match=rf"{n} of 120 rows have no vector, or NaN or infinity in it"):
            verb(stored, 3) if verb is mm.spark.cluster else verb(stored, np.ones(48))


def test_an_id_that_occurs_twice_is_named(vectors):
    one, other = sorted(row["id"] for row in vectors.select("id").take(2))
    twice = vectors.selectExpr(f"if(id = '{other}', '{one}', id) as id", "vector", "label")

    for verb in (lambda df: mm.spark.cluster(df, 3), mm.spark.classify):
        with pytest.raises(ValueError, match=rf"ids must be unique: '{one}' occurs 2 times"):
            verb(twice)


def test_no_rows_are_said(vectors):
    with pytest.raises(ValueError, match="the frame has no rows"):
        mm.spark.cluster(vectors.limit(0), 3)


def test_empty_vectors_are_said(vectors):
    with pytest.raises(ValueError, match="the vectors have no numbers"):
        mm.spark.cluster(vectors.selectExpr("id", "slice(vector, 1, 0) as vector"), 3)


def test_columns_of_any_name_stand_beside_ours(vectors, small):
    from pyspark.sql import functions as F

    r = mm.classify(small, "label", duplicates="ignore", inference=False)
    names = {"my.label": "label", "_note": "text", "distance": F.lit(7), "confidence": F.lit(8), "score": F.lit(9)}
    df = vectors.select(
        "id", "vector", *(F.col(c).alias(n) if isinstance(c, str) else c.alias(n) for n, c in names.items())
    )

    shown = mm.spark.cluster(df, 3, n_init=1).shown
    assert set(shown["_note"]) <= set(small.items["text"])
    assert set(shown["distance (column)"]) == {7}
    assert set(shown["distance"]) != {7}

    classified = mm.spark.classify(df, "my.label", cv=2, Cs=(10.0,))
    assert set(classified.shown["confidence (column)"]) == {8}

    predicted = mm.spark.predict(df, r)
    assert predicted.columns == [
        "id",
        "vector",
        "my.label",
        "_note",
        "distance",
        "confidence (column)",
        "score",
        "y_pred",
        "confidence",
    ]

    found = mm.spark.search(df, small.vectors[:1], k=2)
    assert found["score (column)"].tolist() == [9, 9]
    assert found["score"].iloc[0] == pytest.approx(1)
    assert found["my.label"].notna().all()


def test_nan_is_no_class(vectors):
    from pyspark.sql import functions as F

    number = F.when(F.col("label") == "act", 1.0).when(F.col("label") == "food", float("nan")).otherwise(2.0)
    r = mm.spark.classify(vectors.withColumn("label", number), cv=2, Cs=(10.0,))

    assert r.classes.tolist() == ["1.0", "2.0"]
    assert r.n_unlabelled == vectors.where("label = 'food'").count()


def test_frames_and_arguments_that_do_not_fit_are_named(vectors, small):
    with pytest.raises(
        TypeError, match=r"mm.spark.cluster takes a Spark DataFrame, got pandas.DataFrame; mm.cluster takes other"
    ):
        mm.spark.cluster(small.items, 3)
    with pytest.raises(ValueError, match=r"n_clusters must be an integer of at least 2, got 2.5"):
        mm.spark.cluster(vectors, 2.5)
    for Cs in ((), (-1.0,)):
        with pytest.raises(ValueError, match="Cs must be at least one number above 0"):
            mm.spark.classify(vectors, Cs=Cs)
