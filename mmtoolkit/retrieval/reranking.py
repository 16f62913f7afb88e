"""Rerank hits: a reranker orders the items with the nearest vectors again; measure whether that helped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_count
from mmtoolkit.content import Content
from mmtoolkit.frames import contents_of
from mmtoolkit.retrieval.means import interval_of_means, totals_of
from mmtoolkit.steps import resolved
from mmtoolkit.vectors import has_vectors, items_of
from mmtoolkit.words import recalled, say, word

if TYPE_CHECKING:
    from mmtoolkit.embedding.usage import Usage

__all__ = ["LEAST_GROUPS", "SecondLook", "check_rerank", "effect_of", "sentence_of"]

_OPEN = word("cannot say")
_VERDICTS = (_OPEN, word("helped"), word("hurt"), word("no clear difference"))
LEAST_GROUPS = 30  # with fewer nothing is said about the effect
_FLIPS = 9_999
_ALL_FLIPS = 13  # so many changed groups have fewer patterns of signs than that
_LEVEL = 0.05
_MAIN = "ndcg@10"  # the one metric that the sentence is about, so that nobody picks the best of several


def check_rerank(embeddings: Any, rerank: Any, candidates: Any, k: int = 1) -> None:
    """Raise for queries or items that cannot be reranked, before anything is computed or sent."""
    check_count("candidates", candidates, 1)
    if rerank is None:
        return
    if candidates < k:
        msg = (
            f"candidates={candidates} is fewer than k={k}: only candidates are reranked, so pass candidates={k} or more"
        )
        raise ValueError(msg)
    if not has_vectors(embeddings) or not hasattr(embeddings, "rerank"):
        msg = (
            "a plain array has no items, and a reranker reads the items themselves; pass Embeddings with items, such as "
            "mm.Embeddings(X, items=mm.items(frame), model=...)"
        )
        raise ValueError(msg)


@dataclass(frozen=True, eq=False)
class SecondLook:
    """How a reranker is asked.

    Parameters
    ----------
    embeddings : Embeddings
        Whose items are scored.
    rerank : str or Reranker
        Who scores.
    usage : Usage
        Counts are added to it.
    budget : float or None
        As `search` takes it.
    progress : object
        As `search` takes it.
    """

    embeddings: Any
    rerank: Any
    usage: Usage
    budget: float | None = None
    progress: Any = None

    def order(
        self, contents: Sequence[Content | str] | None, own: NDArray[np.intp], found: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Ask for scores of candidates.

        Parameters
        ----------
        contents : sequence of str or Content, or None
            The queries; None when they are items or vectors.
        own : ndarray of shape (n_queries,), int
            Row of the item that is the query; -1 for others.
        found : ndarray of shape (n_queries, n_candidates), int
            Rows of the candidates, the nearest first.

        Returns
        -------
        place : ndarray of shape (n_queries, n_candidates), int
            Places in `found`, the best first; equal scores keep the order of nearness.
        scores : ndarray of shape (n_queries, n_candidates), float64
            In the order of `place`.
        """
        itself = found == own[:, None]  # stands last, where there are fewer items than asked for; never sent
        scores = self.embeddings.rerank(
            self._contents(contents, own),
            np.where(itself, found[:, :1], found),
            model=self.rerank,
            budget=self.budget,
            progress=self.progress,
            usage=self.usage,
        )
        resolved(rerank=getattr(self.rerank, "label", self.rerank))
        scores = np.where(itself, -np.inf, scores)
        place = np.argsort(-scores, axis=1, kind="stable")
        return place, np.take_along_axis(scores, place, axis=1)

    def _contents(self, contents: Sequence[Content | str] | None, own: NDArray[np.intp]) -> Sequence[Content | str]:
        """Return the contents of the queries; raise for vectors, which have none."""
        if contents is not None:
            return contents
        items = items_of(self.embeddings)
        if (own < 0).any() or items is None:
            msg = (
                "rerank= needs the query itself, a text, a content or item=, and got vectors: a reranker reads query and items "
                "instead of comparing vectors. (A report keeps queries that are pictures or videos as vectors only.)"
            )
            raise ValueError(msg)
        return contents_of(items.iloc[own])


def effect_of(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    group: NDArray[np.intp],
    index: pd.Index,
    random_state: int,
) -> pd.DataFrame:
    """Measure the change by reranking, paired by group of equal queries.

    Parameters
    ----------
    before, after : ndarrays of shape (n_queries, n_metrics), float64
        Scores of every query.
    group : ndarray of shape (n_queries,), int
        Equal queries share a number, from 0.
    index : Index
        Names of the metrics.
    random_state : int
        Seed.

    Returns
    -------
    DataFrame
        before, after, difference, low, high (95 % BCa bootstrap over groups, stretched to 0 where flipping the signs of the
        groups' differences at random gives as large a mean in more than 5 % of cases), verdict ("helped", "hurt", "no clear
        difference", or "cannot say" below 30 groups, with NaN for the interval).
    """
    totals = totals_of(after - before, group)
    difference = (after - before).mean(axis=0)
    low = high = np.full(len(index), np.nan)
    verdict = np.full(len(index), _OPEN, dtype=object)
    if len(totals) >= LEAST_GROUPS:
        low, high = interval_of_means(totals, random_state)
        chance = _flipped(totals[:, :-1], random_state) > _LEVEL
        low, high = np.where(chance, np.minimum(low, 0.0), low), np.where(chance, np.maximum(high, 0.0), high)
        verdict = np.where(low > 0, "helped", np.where(high < 0, "hurt", "no clear difference")).astype(object)
    columns = {"before": before.mean(axis=0), "after": after.mean(axis=0), "difference": difference}
    effect = pd.DataFrame({**columns, "low": low, "high": high, "verdict": verdict}, index=index)
    effect.attrs["n_groups"] = len(totals)
    return effect


def _flipped(totals: NDArray[np.float64], random_state: int) -> NDArray[np.float64]:
    """Return the two-sided p-value of each column's sum when every group has a random sign."""
    rng = np.random.default_rng(random_state)
    values = []
    for column in totals.T:
        changed = np.abs(column[column != 0])
        if len(changed) <= _ALL_FLIPS:
            signs = 1 - 2 * ((np.arange(2 ** len(changed))[:, None] >> np.arange(len(changed))) & 1)
            extra = 0
        else:
            signs, extra = (
                rng.choice(np.array([-1, 1]), size=(_FLIPS, len(changed))),
                1,
            )  # the order that was seen counts
        seen = abs(column.sum()) - 1e-12
        values.append((np.count_nonzero(np.abs(signs @ changed) >= seen) + extra) / (len(signs) + extra))
    return np.array(values)


def sentence_of(effect: pd.DataFrame, name: str) -> str:
    """Return one sentence on whether reranking helped."""
    row = effect.loc[_MAIN]
    change = say("{metric} from {before:.3f} to {after:.3f}", metric=_MAIN, before=row.before, after=row.after)
    if row.verdict == _OPEN:
        return say(
            "whether reranking with {name!r} helps, {n} independent queries cannot say ({change}; {needed} are needed)",
            name=name,
            n=effect.attrs["n_groups"],
            change=change,
            needed=LEAST_GROUPS,
        )
    return say(
        "reranking with {name!r}: {verdict} ({change}, difference {difference:+.3f} [{low:+.3f}, {high:+.3f}])",
        name=name,
        verdict=recalled(str(row.verdict), _VERDICTS),
        change=change,
        difference=row.difference,
        low=row.low,
        high=row.high,
    )
