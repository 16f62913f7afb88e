"""A map of everything: drawn from a sample on the driver, every row placed by its neighbours on the workers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._arguments import check_least
from mmtoolkit.projection.placing import place
from mmtoolkit.projection.result import DrawnMap
from mmtoolkit.spark.frames import check_vectors
from mmtoolkit.spark.passes import map_vectors
from mmtoolkit.spark.rows import shown_rows
from mmtoolkit.steps import resolved, verb
from mmtoolkit.vectors import vectors_of
from mmtoolkit.words import listed, say

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from mmtoolkit.projection.verbs import Layouts

__all__ = ["SparkProjection", "project"]


@dataclass(frozen=True, eq=False, repr=False)
class SparkProjection(DrawnMap):
    """A map whose rows stay on the cluster; `coords`, `trust` and `source` are those of the sample that drew it.

    Attributes
    ----------
    n_rows : int
        Rows that have a place.
    rows : pyspark.sql.DataFrame
        Columns id, x, y (float), one row per item.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> spark = mm.spark.start("local[2]")
    >>> rows = [(str(i), f"{i:032}".encode(), [1.0, i / 9, i * i / 99]) for i in range(40)]
    >>> p = mm.spark.project(spark.createDataFrame(rows, "id string, key binary, vector array<float>"), method="pca")
    >>> p.coords.shape, len(p.notes)
    ((40, 2), 1)
    """

    n_rows: int = field(kw_only=True)
    rows: Any = field(repr=False, kw_only=True)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was computed over all rows and what is a sample, in plain sentences."""
        return (
            say(
                "The map was drawn from a sample of {n:,} of {n_rows:,} rows; its figures and its trustworthiness are the sample's. "
                "Every other row was placed by its neighbours in the sample.",
                n=len(self.coords),
                n_rows=self.n_rows,
            ),
        )

    def _summary(self) -> str:
        sample = say("a sample of {n:,} of {n_rows:,} rows on Spark", n=len(self.coords), n_rows=self.n_rows)
        return listed([sample, self._trusted()])


@verb("spark.project", needs="Spark and the frame it was given", variable="p")
def project(
    df: DataFrame,
    *,
    sample: int = 50_000,
    method: Layouts = "umap",
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    perplexity: float = 30.0,
    model: str = "",
    normalize: bool = True,
    random_state: int = 0,
) -> SparkProjection:
    """Lay out the rows of a Spark frame in two dimensions.

    Parameters
    ----------
    df : DataFrame
        Columns id and vector, as `embed` returns them; others are kept for the sample.
    sample : int, default=50000
        Rows, chosen by hash, from which the map is drawn on the driver.
    method, n_neighbors, min_dist, perplexity
        As ``mm.project`` takes them.
    model : str, default=""
        Name of the model that made the vectors.
    normalize : bool, default=True
        Use unit rows, so that distance means angle.
    random_state : int, default=0
        Seed of the sample and the layout.

    Returns
    -------
    SparkProjection
        The map of the sample, and every row's place in a Spark frame beside it.

    Raises
    ------
    ValueError
        If `sample` is below 2, rows have no vector, or an option is out of range.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> spark = mm.spark.start("local[2]")
    >>> rows = [(str(i), f"{i:032}".encode(), [1.0, i / 9, i * i / 99]) for i in range(40)]
    >>> df = spark.createDataFrame(rows, "id string, key binary, vector array<float>")
    >>> mm.spark.project(df, method="pca").rows.count()
    40
    """
    from pyspark.sql import functions as F

    from mmtoolkit.projection import project as draw

    check_least("sample", sample, 2)
    n_rows, d = check_vectors(df, "project")
    emb, _ = shown_rows(df, sample, d, model, [F.xxhash64("id", F.lit(random_state)), F.col("id")])
    options: dict[str, Any] = {"n_neighbors": n_neighbors, "min_dist": min_dist, "perplexity": perplexity}
    drawn = draw(emb, method=method, **options, normalize=normalize, random_state=random_state)
    shared = df.sparkSession.sparkContext.broadcast((vectors_of(emb, normalize=normalize), drawn.coords))

    def lay(batches: Iterator[Any]) -> Iterator[Sequence[Any]]:
        X, coords = shared.value
        for batch, rows in batches:
            xy = place(rows, X, coords)
            yield batch.column("id"), *np.ascontiguousarray(xy.T)

    resolved(source=emb)
    fields = {f.name: getattr(drawn, f.name) for f in dataclasses.fields(drawn)}
    placed = map_vectors(df, lay, "id string, x float, y float", normalize=normalize)
    return SparkProjection(**fields, n_rows=n_rows, rows=placed)
