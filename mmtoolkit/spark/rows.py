"""What cluster and classify share: ML features, and a bounded set of rows brought to the driver for reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.embedding import Embeddings

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import Column, DataFrame

__all__ = ["FEATURES", "item_key", "shown", "with_features", "with_hash"]

FEATURES = "features"


def with_features(df: DataFrame) -> DataFrame:
    """Add a column of unit vectors in the type that Spark ML takes."""
    from pyspark.ml.feature import Normalizer
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as F

    raw = df.withColumn("_raw", array_to_vector(F.col("vector")))
    return Normalizer(inputCol="_raw", outputCol=FEATURES).transform(raw).drop("_raw")


def item_key(df: DataFrame) -> Column:
    """Return what equal items have in common: the key, or the vector where there is none."""
    from pyspark.sql import functions as F

    return F.col("key") if "key" in df.columns else F.to_json(F.struct("vector"))


def with_hash(df: DataFrame, name: str, random_state: int, modulus: int) -> DataFrame:
    """Add a column that puts rows of equal key into one of `modulus` groups, whatever the partitioning."""
    from pyspark.sql import functions as F

    return df.withColumn(name, F.pmod(F.xxhash64(item_key(df), F.lit(random_state)), F.lit(modulus)).cast("int"))


def shown(df: DataFrame, order: list[Column], n: int, model: str) -> tuple[Embeddings, pd.DataFrame]:
    """Bring the first `n` rows in that order to the driver.

    Returns
    -------
    Embeddings
        Their vectors and item columns.
    pandas.DataFrame
        All columns of those rows, in the same order.
    """
    import pandas as pd

    collected = df.orderBy(*order).limit(n).collect()
    frame = pd.DataFrame([row.asDict() for row in collected], columns=df.columns).astype(object)
    X = np.array(frame.pop("vector").tolist(), dtype=np.float32)
    items = frame[[c for c in frame.columns if not c.startswith("_") and c not in ("key", "error", "features")]]
    return Embeddings(X, items=items.where(items.notna(), None), model=model or None), frame
