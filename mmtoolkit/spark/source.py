"""How the workers read the vectors: from Spark, or directly from their Parquet files.

Spark gives an array to Python number by number, which takes longer than the computation itself. Where a frame holds only
rows of local Parquet files, it gives file and row number instead, and the worker reads the file.
"""

from __future__ import annotations

import functools
import gc
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

__all__ = ["PLACE", "Reader", "StoredVectors", "settle", "vector_source"]

logger = logging.getLogger(__name__)

Reader = Callable[..., "pa.Array"]

PLACE = {"file": "file_path", "row": "row_index"}  # columns that say where a vector is, and Spark's names of that
_ROWS = 4096
_NARROW = ("Project", "Filter")  # what keeps the rows of a file in their order


def vector_source(df: DataFrame) -> tuple[list[Column], Reader]:
    """Return the columns to send to the workers, and the function that makes vectors of them there.

    Parameters
    ----------
    df : DataFrame
        With a column vector.

    Returns
    -------
    columns : list of Column
        The vectors themselves, or file and row number.
    read : callable
        To be sent along; takes a batch of these columns, returns a list array.
    """
    from pyspark.errors import AnalysisException

    try:
        if _is_stored(df):
            place = df.metadataColumn("_metadata")
            return [place.getField(field).alias(name) for name, field in PLACE.items()], StoredVectors()
    except AnalysisException:
        logger.debug("the optimizer left something out that hides the files' rows: vectors come from Spark")
    return [df["vector"]], lambda column: column


@functools.cache
def settle() -> None:
    """Exclude imported modules from the garbage collection that Spark runs in this worker after every task."""
    gc.freeze()


def _is_stored(df: DataFrame) -> bool:
    """Return whether the plan only selects columns and rows of local Parquet files and does not change their vectors."""
    if not hasattr(df, "_jdf"):  # Spark Connect keeps its plans on the server
        return False
    plan: Any = df.select("vector")._jdf.queryExecution().optimizedPlan()
    wanted = plan.output().head().exprId()
    while plan.nodeName() in _NARROW:
        plan = plan.child()
    if _name(plan) != "LogicalRelation" or _name(plan.relation()) != "HadoopFsRelation":
        return False
    files, columns = plan.relation(), plan.output()
    roots = files.location().rootPaths()
    return (
        _name(files.fileFormat()) == "ParquetFileFormat"
        and all(roots.apply(i).toUri().getScheme() == "file" for i in range(roots.size()))
        and any(columns.apply(i).exprId().equals(wanted) for i in range(columns.size()))
    )


def _name(thing: Any) -> str:
    return str(thing.getClass().getSimpleName())


class StoredVectors:
    """Reads vectors by file and row number; rows asked for in a file's order are read once, and few at a time."""

    def __init__(self) -> None:
        self._file = ""
        self._batches: Iterator[tuple[int, pa.Array]] = iter(())
        self._start = 0
        self._held: Any = ()

    def __call__(self, files: pa.Array, rows: pa.Array) -> pa.Array:
        """Return the vectors of rows.

        Parameters
        ----------
        files, rows : pyarrow.Array
            URI of the file, and number in it from 0, of each row.

        Returns
        -------
        pyarrow.Array
            Lists, null where the file has no vector.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        runs = pc.run_end_encode(files)
        found: list[pa.Array] = [pa.nulls(0, pa.list_(pa.float32()))] if len(rows) == 0 else []
        start = 0
        for file, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            found += self._of_file(file, rows[start:end].to_numpy())
            start = end
        return pa.concat_arrays(found)

    def _of_file(self, file: str, rows: NDArray[np.int64]) -> Iterator[pa.Array]:
        done = 0
        while done < len(rows):
            self._seek(file, int(rows[done]))
            inside = rows[done:] - self._start
            n = int(np.argmin(np.append((inside >= 0) & (inside < len(self._held)), False)))
            first, last = int(inside[0]), int(inside[n - 1])
            whole = last - first == n - 1 and bool((np.diff(inside[:n]) == 1).all())
            yield self._held.slice(first, n) if whole else self._held.take(inside[:n])
            done += n

    def _seek(self, file: str, row: int) -> None:
        if file != self._file or row < self._start:
            self._file, self._batches = file, _batches(file, row)
            self._start, self._held = next(self._batches)
        while row >= self._start + len(self._held):
            self._start, self._held = next(self._batches)


def _batches(uri: str, row: int) -> Iterator[tuple[int, pa.Array]]:
    """Yield first row and vectors of each batch, from the row group that holds `row`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(url2pathname(urlsplit(uri).path)) as stored:
        sizes = [stored.metadata.row_group(g).num_rows for g in range(stored.num_row_groups)]
        ends = np.cumsum(sizes)
        first = int(np.searchsorted(ends, row, side="right"))
        start = int(ends[first]) - sizes[first]
        names = [name for name in stored.schema_arrow.names if name.lower() == "vector"]  # Spark ignores case too
        groups = list(range(first, len(sizes)))
        for batch in stored.iter_batches(_ROWS, row_groups=groups, columns=names[:1], use_threads=False):
            yield start, batch.column(0) if names else pa.nulls(len(batch), pa.list_(pa.float32()))
            start += len(batch)
