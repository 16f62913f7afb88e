"""k-means on Spark ML, returned as the clustering that every other room knows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.clustering.partition import nearest
from mmtoolkit.clustering.result import Clustering
from mmtoolkit.spark.frames import check_vectors, to_array
from mmtoolkit.spark.rows import FEATURES, shown, with_features
from mmtoolkit.spark.source import vector_source
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray
    from pyspark.sql import DataFrame

__all__ = ["SparkClustering", "cluster"]


@dataclass(frozen=True, eq=False, repr=False)
class SparkClustering(Clustering):
    """A clustering whose rows stay on the cluster.

    `centers`, `sizes`, `scores` and `names` are over all rows. `labels` and `source` hold the shown rows only: the
    nearest to each centre, brought to the driver for reports and representatives.

    Attributes
    ----------
    rows : pyspark.sql.DataFrame
        Columns id, label, distance (Euclidean, of the unit row to its centre), one row per item.
    """

    rows: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        n = int(self.sizes["size"].sum())
        silhouette = self.scores["value"]["silhouette"]
        return f"{self.n_clusters} clusters of {n} items on Spark, silhouette {silhouette:.3f}"

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return counts (exact) and scores (rounded); the labels stay on the cluster."""
        found = super().evidence()
        return {"exact": {k: v for k, v in found["exact"].items() if k != "labels"}, "rounded": found["rounded"]}


def cluster(
    df: DataFrame,
    n_clusters: int,
    *,
    random_state: int = 0,
    n_init: int = 3,
    max_iter: int = 100,
    n_shown: int = 20,
    model: str = "",
) -> SparkClustering:
    """Group the rows of a Spark frame by k-means on unit vectors.

    Parameters
    ----------
    df : DataFrame
        Columns id and vector, as `embed` returns them.
    n_clusters : int
        At least 2.
    random_state : int, default=0
        Seed of the starts.
    n_init : int, default=3
        Starts; the one of lowest inertia is kept.
    max_iter : int, default=100
        Largest number of steps per start.
    n_shown : int, default=20
        Rows per cluster, the nearest to its centre, that are brought to the driver.
    model : str, default=""
        Name of the model that made the vectors, so that the shown rows can be searched.

    Returns
    -------
    SparkClustering
        A `Clustering` with the rows in a Spark frame beside it.

    Raises
    ------
    ValueError
        If `n_clusters` is below 2, or there are fewer distinct vectors.

    References
    ----------
    Bahmani et al. (2012), Scalable k-means++.
    """
    from pyspark.ml.clustering import KMeans
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if n_clusters < 2:
        msg = f"n_clusters must be at least 2, got {n_clusters}"
        raise ValueError(msg)
    check_vectors(df, "cluster")
    data = with_features(df.select("id", "vector")).persist()
    try:
        starts = [
            KMeans(k=n_clusters, featuresCol=FEATURES, seed=random_state + i, maxIter=max_iter).fit(data)
            for i in range(n_init)
        ]
        best = min(starts, key=lambda fitted: fitted.summary.trainingCost)
        centers = np.array(best.clusterCenters(), dtype=np.float32)
        if len(centers) < n_clusters:
            msg = f"n_clusters={n_clusters} is more than the distinct vectors there are ({len(centers)} centres found)"
            raise ValueError(msg)
        order = np.argsort(-np.asarray(best.summary.clusterSizes), kind="stable")
        centers = np.ascontiguousarray(centers[order])
        labelled = _labelled(df, centers).persist()  # small, and asked for sizes, silhouette and the nearest rows
        sizes, scores = _scores(labelled, data, centers)
    finally:
        data.unpersist()
    near = labelled.withColumn("_rank", F.row_number().over(Window.partitionBy("label").orderBy("distance", "id")))
    near = near.where(F.col("_rank") <= n_shown).select("id", "label", "_rank").withColumnRenamed("label", "_label")
    emb, frame = shown(df.join(near, "id"), [F.col("_label"), F.col("_rank")], n_shown * n_clusters, model)
    params = {"n_clusters": n_clusters, "random_state": random_state, "n_init": n_init, "max_iter": max_iter}
    return SparkClustering(
        labels=frame["_label"].to_numpy(dtype=np.int64),
        n_clusters=n_clusters,
        chosen_by="given",
        plausible_n_clusters=None,
        sweep=_empty_sweep(),
        scores=scores,
        sizes=sizes,
        centers=centers,
        names=sizes[["name"]],
        recipe={"verb": "spark.cluster", "params": {**params, "algorithm": "kmeans", "normalize": True}},
        source=emb,
        rows=labelled,
    )


def _labelled(df: DataFrame, centers: NDArray[np.float32]) -> DataFrame:
    columns, read = vector_source(df)

    def assign(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for batch in batches:
            X = unit_rows(to_array(read(*batch.columns[1:])))
            labels = nearest(X, centers)
            distance = np.linalg.norm(X - centers[labels], axis=1)
            columns = [batch.column("id"), pa.array(labels.astype(np.int32)), pa.array(distance.astype(np.float64))]
            yield pa.RecordBatch.from_arrays(columns, names=["id", "label", "distance"])

    return df.select("id", *columns).mapInArrow(assign, "id string, label int, distance double")


def _scores(labelled: DataFrame, data: DataFrame, centers: NDArray[np.float32]) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd
    from pyspark.ml.evaluation import ClusteringEvaluator
    from pyspark.sql import functions as F

    k = len(centers)
    found = (
        labelled.groupBy("label").agg(F.count(F.lit(1)).alias("n"), F.sum(F.pow("distance", 2)).alias("cost")).collect()
    )
    size, cost = np.zeros(k, dtype=np.int64), np.zeros(k)
    for row in found:
        size[row["label"]], cost[row["label"]] = row["n"], row["cost"]
    evaluator = ClusteringEvaluator(featuresCol=FEATURES, predictionCol="label", distanceMeasure="cosine")
    silhouette = evaluator.evaluate(data.join(labelled.select("id", "label"), "id"))
    sizes = pd.DataFrame(
        {
            "name": [f"cluster {c}" for c in range(k)],
            "size": size,
            "share": size / size.sum(),
            "cohesion": np.linalg.norm(centers, axis=1),  # of unit rows: their mean cosine to the mean direction
            "silhouette": np.full(k, np.nan),
        },
        index=pd.RangeIndex(k, name="cluster"),
    )
    values = {"silhouette": float(silhouette), "inertia": float(cost.sum())}
    return sizes, pd.DataFrame({"value": values}, dtype=float).rename_axis("metric")


def _empty_sweep() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(index=pd.Index([], name="n_clusters", dtype=int))
