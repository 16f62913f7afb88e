"""A classification in a report: scores first, then where it fails, with the items themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmtoolkit._text import shorten
from mmtoolkit.classification.coded import name_of
from mmtoolkit.classification.label_issues import expected_of_clean
from mmtoolkit.classification.metrics import METRICS, metrics_for
from mmtoolkit.reporting.blocks import Block, Folded, Gallery, Key, Table, Words
from mmtoolkit.reporting.sections.base import Contribution, drawings
from mmtoolkit.reporting.sections.decision import alone_or_shown
from mmtoolkit.vectors import items_of
from mmtoolkit.words import aside, between, joined, listed, percent, points, quoted, say, title

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["part"]

_SEEN = 5e-4  # what is less is 0.0 points
_FIGURES = ("confusion", "calibration", "risk_coverage")  # the others repeat the tables
_MORE = ("roc", "precision_recall")
_MOST_ERRORS = 16
_SIGNIFICANT = 0.05
_MOST_ISSUES = 16


def part(name: str, result: Any, named: Named) -> Contribution:  # noqa: ARG001 - every room has this signature
    """Return the contribution of a classification to a report.

    Parameters
    ----------
    name : str
        Name of the result.
    result : Classification
        The result.
    named : Named
        All results of the report.

    Returns
    -------
    Contribution
        Its section and its lines in the summary.
    """
    y = result.recipe["params"]["y"]
    heading = (
        say("Classification by {column}", column=quoted(y))
        if isinstance(y, str) and y != "label"
        else say("Classification")
    )
    blocks: list[Block] = [
        Words(_how(result)),
        Table(
            _scores(result, lower=False),
            joined(
                _unseen(result),
                _interval_of(result),
                say(
                    "The baseline (tick) always guesses the most frequent class; neighbours is a vote of the five nearest items."
                ),
            ),
            shares=("value",),
            percents=("baseline", "neighbours"),
            intervals={"value": ("low", "high")},
            marks={"value": "baseline"},
            fractions=(str(METRICS["matthews_corrcoef"].words),),
        ),
        Table(
            _scores(result, lower=True),
            say("How good the probabilities are; lower is better, 0 is perfect."),
            intervals={"value": ("low", "high")},
        ),
        *_groups(result),
        *([] if result.per_class.empty else [_per_class(result)]),
        *drawings(result, *_FIGURES),
        *alone_or_shown(result),
        *_more_figures(result),
        *_errors(result),
        *_issues(result),
    ]
    return Contribution(heading, blocks, _sentences(result), _keys(result), result.notes)


def _more_figures(result: Any) -> list[Block]:
    more = drawings(result, *_MORE)
    return [Folded(say("More: ROC, precision and recall of every class"), more)] if more else []


def _interval_of(result: Any) -> str:
    """Say what the intervals are for, "" where there are none; Spark's are of the model that it trained."""
    if result.metrics["low"].isna().all():
        return ""
    return say(
        "The 95 % interval (thin line) is for {what}.",
        what=getattr(result, "interval_of", say("this model on other items")),
    )


def _how(result: Any) -> str:
    params = result.recipe["params"]
    after = params.get("test_after")
    folds = params["test"] is None and after is None
    held = say("{n}-fold cross-validation", n=params["cv"]) if folds else say("a fixed test split")
    if after is not None:
        held = say("a split in time ({column} after {day})", column=quoted(after[0]), day=after[1])
    if params["repeats"] > 1:
        held = say("{how}, repeated {n} times", how=held, n=params["repeats"])
    scored = say(
        "{n:,} item of {n_classes} classes was scored with {how}, by a {classifier}.",
        "{n:,} items of {n_classes} classes were scored with {how}, by a {classifier}.",
        n=result.n_scored,
        n_classes=len(result.classes),
        how=held,
        classifier=name_of(result.estimator),
    )
    chosen = listed(map(title, result.choices.columns[result.choices.notna().all()]))
    settings = ""
    if chosen and folds:
        settings = say("Its settings ({names}) were chosen inside the training folds.", names=chosen)
    elif chosen:
        settings = say("Its settings ({names}) were chosen inside the training rows.", names=chosen)
    first = say(
        "Scores and confusions are means over the repetitions; predictions, errors and curves are of the first."
    )
    return joined(
        scored, settings, first if params["repeats"] > 1 else "", *_not_scored(result), _grouped(params["groups"])
    )


def _not_scored(result: Any) -> Iterator[str]:
    """Say which items were predicted only."""
    if result.n_unlabelled:
        yield say(
            "{n:,} item without a class was predicted but not scored.",
            "{n:,} items without a class were predicted but not scored.",
            n=result.n_unlabelled,
        )
    if n_small := sum(value is not None for value in getattr(result, "left_out", ())):
        yield say(
            "{n:,} item of a class that is too small was predicted as one of the others.",
            "{n:,} items of classes that are too small were predicted as one of the others.",
            n=n_small,
        )


def _grouped(groups: Any) -> str:
    """Say which items never stood on both sides of a split because the user said so, "" without groups."""
    if groups is None:
        return ""
    return say(
        "Items of one group ({column}) were kept on one side of every split.",
        column=quoted(groups) if isinstance(groups, str) else "groups=",
    )


def _unseen(result: Any) -> str:
    if result.recipe["params"]["duplicates"] == "group":
        return say(
            "Each score was measured on items the classifier had not seen, nor any duplicate of them that was found."
        )
    return say("Each score was measured on items the classifier had not seen.")


def _scores(result: Any, *, lower: bool) -> pd.DataFrame:
    table: pd.DataFrame = result.metrics.join(result.baselines.drop(columns="majority", errors="ignore"))
    rows = {row.name: row for row in metrics_for(len(result.classes))}
    table = table[[name in rows and rows[name].higher_is_better != lower for name in table.index]]
    table = table.drop(columns=[n for n in table if n not in ("low", "high") and table[n].isna().all()])
    table.index = pd.Index([str(rows[name].words) for name in table.index], name="score")
    return table


def _groups(result: Any) -> list[Block]:
    params = result.recipe["params"]
    if params["duplicates"] == "ignore":
        told = say(
            'Duplicates were not looked for (duplicates="ignore"): where an item stands on both sides of a split, the scores '
            "profit from having seen it."
        )
        if params["groups"] is not None:
            told = say(
                'Duplicates were not looked for beyond the groups (duplicates="ignore"): where an item stands on both sides of '
                "a split, the scores profit from having seen it."
            )
        return [Words(told)]
    if result.ungrouped_accuracy is None:
        return [Words(say("Duplicates were looked for among the items with a class; none were found."))]
    grouped = float(result.metrics.loc["accuracy", "value"])
    sizes = np.bincount(result.duplicate_groups)
    return [
        Words(
            say(
                "{n_items:,} items have an exact or near duplicate ({n:,} group). Kept on one side of every split, the accuracy is "
                "{grouped}; on both sides, it would be {ungrouped}. Quote the first.",
                "{n_items:,} items have an exact or near duplicate ({n:,} groups). Kept on one side of every split, the accuracy is "
                "{grouped}; on both sides, it would be {ungrouped}. Quote the first.",
                n=int((sizes > 1).sum()),
                n_items=int(sizes[sizes > 1].sum()),
                grouped=percent(grouped),
                ungrouped=percent(result.ungrouped_accuracy),
            )
        )
    ]


def _per_class(result: Any) -> Table:
    table = result.per_class
    wanted = [n for m in ("precision", "recall", "f1") for n in (m, f"{m}_low", f"{m}_high") if n in table.columns]
    shown = [m for m in ("precision", "recall", "f1") if m in table.columns]
    intervals = {m: (f"{m}_low", f"{m}_high") for m in shown if f"{m}_low" in table.columns}
    hardest = table.sort_values("recall", kind="stable")
    return Table(
        hardest[[*wanted, "support"]],
        say(
            "Hardest class first: of the items of {name}, {recall} were found. Precision: share of the answers with this class "
            "that are right. Recall: share of the items of this class that were found. Thin lines are 95 % intervals.",
            name=quoted(hardest.index[0]),
            recall=percent(float(hardest["recall"].iloc[0])),
        ),
        shares=shown,
        intervals=intervals,
    )


def _wrong(result: Any) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return rows that were scored and got wrong, the surest first, and how sure."""
    scored = result.fold >= 0
    proba = np.nan_to_num(result.y_proba, nan=0.0).max(axis=1)
    wrong = np.flatnonzero(scored & np.array([a != b for a, b in zip(result.y_true, result.y_pred, strict=True)]))
    order = wrong[np.argsort(-proba[wrong], kind="stable")]
    return order, proba[order]


def _errors(result: Any) -> list[Block]:
    rows, sure = _wrong(result)
    if len(rows) == 0:
        return [Words(say("Every scored item was predicted right."))]
    notes = [
        f"{shorten(result.y_true[i], 22)} → {shorten(result.y_pred[i], 22)}, {percent(p, 0)}"
        for i, p in zip(rows[:_MOST_ERRORS], sure[:_MOST_ERRORS], strict=True)
    ]
    text = say(
        "{n:,} of {n_scored:,} items was predicted wrong: true class → predicted class and its probability. It may be labelled wrong.",
        "{n:,} of {n_scored:,} items were predicted wrong; these are the ones the classifier was surest about, as true class → "
        "predicted class and its probability. Some may be labelled wrong.",
        n=len(rows),
        n_scored=result.n_scored,
    )
    frame = items_of(result.source)
    if frame is None:
        names = listed(f"{result.ids[i]} ({n})" for i, n in zip(rows[:_MOST_ERRORS], notes, strict=False))
        return [Words(joined(text, names))]
    return [Gallery(frame.iloc[rows[:_MOST_ERRORS]], notes, say("Most confident errors"), text)]


def _issues(result: Any) -> list[Block]:
    table, frame = result.label_issues(), items_of(result.source)
    if len(table) == 0 or frame is None:
        return []
    shown = set(_wrong(result)[0][:_MOST_ERRORS].tolist())
    others = table[~table["row"].isin(shown)]
    if len(others) == 0:
        return []
    top = others.head(_MOST_ISSUES)
    notes = [f"{shorten(a, 22)} → {shorten(b, 22)}?" for a, b in zip(top["label"], top["suggested"], strict=True)]
    caption = say(
        "{n:,} item has a class that the held-out predictions contradict. Labels without a mistake, drawn by the predicted "
        "probabilities, would give about {expected:,.0f}: as many as that may only lie between two classes. It stands as given "
        "class → suggested class. Look before you change anything.",
        "{n:,} items have a class that the held-out predictions contradict. Labels without a mistake, drawn by the predicted "
        "probabilities, would give about {expected:,.0f}: as many as that may only lie between two classes. The strongest come "
        "first, as given class → suggested class. Look before you change anything.",
        n=len(table),
        expected=expected_of_clean(result),
    )
    again = len(table) - len(others)
    repeated = say(
        "{n} of them stands above among the errors already.",
        "{n} of them stand above among the errors already.",
        n=again,
    )
    return [
        Gallery(frame.iloc[top["row"]], notes, say("Labels to look at"), joined(caption, repeated if again else ""))
    ]


def _confused(result: Any) -> str:
    counts = result.confusion.to_numpy(dtype=float).copy()
    np.fill_diagonal(counts, 0)
    if counts.max() <= 0:
        return ""
    i, j = np.unravel_index(int(counts.argmax()), counts.shape)
    true, wrong = result.confusion.index[i], result.confusion.columns[j]
    if int((counts == counts.max()).sum()) > 1:
        return say(
            "No confusion is more frequent than {true} taken for {wrong} ({n:.0f} time).",
            "No confusion is more frequent than {true} taken for {wrong} ({n:.0f} times).",
            n=counts[i, j],
            true=quoted(true),
            wrong=quoted(wrong),
        )
    return say(
        "The most frequent confusion is {true} taken for {wrong} ({n:.0f} time).",
        "The most frequent confusion is {true} taken for {wrong} ({n:.0f} times).",
        n=counts[i, j],
        true=quoted(true),
        wrong=quoted(wrong),
    )


def _verdict(result: Any) -> str:
    """Return a sentence with the outcome of the permutation test; "" without one, as on Spark."""
    p = getattr(result, "p_value", np.nan)
    if np.isnan(p):
        return ""
    if p <= _SIGNIFICANT:
        return say("The vectors tell the classes apart (permutation test, p = {p:.3f}).", p=p)
    return say("No evidence that the vectors tell the classes apart (permutation test, p = {p:.3f}).", p=p)


def _sentences(result: Any) -> list[str]:
    row = result.metrics.loc["accuracy"]
    value, baseline = float(row["value"]), float(row["baseline"])
    accuracy = (
        say("{value} (95 % interval {interval})", value=percent(value), interval=_interval(row))
        if np.isfinite(row["low"])
        else percent(value)
    )
    apart = points(abs(value - baseline))
    gain = say("{points} above", points=apart) if value > baseline else say("{points} below", points=apart)
    gain = gain if abs(value - baseline) >= _SEEN else say("no better than")
    scored = say(
        "A classifier of {n} classes has an accuracy of {accuracy} on items it had not seen, {gain} always guessing the most "
        "frequent class ({baseline}); a vote of the five nearest items gets {neighbours}.",
        n=len(result.classes),
        accuracy=accuracy,
        gain=gain,
        baseline=percent(baseline),
        neighbours=percent(float(result.baselines.loc["accuracy", "neighbours"])),
    )
    return [joined(scored, _verdict(result), _confused(result))]


def _interval(row: Any) -> str:
    return between(percent(row["low"]), percent(row["high"]))


def _beside(result: Any) -> str:
    """Return the p that stands beside the accuracy."""
    p = getattr(result, "p_value", np.nan)
    return "" if np.isnan(p) else say("p = {p:.3f}", p=p)


def _keys(result: Any) -> list[Key]:
    keys = []
    rival = result.baselines["neighbours"]
    for metric in ("accuracy", "f1_macro"):
        if metric not in result.metrics.index:
            continue
        row = result.metrics.loc[metric]
        details = [
            _interval(row) if np.isfinite(row["low"]) else say("no interval"),
            _beside(result) if metric == "accuracy" else "",
            say("majority {share}", share=percent(float(row["baseline"]))),
            say("neighbours {share}", share=percent(float(rival[metric]))),
        ]
        keys.append(Key(METRICS[metric].words, percent(float(row["value"])), aside(*details)))
    return keys
