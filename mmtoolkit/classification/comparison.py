"""Compare embeddings: which is better, by how much, and at what cost; with the same folds and paired halves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import column, refuse_other_order
from mmtoolkit._arguments import check_choice, is_number
from mmtoolkit._described import restored
from mmtoolkit._duplicates import duplicate_groups
from mmtoolkit._text import shorten
from mmtoolkit.classification import score_tables
from mmtoolkit.classification.classifying import check_options, classify, thresholds_of, user_groups
from mmtoolkit.classification.folds import merge_groups
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.classification.metrics import METRICS, Metric
from mmtoolkit.classification.paired import LEVEL, differences
from mmtoolkit.classification.result import Classification
from mmtoolkit.classification.targets import codes_of, recordable
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.results import Result, plain
from mmtoolkit.space import space_of
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import HasVectors, has_vectors, ids_of, index_of, vectors_of
from mmtoolkit.words import joined, points, say, title

__all__ = ["Comparison", "compare", "holm"]

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
        One row per pair: better, other, difference (of the metric), low, high, p_value, p_holm, detectable (the smallest true
        difference that such data show in 80 % of the cases), equivalent (within `margin`; None without one) and verdict (a
        sentence).
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
        return joined(*self.pairs["verdict"].head(3))

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {
            "scores": self.scores.rename(columns={"value": title(METRICS[self.metric].words)}),
            "pairs": self.pairs.set_index("better"),
        }

    def _readings(self) -> Mapping[str, str]:
        return {
            "scores": say(
                "the score of each alone on held-out items of the same folds, with its 95 % interval; whether two differ is tested on "
                "the pairs, item by item, and may be shown where these intervals overlap."
            ),
            "pairs": say(
                "how much higher the score of the better one is on the same items, with a 95 % interval; p is how often chance alone gives "
                "a difference so large where there is none (Holm: for all pairs together), detectable the smallest true difference that "
                "such data show in four of five cases."
            ),
        }

    def _figures(self) -> Mapping[str, Any]:
        return {"price": self._draw}

    def _draw(self) -> Any:
        from mmtoolkit.figures import bars

        names = [
            " · ".join(
                [
                    shorten(name, 24),
                    say("{n} features", n=row["dimension"]),
                    _price(float(row["price_per_1000"]), str(row["currency"])),
                ]
            )
            for name, row in self.scores.to_dict("index").items()
        ]
        known = self.scores["price_per_1000"].notna().any()
        prices = say("Prices are for 1,000 items, estimated from above.") if known else ""
        return bars(
            names,
            self.scores["value"],
            low=self.scores["low"],
            high=self.scores["high"],
            title=say("Which one is worth paying for?"),
            x_title=title(METRICS[self.metric].words),
            caption=joined(*self.pairs["verdict"].head(6), prices),
        )

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return flipped items exactly, scores and differences rounded."""
        rounded = {"scores": self.scores[["value", "low", "high"]], "pairs": self.pairs}
        return {"exact": plain({"flips": self.flips}), "rounded": plain(rounded), "map": {}}


@verb("compare", columns=("y", "groups"), sources="named", memory=0.5)
def compare(
    embeddings: Mapping[str, HasVectors | ArrayLike],
    y: ArrayLike | str = "label",
    *,
    metric: str = "accuracy",
    estimator: Any = None,
    cv: int = 5,
    groups: ArrayLike | str | None = None,
    duplicates: Literal["group", "ignore"] = "group",
    margin: float | None = None,
    repeats: int = 1,
    normalize: bool = True,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Comparison:
    """Classify the same items by several embeddings and say which is better.

    All share the folds; items that are duplicates in any of the spaces stay together in all, and where these are the same in
    every space the scores and intervals are those of `classify`. The variance of a difference has
    other items and other training items in it: the same resamples of groups for all, multiplied by what paired disjoint
    halves find larger for a classifier in closed form on the same vectors. Holm's correction is for the number of pairs.

    Parameters
    ----------
    embeddings : mapping of str to Embeddings or array
        At least two, of the same items in the same order: other models, or other dimensions of one model.
    y : array-like of shape (n_items,) or str, default="label"
        Classes, or a column of the first one's items.
    metric : {"accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "matthews_corrcoef"}, default="accuracy"
        What is compared: a row of the table of metrics that is computed from confusion counts.
    margin : float or None, default=None
        A difference too small to matter, such as 0.02: then the verdict says whether two are equivalent within it (two
        one-sided tests at 5 %). Choose it before you look.
    repeats : int, default=1
        Cross-validations with other folds: scores and their differences are means over them. The standard errors are those of
        one, which are never too small.
    estimator, cv, groups, duplicates, normalize, random_state
        As `classify` takes them.
    n_jobs : int or None, default=None
        Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
        result, and is not recorded.

    Returns
    -------
    Comparison
        `scores`, `pairs`, `flips` and the full `results`.

    Raises
    ------
    ValueError
        If there are fewer than two, or they hold other items; the message names the first difference. If `margin` does not
        lie between 0 and 1.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure; Nadeau and Bengio (2003), Inference for the
    generalization error; Schuirmann (1987), two one-sided tests.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import mmtoolkit as mm
    >>> X, y = load_iris(return_X_y=True)
    >>> mm.compare({"sepals": X[:, :2], "all": X}, y, duplicates="ignore").pairs["better"].tolist()
    ['all']
    """
    check_choice("metric", metric, (row.name for row in METRICS.values() if row.of == "counts"))
    check_options(cv=cv, duplicates=duplicates, repeats=repeats)
    if margin is not None and not (is_number(margin) and 0.0 < margin < 1.0):
        msg = f"margin is a difference between 0 and 1, such as 0.02 for two points, got {margin!r}"
        raise ValueError(msg)
    if not isinstance(embeddings, Mapping) or len(embeddings) < 2:
        msg = (
            "compare needs a mapping of at least two names to embeddings, e.g. {'v1': emb1, 'plus': emb2}, got "
            f"{type(embeddings).__name__}{f' of {len(embeddings)}' if isinstance(embeddings, Mapping) else ''}"
        )
        raise ValueError(msg)
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
    together = [f"{number:012d}" for number in merge_groups(*parts)]  # classify numbers them in this order, its own
    options: dict[str, Any] = {"estimator": estimator, "cv": cv, "repeats": repeats, "normalize": normalize}
    results = {
        name: classify(emb, values, groups=together, duplicates="ignore", random_state=random_state, **options)
        for name, emb in embeddings.items()
    }
    row = METRICS[metric]
    rows = {name: vectors_of(emb, normalize=normalize) for name, emb in embeddings.items()}
    scores = _scores(results, metric)
    return Comparison(
        scores=scores.join(_prices(embeddings)).sort_values("value", ascending=not row.higher_is_better, kind="stable"),
        pairs=_judge(results, rows, row, margin, cv, random_state),
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
        refuse_other_order(first, index_of(emb), repr(other))
        refuse_other_order(emb, index_of(first), repr(name))


def _scores(results: Mapping[str, Classification], metric: str) -> pd.DataFrame:
    """Return value, low and high of every embedding."""
    rows = {name: r.metrics.loc[metric, ["value", "low", "high"]] for name, r in results.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(index="name")


def _judge(
    results: Mapping[str, Classification],
    rows: Mapping[str, NDArray[np.float32]],
    metric: Metric,
    margin: float | None,
    cv: int,
    random_state: int,
) -> pd.DataFrame:
    """Return one row per pair: which is better, by how much, how sure that is, and which difference could have been shown."""
    one = next(iter(results.values()))
    held = HeldOutItems(one)
    found = differences(
        {name: X[held.rows] for name, X in rows.items()},
        [codes_of(r.y_pred[held.rows], one.classes) for r in results.values()],
        held.true,
        held.groups,
        len(one.classes),
        metric,
        cv=cv,
        random_state=random_state,
    )
    means = [score_tables.number(r.metrics, metric.name, "value") for r in results.values()]  # over all repeats
    found = [replace(d, value=a - b) for d, (a, b) in zip(found, combinations(means, 2), strict=True)]
    p = holm(np.array([d.p_value for d in found]))
    pairs, verdicts = [], []
    for (a, b), d, corrected in zip(combinations(results, 2), found, p, strict=True):
        better = d.value >= 0 if metric.higher_is_better else d.value <= 0
        first, second = (a, b) if better else (b, a)
        size, reach, least = abs(d.value), d.reach(), d.shown(len(found))
        same = None if margin is None or np.isnan(d.error) else d.equivalent(margin)
        words = _verdict(shorten(first, 40), shorten(second, 40), size, reach, corrected < LEVEL, least)
        verdicts.append(joined(words, _equivalence(same, margin)))
        pairs.append((first, second, size, size - reach, size + reach, d.p_value, corrected, least, same))
    columns = [
        "better",
        "other",
        "difference",
        "low",
        "high",
        "p_value",
        "p_holm",
        "detectable",
        "equivalent",
    ]
    table = pd.DataFrame(pairs, columns=columns).astype({"equivalent": object})
    return table.assign(verdict=pd.Series(verdicts, dtype=object))


def _verdict(a: str, b: str, size: float, reach: float, shown: bool, least: float) -> str:
    """Return the sentence that names the better one, or the smallest difference that could have been shown."""
    if np.isnan(reach):
        return say(
            "{a} and {b} differ by {points}; with so few independent items (of a class) that cannot be tested.",
            a=a,
            b=b,
            points=points(size),
        )
    between = f"[{100 * (size - reach):.1f}, {100 * (size + reach):.1f}]"
    if shown:
        return say("{a} is better than {b} by {points} {between}.", a=a, b=b, points=points(size), between=between)
    return say(
        "No difference can be shown between {a} and {b}: {points} {between}. Such data would have shown one of {least} in four of five "
        "cases.",
        a=a,
        b=b,
        points=points(size),
        between=between,
        least=points(least),
    )


def _equivalence(same: bool | None, margin: float | None) -> str:
    if same is None or margin is None:
        return ""
    if same:
        return say("They are equivalent within ±{points}.", points=points(margin))
    return say("That they are equivalent within ±{points} cannot be shown.", points=points(margin))


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
        return say("price unknown")
    return f"{price:.2g} {currency}" if price else say("free")
