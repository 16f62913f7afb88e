"""``evaluate_search``: how often the right items come first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import column
from mmtoolkit._anyframe import any_frame, is_frame
from mmtoolkit._nearest import top_k
from mmtoolkit._rows import is_missing
from mmtoolkit._text import shorten
from mmtoolkit.results import Result, plain
from mmtoolkit.retrieval.counted import (
    Counted,
    distinct,
    equal_to_items,
    merged,
    remarks_of,
    themselves,
    together_of,
    without,
)
from mmtoolkit.retrieval.find import Queries, queries_of
from mmtoolkit.retrieval.means import interval_of_means, totals_of
from mmtoolkit.retrieval.reranking import SecondLook, check_rerank, effect_of, sentence_of
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import HasVectors, Reranks, ids_of, rows_of, vectors_of
from mmtoolkit.words import aside, joined, listed, say

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmtoolkit.embedding.usage import Usage

__all__ = ["METRICS", "SearchEvaluation", "SearchMetric", "evaluate_search"]

_DEPTH = 100  # ranks that count for the reciprocal rank


@dataclass(frozen=True)
class SearchMetric:
    """One row of the table of metrics of search.

    Parameters
    ----------
    name : str
        With ``{k}`` for the cut-off.
    score : callable
        From gains (n_queries, depth) bool (is the hit of this rank right), numbers of right items (n_queries,), and k
        to one value per query (n_queries,), higher is better.
    chance : callable
        From numbers of right items, number of items, and k to the mean score of a random order, a float.
    k : int or None, default=None
        Cut-off; None has one metric for each of `ks`.
    share : bool, default=False
        Whether a query scores 0 or 1, so that the mean is a share of queries, with Wilson's interval.
    """

    name: str
    score: Callable[[NDArray[np.bool_], NDArray[np.intp], int], NDArray[np.float64]]
    chance: Callable[[NDArray[np.intp], int, int], float]
    k: int | None = None
    share: bool = False


def _found_by_chance(n_right: NDArray[np.intp], n: int, k: int) -> float:
    """Return 1 minus the probability that none of the first k is right: C(n - r, k) / C(n, k)."""
    from scipy.special import gammaln

    shown = min(k, n)
    room = np.maximum(n - n_right - shown, 0)
    none = np.exp(gammaln(n - n_right + 1) - gammaln(room + 1) - gammaln(n + 1) + gammaln(n - shown + 1))
    return float(np.mean(np.where(n - n_right >= shown, 1.0 - none, 1.0)))


def _reciprocal_rank(gains: NDArray[np.bool_], _n_right: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    first = gains[:, :k]
    return np.where(first.any(axis=1), 1.0 / (first.argmax(axis=1) + 1.0), 0.0)


def _reciprocal_rank_by_chance(n_right: NDArray[np.intp], n: int, k: int) -> float:
    """Return the mean over queries of the expected 1 / rank of the first of `n_right` items in a random order of `n`."""

    def expected(right: int) -> float:
        total, missed = 0.0, 1.0
        for rank in range(1, min(k, n - right + 1) + 1):
            hit = right / (n - rank + 1)
            total += missed * hit / rank
            missed *= 1.0 - hit
        return total

    return float(np.mean([expected(right) for right in n_right.tolist()]))


def _gain(gains: NDArray[np.bool_], n_right: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    first = gains[:, :k]
    return np.asarray((first * _discount(first.shape[1])).sum(axis=1) / _best_gain(n_right, k))


def _gain_by_chance(n_right: NDArray[np.intp], n: int, k: int) -> float:
    return float((n_right / n * _discount(min(k, n)).sum() / _best_gain(n_right, k)).mean())


def _discount(k: int) -> NDArray[np.float64]:
    return np.asarray(1.0 / np.log2(np.arange(2, k + 2)))


def _best_gain(n_right: NDArray[np.intp], k: int) -> NDArray[np.float64]:
    return np.asarray(np.cumsum(_discount(k))[np.minimum(n_right, k) - 1])


METRICS = [
    SearchMetric(
        "found@{k}", lambda gains, _, k: np.asarray(gains[:, :k].any(axis=1) * 1.0), _found_by_chance, share=True
    ),
    SearchMetric(
        "recall@{k}",
        lambda gains, n_right, k: np.asarray(gains[:, :k].sum(axis=1) / n_right),
        lambda _, n, k: min(k, n) / n,
    ),
    SearchMetric("mrr@{k}", _reciprocal_rank, _reciprocal_rank_by_chance, k=_DEPTH),
    SearchMetric("ndcg@{k}", _gain, _gain_by_chance, k=10),
]


@dataclass(frozen=True, eq=False, repr=False)
class SearchEvaluation(Result):
    """How well search works.

    Parameters
    ----------
    metrics : DataFrame
        Index metric: ``found@k`` (share of queries with a relevant item among the first k), ``recall@k`` (mean share of
        the relevant items that are among the first k), ``mrr@100`` (mean of 1 / rank of the first relevant item, 0
        beyond 100), ``ndcg@10`` (binary gains). Columns value, low, high (95 % interval over distinct queries, or over the
        groups of `groups`) and baseline (what a random order gives).
    per_query : DataFrame
        query, n_relevant, rank (of the first relevant item, NaN beyond 100), best (id of the first hit).
    n_queries : int
        Distinct queries that have a relevant item.
    n_left_out : int
        Distinct queries without one, left out.
    recipe : Step
        Verb and parameters.
    source : Embeddings or array
        The items among which was searched.
    reranking : DataFrame or None
        With ``rerank=``: for each metric the value before and after, their difference with its 95 % interval, paired by
        groups of equal queries, and a verdict: "helped", "hurt", "no clear difference", or "cannot say" with fewer than
        30 groups. The sentence in the summary is about ndcg@10.
    usage : Usage or None
        What reranking took; ``usage.to_frame()`` is the bill.
    remarks : tuple of str
        What was counted once or left out, and queries that are equal to an item.
    """

    metrics: pd.DataFrame
    per_query: pd.DataFrame
    n_queries: int
    n_left_out: int
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)
    reranking: pd.DataFrame | None = None
    usage: Usage | None = field(default=None, repr=False)
    remarks: tuple[str, ...] = ()

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return counts and ranks (exact) and the metrics (rounded)."""
        more = {} if self.reranking is None else {"reranking": plain(self.reranking)}
        return {
            "exact": {"n_queries": self.n_queries, "rank": plain(self.per_query["rank"])},
            "rounded": {"metrics": plain(self.metrics), **more},
        }

    def _summary(self) -> str:
        heads = [(name, self.metrics.loc[name]) for name in (self._main, f"mrr@{_DEPTH}")]
        shown = listed(f"{name} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}]" for name, row in heads)
        queries = [say("{n} query", "{n} queries", n=self.n_queries)]
        if self.n_left_out:
            queries.append(say("{n} left out without a relevant item", n=self.n_left_out))
        return aside(say("{what}: {told}", what=listed(queries), told=shown), self._effect, *self.remarks)

    @property
    def _effect(self) -> str:
        """One sentence on whether reranking helped, "" without it."""
        if self.reranking is None:
            return ""
        return sentence_of(self.reranking, str(self.recipe.params["rerank"]))

    @property
    def _main(self) -> str:
        """Name of the last found@k."""
        return str([name for name in self.metrics.index if name.startswith("found@")][-1])

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        worst = self.per_query.sort_values("rank", ascending=False, na_position="first", kind="stable")
        effect: dict[str, pd.DataFrame] = {} if self.reranking is None else {say("reranking"): self.reranking}
        return {say("metrics"): self.metrics, **effect, say("hardest queries"): worst.set_index("query").head(8)}

    def _readings(self) -> Mapping[str, str]:
        return {
            say("metrics"): say(
                "found@k is the share of queries with a right item among the first k, recall@k the mean share of the right items that are "
                "among the first k, mrr@k the mean of 1 / rank of the first right item, ndcg@k counts right items the more the earlier they "
                "come (1: none could come earlier). The 95 % interval is for other queries, the baseline is a random order."
            ),
            say("hardest queries"): say(
                "rank is the place of the first right item; empty where it is not among the first 100."
            ),
        }

    def _repr_html_(self) -> str:
        from mmtoolkit._pictured import pictured_result

        return pictured_result(self)

    def _figures(self) -> Mapping[str, Any]:
        return {"metrics": self._bars}

    def _bars(self) -> go.Figure:
        from mmtoolkit import figures

        table = self.metrics
        return figures.bars(
            table.index.tolist(),
            table["value"],
            low=table["low"],
            high=table["high"],
            title=say("How often the right items come first"),
            x_title=say("score"),
            caption=joined(
                say("{note}.", note=self._summary()),
                say(
                    "A random order gives {metric} of {value:.3f}.",
                    metric=self._main,
                    value=table["baseline"][self._main],
                ),
            ),
        )


@verb("evaluate_search", columns=("queries", "relevant", "groups"), unrecorded=("budget", "progress"), one_thread=False)
def evaluate_search(
    embeddings: HasVectors | ArrayLike,
    queries: Any,
    relevant: str | ArrayLike | Sequence[Any],
    *,
    ks: Sequence[int] = (1, 5, 10),
    groups: str | ArrayLike | None = None,
    normalize: bool = True,
    random_state: int = 0,
    rerank: str | Reranks | None = None,
    candidates: int = 50,
    budget: float | None = None,
    progress: Any = None,
    n_jobs: int | None = None,
) -> SearchEvaluation:
    """Search for every query and score where the relevant items come.

    Equal queries count once; what is relevant for one of them is relevant. Where the queries are a column of the items, a
    text item with the same text is the query itself: it is not searched.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        Where to look.
    queries : list of str or contents, array-like of shape (n_queries, n_features), or str
        What to look for; a str is the name of a column of the items whose values are the queries.
    relevant : str, boolean array of shape (n_queries, n_items), list of ids or lists of ids, or mapping of query to these
        Which items are right for each query. A str is the name of a column: items whose value equals the query. A Series
        is brought into the order of queries that are one.
    ks : sequence of int, default=(1, 5, 10)
        Cut-offs for found@k and recall@k.
    groups : array-like of shape (n_queries,), str or None, default=None
        Queries that belong together (of one user, one topic): the intervals are over groups. A str is a column of the items,
        for queries that are one, too.
    normalize : bool, default=True
        Order by cosine; False orders by the dot product of the rows as they are.
    random_state : int, default=0
        Seed of the bootstrap.
    rerank : str, Reranker or None, default=None
        As `search` takes it: the metrics are those of the reranked order, and `reranking` says whether it helped.
    candidates : int, default=50
        With `rerank`: how many of the nearest are ordered again; the others keep their places behind them.
    budget, progress
        As `search` takes them.
    n_jobs : int or None, default=None
        Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
        result, and is not recorded.

    Returns
    -------
    SearchEvaluation
        Metrics with 95 % intervals (Wilson for found@k of queries without groups, else BCa bootstrap over distinct queries or their
        groups) and chance level.

    Raises
    ------
    ValueError
        If no query has a relevant item, an id is unknown, shapes do not fit, or `ks` are not positive.
    SpaceError
        If the queries are Embeddings of another model.

    References
    ----------
    Järvelin and Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    >>> mm.evaluate_search(X, X[[0, 2]], [["1"], ["2"]], ks=[1, 2]).metrics["value"].round(2).to_dict()
    {'found@1': 0.5, 'found@2': 1.0, 'recall@1': 0.5, 'recall@2': 1.0, 'mrr@100': 0.75, 'ndcg@10': 0.82}
    """
    check_rerank(embeddings, rerank, candidates)
    X = vectors_of(embeddings, normalize=normalize)
    _check_cuts(ks)
    from_items = None  # rows of the items whose values are the queries
    asked = queries
    if isinstance(queries, str):
        values = column(embeddings, queries, what="queries")
        from_items = np.flatnonzero(values != None)  # noqa: E711 - of every cell
        asked = values[from_items].tolist()
    found = queries_of(embeddings, asked, X.shape[1], normalize=normalize)
    counted = _counted(embeddings, queries, found, from_items, relevant, groups, len(X))
    vectors = found.vectors[counted.rows]
    wanted = [(metric, k) for metric in METRICS for k in (map(int, ks) if metric.k is None else [metric.k])]
    depth = max(_DEPTH, *(k for _, k in wanted))
    n_own = counted.n_own
    hits = without(top_k(vectors, X, min(depth + int(n_own.max()), len(X)), unit=normalize)[0], counted.own, depth)
    remarks = remarks_of(counted.n_repeats, int((n_own > 0).sum()), equal_to_items(vectors, X, hits))
    gains, effect, usage = counted.gains(hits), None, None
    if rerank is not None:
        from mmtoolkit.embedding.usage import Usage

        usage, before = Usage(), gains
        look = SecondLook(embeddings, rerank, usage, budget, progress)
        hits = without(_looked_at_again(look, found, counted.rows, hits, int(candidates)), counted.own, depth)
        gains = counted.gains(hits)
        effect = _effect(wanted, counted, before, gains, random_state)
    return SearchEvaluation(
        _metrics(wanted, counted, gains, len(X), random_state),
        _per_query(counted.names, counted.n_right, gains, ids_of(embeddings)[hits[:, 0]]),
        len(counted.names),
        counted.n_left_out,
        reranking=effect,
        usage=usage,
        remarks=remarks,
    )


def _check_cuts(ks: Sequence[int]) -> None:
    if not ks or any(isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1 for k in ks):
        msg = f"ks must be ints of at least 1, got {list(ks)!r}"
        raise ValueError(msg)


def _counted(
    embeddings: Any,
    queries: Any,
    found: Queries,
    from_items: NDArray[np.intp] | None,
    relevant: Any,
    groups: Any,
    n_items: int,
) -> Counted:
    """Return the queries that count, and record what was asked for."""
    ids = ids_of(embeddings)
    names = np.array(
        [q if isinstance(q, str) else n for q, n in zip(found.contents or found.names, found.names, strict=True)],
        dtype=object,
    )
    right = _relevant(embeddings, _in_order(relevant, queries, names), names, n_items)
    resolved(
        queries=queries if isinstance(queries, str) else found.recorded,
        relevant=relevant if isinstance(relevant, str) else [ids[rows].tolist() for rows in right],
        groups=groups if groups is None or isinstance(groups, str) else np.asarray(groups),
    )
    which = distinct(names, found)
    together = together_of(embeddings, groups, from_items, which)
    first = np.unique(which, return_index=True)[1]
    own = [np.empty(0, dtype=np.intp)] * len(first) if from_items is None else themselves(embeddings, names[first])
    right = [np.setdiff1d(rows, self) for rows, self in zip(merged(right, which), own, strict=True)]
    used = np.array([len(rows) > 0 for rows in right])
    if not used.any():
        other, way_out = "", ""
        if any(map(len, own)):
            other, way_out = " other than itself", "; name another column of what is relevant, such as the label"
        msg = f"none of the {len(right)} queries has a relevant item{other}, so there is nothing to score{way_out}"
        raise ValueError(msg)
    own, right = ([rows for rows, use in zip(all_rows, used, strict=True) if use] for all_rows in (own, right))
    rows = first[used]
    return Counted(rows, names[rows], right, own, together[used], len(which) - len(first), int((~used).sum()))


def _looked_at_again(
    look: SecondLook, found: Queries, rows: NDArray[np.intp], hits: NDArray[np.intp], candidates: int
) -> NDArray[np.intp]:
    """Return the hits of the queries at `rows` with the first `candidates` in the order of a rerank model."""
    contents = None if found.contents is None else [found.contents[i] for i in rows.tolist()]
    nearest = hits[:, :candidates]
    place, _ = look.order(contents, found.own[rows], nearest)
    return np.column_stack([np.take_along_axis(nearest, place, axis=1), hits[:, candidates:]])


def _effect(
    wanted: Sequence[tuple[SearchMetric, int]],
    counted: Counted,
    before: NDArray[np.bool_],
    after: NDArray[np.bool_],
    random_state: int,
) -> pd.DataFrame:
    """Return the change of every metric by another order of the hits."""
    one, two = (_scores(wanted, gains, counted) for gains in (before, after))
    return effect_of(one, two, counted.groups, _names(wanted), random_state)


def _scores(
    wanted: Sequence[tuple[SearchMetric, int]], gains: NDArray[np.bool_], counted: Counted
) -> NDArray[np.float64]:
    """Return every metric of every query, (n_queries, n_metrics)."""
    n_right = counted.n_right
    return np.column_stack([metric.score(gains, n_right, k) for metric, k in wanted])


def _names(wanted: Sequence[tuple[SearchMetric, int]]) -> pd.Index[str]:
    return pd.Index([metric.name.format(k=k) for metric, k in wanted], name="metric")


def _in_order(relevant: Any, queries: Any, names: NDArray[np.object_]) -> Any:
    """Return what is right for each query in the order of the queries."""
    if isinstance(relevant, Mapping):
        known = set(names.tolist())
        unknown = next((query for query in relevant if query not in known), None)
        if unknown is not None:
            msg = f"relevant names the query {shorten(repr(unknown))}, which is not among the queries"
            raise ValueError(msg)
        return [relevant.get(name, []) for name in names.tolist()]
    if is_frame(relevant):
        table = any_frame(relevant)
        relevant = table.iloc[:, 0] if table.shape[1] == 1 else table.to_numpy()
    if not isinstance(relevant, pd.Series) or not isinstance(queries, pd.Series):
        return relevant
    own, index = queries.index, relevant.index
    counted = index.equals(pd.RangeIndex(len(index)))
    same = own.is_unique and index.is_unique and len(own) == len(index) and own.isin(index).all()
    if own.equals(index) or (counted and not same):
        return relevant
    if counted or not same:
        msg = "the index of relevant is not that of the queries; relevant.to_numpy() takes the values in their order"
        raise ValueError(msg)
    return relevant.loc[own]


def _relevant(embeddings: Any, relevant: Any, names: NDArray[np.object_], n: int) -> list[NDArray[np.intp]]:
    """Return the rows that are right for each query."""
    if isinstance(relevant, str):
        rows: dict[Any, list[int]] = {}
        for row, value in enumerate(column(embeddings, relevant, what="relevant").tolist()):
            rows.setdefault(value, []).append(row)
        return [np.array(rows.get(name, []), dtype=np.intp) for name in names.tolist()]
    if len(relevant) != len(names):
        msg = f"relevant has {len(relevant)} entries for {len(names)} queries"
        raise ValueError(msg)
    if isinstance(relevant, np.ndarray) and relevant.dtype == bool:
        if relevant.shape != (len(names), n):
            msg = f"relevant has shape {relevant.shape}, expected ({len(names)}, {n})"
            raise ValueError(msg)
        return [np.flatnonzero(row) for row in relevant]
    wanted = [[] if is_missing(r) else [r] if isinstance(r, str | int | np.integer) else list(r) for r in relevant]
    found = iter(
        rows_of(embeddings, [i for ids in wanted for i in ids], "relevant names {}, which is no id of the items")
    )
    return [np.unique(np.array([next(found) for _ in ids], dtype=np.intp)) for ids in wanted]


def _metrics(
    wanted: Sequence[tuple[SearchMetric, int]],
    counted: Counted,
    gains: NDArray[np.bool_],
    n_items: int,
    random_state: int,
) -> pd.DataFrame:
    """Return every metric with its interval and its value for a random order of the items searched for each query."""
    from mmtoolkit.classification.intervals import widened, wilson

    values = _scores(wanted, gains, counted)
    totals = totals_of(values, counted.groups)
    value = values.mean(axis=0)
    low, high = widened(value, *interval_of_means(totals, random_state), len(totals))
    if len(totals) == len(values):  # every query is a group of its own: a plain proportion
        share = np.array([metric.share for metric, _ in wanted])
        low[share], high[share] = wilson(value[share] * len(totals), len(totals))
    n_right, n = counted.n_right, n_items - counted.n_own
    sizes, counts = np.unique(n, return_counts=True)
    chances = [[metric.chance(n_right[n == size], int(size), k) for size in sizes] for metric, k in wanted]
    baseline = np.array(chances) @ counts / len(n)
    return pd.DataFrame({"value": value, "low": low, "high": high, "baseline": baseline}, index=_names(wanted))


def _per_query(
    names: NDArray[np.object_], n_right: NDArray[np.intp], gains: NDArray[np.bool_], best: NDArray[np.str_]
) -> pd.DataFrame:
    rank = np.where(gains.any(axis=1), gains.argmax(axis=1) + 1.0, np.nan)
    return pd.DataFrame({"query": names, "n_relevant": n_right, "rank": rank, "best": best.astype(object)})
