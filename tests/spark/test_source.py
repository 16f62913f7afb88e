from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmtoolkit.spark.frames import from_array
from mmtoolkit.spark.source import StoredVectors, vector_source

pytestmark = pytest.mark.spark

X = np.arange(60, dtype=np.float32).reshape(20, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two files of ten rows in groups of four; the third vector of each is null; a name that has to be quoted."""
    folder = tmp_path_factory.mktemp("a b%20ü")
    for part in (0, 1):
        rows = range(10 * part, 10 * part + 10)
        vectors = [None if r % 10 == 2 else X[r].tolist() for r in rows]
        table = pa.table({"id": [str(r) for r in rows], "vector": pa.array(vectors, pa.list_(pa.float32()))})
        pq.write_table(table, folder / f"part {part}.parquet", row_group_size=4)
    return folder


@pytest.fixture(scope="module")
def stored(spark, folder):
    return spark.read.parquet(str(folder))


def first_numbers(df):
    """The first number of each row's vector, as the workers see it."""
    columns, read = vector_source(df)

    def look(batches):
        for batch in batches:
            vectors = read(*batch.columns[1:])
            firsts = pa.array([None if v is None else v[0] for v in vectors.to_pylist()], pa.float32())
            yield pa.RecordBatch.from_arrays([batch.column("id"), firsts], names=["id", "first"])

    return {r["id"]: r["first"] for r in df.select("id", *columns).mapInArrow(look, "id string, first float").collect()}


EXPECTED = {str(r): None if r % 10 == 2 else float(X[r, 0]) for r in range(20)}


def is_read_from_files(df):
    return isinstance(vector_source(df)[1], StoredVectors)


def test_stored_vectors_are_read_from_their_files(stored):
    assert is_read_from_files(stored)
    assert first_numbers(stored) == EXPECTED


@pytest.mark.parametrize("condition", ["cast(id as int) % 3 = 1", "id = '17'", "vector is not null"])
def test_chosen_rows_keep_their_own_vectors(stored, condition):
    chosen = stored.where(condition).select("vector", "id")

    expected = {row["id"]: EXPECTED[row["id"]] for row in chosen.select("id").collect()}
    assert is_read_from_files(chosen)
    assert 0 < len(expected) < 20
    assert first_numbers(chosen) == expected


def test_files_without_vectors_give_none(spark, folder, tmp_path):
    (tmp_path / "a.parquet").write_bytes((folder / "part 0.parquet").read_bytes())
    pq.write_table(pa.table({"id": ["bare"]}), tmp_path / "b.parquet")
    merged = spark.read.option("mergeSchema", "true").parquet(str(tmp_path))

    assert is_read_from_files(merged)
    assert first_numbers(merged) == {**{str(r): EXPECTED[str(r)] for r in range(10)}, "bare": None}


@pytest.mark.parametrize(
    "change",
    [
        lambda df: df.selectExpr("id", "slice(vector, 2, 2) as vector"),
        lambda df: df.limit(5),
        lambda df: df.union(df.selectExpr("concat(id, 'again') as id", "vector")),
        lambda df: df.union(df.limit(0)),
        lambda df: df.orderBy("id"),
        lambda df: df.dropDuplicates(["id"]),
    ],
    ids=["changed", "limited", "united", "united with nothing", "sorted", "distinct"],
)
def test_whatever_is_not_just_rows_of_files_comes_from_spark(stored, change):
    assert not is_read_from_files(change(stored))


def test_kept_frames_and_frames_from_memory_come_from_spark(spark, stored):
    kept = stored.where("id < '5'").persist()

    assert not is_read_from_files(kept)
    assert not is_read_from_files(spark.createDataFrame(pa.table({"id": ["a"], "vector": from_array(X[:1])})))
    kept.unpersist()
    assert is_read_from_files(stored)


def test_rows_in_any_order_are_found(folder):
    read = StoredVectors()
    order = [3, 3, 9, 0, 1, 2, 8]
    uri = (folder / "part 1.parquet").as_uri()

    got = read(pa.array([uri] * len(order)), pa.array(order))

    assert got.to_pylist() == [None if r == 2 else X[10 + r].tolist() for r in order]


def test_no_rows_are_no_vectors():
    assert len(StoredVectors()(pa.array([], pa.string()), pa.array([], pa.int64()))) == 0
