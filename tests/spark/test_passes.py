"""Many passes over the vectors of a frame: sums that no lost worker changes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from mmtoolkit.spark.kept import kept_rows

pytestmark = pytest.mark.spark


def add_up(batch, X):
    return [X.sum(axis=0, dtype=np.float64), len(batch)]


def test_sums_are_over_all_rows_of_any_number_of_partitions(vectors, small):
    for n in (1, 40):
        with kept_rows(vectors.repartition(n), "cluster") as rows:
            total, count = rows.sums(add_up, [(48,), ()])

        assert total == pytest.approx(small.unit.sum(axis=0, dtype=np.float64))
        assert count == len(small)


def test_a_worker_that_dies_changes_nothing(vectors, tmp_path):
    dead = tmp_path / "dead"

    def dies_once(batch, X):
        if not dead.exists():
            dead.touch()
            os._exit(1)
        return add_up(batch, X)

    with kept_rows(vectors, "cluster") as rows:
        whole = rows.sums(add_up, [(48,), ()])
        again = rows.sums(dies_once, [(48,), ()])

    assert dead.exists()
    assert [values.tobytes() for values in again] == [values.tobytes() for values in whole]


def test_what_prepare_adds_comes_with_the_vectors(vectors):
    def prepare(batch, X):
        import pyarrow as pa

        return batch.append_column("first", pa.array(X[:, 0]))

    with kept_rows(vectors, "cluster", prepare=prepare) as rows:
        found = rows.sums(lambda batch, X: [(batch.column("first").to_numpy() == X[:, 0]).sum()], [()])

    assert found[0] == vectors.count()


def test_vectors_are_kept_in_files_or_where_that_cannot_be_in_spark_and_give_the_same(vectors, small):
    from pyspark import SparkFiles

    def folders():
        return {path for path in Path(SparkFiles.getRootDirectory()).iterdir() if path.is_dir()}

    before = folders()
    with kept_rows(vectors, "cluster") as rows:
        (folder,) = folders() - before
        assert (
            sum(file.stat().st_size for file in folder.iterdir()) == 2 * len(small) * 48 * 4
        )  # all, and of so few all are in the sample
        from_files = rows.sums(add_up, [(48,), ()])
        hidden = folder.rename(folder.with_name("away"))
        rows.packed.unpersist()  # the rows are packed anew, and there is no folder for them
        from_spark = rows.sums(add_up, [(48,), ()])
        hidden.rename(folder)

    assert [values.tobytes() for values in from_spark] == [values.tobytes() for values in from_files]
    assert folders() == before


def test_different_keys_are_counted_over_all_partitions(vectors, small):
    def first_number(batch, X):
        return X[:, 0].astype(np.float64).view(np.uint64)

    with kept_rows(vectors.repartition(5), "cluster", normalize=False) as rows:
        found = rows.distinct(first_number)

    assert found == len(np.unique(small.vectors[:, 0])) > 100
