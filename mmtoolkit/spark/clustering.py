"""k-means on Spark: starts on a sample on the driver, exact steps over all rows on the workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_count
from mmtoolkit.clustering.centers import Clusters
from mmtoolkit.clustering.partition import kmeans, nearest
from mmtoolkit.clustering.refinement import rough
from mmtoolkit.clustering.silhouettes import cluster_sums, widths
from mmtoolkit.spark.frames import own
from mmtoolkit.spark.kept import kept_rows
from mmtoolkit.spark.passes import Rows
from mmtoolkit.spark.rows import shown_rows
from mmtoolkit.steps import resolved, verb
from mmtoolkit.words import say

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

__all__ = ["SparkClustering", "cluster"]

_STILL = 1e-3  # share of the inertia that a step has to gain, or no further one follows


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class SparkClustering(Clusters):
    """Clusters whose rows stay on the cluster of machines.

    `centers`, `sizes`, `scores` and `names` are over all rows. `shown` and `source` hold the rows nearest to each
    center, which were brought to the driver.

    Attributes
    ----------
    shown : DataFrame
        Index id; cluster, distance (to its center), rank (1 is the nearest), and the item's columns.
    rows : pyspark.sql.DataFrame
        Columns id, label, distance (Euclidean, of the row to its center), one row per item.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> spark = mm.spark.start("local[2]")
    >>> rows = [(str(i), f"{i:032}".encode(), [1.0, float(i % 2)]) for i in range(6)]
    >>> c = mm.spark.cluster(spark.createDataFrame(rows, "id string, key binary, vector array<float>"), 2, n_init=1)
    >>> c.n_clusters, len(c.notes)
    (2, 1)
    """

    shown: pd.DataFrame
    rows: Any = field(repr=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was computed over all rows and what is a sample, in plain sentences."""
        return (
            say(
                "Clusters, sizes and scores were computed on Spark over all {n:,} rows; the items shown are the {n_shown:,} nearest to "
                "the centers of their clusters.",
                n=self.sizes["size"].sum(),
                n_shown=len(self.shown),
            ),
        )

    @property
    def _source_labels(self) -> NDArray[np.int64]:
        return self.shown["cluster"].to_numpy(dtype=np.int64)

    def _central(self, n: int) -> pd.DataFrame:
        return self.shown[self.shown["rank"] <= n]

    def _summary(self) -> str:
        n, silhouette = int(self.sizes["size"].sum()), self.scores["value"]["silhouette"]
        return say(
            "{n_clusters} clusters of {n} items on Spark, silhouette {silhouette:.3f}",
            n_clusters=self.n_clusters,
            n=n,
            silhouette=silhouette,
        )


@verb("spark.cluster", needs="Spark and the frame it was given", variable="c")
def cluster(
    df: DataFrame,
    n_clusters: int,
    *,
    n_init: int = 3,
    max_iter: int = 10,
    n_shown: int = 20,
    names: Sequence[str] | None = None,
    model: str = "",
    normalize: bool = True,
    random_state: int = 0,
) -> SparkClustering:
    """Group the rows of a Spark frame by k-means.

    Parameters
    ----------
    df : DataFrame
        Columns id and vector, as `embed` returns them.
    n_clusters : int
        At least 2.
    n_init : int, default=3
        Starts on a sample of up to 100,000 rows, as ``mm.cluster`` makes them; the one of lowest inertia is kept.
    max_iter : int, default=10
        Largest number of exact steps, each one pass over all rows; they end when the inertia falls by less than 0.1 %.
    n_shown : int, default=20
        Rows per cluster, the nearest to its center, that are brought to the driver.
    names : sequence of str or None, default=None
        Names of the clusters 0, 1, ...; see also ``with_names``.
    model : str, default=""
        Name of the model that made the vectors, so that the shown rows can be searched.
    normalize : bool, default=True
        Use unit rows, so that distances are cosine distances; `cohesion` is not computed without.
    random_state : int, default=0
        Seed of the starts.

    Returns
    -------
    SparkClustering
        Centers, sizes and scores over all rows, and the rows with their labels in a Spark frame beside it.

    Raises
    ------
    ValueError
        If `n_clusters` is below 2, or there are fewer distinct vectors.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> spark = mm.spark.start("local[2]")
    >>> rows = [(str(i), f"{i:032}".encode(), [1.0, float(i % 2)]) for i in range(6)]
    >>> df = spark.createDataFrame(rows, "id string, key binary, vector array<float>")
    >>> mm.spark.cluster(df, 2, n_init=1).sizes["size"].tolist()
    [3, 3]
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    check_count("n_clusters", n_clusters, 2)
    check_count("n_init", n_init, 1)
    check_count("max_iter", max_iter, 0)
    with kept_rows(df, "cluster", normalize=normalize, random_state=random_state) as rows:
        sample = rows.sample()[1]
        start = kmeans(sample, n_clusters, n_init=n_init, random_state=random_state).centers
        found = _settled(rows, start, max_iter)
        judged = _judged(rows, found).persist()  # small, and asked for three times
        sizes, scores = _tables(judged, found, normalize=normalize)
    labelled = judged.select("id", "label", "distance")
    place = F.row_number().over(Window.partitionBy("label").orderBy("distance", "id"))
    near = labelled.withColumn("rank", place).where(F.col("rank") <= n_shown)
    near = near.select("id", F.col("label").alias("cluster"), "distance", "rank")
    order = [F.col(own("cluster")), F.col(own("rank"))]
    emb, shown = shown_rows(df, n_shown * n_clusters, rows.n_features, model, order, near)
    resolved(source=emb)
    result = SparkClustering(
        n_clusters=n_clusters,
        scores=scores,
        sizes=sizes,
        centers=found.centers,
        names=sizes[["name"]],
        shown=shown,
        rows=labelled,
    )
    return result if names is None else result.named(names)


@dataclass(frozen=True, eq=False)
class _Found:
    """Centers, the largest cluster first, and of the rows nearest to each their number, mean, and mean squared length."""

    centers: NDArray[np.float32]
    sizes: NDArray[np.float64]
    means: NDArray[np.float64]
    lengths: NDArray[np.float64]
    inertia: float


def _settled(rows: Rows, centers: NDArray[np.float32], max_iter: int) -> _Found:
    """Move the centers to the means of their rows until that gains little."""
    found = _look(rows, centers)
    for _ in range(max_iter):
        means = np.where(found.sizes[:, None] > 0, found.means, found.centers).astype(np.float32)
        before, found = found.inertia, _look(rows, means)
        if before - found.inertia <= _STILL * before:
            break
    order = np.argsort(-found.sizes, kind="stable")
    return _Found(found.centers[order], found.sizes[order], found.means[order], found.lengths[order], found.inertia)


def _look(rows: Rows, centers: NDArray[np.float32]) -> _Found:
    """Give every row to its nearest center, in one pass."""
    k, d = centers.shape

    def look(_batch: Any, X: NDArray[np.float32]) -> Sequence[Any]:
        labels = rough(X, centers)
        lengths = np.einsum("ij,ij->i", X, X, dtype=np.float64)
        difference = X - centers[labels]
        return (
            np.bincount(labels, minlength=k),
            cluster_sums(X, labels, k),
            np.bincount(labels, weights=lengths, minlength=k),
            np.einsum("ij,ij->", difference, difference, dtype=np.float64),
        )

    sizes, sums, lengths, inertia = rows.sums(look, [(k,), (k, d), (k,), ()])
    divisor = np.maximum(sizes, 1)
    return _Found(centers, sizes, sums / divisor[:, None], lengths / divisor, float(inertia))


def _judged(rows: Rows, found: _Found) -> DataFrame:
    """Return id, label, distance to the center, and silhouette of every row."""
    centers, means, sizes, lengths = found.centers, found.means, found.sizes, found.lengths

    def judge(batches: Iterator[Any]) -> Iterator[Sequence[Any]]:
        for batch, X in batches:
            labels = nearest(X, centers)
            distance = np.linalg.norm(X - centers[labels], axis=1)
            wide = X.astype(np.float64)
            squares = np.einsum("ij,ij->i", wide, wide)
            width = widths(wide @ means.T, squares, labels, sizes, lengths)
            yield batch.column("id"), labels.astype(np.int32), distance.astype(np.float64), width

    return rows.map(judge, "id string, label int, distance double, silhouette double")


def _tables(judged: DataFrame, found: _Found, *, normalize: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of sizes and of scores."""
    from pyspark.sql import functions as F

    k = len(found.centers)
    columns = (
        F.count(F.lit(1)).alias("size"),
        F.sum(F.pow("distance", 2)).alias("cost"),
        F.sum("silhouette").alias("silhouette"),
    )
    rows = [row.asDict() for row in judged.groupBy("label").agg(*columns).collect()]
    table = pd.DataFrame(rows).set_index("label").reindex(range(k), fill_value=0)
    size = table["size"].to_numpy(dtype=np.int64)
    sizes = pd.DataFrame(
        {
            "name": [f"cluster {c}" for c in range(k)],
            "size": size,
            "share": size / size.sum(),
            "cohesion": np.linalg.norm(found.means, axis=1) if normalize else np.nan,  # of unit rows: their mean cosine
            "silhouette": table["silhouette"].to_numpy() / np.maximum(size, 1),
        },
        index=pd.RangeIndex(k, name="cluster"),
    )
    values = {"silhouette": float(table["silhouette"].sum() / size.sum()), "inertia": float(table["cost"].sum())}
    return sizes, pd.DataFrame({"value": values}, dtype=float).rename_axis("metric")
