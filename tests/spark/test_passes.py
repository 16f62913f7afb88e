"""Many passes over the vectors of a frame: sums that no lost worker changes."""

from __future__ import annotations

import os

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
