"""Rows that are read many times: checked, sampled and set aside in one pass over the frame."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmtoolkit.spark.frames import check_survey, from_array, named_vectors, survey, to_array
from mmtoolkit.spark.passes import Batches, Rows
from mmtoolkit.spark.source import vector_source
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["Kept", "kept_rows"]

_DRAWN = 100_000
_NUMBERS = 2**26  # in the sample: 256 MB
_PLACE = b"mmtoolkit.place"  # in the metadata of a batch whose vectors are in a file


@dataclass(frozen=True, eq=False)
class Kept(Rows):
    """Rows that are read many times.

    Spark keeps every batch as one value; it would hand them to Python number by number. Where the workers are on the
    driver's machine, their vectors, scaled as the verb wants them, are in files beside Spark's own: to read these takes a small part
    of the time that it takes to get them from Spark or to decode Parquet.

    Parameters
    ----------
    packed : DataFrame
        Columns batch, drawn (its rows that belong to the sample), and what `survey` says of it.
    n_rows, n_features : int
        Of all of them.
    """

    packed: DataFrame
    n_rows: int
    n_features: int

    def sample(self) -> tuple[pa.Table, NDArray[np.float32]]:
        """Bring a random sample to the driver, in an order that does not depend on the partitions.

        Returns
        -------
        table : pyarrow.Table
            The columns that are kept.
        X : ndarray of shape (n_drawn, n_features), float32
            Up to 100,000 vectors, fewer of very many features.
        """
        import pyarrow.compute as pc

        drawn = self.packed.select("drawn").where("drawn is not null").toArrow()
        pairs = list(_unpacked(drawn.combine_chunks()))
        table = pa.Table.from_batches([batch for batch, _ in pairs])
        X = np.concatenate([vectors for _, vectors in pairs])
        packed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(X[0].nbytes), len(X), [None, pa.py_buffer(X)])
        keys = pa.table({"draw": table.column("_draw"), "packed": packed.cast(pa.binary())})
        order = pc.sort_indices(keys, [("draw", "ascending"), ("packed", "ascending")])
        return table.take(order), X[order.to_numpy()]


@contextmanager
def kept_rows(
    df: DataFrame,
    what: str,
    columns: Sequence[str] = ("id",),
    *,
    normalize: bool = True,
    random_state: int = 0,
    n_rows: int | None = None,
    prepare: Callable[[pa.RecordBatch, NDArray[np.float32]], pa.RecordBatch] | None = None,
) -> Iterator[Kept]:
    """Check ids and vectors, and give rows that are read many times.

    Parameters
    ----------
    df : DataFrame
        Columns id and vector, and those that are wanted beside the vectors.
    what : str
        The verb, for messages.
    columns : sequence of str, default=("id",)
        What is wanted beside the vectors.
    normalize : bool, default=True
        Whether unit vectors are wanted.
    random_state : int, default=0
        Seed of the sample, which is drawn by the ids.
    n_rows : int or None, default=None
        Number of rows; counted when it is not given.
    prepare : callable or None, default=None
        To be sent along; takes a batch of `columns` and its vectors, returns it with further columns.

    Yields
    ------
    Kept
        Good inside the context.

    Raises
    ------
    ValueError
        If the frame is empty, rows have no vector, or dimensions differ (the message counts them), or ids are not unique.
    """
    from pyspark.sql import functions as F

    named_vectors(df, what)
    n = len(columns) + 1
    n_rows = df.count() if n_rows is None else n_rows  # Parquet files have it written at their ends
    places, read = vector_source(df)
    folder, most, numbers = _shared_folder(df), _DRAWN, _NUMBERS

    def pack(batches: Iterator[tuple[pa.RecordBatch, Any]]) -> Iterator[Sequence[Any]]:
        path = os.path.join(folder, uuid.uuid4().hex) if folder else ""
        for batch, column in batches:
            said = missing, low, high = survey(column)
            values: list[Any] = [None, None]
            if not missing and low == high and low:
                X = unit_rows(to_array(column)) if normalize else to_array(column)
                kept = batch.select(range(n))
                kept = kept if prepare is None else prepare(kept, X)
                share = min(most, numbers // X.shape[1]) / n_rows
                limit = np.iinfo(np.int64).max if share >= 1 else int((2 * share - 1) * 2**63)
                chosen = np.flatnonzero(kept.column("_draw").to_numpy() <= limit)
                room = _has_room(folder, n_rows * X[0].nbytes)
                values[0] = _closed(kept, X, path if room else "")
                if len(chosen):
                    values[1] = _closed(kept.take(pa.array(chosen)), X[chosen], path if room else "")
            yield *(pa.array([v], pa.binary()) for v in values), *(pa.array([v], pa.int64()) for v in said)

    draw = F.xxhash64("id", F.lit(random_state)).alias("_draw")
    raw = Rows(df.select(*columns, draw, *places), lambda batch: iter([(batch, read(*batch.columns[n:]))]))
    packed = raw.map(pack, "batch binary, drawn binary, missing long, low long, high long").persist()
    try:
        said = packed.selectExpr("sum(missing)", "min(low)", "max(high)").first()
        assert said is not None
        check_survey(n_rows, *said, what=what)
        rows = Kept(packed.select("batch"), _unpacked, packed, n_rows, said[1])
        _check_ids(df, rows, what)
        yield rows
    finally:
        packed.unpersist()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)  # what a task that is just stopped still writes goes with Spark's


def _check_ids(df: DataFrame, rows: Kept, what: str) -> None:
    """Raise if an id occurs more than once; all are counted only if their hashes are not all different."""
    if rows.distinct(lambda batch, _: batch.column("_draw").to_numpy().view(np.uint64)) == rows.n_rows:
        return
    twice = df.groupBy("id").count().where("count > 1").orderBy("id").first()
    if twice is not None:
        msg = f"{what}: ids must be unique: {twice['id']!r} occurs {twice['count']} times"
        raise ValueError(msg)


def _shared_folder(df: DataFrame) -> str:
    """Make a folder among Spark's temporary ones, which end with it; none where workers may be on other machines."""
    from pyspark import SparkFiles

    if not hasattr(df, "_jdf") or not str(df.sparkSession.sparkContext.master).startswith("local"):
        return ""
    return tempfile.mkdtemp(dir=SparkFiles.getRootDirectory())


def _has_room(folder: str, n_bytes: int) -> bool:
    """Return whether a folder is there, and could take all vectors once more."""
    return os.path.isdir(folder) and shutil.disk_usage(folder).free > n_bytes


def _closed(batch: pa.RecordBatch, X: NDArray[np.float32], path: str) -> bytes:
    """Return columns and vectors as one value, the vectors in a file if there is one."""
    if path:
        with open(path, "ab") as file:
            place = {"path": path, "offset": file.tell(), "count": X.size}
            file.write(np.ascontiguousarray(X).data)
        batch = batch.replace_schema_metadata({_PLACE: json.dumps(place)})
    else:
        batch = batch.append_column("vector", from_array(X))
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(stream.getvalue())


def _unpacked(table: pa.RecordBatch | pa.Table) -> Batches:
    for value in table.column(0):
        with pa.ipc.open_stream(value.as_buffer()) as stream:
            held = stream.read_next_batch()
        place = (held.schema.metadata or {}).get(_PLACE)
        if place is None:
            last = held.num_columns - 1
            yield held.select(range(last)), to_array(held.column(last))
        else:
            at = json.loads(place)
            X = np.fromfile(at["path"], np.float32, count=at["count"], offset=at["offset"])
            yield held, X.reshape(len(held), -1)
