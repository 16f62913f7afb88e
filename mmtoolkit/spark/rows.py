"""What the verbs share: features for Spark ML, hashes of items, and a bounded set of rows brought to the driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.embedding import Embeddings

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import Column, DataFrame

__all__ = ["FEATURES", "item_key", "shown_rows", "with_features", "with_hash"]

FEATURES = "features"
_OURS = ("key", "error", FEATURES)  # columns of `embed` and of ours that say nothing of an item


def with_features(df: DataFrame, *, normalize: bool) -> DataFrame:
    """Add a column of vectors in the type that Spark ML takes, unit vectors if wanted."""
    from pyspark.ml.feature import Normalizer
    from pyspark.ml.functions import array_to_vector

    made = df.withColumn("_raw" if normalize else FEATURES, array_to_vector(df["vector"]))
    return Normalizer(inputCol="_raw", outputCol=FEATURES).transform(made).drop("_raw") if normalize else made


def item_key(df: DataFrame) -> str:
    """Return, in SQL, what equal items have in common: the key, or the vector where there is none."""
    return "key" if "key" in df.columns else "to_json(struct(vector))"


def with_hash(df: DataFrame, name: str, random_state: int, modulus: int) -> DataFrame:
    """Add a column that puts rows of equal key into one of `modulus` groups, whatever the partitioning."""
    return df.selectExpr("*", f"cast(pmod(xxhash64({item_key(df)}, {random_state}), {modulus}) as int) as {name}")


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
