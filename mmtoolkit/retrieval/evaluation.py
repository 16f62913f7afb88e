"""``evaluate_search``: how often the right items come first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._arguments import checked_seed
from mmtoolkit._nearest import top_k
from mmtoolkit.results import Result, plain
from mmtoolkit.retrieval.find import queries_of
from mmtoolkit.vectors import column, ids_of, vectors_of

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from numpy.typing import ArrayLike, NDArray

    from mmtoolkit.vectors import HasVectors

__all__ = ["SearchEvaluation", "evaluate_search"]

_DEPTH = 100  # ranks that count for the reciprocal rank


@dataclass(frozen=True, eq=False, repr=False)
class SearchEvaluation(Result):
    """How well search works.

    Attributes
    ----------
    metrics : DataFrame
        Index metric: ``found@k`` (share of queries with a relevant item among the first k), ``recall@k`` (mean share of
        the relevant items that are among the first k), ``mrr@100`` (mean of 1 / rank of the first relevant item, 0
        beyond 100), ``ndcg@10`` (binary gains). Columns value, low, high (95 % interval over distinct queries) and
        baseline (what a random order gives).
    per_query : DataFrame
        query, n_relevant, rank (of the first relevant item, NaN beyond 100), best (id of the first hit).
    n_queries : int
        Queries that have a relevant item.
    n_left_out : int
        Queries without one, left out.
    recipe : mapping
        The verb and its parameters.
    source : Embeddings or array
        What was searched.
    """

    metrics: pd.DataFrame
    per_query: pd.DataFrame
    n_queries: int
    n_left_out: int
    recipe: Mapping[str, Any]
    source: Any = field(repr=False)

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return counts and ranks (exact) and the metrics (rounded)."""
        return {
            "exact": {"n_queries": self.n_queries, "rank": plain(self.per_query["rank"])},
            "rounded": {"metrics": plain(self.metrics)},
            "map": {},
        }

    def _summary(self) -> str:
        shown = ", ".join(f"{name} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}]" for name, row in self._heads())
        left = f", {self.n_left_out} left out without a relevant item" if self.n_left_out else ""
        return f"{self.n_queries} queries{left}: {shown}"

    def _heads(self) -> list[tuple[str, Any]]:
        found = [name for name in self.metrics.index if name.startswith("found@")][-1:]
        return [(name, self.metrics.loc[name]) for name in [*found, f"mrr@{_DEPTH}"]]

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        worst = self.per_query.sort_values("rank", ascending=False, na_position="first", kind="stable")
        return {"metrics": self.metrics, "hardest queries": worst.set_index("query").head(8)}

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
            title="How often the right items come first",
            x_title="score",
            caption=f"{self._summary()}. A random order gives found@10 of "
            f"{table['baseline'].get('found@10', float('nan')):.3f}.",
        )


def evaluate_search(
    embeddings: HasVectors | ArrayLike,
    queries: Any,
    relevant: str | ArrayLike | Sequence[Any],
    *,
    ks: Sequence[int] = (1, 5, 10),
    random_state: int = 0,
) -> SearchEvaluation:
    """Search for every query and score where the relevant items come.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        Where to look.
    queries : list of str or contents, array-like of shape (n_queries, n_features), or str
        What to look for; a str is the name of a column of the items whose values are the queries.
    relevant : str, boolean array of shape (n_queries, n_items), or list of ids or lists of ids
        Which items are right for each query. A str is the name of a column: items whose value equals the query.
    ks : sequence of int, default=(1, 5, 10)
        Cut-offs for found@k and recall@k.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    SearchEvaluation
        Metrics with 95 % intervals (Wilson for found@k where no query is asked more often, else BCa bootstrap over distinct queries)
        and chance level.

    Raises
    ------
    ValueError
        If no query has a relevant item, an id is unknown, shapes do not fit, or `ks` are not positive.

    References
    ----------
    Järvelin and Kekäläinen (2002), Cumulated gain-based evaluation of IR techniques.
    """
    random_state = checked_seed(random_state)
    X = vectors_of(embeddings)
    if not ks or any(isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1 for k in ks):
        msg = f"ks must be ints of at least 1, got {list(ks)!r}"
        raise ValueError(msg)
    asked = queries
    if isinstance(queries, str):
        asked = [value for value in column(embeddings, queries, what="queries").tolist() if value is not None]
    found = queries_of(embeddings, asked, None, X.shape[1])
    names = np.array([q if isinstance(q, str) else n for q, n in zip(asked, found.names, strict=True)], dtype=object)
    right = _relevant(embeddings, relevant, names, len(X))
    used = np.array([len(rows) > 0 for rows in right])
    if not used.any():
        msg = f"none of the {len(right)} queries has a relevant item, so there is nothing to score"
        raise ValueError(msg)
    scored = [rows for rows, ok in zip(right, used.tolist(), strict=True) if ok]
    depth = min(max(_DEPTH, *ks), len(X))
    hits, _ = top_k(found.vectors[used], X, depth)
    gains = np.stack([np.isin(row, rows) for row, rows in zip(hits, scored, strict=True)])
    n_right = np.array([len(rows) for rows in scored])
    scores, chance = _scores(gains, n_right, len(X), tuple(int(k) for k in ks))
    params: dict[str, Any] = {
        "queries": queries if isinstance(queries, str) else found.recipe["query"],
        "relevant": relevant if isinstance(relevant, str) else [ids_of(embeddings)[r].tolist() for r in right],
        "ks": [int(k) for k in ks],
        "random_state": random_state,
    }
    return SearchEvaluation(
        _metrics(scores, chance, names[used], random_state),
        _per_query(names[used], n_right, gains, ids_of(embeddings)[hits[:, 0]]),
        int(used.sum()),
        int((~used).sum()),
        {"verb": "evaluate_search", "params": params},
        embeddings,
    )


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
    place = {name: row for row, name in enumerate(ids_of(embeddings).tolist())}
    wanted = [[r] if isinstance(r, str | int | np.integer) else list(r) for r in relevant]
    unknown = next((i for ids in wanted for i in ids if str(i) not in place), None)
    if unknown is not None:
        msg = f"relevant names {unknown!r}, which is no id of the items; ids look like {next(iter(place))!r}"
        raise ValueError(msg)
    return [np.array(sorted({place[str(i)] for i in ids}), dtype=np.intp) for ids in wanted]


def _scores(
    gains: NDArray[np.bool_], n_right: NDArray[np.intp], n: int, ks: tuple[int, ...]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, float]]:
    """Return every metric per query, and its mean under a random order."""
    from scipy.special import gammaln

    depth = gains.shape[1]
    scores: dict[str, NDArray[np.float64]] = {}
    chance: dict[str, float] = {}
    for k in ks:
        shown = min(k, n)
        # probability that none of the first k is right: C(n - r, k) / C(n, k)
        room = np.maximum(n - n_right - shown, 0)
        none = np.exp(gammaln(n - n_right + 1) - gammaln(room + 1) - gammaln(n + 1) + gammaln(n - shown + 1))
        scores[f"found@{k}"] = np.asarray(gains[:, :k].any(axis=1), dtype=np.float64)
        chance[f"found@{k}"] = float(np.mean(np.where(n - n_right >= shown, 1.0 - none, 1.0)))
    for k in ks:
        scores[f"recall@{k}"] = np.asarray(gains[:, :k].sum(axis=1) / n_right)
        chance[f"recall@{k}"] = min(k, n) / n
    first = np.where(gains.any(axis=1), gains.argmax(axis=1), depth)
    scores[f"mrr@{_DEPTH}"] = np.where(first < min(_DEPTH, depth), 1.0 / (first + 1.0), 0.0)
    chance[f"mrr@{_DEPTH}"] = float(np.mean([_random_mrr(int(r), n) for r in n_right]))
    discount = 1.0 / np.log2(np.arange(2, 12))
    ideal = np.cumsum(discount)[np.minimum(n_right, 10) - 1]
    scores["ndcg@10"] = (gains[:, :10] * discount[: min(10, depth)]).sum(axis=1) / ideal
    chance["ndcg@10"] = float((n_right / n * discount[: min(10, n)].sum() / ideal).mean())
    return scores, chance


def _random_mrr(n_right: int, n: int) -> float:
    """Return the expected reciprocal rank of the first of `n_right` items in a random order of `n`."""
    total, missed = 0.0, 1.0
    for rank in range(1, min(_DEPTH, n - n_right + 1) + 1):
        hit = n_right / (n - rank + 1)
        total += missed * hit / rank
        missed *= 1.0 - hit
    return total


def _metrics(
    scores: Mapping[str, NDArray[np.float64]],
    chance: Mapping[str, float],
    names: NDArray[np.object_],
    random_state: int,
) -> pd.DataFrame:
    import pandas as pd

    from mmtoolkit.classification.intervals import bca, widened, wilson

    values = np.column_stack(list(scores.values()))
    _, group = np.unique(names.astype(str), return_inverse=True)  # the same question twice tells nothing new
    totals = np.zeros((int(group.max()) + 1, values.shape[1] + 1))
    np.add.at(totals, group, np.column_stack([values, np.ones(len(values))]))
    value = values.mean(axis=0)
    low, high, _ = bca(totals, lambda sums: sums[:, :-1] / sums[:, -1:], random_state=random_state)
    low, high = widened(value, low, high, len(totals))
    if (totals[:, -1] == totals[0, -1]).all():  # every question once, or all equally often: a plain proportion
        share = np.array([name.startswith("found@") for name in scores])
        low[share], high[share] = wilson(value[share] * len(totals), len(totals))
    columns = {"value": value, "low": low, "high": high, "baseline": list(chance.values())}
    return pd.DataFrame(columns, index=pd.Index(list(scores), name="metric"))


def _per_query(
    names: NDArray[np.object_], n_right: NDArray[np.intp], gains: NDArray[np.bool_], best: NDArray[np.str_]
) -> pd.DataFrame:
    import pandas as pd

    rank = np.where(gains.any(axis=1), gains.argmax(axis=1) + 1.0, np.nan)
    return pd.DataFrame({"query": names, "n_relevant": n_right, "rank": rank, "best": best.astype(object)})
