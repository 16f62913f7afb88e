"""Exact nearest items of a Spark frame: the best k of every partition, merged on the driver."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mmtoolkit._arguments import check_count
from mmtoolkit._rows import apart
from mmtoolkit.errors import SpaceError
from mmtoolkit.spark.frames import check_vectors, named
from mmtoolkit.spark.passes import map_vectors
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from mmtoolkit.cache import CacheLike
    from mmtoolkit.providers.base import Provider

__all__ = ["search"]


def search(
    df: DataFrame,
    query: Any,
    k: int = 10,
    *,
    model: str | Provider | None = None,
    params: Mapping[str, Any] | None = None,
    cache: CacheLike = None,
) -> pd.DataFrame:
    """Find the items nearest to one or several queries by cosine similarity.

    Parameters
    ----------
    df : DataFrame
        Columns id and vector, as `embed` returns them; others are handed through.
    query : str, content, sequence of these, or array of shape (n_features,) or (n_queries, n_features)
        What to look for; a str is a text.
    k : int, default=10
        How many per query.
    model, params, cache
        Used to embed the query, as ``mm.embed`` takes them; not needed for an array.

    Returns
    -------
    pandas.DataFrame
        Columns query (number), rank (from 1), id, score, and the item's columns but its vector; ties by id.

    Raises
    ------
    ValueError
        If `k` is not positive, or the query is empty.
    SpaceError
        If query and items have different dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> spark = mm.spark.start("local[2]")
    >>> df = spark.createDataFrame([("0", [1.0, 0.0]), ("1", [0.6, 0.8])], "id string, vector array<float>")
    >>> mm.spark.search(df, np.array([0.0, 1.0]), k=1)[["id", "score"]]
      id  score
    0  1    0.8
    """
    from pyspark.sql import functions as F

    check_count("k", k, 1)
    _, dimension = check_vectors(df, "search")
    Q = unit_rows(_query_vectors(query, dimension, model, params, cache))
    if Q.shape[1] != dimension:
        msg = f"the query has {Q.shape[1]} features, the items have {dimension}; use the model that made the vectors"
        raise SpaceError(msg)

    found = map_vectors(df, lambda batches: _best_of_partition(batches, Q, k), "query int, id string, score float")
    top = pd.DataFrame([row.asDict() for row in found.collect()], columns=["query", "id", "score"])
    top = top.sort_values(["query", "score", "id"], ascending=[True, False, True]).groupby("query").head(k)
    top.insert(1, "rank", top.groupby("query").cumcount() + 1)
    others = [name for name in df.columns if name != "vector"]
    kept = df.where(F.col("id").isin(sorted(set(top["id"])))).select(*map(named, others))
    names = [name if name == "id" else apart(name, top.columns) for name in others]
    items = pd.DataFrame([tuple(row) for row in kept.collect()], columns=names)
    return top.merge(items, on="id", how="left").reset_index(drop=True)


def _query_vectors(query: Any, dimension: int, model: Any, params: Any, cache: CacheLike) -> NDArray[np.float32]:
    if isinstance(query, np.ndarray):
        return np.atleast_2d(query).astype(np.float32)
    from mmtoolkit.embedding import embed
    from mmtoolkit.embedding.gathering import gather

    contents = gather(query).contents
    if not contents:
        msg = "the query is empty"
        raise ValueError(msg)
    return embed(contents, model=model, dimension=dimension, params=params, cache=cache).vectors


def _best_of_partition(batches: Iterator[Any], Q: NDArray[np.float32], k: int) -> Iterator[Sequence[Any]]:
    """On the workers: keep the k best of each query while reading."""
    ids: list[NDArray[Any]] = [np.array([], dtype=object) for _ in Q]
    scores = [np.array([], dtype=np.float32) for _ in Q]
    for batch, X in batches:
        S = X @ Q.T
        for q in range(len(Q)):
            hopeful = np.flatnonzero(S[:, q] >= (scores[q][-1] if len(scores[q]) == k else -np.inf))
            names = batch.column("id").take(hopeful).to_pylist()
            every_id = np.concatenate([ids[q], np.asarray(names, dtype=object)])
            every_score = np.concatenate([scores[q], S[hopeful, q]])
            keep = _first_k(every_id, every_score, k)
            ids[q], scores[q] = every_id[keep], every_score[keep]
    query = np.repeat(np.arange(len(Q), dtype=np.int32), [len(i) for i in ids])
    yield query, pa.array(np.concatenate(ids).tolist(), pa.string()), np.concatenate(scores)


def _first_k(ids: NDArray[Any], scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Positions of the k highest scores; equal scores in the order of their ids."""
    if len(scores) > k:
        cut = np.partition(scores, len(scores) - k)[len(scores) - k]
        candidates = np.flatnonzero(scores >= cut)
    else:
        candidates = np.arange(len(scores))
    order = np.lexsort((ids[candidates].astype(str), -scores[candidates]))
    return np.asarray(candidates[order[:k]], dtype=np.intp)
