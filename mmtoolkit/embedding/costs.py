"""What a run would cost, before anything is sent."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmtoolkit._arguments import check_count
from mmtoolkit.results import Result
from mmtoolkit.words import aside, say

if TYPE_CHECKING:
    from mmtoolkit.cache import CacheLike
    from mmtoolkit.content import Content
    from mmtoolkit.embedding.encoder import Encoder
    from mmtoolkit.providers.base import Provider
    from mmtoolkit.providers.reranker import Reranker

__all__ = ["Estimate", "estimate"]

_YEAR = 365  # days
_QUERY = "a question of some twenty words, which is more than most people who look for pictures or texts will type into a field"


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Result):
    """What a run would take.

    Parameters
    ----------
    model : str
        Name of the model.
    items : int
        Rows handed in.
    cached : int
        Distinct contents that are in the cache.
    equal : int
        Rows that repeat another row.
    wrong : int
        Rows that cannot be embedded.
    to_compute : int
        Distinct contents that are missing.
    calls : int
        Requests to the service; 0 for the offline model.
    tokens : int
        Tokens of what is missing, a generous guess: the service alone can count them, and publishes no rule for pictures.
    cost : float or None
        Of these tokens, in `currency`; None when the models table has no price.
    currency : str
        ISO code; "" when nothing is paid.
    price_as_of : str
        ISO date on which the price was read.
    minutes : float
        Least duration at the account's rate limit, which other programs of the account share.
    rerank : str
        Name of the reranker; "" without one. What follows is a guess, as if the items nearest to a query were like all
        items, the query were short, and nothing were cached.
    n_queries : int
        Queries that are reranked.
    rerank_calls, rerank_tokens : int
        Requests, and tokens of query and items.
    rerank_cost : float or None
        In `rerank_currency`, with the price of `rerank_price_as_of`.
    rerank_currency, rerank_price_as_of : str
        As `currency` and `price_as_of`.
    rerank_minutes : float
        As `minutes`.
    """

    model: str
    items: int
    cached: int
    equal: int
    wrong: int
    to_compute: int
    calls: int = 0
    tokens: int = 0
    cost: float | None = 0.0
    currency: str = ""
    price_as_of: str = ""
    minutes: float = 0.0
    rerank: str = ""
    n_queries: int = 0
    rerank_calls: int = 0
    rerank_tokens: int = 0
    rerank_cost: float | None = 0.0
    rerank_currency: str = ""
    rerank_price_as_of: str = ""
    rerank_minutes: float = 0.0

    def _summary(self) -> str:
        told = say(
            "{n} item with {model!r}: {cached} cached, {equal} equal to others, {wrong} wrong, {missing} to compute",
            "{n} items with {model!r}: {cached} cached, {equal} equal to others, {wrong} wrong, {missing} to compute",
            n=self.items,
            model=self.model,
            cached=self.cached,
            equal=self.equal,
            wrong=self.wrong,
            missing=self.to_compute,
        )
        if self.calls:
            told = say(
                "{told} in {n} call, about {tokens} tokens, {money}, at least {minutes:.1f} minutes",
                "{told} in {n} calls, about {tokens} tokens, {money}, at least {minutes:.1f} minutes",
                told=told,
                n=self.calls,
                tokens=self.tokens,
                money=_money(self.cost, self.currency, self.price_as_of),
                minutes=self.minutes,
            )
        if not self.rerank:
            return told
        reranking = say(
            "reranking {n} query with {model!r} in {calls} calls, about {tokens} tokens, {money}, at least {minutes:.1f} minutes",
            "reranking {n} queries with {model!r} in {calls} calls, about {tokens} tokens, {money}, at least {minutes:.1f} minutes",
            n=self.n_queries,
            model=self.rerank,
            calls=self.rerank_calls,
            tokens=self.rerank_tokens,
            money=_money(self.rerank_cost, self.rerank_currency, self.rerank_price_as_of),
            minutes=self.rerank_minutes,
        )
        return aside(told, reranking)

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {say("estimate"): pd.DataFrame({"value": self.to_dict()}).rename_axis("what")}


def _money(cost: float | None, currency: str, as_of: str) -> str:
    """Return a sum with the day of its price; the text says when the price may be out of date."""
    if cost is None:
        return say("price unknown")
    if not currency:
        return say("no cost")
    if _is_old(as_of):
        return say(
            "about {cost:.2g} {currency} (prices of {day}, more than a year old: look up today's and put it into the model's row)",
            cost=cost,
            currency=currency,
            day=as_of,
        )
    return say("about {cost:.2g} {currency} (prices of {day})", cost=cost, currency=currency, day=as_of)


def _is_old(as_of: str) -> bool:
    """Return whether a price was read more than a year ago; an invalid day counts as old."""
    try:
        read = datetime.date.fromisoformat(as_of)
    except ValueError:
        return bool(as_of)
    return (datetime.datetime.now(datetime.UTC).date() - read).days > _YEAR


def estimate(
    items: Any,
    *,
    model: str | Provider | None = None,
    dimension: int | None = None,
    params: Mapping[str, Any] | None = None,
    cache: CacheLike = None,
    rerank: str | Reranker | None = None,
    n_queries: int = 1,
    candidates: int = 50,
) -> Estimate:
    """Say what `embed` would do, and what reranking searches would take, without computing or sending anything.

    Parameters
    ----------
    items, model, dimension, params, cache
        As `embed` takes them.
    rerank : str, Reranker or None, default=None
        As `search` takes it.
    n_queries : int, default=1
        How many queries are going to be reranked.
    candidates : int, default=50
        As `search` takes it.

    Returns
    -------
    Estimate
        Counts of items, cached, equal, wrong and to compute; for a service also calls, tokens, cost and minutes.

    Raises
    ------
    ValueError
        If a model or reranker is unknown, or `n_queries` or `candidates` is below 1.
    ItemError
        If the reranker cannot take an item that may be searched.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> plan = mm.estimate(["a cat", "a dog", "a cat"], model="multimodal-embedding-v1", cache=False)
    >>> plan.to_compute, plan.equal, plan.calls, plan.currency
    (2, 1, 1, 'CNY')
    """
    from mmtoolkit.embedding.encoder import make_encoder
    from mmtoolkit.embedding.gathering import gather
    from mmtoolkit.embedding.planning import plan_errand

    check_count("n_queries", n_queries, 1)
    check_count("candidates", candidates, 1)
    encoder = make_encoder(model, dimension=dimension, params=params, cache=cache, announce=False)
    contents, frame, _ = gather(items, strict=True)
    plan = encoder.plan(contents, frame["id"].tolist())
    missing = encoder.missing(plan)
    errand = plan_errand(encoder.provider, encoder.space, encoder.cache, missing)
    sent = list(errand.send.values())
    money = vars(encoder.provider.forecast(sent, encoder.space.params)) if sent else {}
    sound = [content for row, content in enumerate(contents) if row not in plan.errors]
    reranking = {} if rerank is None else _reranking(rerank, encoder, sound, int(n_queries), int(candidates))
    return Estimate(
        model=encoder.provider.spec.name,
        items=len(contents),
        cached=len(plan.unique) - len(missing),
        equal=plan.equal,
        wrong=len(plan.errors) + len(errand.errors),
        to_compute=len(missing) - len(errand.errors),
        **money,
        **reranking,
    )


def _reranking(
    rerank: str | Reranker, encoder: Encoder, contents: Sequence[Content], n_queries: int, candidates: int
) -> dict[str, Any]:
    """Forecast queries over items evenly spread among all; what the reranker cannot take is raised, as in a search."""
    from mmtoolkit.content import Text
    from mmtoolkit.providers.choice import choose_reranker
    from mmtoolkit.providers.reranker import Pair

    reranker = choose_reranker(rerank, encoder.provider)
    query, last = Text(_QUERY), len(contents) - 1
    rows = np.unique(np.linspace(0, last, min(candidates, len(contents))).round().astype(int))
    pairs: list[Any] = [Pair(query, contents[row]) for row in rows.tolist()]
    for pair in pairs:
        reranker.check(pair, dimension=reranker.spec.dimension, params={})
    one = reranker.forecast(pairs, {})
    return {
        "rerank": reranker.name,
        "n_queries": n_queries,
        "rerank_calls": n_queries * one.calls,
        "rerank_tokens": n_queries * one.tokens,
        "rerank_cost": None if one.cost is None else n_queries * one.cost,
        "rerank_currency": one.currency,
        "rerank_price_as_of": one.price_as_of,
        "rerank_minutes": n_queries * one.minutes,
    }
