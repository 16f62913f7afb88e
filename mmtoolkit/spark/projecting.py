"""A map of everything: drawn from a sample on the driver, every row placed by its neighbours on the workers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.projection.placing import place
from mmtoolkit.projection.result import Projection
from mmtoolkit.spark.frames import check_vectors, to_array
from mmtoolkit.spark.rows import shown
from mmtoolkit.spark.source import vector_source
from mmtoolkit.steps import Step
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

__all__ = ["SparkProjection", "project"]


@dataclass(frozen=True, eq=False, repr=False)
class SparkProjection(Projection):
    """A map whose rows stay on the cluster; `coords`, `trust` and `source` are those of the sample that drew it.

    Attributes
    ----------
    rows : pyspark.sql.DataFrame
        Columns id, x, y (float), one row per item.
    """

    rows: Any = field(default=None, repr=False)


def project(
    df: DataFrame, *, sample: int = 50_000, random_state: int = 0, model: str = "", **options: Any
) -> SparkProjection:
    """Lay out the rows of a Spark frame in two dimensions.

    Parameters
    ----------
    df : DataFrame
        Columns id and vector, as `embed` returns them; others are kept for the sample.
    sample : int, default=50000
        Rows, chosen by hash, from which the map is drawn on the driver.
    random_state : int, default=0
        Seed of the sample and the layout.
    model : str, default=""
        Name of the model that made the vectors.
    **options
        As ``mm.project`` takes them.

    Returns
    -------
    SparkProjection
        The sample's `Projection`, and every row's place in a Spark frame beside it.
    """
    from pyspark.sql import functions as F

    from mmtoolkit.projection import project as draw

    if sample < 2:
        msg = f"sample must be at least 2, got {sample}"
        raise ValueError(msg)
    check_vectors(df, "project")
    emb, _ = shown(df, [F.xxhash64("id", F.lit(random_state)), F.col("id")], sample, model)
    drawn = draw(emb, random_state=random_state, **options)
    shared = df.sparkSession.sparkContext.broadcast((emb.unit, drawn.coords))

    columns, read = vector_source(df)

    def lay(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        X, coords = shared.value
        for batch in batches:
            xy = place(unit_rows(to_array(read(*batch.columns[1:]))), X, coords)
            columns = [
                batch.column("id"),
                pa.array(np.ascontiguousarray(xy[:, 0])),
                pa.array(np.ascontiguousarray(xy[:, 1])),
            ]
            yield pa.RecordBatch.from_arrays(columns, names=["id", "x", "y"])

    recipe = Step("spark.project", {**drawn.recipe.params, "sample": sample})
    rows = df.select("id", *columns).mapInArrow(lay, "id string, x float, y float")
    fields = (drawn.coords, drawn.trust, drawn.trustworthiness, drawn.method, drawn.note)
    return SparkProjection(*fields, recipe, emb, rows)
