"""Vectors on Spark, and one result of each verb, for all tests of this room."""

from __future__ import annotations

import pyarrow as pa
import pytest

import mmtoolkit as mm
from mmtoolkit.spark.frames import from_array


@pytest.fixture(scope="session")
def small(glosses):
    """The glosses of four classes on 48 features, as a user's own vectors."""
    kept = glosses.items["label"].isin(["act", "animal", "food", "time"]).to_numpy()
    chosen = glosses[kept]
    return mm.Embeddings(chosen.vectors[:, :48], items=chosen.items)


@pytest.fixture(scope="session")
def vectors(spark, small):
    """The same as Spark rows with id, modality, text, label, vector."""
    table = pa.table({name: small.items[name].tolist() for name in ("id", "modality", "text", "label")})
    return spark.createDataFrame(table.append_column("vector", from_array(small.vectors))).coalesce(2).persist()


@pytest.fixture(scope="session")
def clustered(vectors):
    return mm.spark.cluster(vectors, 4, n_init=2, max_iter=8)


@pytest.fixture(scope="session")
def classified(vectors):
    """Every item twice; a fifth has no class."""
    from pyspark.sql import functions as F

    twice = vectors.unionByName(vectors.withColumn("id", F.concat("id", F.lit("-again"))))
    some = twice.withColumn("label", F.when(F.xxhash64("text") % 5 != 0, F.col("label")))
    return mm.spark.classify(some.coalesce(2), "label", cv=2, Cs=(10.0, 100.0), max_iter=8)


@pytest.fixture(scope="session")
def mapped(vectors):
    return mm.spark.project(vectors, sample=60, method="pca", n_neighbors=7)


@pytest.fixture(scope="session")
def page(clustered, classified, mapped):
    return mm.report(classified, clustered, mapped, title="On Spark").to_html()
