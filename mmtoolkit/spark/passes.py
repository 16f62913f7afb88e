"""Passes over the vectors of a Spark frame: numpy on the workers, and sums that come out the same on every run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mmtoolkit.provenance import stay_on_one_thread
from mmtoolkit.spark.frames import to_array
from mmtoolkit.spark.source import settle, vector_source
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["Batches", "Rows", "map_vectors"]

Batches = Iterator[tuple["pa.RecordBatch", "NDArray[np.float32]"]]
_ADDED = 32  # partial sums that one task adds up
_RANGES = 256  # of keys: one task counts those of one range


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a frame, as the workers take them.

    Parameters
    ----------
    frame : DataFrame
        What Spark hands to the workers.
    read : callable
        To be sent along; takes a batch of it, yields batches of columns with their vectors.
    """

    frame: DataFrame
    read: Callable[[pa.RecordBatch], Batches]

    def map(self, function: Callable[[Batches], Iterator[Sequence[Any]]], schema: str) -> DataFrame:
        """Run a function on the workers, once per partition.

        Parameters
        ----------
        function : callable
            To be sent along; takes batches with their vectors, (n_rows, n_features) float32, yields columns, as arrays.
        schema : str
            Names and types of what it yields, as Spark writes them.

        Returns
        -------
        DataFrame
            All that the function yields; computed when it is asked for.
        """
        read, names = self.read, [column.split()[0] for column in schema.split(",")]

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            stay_on_one_thread()
            for made in function(pair for batch in batches for pair in read(batch)):
                yield pa.RecordBatch.from_arrays([pa.array(column) for column in made], names=names)
            settle()

        return self.frame.mapInArrow(run, schema)

    def sums(
        self,
        function: Callable[[pa.RecordBatch, NDArray[np.float32]], Sequence[Any]],
        shapes: Sequence[tuple[int, ...]],
    ) -> list[NDArray[np.float64]]:
        """Add up a function's values of all batches.

        The order of additions is that of the rows and partitions, so that a worker that dies changes nothing.

        Parameters
        ----------
        function : callable
            To be sent along; takes a batch and its vectors, returns arrays (or numbers).
        shapes : sequence of tuple
            Shapes of these arrays.

        Returns
        -------
        list of ndarray, float64
            The sums.
        """
        from pyspark.sql import functions as F

        def partial(batches: Batches) -> Iterator[Sequence[Any]]:
            from pyspark import TaskContext

            total = [np.zeros(shape) for shape in shapes]
            for batch, X in batches:
                for held, more in zip(total, function(batch, X), strict=True):
                    held += more
            context = TaskContext.get()
            assert context is not None
            yield np.array([context.partitionId()], dtype=np.int32), [_joined(total)]

        def add(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            held = sorted(pair for batch in batches for pair in _pairs(batch))
            for group, some in groupby(held, key=lambda pair: pair[0] // _ADDED):
                yield pa.RecordBatch.from_arrays(
                    [pa.array([group], pa.int32()), pa.array([_added(some).tobytes()], pa.binary())], ["part", "sum"]
                )

        schema = "part int, sum binary"
        partials = self.map(partial, schema).repartition(F.expr(f"part div {_ADDED}")).mapInArrow(add, schema)
        flat = _added(sorted(_pairs(partials.toArrow())))
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        return [part.reshape(shape) for part, shape in zip(np.split(flat, ends[:-1]), shapes, strict=True)]

    def distinct(self, function: Callable[[pa.RecordBatch, NDArray[np.float32]], NDArray[np.uint64]]) -> int:
        """Count the different keys of all rows.

        Parameters
        ----------
        function : callable
            To be sent along; takes a batch and its vectors, returns keys, spread evenly over all 64-bit numbers.

        Returns
        -------
        int
            How many of them differ.
        """
        shift, ranges = np.uint64(64 - _RANGES.bit_length() + 1), np.arange(1, _RANGES, dtype=np.uint64)

        def parted(batches: Batches) -> Iterator[Sequence[Any]]:
            keys = np.unique(np.concatenate([np.empty(0, dtype=np.uint64), *(function(*pair) for pair in batches)]))
            parts = np.split(keys, np.searchsorted(keys, ranges << shift))
            yield np.arange(_RANGES, dtype=np.int32), [part.tobytes() for part in parts]

        def merged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            held = sorted(pair for batch in batches for pair in _pairs(batch))
            for _, some in groupby(held, key=lambda pair: pair[0]):
                keys = np.frombuffer(b"".join(part for _, part in some), dtype=np.uint64)
                yield pa.RecordBatch.from_arrays([pa.array([len(np.unique(keys))], pa.int64())], ["n"])

        counted = self.map(parted, "part int, sum binary").repartition("part").mapInArrow(merged, "n long")
        return int(sum(counted.toArrow().column("n").to_pylist()))


def _pairs(table: pa.RecordBatch | pa.Table) -> Iterator[tuple[int, bytes]]:
    return zip(*(table.column(name).to_pylist() for name in ("part", "sum")), strict=True)


def _added(pairs: Iterable[tuple[int, bytes]]) -> NDArray[np.float64]:
    """Add numbers up, one after another."""
    return np.asarray(functools.reduce(np.add, [np.frombuffer(held) for _, held in pairs]))


def _joined(arrays: Sequence[NDArray[np.float64]]) -> bytes:
    return np.concatenate([array.ravel() for array in arrays]).tobytes()


def map_vectors(
    df: DataFrame,
    function: Callable[[Batches], Iterator[Sequence[Any]]],
    schema: str,
    *,
    columns: Sequence[str] = ("id",),
    normalize: bool = True,
) -> DataFrame:
    """Run a function on the workers, once per partition; see `Rows.map`.

    Parameters
    ----------
    df : DataFrame
        Column vector, and those that the function wants.
    function, schema
        As `Rows.map` takes them.
    columns : sequence of str, default=("id",)
        What the function wants beside the vectors.
    normalize : bool, default=True
        Whether it wants unit vectors.

    Returns
    -------
    DataFrame
        All that the function yields; computed when it is asked for.
    """
    places, read = vector_source(df)
    n = len(columns)

    def vectors(batch: pa.RecordBatch) -> Batches:
        X = to_array(read(*batch.columns[n:]))
        yield batch, unit_rows(X) if normalize else X

    return Rows(df.select(*columns, *places), vectors).map(function, schema)
