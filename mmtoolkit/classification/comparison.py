"""Which embedding is better, by how much, and what it costs: same folds, one paired bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from mmtoolkit._aligned import column
from mmtoolkit._described import restored
from mmtoolkit._duplicates import duplicate_groups
from mmtoolkit._text import shorten
from mmtoolkit.classification.classifying import check_options, classify, thresholds_of, user_groups
from mmtoolkit.classification.folds import merge_groups
from mmtoolkit.classification.intervals import bca, bootstrap, widened
from mmtoolkit.classification.metrics import METRICS, Metric
from mmtoolkit.classification.score_tables import cells_of, count_scores
from mmtoolkit.classification.targets import codes_of, recordable
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.results import Result, plain
from mmtoolkit.space import space_of
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import has_vectors, ids_of, vectors_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from mmtoolkit.classification.result import Classification
    from mmtoolkit.vectors import HasVectors

__all__ = ["Comparison", "compare", "holm"]

_SIGNIFICANT = 0.05
_PRICED = 200


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """Embeddings side by side.

    Attributes
    ----------
    scores : DataFrame
        Index name; value, low and high of the metric, model, dimension, price_per_1000 (estimated from above; NaN when
        unknown) and currency. The best first.
    pairs : DataFrame
        One row per pair: better, other, difference (of the metric), low, high, p_value, p_holm and verdict (a sentence).
    flips : DataFrame
        Items that some get right and others wrong: row, id, y, and one column of predictions per name.
    results : dict of str to Classification
        The full result of each, on the same folds.
    metric : str
        What was compared.
    recipe : Step
        Verb and parameters, to run it again.
    source : mapping
        Name to embeddings.
    """

    scores: pd.DataFrame
    pairs: pd.DataFrame
    flips: pd.DataFrame
    metric: str
    results: Mapping[str, Classification] = field(repr=False)
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        return " ".join(self.pairs["verdict"].head(3))

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {"scores": self.scores, "pairs": self.pairs.set_index("better")}

    def _figures(self) -> Mapping[str, Any]:
        return {"price": self._draw}

    def _draw(self) -> Any:
        from mmtoolkit.figures import bars

        names = [
            f"{shorten(name, 24)} · {row['dimension']} features · {_price(float(row['price_per_1000']), str(row['currency']))}"
            for name, row in self.scores.to_dict("index").items()
        ]
        return bars(
            names,
            self.scores["value"],
            low=self.scores["low"],
            high=self.scores["high"],
            title="Which one is worth paying for?",
            x_title=self.metric.replace("_", " "),
            caption=f"{' '.join(self.pairs['verdict'].head(6))} Prices are for 1,000 items, estimated from above.",
        )

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return flipped items exactly, scores and differences rounded."""
        rounded = {"scores": self.scores[["value", "low", "high"]], "pairs": self.pairs}
        return {"exact": plain({"flips": self.flips}), "rounded": plain(rounded), "map": {}}


@verb("compare", columns=("y", "groups"), sources="named")
def compare(
    embeddings: Mapping[str, HasVectors | ArrayLike],
    y: ArrayLike | str = "label",
    *,
    metric: str = "accuracy",
    estimator: Any = None,
    cv: int = 5,
    groups: ArrayLike | str | None = None,
    duplicates: Literal["group", "ignore"] = "group",
    normalize: bool = True,
    random_state: int = 0,
) -> Comparison:
    """Classify the same items by several embeddings and say which is better.

    All share the folds; items that are duplicates in any of the spaces stay together in all. Differences come from one
    bootstrap over groups, the same resamples for all, with Holm's correction for the number of pairs.

    Parameters
    ----------
    embeddings : mapping of str to Embeddings or array
        At least two, of the same items in the same order: other models, or other dimensions of one model.
    y : array-like of shape (n_items,) or str, default="label"
        Classes, or a column of the first one's items.
    metric : {"accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "matthews_corrcoef"}, default="accuracy"
        What is compared: a row of the table of metrics that is computed from confusion counts.
    estimator, cv, groups, duplicates, normalize, random_state
        As `classify` takes them.

    Returns
    -------
    Comparison
        `scores`, `pairs`, `flips` and the full `results`.

    Raises
    ------
    ValueError
        If there are fewer than two, or they hold other items; the message names the first difference.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import mmtoolkit as mm
    >>> X, y = load_iris(return_X_y=True)
    >>> mm.compare({"sepals": X[:, :2], "all": X}, y, duplicates="ignore").pairs["better"].tolist()
    ['all']
    """
    known = [row.name for row in METRICS.values() if row.of == "counts"]
    if metric not in known:
        msg = f"metric must be one of {', '.join(known)}, got {metric!r}"
        raise ValueError(msg)
    check_options(cv=cv, duplicates=duplicates)
    named = {str(name): emb for name, emb in embeddings.items()}
    if len(named) < len(embeddings):
        msg = f"the names of embeddings must differ as text, got {', '.join(map(repr, embeddings))}"
        raise ValueError(msg)
    embeddings = named
    resolved(source=embeddings)
    _same_items(embeddings)
    first = next(iter(embeddings.values()))
    values = column(first, y)
    resolved(y=recordable(first, y), estimator=restored(estimator), groups=recordable(first, groups, what="groups"))
    parts = [user_groups(first, groups)]
    for name, emb in embeddings.items():
        unit = _unit(name, emb)
        if duplicates == "group":
            parts.append(duplicate_groups(unit, thresholds_of(emb, unit, None)))
    together = merge_groups(*parts)
    options: dict[str, Any] = {"estimator": estimator, "cv": cv, "normalize": normalize, "random_state": random_state}
    results = {
        name: classify(emb, values, groups=together, duplicates="ignore", **options) for name, emb in embeddings.items()
    }
    row = METRICS[metric]
    scores, pairs = _judge(results, together, row, random_state)
    return Comparison(
        scores=scores.join(_prices(embeddings)).sort_values("value", ascending=not row.higher_is_better, kind="stable"),
        pairs=pairs,
        flips=_flips(results),
        metric=metric,
        results=results,
    )


def _unit(name: str, embeddings: HasVectors | ArrayLike) -> NDArray[np.float32]:
    try:
        return vectors_of(embeddings)
    except (TypeError, ValueError) as error:
        msg = f"embeddings {name!r}: {error}"
        raise type(error)(msg) from error


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p-values corrected for their number."""
    order = np.argsort(p, kind="stable")
    corrected = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty(len(p))
    out[order] = np.minimum(corrected, 1.0)
    return out


def _same_items(embeddings: Mapping[str, Any]) -> None:
    if not isinstance(embeddings, Mapping) or len(embeddings) < 2:
        msg = "compare needs a mapping of at least two names to embeddings, e.g. {'v1': emb1, 'plus': emb2}"
        raise ValueError(msg)
    (name, first), *others = embeddings.items()
    ids = ids_of(first)
    for other, emb in others:
        theirs = ids_of(emb)
        if len(theirs) != len(ids):
            msg = f"{name!r} has {len(ids)} items, {other!r} has {len(theirs)}; compare the same items"
            raise ValueError(msg)
        if has_vectors(first) and has_vectors(emb) and (ids != theirs).any():
            row = int(np.argmax(ids != theirs))
            msg = f"row {row} is item {str(ids[row])!r} in {name!r} and {str(theirs[row])!r} in {other!r}; bring them into the same order"
            raise ValueError(msg)


def _judge(
    results: Mapping[str, Classification], together: NDArray[np.intp], metric: Metric, random_state: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = list(results)
    one = results[names[0]]
    rows, K = one.fold >= 0, len(one.classes)
    codes = codes_of(one.y_true[rows], one.classes)
    groups = np.unique(together[rows], return_inverse=True)[1]
    predicted = np.stack([codes_of(results[name].y_pred[rows], one.classes) for name in names])
    table = cells_of(groups, codes, predicted, K)
    couples, sign = list(combinations(range(len(names)), 2)), 1 if metric.higher_is_better else -1

    def statistic(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        values = count_scores([metric], sums.reshape(len(sums), len(names), K, K))[..., 0]
        return np.concatenate([values, *[sign * (values[:, [a]] - values[:, [b]]) for a, b in couples]], axis=1)

    value = statistic(np.asarray(table.sum(axis=0), dtype=np.float64).reshape(1, -1))[0]
    low, high, _ = bca(table, statistic, random_state=random_state)
    own = slice(len(names))
    low[own], high[own] = widened(value[own], low[own], high[own], table.shape[0], floor=metric.lowest)
    drawn = bootstrap(table, statistic, random_state=random_state)[:, len(names) :]
    tail = np.minimum((drawn <= 0).mean(axis=0), (drawn >= 0).mean(axis=0))
    p = np.minimum(2 * tail + 1 / len(drawn), 1.0)
    scores = pd.DataFrame({"value": value, "low": low, "high": high}).head(len(names))
    scores.index = pd.Index(names, name="name")
    found = []
    for number, ((a, b), raw, corrected) in enumerate(zip(couples, p, holm(p), strict=True), start=len(names)):
        d, down, up = value[number], low[number], high[number]
        if d < 0:
            a, b, d, down, up = b, a, -d, -up, -down
        words = f"{shorten(names[a], 40)} is better than {shorten(names[b], 40)} by {100 * d:.1f} points [{100 * down:.1f}, {100 * up:.1f}]."
        if corrected >= _SIGNIFICANT:
            words = (
                f"No difference can be shown between {shorten(names[a], 40)} and {shorten(names[b], 40)}: {100 * d:.1f} points "
                f"[{100 * down:.1f}, {100 * up:.1f}]."
            )
        found.append((names[a], names[b], d, down, up, raw, corrected, words))
    columns = ["better", "other", "difference", "low", "high", "p_value", "p_holm", "verdict"]
    return scores, pd.DataFrame(found, columns=columns)


def _flips(results: Mapping[str, Classification]) -> pd.DataFrame:
    one = next(iter(results.values()))
    right = np.stack([r.y_pred == r.y_true for r in results.values()])
    rows = np.flatnonzero((one.fold >= 0) & right.any(axis=0) & ~right.all(axis=0))
    columns = {"row": rows, "id": one.ids[rows], "y": one.y_true[rows]}
    return pd.DataFrame(columns | {f"predicted by {name}": r.y_pred[rows] for name, r in results.items()})


def _prices(embeddings: Mapping[str, Any]) -> pd.DataFrame:
    rows = {name: _what_it_costs(emb) for name, emb in embeddings.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["model", "dimension", "price_per_1000", "currency"])


def _what_it_costs(emb: Any) -> tuple[str, int, float, str]:
    from mmtoolkit.embedding import estimate
    from mmtoolkit.models import find_model

    space = space_of(emb)
    model, dimension = space.model, space.dimension
    if not model or find_model(model) is None:
        return model, dimension, np.nan, ""
    try:
        plan = estimate(emb.items.head(_PRICED), model=model, dimension=dimension, params=space.params, cache=False)
    except (MMToolkitError, ValueError):  # items that cannot be read again have no price
        return model, dimension, np.nan, ""
    cost = np.nan if plan.cost is None or not plan.to_compute else 1000.0 * plan.cost / plan.to_compute
    return model, dimension, cost, plan.currency


def _price(price: float, currency: str) -> str:
    if np.isnan(price):
        return "price unknown"
    return f"{price:.2g} {currency}" if price else "free"
