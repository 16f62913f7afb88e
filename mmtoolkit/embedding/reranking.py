"""Score items of Embeddings for a query: which pairs, what is cached, what is sent, and what failed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._rows import MODALITIES, is_missing
from mmtoolkit.content import Content, Fused, Image, Text, Video, is_pil
from mmtoolkit.embedding.encoder import Encoder
from mmtoolkit.embedding.planning import recall_files
from mmtoolkit.embedding.usage import Usage
from mmtoolkit.errors import EmbeddingError, ItemError
from mmtoolkit.frames import content_of, contents_of
from mmtoolkit.providers.base import Provider
from mmtoolkit.providers.choice import choose_reranker
from mmtoolkit.providers.reranker import Pair, Reranker, scores_of, will_send
from mmtoolkit.space import Space
from mmtoolkit.words import word

if TYPE_CHECKING:
    from mmtoolkit.cache import VectorStore

__all__ = ["score_items"]

_CONTENTS = Text | Image | Video | Fused
_SHOWN = 3


def score_items(
    items: pd.DataFrame,
    query: Any,
    rows: ArrayLike | None,
    *,
    model: str | Reranker,
    beside: Provider | None,
    cache: VectorStore | None,
    budget: float | None,
    progress: Any,
    usage: Usage | None,
) -> NDArray[np.float64]:
    """Score how well items answer queries; see `Embeddings.rerank`.

    Parameters
    ----------
    items : DataFrame
        Items frame of n_items rows.
    query, rows, model, budget, progress, usage
        As `Embeddings.rerank` takes them.
    beside : Provider or None
        What made the items' vectors, where it is known.
    cache : VectorStore or None
        Where scores are looked up and kept.

    Returns
    -------
    ndarray of shape (n_rows,) or (n_queries, n_rows), float64
        Higher is better.
    """
    reranker = choose_reranker(model, beside)
    single = isinstance(query, str | _CONTENTS) or not isinstance(query, Iterable)
    asked = [_question(one, i) for i, one in enumerate([query] if single else query)]
    if not asked:
        msg = "the query is empty: expected at least one text or content"
        raise ValueError(msg)
    at = _rows(rows, len(items), len(asked))
    distinct, place = np.unique(at, return_inverse=True)
    found = _contents(items.iloc[distinct])
    documents = [found[i] for i in place.ravel().tolist()]
    if cache is not None:
        recall_files(cache, [*asked, *found])
    pairs: list[Any] = [Pair(asked[i // at.shape[1]], document) for i, document in enumerate(documents)]
    ids = items["id"].astype(str).to_numpy(dtype=object)[at.ravel()].tolist()
    spec = reranker.spec
    encoder = Encoder(reranker, Space(spec.name, spec.revision, spec.dimension), cache)
    _check_queries(encoder, asked)
    # pairs that cannot be fingerprinted fail in the run
    missing: list[Any] = list(encoder.missing(encoder.plan(pairs, ids)).values())
    if missing and not will_send():
        msg = (
            f"{len(missing)} of {len(pairs)} scores by {reranker.label!r} are not in the cache; nothing is asked unless "
            "allow_fetch=True"
        )
        raise EmbeddingError(msg)
    if missing and reranker.leaves_machine:
        reranker.ready()
        _announce(reranker, missing)
    done = encoder.run(pairs, ids, on_error="nan", budget=budget, progress=progress, doing=word("reranking"))
    if usage is not None:
        usage.add(done.usage)
    if done.errors:
        errors = [error.at(int(at.flat[i]), ids[i]) for i, error in sorted(done.errors.items())]
        kind = "items" if len(asked) == 1 else "pairs of query and item"
        what = f"{len(errors)} of {len(pairs)} {kind} could not be scored by {reranker.name!r}"
        raise _failure(what, errors, len(pairs), cached=cache is not None)
    scores = scores_of(done.vectors).reshape(at.shape)
    return scores[0] if single else scores


def _question(query: Any, row: int) -> Content:
    if isinstance(query, str | os.PathLike) or is_pil(query):
        return content_of(query)
    if not isinstance(query, _CONTENTS):
        msg = f"query {row} is {type(query).__name__}; a reranker reads the query itself: expected a str, mm.Text, mm.Image, mm.Video, mm.Fused, a Path or a PIL picture"
        raise TypeError(msg)
    return query


def _rows(rows: Any, n: int, n_queries: int) -> NDArray[np.intp]:
    """Return row numbers of shape (n_queries, n_rows)."""
    given = np.arange(n) if rows is None else np.asarray(rows)
    given = np.flatnonzero(given) if given.dtype == bool and given.shape == (n,) else given
    fits = given.ndim == 1 or (given.ndim == 2 and len(given) == n_queries)
    if not fits or given.dtype.kind not in "iu" or not given.size or given.min() < -n or given.max() >= n:
        msg = (
            f"rows must be row numbers below {n} of shape (n_rows,) or ({n_queries}, n_rows), at least one, or booleans of shape "
            f"({n},), got {given.dtype} of shape {given.shape}"
        )
        raise ValueError(msg)
    whole = np.where(given < 0, given + n, given).astype(np.intp)
    return np.broadcast_to(whole, (n_queries, whole.shape[-1]))


def _contents(items: pd.DataFrame) -> list[Content]:
    """Return the contents of some items; raise for items without one."""
    lacking = [
        item
        for item, modality, *media in items[["id", "modality", "text", "image", "video"]].itertuples(index=False)
        if modality not in MODALITIES or all(map(is_missing, media))
    ]
    if lacking:
        msg = (
            f"{len(lacking)} of {len(items)} items have no content, first: id {lacking[0]!r}; a reranker reads the items themselves, "
            "so pass them: mm.Embeddings(X, items=mm.items(frame), model=...), or items= of mm.verify"
        )
        raise ValueError(msg)
    return contents_of(items)


def _check_queries(encoder: Encoder, asked: Sequence[Content]) -> None:
    """Raise for a query that the reranker cannot take, so that no item gets the error."""
    for query in asked:
        try:
            encoder.provider.check(Pair(query, query), dimension=encoder.space.dimension, params={})  # type: ignore[arg-type]
            query.digest()
        except ItemError as error:
            msg = f"the query cannot be reranked: {error}"
            raise EmbeddingError(msg, (error,)) from error


def _announce(reranker: Reranker, pairs: Sequence[Pair]) -> None:
    """Print one line about what leaves the machine."""
    from tqdm.auto import tqdm

    queries, items = ({id(getattr(pair, end)) for pair in pairs} for end in ("query", "document"))
    what = "the query" if len(queries) == 1 else f"{len(queries)} queries"
    tqdm.write(
        f"mmtoolkit: reranking with {reranker.name!r}; {what} and {len(items)} items are sent to {reranker.destination}"
    )


def _failure(what: str, errors: Sequence[ItemError], n: int, *, cached: bool) -> EmbeddingError:
    shown = "; ".join(map(str, errors[:_SHOWN]))
    more = f"; and {len(errors) - _SHOWN} more" if len(errors) > _SHOWN else ""
    rest = f" The other {n - len(errors)} scores are cached." if cached and n > len(errors) else ""
    msg = f"{what}: {shown}{more}.{rest} Repair these items, or leave them out: emb[mask] keeps the others"
    return EmbeddingError(msg, tuple(errors))
