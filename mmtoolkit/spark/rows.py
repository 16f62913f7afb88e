"""Bring a bounded number of rows to the driver, to show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mmtoolkit._rows import apart
from mmtoolkit.embedding import Embeddings
from mmtoolkit.spark.frames import from_array, own, to_array
from mmtoolkit.spark.passes import Rows
from mmtoolkit.spark.source import PLACE, StoredVectors, vector_source

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

__all__ = ["shown_rows"]

_OURS = ("key", "error")  # columns of `embed` that say nothing of an item


def shown_rows(
    df: DataFrame, n: int, n_features: int, model: str, order: Sequence[Column], found: DataFrame | None = None
) -> tuple[Embeddings, pd.DataFrame]:
    """Bring the first `n` rows in that order to the driver.

    Parameters
    ----------
    df : DataFrame
        Columns id, vector, and those of the items.
    n : int
        How many at most.
    n_features : int
        Length of the vectors.
    model : str
        Name of the model that made the vectors; "" where it is not known.
    order : sequence of Column
        Of `df` and `found`, whose columns are named as `own` names them.
    found : DataFrame or None, default=None
        Column id and what was found out about these rows; the others are left out.

    Returns
    -------
    Embeddings
        Vectors and item columns of those rows.
    DataFrame
        Index id; the columns of `found`, then those of the items.
    """
    from pyspark.sql import functions as F

    places, read = vector_source(df)
    if isinstance(read, StoredVectors):  # only those of the chosen rows are read
        df = df.withColumns({own(name): place for name, place in zip(PLACE, places, strict=True)}).drop("vector")
    if found is not None:
        found = found.withColumnsRenamed({name: own(name) for name in found.columns if name != "id"})
        df = df.join(F.broadcast(found.orderBy(*order).limit(n)), "id")
    collected = df.orderBy(*order).limit(n).collect()
    frame = pd.DataFrame([row.asDict() for row in collected], columns=df.columns).astype(object)
    if isinstance(read, StoredVectors):
        X = _stored(df.sparkSession, frame.pop(own("file")), frame.pop(own("row")), read)
    else:
        X = np.array(frame.pop("vector").tolist(), dtype=np.float32)
    X = X.reshape(-1, n_features)  # of no rows, too
    items = frame[[c for c in frame.columns if not c.startswith(own("")) and c not in _OURS]]
    emb = Embeddings(X, items=items.where(items.notna(), None), model=model or None)
    table = frame[[c for c in frame.columns if c.startswith(own(""))]].rename(columns=lambda c: c.removeprefix(own("")))
    others = items.rename(columns=lambda c: apart(c, table.columns))
    return emb, pd.concat([table, others], axis=1).set_index("id").infer_objects()


def _stored(spark: SparkSession, files: pd.Series, numbers: pd.Series, read: StoredVectors) -> NDArray[np.float32]:
    """Return the vectors at these places of files; the workers read each file once."""
    places = pa.table({"file": files.astype(str), "row": numbers.astype(np.int64), "at": np.arange(len(files))})
    parts = 2 * max(files.nunique(), 1)  # said, because Spark would put so few rows into one
    by_file = spark.createDataFrame(places).repartition(parts, "file").sortWithinPartitions("file", "row")
    rows = Rows(by_file, lambda batch: iter([(batch, to_array(read(*batch.columns[:2])))]))
    found = rows.map(
        lambda batches: ((b.column("at"), from_array(X)) for b, X in batches), "at long, vector array<float>"
    )
    table = found.toArrow().sort_by("at")
    return to_array(table.column("vector").combine_chunks())
