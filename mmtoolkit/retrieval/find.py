"""``search``: the items nearest to a text, a picture, a video, an item or a vector."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import masked, series_of
from mmtoolkit._anyframe import column_of, is_frame, is_series
from mmtoolkit._arguments import check_count
from mmtoolkit._html import Html, notebook, tag
from mmtoolkit._nearest import top_k
from mmtoolkit._numbers import as_numbers, check_columns, feature_names
from mmtoolkit._rows import apart
from mmtoolkit._text import shorten
from mmtoolkit.content import Fused, Image, Text, Video, is_pil
from mmtoolkit.frames import content_of
from mmtoolkit.results import Result
from mmtoolkit.retrieval.reranking import SecondLook, check_rerank
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import (
    HasVectors,
    Reranks,
    check_same_space,
    has_vectors,
    ids_of,
    items_of,
    rows_of,
    single,
    unit_rows,
    vectors_of,
)
from mmtoolkit.words import listed, say

if TYPE_CHECKING:
    from mmtoolkit.embedding.usage import Usage

__all__ = ["Queries", "SearchResult", "queries_of", "search"]

_CONTENTS = Text | Image | Video | Fused
_SHOWN_QUERIES, _SHOWN_HITS = 6, 12


@dataclass(frozen=True, eq=False, repr=False)
class SearchResult(Result):
    """Hits of a search.

    Parameters
    ----------
    table : DataFrame
        One row per hit, best first: id, score (cosine, or dot product with ``normalize=False``; the reranker's with
        ``rerank=``, and then similarity, what score is without it), modality, rank (from 1), query (when several), then
        the item's other columns; one named like one of these has " (column)" behind its name.
    queries : tuple of str
        Short names of the queries.
    recipe : Step
        Verb and parameters.
    source : Embeddings or array
        The items among which was searched.
    usage : Usage or None
        What reranking took; ``usage.to_frame()`` is the bill. None without it.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> found = mm.search(mm.Embeddings(np.eye(3), ids=["a", "b", "c"]), np.array([1.0, 0.5, 0.0]), k=2)
    >>> found.id.tolist(), found.score.round(2).tolist(), found.rank.tolist(), found.modality.tolist()
    (['a', 'b'], [0.89, 0.45], [1, 2], ['vector', 'vector'])
    """

    table: pd.DataFrame
    queries: tuple[str, ...]
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)
    usage: Usage | None = field(default=None, repr=False)

    @property
    def id(self) -> NDArray[np.object_]:
        """Ids of the hits, (n_hits,)."""
        return self.table["id"].to_numpy(dtype=object)

    @property
    def score(self) -> NDArray[np.float64]:
        """Cosine of query and hit, or the reranker's score, (n_hits,)."""
        return self.table["score"].to_numpy(dtype=np.float64)

    @property
    def modality(self) -> NDArray[np.object_]:
        """Modality of the hits, (n_hits,)."""
        return self.table["modality"].to_numpy(dtype=object)

    @property
    def rank(self) -> NDArray[np.intp]:
        """Place of the hit for its query, from 1, (n_hits,)."""
        return self.table["rank"].to_numpy(dtype=np.intp)

    def __len__(self) -> int:
        return len(self.table)

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return ids and ranks (exact) and scores (rounded)."""
        scores = ["score", "similarity"] if self._reranked else ["score"]
        return {
            "exact": {"id": self.id.tolist(), "rank": self.rank.tolist()},
            "rounded": {name: self.table[name].tolist() for name in scores},
        }

    def _summary(self) -> str:
        what = repr(self.queries[0]) if len(self.queries) == 1 else say("{n} query", "{n} queries", n=len(self.queries))
        told = [say("{n} hit for {what}", "{n} hits for {what}", n=len(self), what=what)]
        told += [say("best {value:.3f}", value=self.score.max())] if len(self) else []
        told += [say("reranked by {name!r}", name=self._reranked)] if self._reranked else []
        return listed(told)

    @property
    def _reranked(self) -> str:
        """Name of the reranker, "" without one."""
        return str(self.recipe.params.get("rerank") or "")

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {say("hits"): self.table.set_index("rank")}

    def _repr_html_(self) -> str:
        from mmtoolkit.thumbnails import strip_html

        parts: list[Html] = []
        starts = np.flatnonzero(self.rank == 1).tolist()
        for name, start, stop in zip(self.queries[:_SHOWN_QUERIES], starts, [*starts[1:], len(self)], strict=False):
            hits = self.table.iloc[start : min(stop, start + _SHOWN_HITS)]
            parts += [tag("p", name)] if len(self.queries) > 1 else []
            parts.append(strip_html(hits, notes=[f"{score:.3f}" for score in hits["score"]]))
        if len(self.queries) > _SHOWN_QUERIES:
            more = len(self.queries) - _SHOWN_QUERIES
            parts.append(tag("p", say("… and {n} more query", "… and {n} more queries", n=more)))
        return notebook("SearchResult", self._summary(), *parts)


@verb(
    "search", variable="s", unrecorded=("budget", "progress"), memory=0.1, one_thread=False
)  # decided in float64: more threads change nothing
def search(
    embeddings: HasVectors | ArrayLike,
    query: Any = None,
    k: int = 10,
    *,
    item: str | Sequence[str] | None = None,
    mask: ArrayLike | None = None,
    normalize: bool = True,
    rerank: str | Reranks | None = None,
    candidates: int = 50,
    budget: float | None = None,
    progress: Any = None,
    n_jobs: int | None = None,
) -> SearchResult:
    """Find the items nearest to a query, whatever the modality of either.

    Exact: the cosine of the query with every item, equal scores in the order of the rows. With `rerank` the nearest
    `candidates` are ordered again by a model that reads query and items, through ``embeddings.rerank``.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        Where to look.
    query : str, Text, Image, Video, Fused, Path, PIL picture, vector, or a list of these
        A str is a text, embedded by the model of `embeddings`; a Path is the picture or video of that name; a vector has
        n_features numbers, several are an array of shape (n_queries, n_features).
    k : int, default=10
        Hits per query; all items when there are fewer.
    item : str, list of str or None, default=None
        Instead of a query: the id of an item whose like is looked for; the item itself is left out.
    mask : array-like or None, default=None
        Which items to look among: booleans of shape (n_items,), or row numbers.
    normalize : bool, default=True
        Cosine; False takes the dot product of the rows as they are.
    rerank : str, Reranker or None, default=None
        "qwen3-vl-rerank", to which query and candidates are sent (one line says so, also when the vectors are local); or
        an object such as ``mm.DashScopeRerank(...)`` or one of a class derived from ``mm.Reranker``. Scores are
        cached: the same search asks nothing again.
    candidates : int, default=50
        With `rerank`: how many of the nearest are ordered again.
    budget : float or None, default=None
        With `rerank`: stop before its cost crosses this, in the currency of its price.
    progress : None, bool or a tqdm-like bar, default=None
        With `rerank`: None shows a bar when it takes longer than a second.
    n_jobs : int or None, default=None
        Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
        result, and is not recorded.

    Returns
    -------
    SearchResult
        `table` with id, score, modality, rank, and the items' columns.

    Raises
    ------
    ValueError
        If the query is empty or of another dimension, `k` is below 1, the mask excludes everything, or a searched
        row holds NaN. With `rerank`: if the query is a vector, an item has no content, `candidates` is below `k`, or the
        reranker is unknown.
    EmbeddingError
        If the model cannot take such a query, or the reranker cannot take the query or an item.
    SpaceError
        If the vectors came without a model and the query is no vector, or the query is Embeddings of another model.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> emb = mm.embed_texts(["a red bird", "a blue car", "a green tree"], model="local", cache=False)
    >>> mm.search(emb, "automobile", k=1).table["text"].tolist()
    ['a blue car']
    """
    check_rerank(embeddings, rerank, candidates, k if isinstance(k, int) else 1)
    check_count("k", k, 1)
    X = _matrix(embeddings, normalize=normalize)
    if (query is None) == (item is None):
        msg = (
            "give either a query or item=, and not both"
            if item is not None
            else "the query is empty: give a text, a content, a vector, or item="
        )
        raise ValueError(msg)
    if item is None:
        asked = queries_of(embeddings, query, X.shape[1], normalize=normalize)
        resolved(query=asked.recorded)
    else:
        asked = _items_as_queries(embeddings, item, X)
        resolved(item=asked.recorded)
    rows = _rows(masked(embeddings, mask), len(X))
    room = len(X) if rows is None else len(rows)
    spare = int((asked.own >= 0).any())  # the item itself comes first and is dropped
    depth = int(k) if rerank is None else int(candidates)
    found, scores = top_k(asked.vectors, X, min(depth + spare, room), rows, unit=normalize)
    if rerank is None:
        return SearchResult(_table(embeddings, asked, found, {"score": scores}, int(k)), asked.names)
    from mmtoolkit.embedding.usage import Usage

    look = SecondLook(embeddings, rerank, Usage(), budget, progress)
    others = np.argsort(found == asked.own[:, None], axis=1, kind="stable")[:, :depth]
    place, better = look.order(asked.contents, asked.own, np.take_along_axis(found, others, axis=1))
    order = np.take_along_axis(others, place, axis=1)
    numbers = {"score": better, "similarity": np.take_along_axis(scores, order, axis=1)}
    table = _table(embeddings, asked, np.take_along_axis(found, order, axis=1), numbers, int(k))
    return SearchResult(table, asked.names, usage=look.usage)


@dataclass(frozen=True, eq=False)
class Queries:
    """Queries as vectors.

    Parameters
    ----------
    vectors : ndarray of shape (n_queries, n_features), float32
        Unit rows, unless they are taken as they are.
    names : tuple of str
        For people.
    own : ndarray of shape (n_queries,), int
        Row of the item that is the query; -1 for others.
    recorded : list of str or ndarray
        The argument that repeats them: texts, ids or vectors.
    contents : list of str or Content, or None, default=None
        The queries themselves; None for vectors and items.
    """

    vectors: NDArray[np.float32]
    names: tuple[str, ...]
    own: NDArray[np.intp]
    recorded: list[str] | NDArray[np.float32]
    contents: list[Any] | None = None


def queries_of(embeddings: Any, query: Any, n_features: int, *, normalize: bool = True) -> Queries:
    """Turn the queries of a user into vectors.

    Parameters
    ----------
    embeddings : Embeddings or array
        Whose model embeds texts and contents.
    query : object
        As `search` takes it.
    n_features : int
        Length a vector must have.
    normalize : bool, default=True
        Return unit rows.

    Returns
    -------
    Queries
        At least one.

    Raises
    ------
    ValueError
        If the query is empty or blank, or a vector of the wrong length.
    SpaceError
        If the query is Embeddings of another model.
    """
    vectors, contents = _numbers(query), None
    recorded: list[str] | NDArray[np.float32]
    if vectors is not None:
        check_same_space(embeddings, query, "the vectors of the items and of the query", same_params=False)
        check_columns(feature_names(embeddings), as_numbers(query))
        recorded = _checked(vectors, n_features)
        names = tuple(f"vector {i}" for i in range(len(vectors)))
    else:
        contents = _listed(query)
        names = tuple(_name(content, row) for row, content in enumerate(contents))
        if not contents:
            msg = "the query is empty: expected at least one text, content or vector"
            raise ValueError(msg)
        if not has_vectors(embeddings):
            msg = say("a plain array has no model to embed the query with; pass Embeddings, or a vector as the query")
            raise ValueError(msg)
        vectors = np.asarray(embeddings.encode(contents), dtype=np.float32)
        texts = [c.text if isinstance(c, Text) else c for c in contents]
        recorded = texts if all(isinstance(t, str) for t in texts) else vectors
    return Queries(unit_rows(vectors) if normalize else vectors, names, np.full(len(names), -1), recorded, contents)


def _listed(query: Any) -> list[Any]:
    """Return one query or several, in a list, an array, or a column of any library; paths and pictures as contents."""
    asked = list(query) if isinstance(query, Sequence) and not isinstance(query, str) else [query]
    if is_frame(query) or is_series(query) or (isinstance(query, np.ndarray) and query.dtype.kind in "OU"):
        asked = series_of(query, "the query").tolist()
    return [content_of(one) if isinstance(one, os.PathLike) or is_pil(one) else one for one in asked]


def _items_as_queries(embeddings: Any, item: Any, X: NDArray[np.float32]) -> Queries:
    """Return the vectors of items as queries."""
    wanted = [item] if isinstance(item, str | int | np.integer) else list(item)
    if not wanted:
        msg = "item= is empty"
        raise ValueError(msg)
    own = rows_of(embeddings, wanted, "there is no item {}")
    finite = np.isfinite(X[own]).all(axis=1)
    if not finite.all():
        msg = f"item {wanted[int(np.argmin(finite))]!r} has no vector: it failed to embed (see emb.failed)"
        raise ValueError(msg)
    names = tuple(map(str, wanted))
    return Queries(X[own], names, own, list(names))


def _numbers(query: Any) -> NDArray[np.float32] | None:
    """Return `query` as rows if it is vectors, else None."""
    if has_vectors(query):
        return np.asarray(query.vectors, dtype=np.float32)
    if is_frame(query) or is_series(query):
        found = as_numbers(query)
        if found is None and is_series(query) and pd.api.types.is_numeric_dtype(one := column_of(query)):
            return single(
                one.to_numpy(np.float64, na_value=np.nan)[None], "query"
            )  # one vector, as frame.iloc[0] gives it
        return None if found is None else np.asarray(found, dtype=np.float32)
    if isinstance(query, str | bytes | _CONTENTS) or (isinstance(query, Sequence) and not query):
        return None
    first = query[0] if isinstance(query, Sequence) else query
    if not hasattr(first, "__array__") and not isinstance(first, int | float | Sequence):
        return None
    if isinstance(first, str | bytes):
        return None
    array = np.asarray(query)
    return single(np.atleast_2d(array), "query") if array.dtype.kind in "fiu" else None


def _checked(vectors: NDArray[np.float32], n_features: int) -> NDArray[np.float32]:
    if vectors.ndim != 2 or vectors.shape[1] != n_features or not len(vectors):
        msg = (
            f"the query has shape {vectors.shape}, expected ({n_features},) or (n_queries, {n_features}) like the items"
        )
        raise ValueError(msg)
    finite = np.asarray(np.isfinite(vectors).all(axis=1))
    sound = finite & vectors.any(axis=1)
    if not sound.all():
        row = int(np.argmin(sound))
        what = "is all zeros" if finite[row] else "holds NaN or infinity"
        msg = f"query {row} {what}; expected a finite vector with a direction"
        raise ValueError(msg)
    return vectors


def _name(content: Any, row: int) -> str:
    if isinstance(content, str) and not content.strip():
        msg = f"query {row} is blank; expected a text with at least one visible character"
        raise ValueError(msg)
    if not isinstance(content, str | _CONTENTS):
        msg = f"query {row} is {type(content).__name__}; expected a str, mm.Text, mm.Image, mm.Video, mm.Fused, a Path, a PIL picture or a vector"
        raise TypeError(msg)
    return shorten(content) if isinstance(content, str) else content.name


def _matrix(embeddings: Any, *, normalize: bool) -> NDArray[np.float32]:
    """Return the rows; NaN is searched in the scores, which are a thousand times less to read."""
    if has_vectors(embeddings) and len(embeddings.unit):
        return embeddings.unit if normalize else embeddings.vectors
    return vectors_of(embeddings, normalize=normalize)


def _rows(mask: Any, n: int) -> NDArray[np.intp] | None:
    if mask is None:
        return None
    values = np.asarray(mask)
    if values.dtype == bool and values.shape == (n,):
        rows = np.flatnonzero(values)
    elif (
        values.dtype.kind in "iu"
        and values.ndim == 1
        and (not len(values) or (values.min() >= -n and values.max() < n))
    ):
        rows = np.unique(np.where(values < 0, values + n, values))
    else:
        msg = f"mask must be booleans of shape ({n},) or row numbers below {n}, got {values.dtype} of shape {values.shape}"
        raise ValueError(msg)
    if not len(rows):
        msg = f"the mask excludes all {n} items; there is nothing to search"
        raise ValueError(msg)
    return rows


def _table(
    embeddings: Any, asked: Queries, found: NDArray[np.intp], numbers: Mapping[str, NDArray[np.float64]], k: int
) -> pd.DataFrame:
    keep = found != asked.own[:, None]
    keep &= np.cumsum(keep, axis=1) <= k
    query, place = np.nonzero(keep)
    rows = found[query, place]
    items = items_of(embeddings)
    kinds = (
        np.full(len(rows), "vector", dtype=object) if items is None else items["modality"].to_numpy(dtype=object)[rows]
    )
    columns = {
        "id": ids_of(embeddings)[rows].astype(object),
        "score": numbers["score"][query, place],
        "modality": kinds,
        "rank": np.cumsum(keep, axis=1)[query, place],
    }
    if len(asked.names) > 1:
        columns["query"] = np.array(asked.names, dtype=object)[query]
    columns.update({name: values[query, place] for name, values in numbers.items() if name != "score"})
    head = pd.DataFrame(columns)
    if items is None:
        return head
    others = items.drop(columns=["id", "modality"]).iloc[rows].reset_index(drop=True)
    return pd.concat([head, others.rename(columns=lambda name: apart(name, columns))], axis=1)
