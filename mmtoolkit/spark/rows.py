"""Bring a bounded number of rows to the driver: a random sample, or rows to show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.embedding import Embeddings

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import Column, DataFrame

    from mmtoolkit.spark.passes import Rows

__all__ = ["drawn", "shown_rows", "with_draw"]

_DRAWN = 100_000
_NUMBERS = 2**26  # in the sample: 256 MB
_OURS = ("key", "error")  # columns of `embed` that say nothing of an item


def with_draw(df: DataFrame, random_state: int) -> DataFrame:
    """Add a column of whole numbers, by the id, by which `drawn` draws."""
    from pyspark.sql import functions as F

    return df.withColumn("_draw", F.xxhash64("id", F.lit(random_state)))


def drawn(rows: Rows, n_rows: int, n_features: int, columns: str = "") -> tuple[pa.Table, NDArray[np.float32]]:
    """Bring a random sample to the driver, in an order that does not depend on the partitions.

    Parameters
    ----------
    rows : Rows
        Rows with the column of `with_draw`.
    n_rows, n_features : int
        How many there are.
    columns : str, default=""
        Names and types of columns that are wanted with the vectors, as Spark writes them.

    Returns
    -------
    table : pyarrow.Table
        Those columns.
    X : ndarray of shape (n_drawn, n_features), float32
        Up to 100,000 vectors, fewer of very many features.
    """
    import pyarrow as pa

    names = [column.split()[0] for column in columns.split(",") if column]
    share = min(_DRAWN, _NUMBERS // n_features) / n_rows
    limit = np.iinfo(np.int64).max if share >= 1 else int((2 * share - 1) * 2**63)

    def pick(batches: Any) -> Iterator[Sequence[Any]]:
        for batch, X in batches:
            draw = batch.column("_draw").to_numpy()
            chosen = np.flatnonzero(draw <= limit)
            packed = pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(4 * n_features), len(chosen), [None, pa.py_buffer(X[chosen].tobytes())]
            )
            yield draw[chosen], packed.cast(pa.binary()), *(batch.column(c).take(pa.array(chosen)) for c in names)

    schema = ", ".join(["_draw long", "packed binary", *filter(None, [columns])])
    table = rows.map(pick, schema).toArrow()
    table = table.sort_by([("_draw", "ascending"), ("packed", "ascending")])
    X = np.frombuffer(b"".join(table.column("packed").to_pylist()), dtype=np.float32).reshape(-1, n_features)
    return table.select(names), X


def shown_rows(
    df: DataFrame, n: int, model: str, order: Sequence[Column], found: DataFrame | None = None
) -> tuple[Embeddings, pd.DataFrame]:
    """Bring the first `n` rows in that order to the driver.

    Parameters
    ----------
    df : DataFrame
        Columns id, vector, and those of the items.
    n : int
        How many at most.
    model : str
        Name of the model that made the vectors; "" where it is not known.
    order : sequence of Column
        Of `df` and `found`, whose columns are named with a leading "_".
    found : DataFrame or None, default=None
        Column id and what was found out about these rows; the others are left out.

    Returns
    -------
    Embeddings
        Vectors and item columns of those rows.
    DataFrame
        Index id; the columns of `found`, then those of the items that have other names.
    """
    import pandas as pd

    if found is not None:
        df = df.join(found.withColumnsRenamed({name: f"_{name}" for name in found.columns if name != "id"}), "id")
    collected = df.orderBy(*order).limit(n).collect()
    frame = pd.DataFrame([row.asDict() for row in collected], columns=df.columns).astype(object)
    X = np.array(frame.pop("vector").tolist(), dtype=np.float32)
    items = frame[[c for c in frame.columns if not c.startswith("_") and c not in _OURS]]
    emb = Embeddings(X, items=items.where(items.notna(), None), model=model or None)
    table = frame[[c for c in frame.columns if c.startswith("_")]].rename(columns=lambda name: name[1:])
    others = items.drop(columns=[c for c in items.columns if c in table.columns])
    return emb, pd.concat([table, others], axis=1).set_index("id").infer_objects()
