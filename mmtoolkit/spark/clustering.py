"""k-means on Spark ML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.clustering.centers import Clusters
from mmtoolkit.clustering.partition import nearest
from mmtoolkit.spark.frames import check_vectors
from mmtoolkit.spark.rows import FEATURES, shown_rows, with_features
from mmtoolkit.spark.source import map_vectors
from mmtoolkit.steps import resolved, verb

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

__all__ = ["SparkClustering", "cluster"]


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
            f"Clusters, sizes and scores were computed on Spark over all {self.sizes['size'].sum():,} rows; the items "
            f"shown are the {len(self.shown):,} nearest to the centers of their clusters.",
        )

    @property
    def _source_labels(self) -> NDArray[np.int64]:
        return self.shown["cluster"].to_numpy(dtype=np.int64)

    def _central(self, n: int) -> pd.DataFrame:
        return self.shown[self.shown["rank"] <= n]

    def _summary(self) -> str:
        n, silhouette = int(self.sizes["size"].sum()), self.scores["value"]["silhouette"]
        return f"{self.n_clusters} clusters of {n} items on Spark, silhouette {silhouette:.3f}"


@verb("spark.cluster", needs="Spark and the frame it was given", variable="c")
def cluster(
    df: DataFrame,
    n_clusters: int,
    *,
    n_init: int = 3,
    max_iter: int = 100,
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
        Starts; the one of lowest inertia is kept.
    max_iter : int, default=100
        Largest number of steps per start.
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

    References
    ----------
    Bahmani et al. (2012), Scalable k-means++.

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

    if n_clusters < 2:
        msg = f"n_clusters must be at least 2, got {n_clusters}"
        raise ValueError(msg)
    check_vectors(df, "cluster")
    data = with_features(df.select("id", "vector"), normalize=normalize).persist()
    try:
        centers = _centers(data, n_clusters, n_init, max_iter, random_state)
        labelled = _labelled(df, centers, normalize=normalize).persist()  # small, and asked for three times
        sizes, scores = _scores(labelled, data, centers, normalize=normalize)
    finally:
        data.unpersist()
    place = F.row_number().over(Window.partitionBy("label").orderBy("distance", "id"))
    near = labelled.withColumn("rank", place).where(F.col("rank") <= n_shown)
    near = near.select("id", F.col("label").alias("cluster"), "distance", "rank")
    emb, shown = shown_rows(df, n_shown * n_clusters, model, [F.col("_cluster"), F.col("_rank")], near)
    resolved(source=emb)
    result = SparkClustering(
        n_clusters=n_clusters,
        scores=scores,
        sizes=sizes,
        centers=centers,
        names=sizes[["name"]],
        shown=shown,
        rows=labelled,
    )
    return result if names is None else result.named(names)


def _centers(data: DataFrame, n_clusters: int, n_init: int, max_iter: int, random_state: int) -> NDArray[np.float32]:
    """Return the centers of the best start, the largest cluster first."""
    from pyspark.ml.clustering import KMeans

    starts = [
        KMeans(k=n_clusters, featuresCol=FEATURES, seed=random_state + i, maxIter=max_iter).fit(data)
        for i in range(n_init)
    ]
    best = min(starts, key=lambda fitted: fitted.summary.trainingCost)
    centers = np.array(best.clusterCenters(), dtype=np.float32)
    if len(centers) < n_clusters:
        msg = f"n_clusters={n_clusters} is more than the distinct vectors there are ({len(centers)} centers found)"
        raise ValueError(msg)
    return np.ascontiguousarray(centers[np.argsort(-np.asarray(best.summary.clusterSizes), kind="stable")])


def _labelled(df: DataFrame, centers: NDArray[np.float32], *, normalize: bool) -> DataFrame:
    """Return id, label and distance to the center of every row."""

    def assign(batches: Iterator[Any]) -> Iterator[Sequence[Any]]:
        for batch, X in batches:
            labels = nearest(X, centers)
            distance = np.linalg.norm(X - centers[labels], axis=1)
            yield batch.column("id"), labels.astype(np.int32), distance.astype(np.float64)

    return map_vectors(df, assign, "id string, label int, distance double", normalize=normalize)


def _scores(
    labelled: DataFrame, data: DataFrame, centers: NDArray[np.float32], *, normalize: bool
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of sizes and of scores."""
    import pandas as pd
    from pyspark.ml.evaluation import ClusteringEvaluator
    from pyspark.sql import functions as F

    k = len(centers)
    counts = F.count(F.lit(1)).alias("size"), F.sum(F.pow("distance", 2)).alias("cost")
    rows = [row.asDict() for row in labelled.groupBy("label").agg(*counts).collect()]
    found = pd.DataFrame(rows).set_index("label").reindex(range(k), fill_value=0)
    size = found["size"].to_numpy(dtype=np.int64)
    evaluator = ClusteringEvaluator(featuresCol=FEATURES, predictionCol="label", distanceMeasure="cosine")
    silhouette = evaluator.evaluate(data.join(labelled.select("id", "label"), "id"))
    sizes = pd.DataFrame(
        {
            "name": [f"cluster {c}" for c in range(k)],
            "size": size,
            "share": size / size.sum(),
            "cohesion": np.linalg.norm(centers, axis=1) if normalize else np.nan,  # of unit rows: their mean cosine
            "silhouette": np.nan,
        },
        index=pd.RangeIndex(k, name="cluster"),
    )
    values = {"silhouette": float(silhouette), "inertia": float(found["cost"].sum())}
    return sizes, pd.DataFrame({"value": values}, dtype=float).rename_axis("metric")
