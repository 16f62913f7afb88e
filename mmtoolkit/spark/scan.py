"""Parquet files read by the Python workers: Spark itself would take vectors apart number by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mmtoolkit.spark.table import VectorTable

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["scan"]

_ROWS = 4096
_PARTS_PER_SLOT = 4


def scan(
    spark: SparkSession, table: VectorTable, apply: Callable[[pa.RecordBatch], pa.RecordBatch], schema: str
) -> DataFrame:
    """Apply a function to every batch of rows of a folder of Parquet files, on the workers.

    Parameters
    ----------
    spark : SparkSession
        Whose workers.
    table : VectorTable
        The folder, seen by every machine under this name.
    apply : callable
        Takes a batch of all stored columns, returns a batch of `schema`.
    schema : str
        Columns of the result.

    Returns
    -------
    DataFrame
        Lazy; nothing is read before it is used.
    """
    slots = _PARTS_PER_SLOT * spark.sparkContext.defaultParallelism
    parts = _parts(table, slots)
    slots = min(len(parts), slots)

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow.parquet as pq

        for slot in (number for batch in batches for number in batch.column(0).to_pylist()):
            for path, group in parts[slot::slots]:
                with table.system.open_input_file(path) as file:
                    stored = pq.ParquetFile(file)
                    groups = range(stored.num_row_groups) if group is None else [group]
                    for rows in stored.iter_batches(_ROWS, row_groups=list(groups), use_threads=False):
                        yield apply(rows)

    return spark.range(0, slots, 1, slots).mapInArrow(read, schema)


def _parts(table: VectorTable, wanted: int) -> list[tuple[str, int | None]]:
    """Return whole files where there are enough of them, else their row groups."""
    import pyarrow.parquet as pq

    files = table.files()
    if len(files) >= wanted:
        return [(path, None) for path in files]
    return [
        (path, group)
        for path in files
        for group in range(pq.read_metadata(path, filesystem=table.system).num_row_groups)
    ]
