"""A classification in a report: scores first, then where it fails, with the items themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._text import shorten
from mmtoolkit.classification.coded import name_of
from mmtoolkit.classification.label_issues import expected_of_clean
from mmtoolkit.classification.metrics import METRICS, metrics_for
from mmtoolkit.reporting.blocks import Block, Gallery, Key, Table, Words
from mmtoolkit.reporting.sections.base import Contribution, drawings, percent, points, quoted
from mmtoolkit.vectors import items_of

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.reporting.record import Named

__all__ = ["part"]

_SEEN = 5e-4  # what is less is 0.0 points
_FIGURES = ("confusion", "calibration", "risk_coverage", "roc", "precision_recall")  # the others repeat the tables
_MOST_ERRORS = 16
_SIGNIFICANT = 0.05
_MOST_ISSUES = 16


def part(name: str, result: Any, named: Named) -> Contribution:  # noqa: ARG001 - every room has this signature
    """Return what a classification gives to a report.

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
    by = f" by {quoted(y)}" if isinstance(y, str) and y != "label" else ""
    blocks: list[Block] = [
        Words(_how(result)),
        Table(
            _scores(result, lower=False),
            f"Each score was measured on items the classifier had not seen{_nor_duplicates(result)}. "
            f"{_interval_of(result)}The baseline (tick) always guesses the most "
            "frequent class; neighbours is a vote of the five nearest items.",
            shares=("value",),
            intervals={"value": ("low", "high")},
            marks={"value": "baseline"},
        ),
        Table(
            _scores(result, lower=True),
            "How good the probabilities are; lower is better, 0 is perfect.",
            intervals={"value": ("low", "high")},
        ),
        *_groups(result),
        *([] if result.per_class.empty else [_per_class(result)]),
        *drawings(result, *_FIGURES),
        *_errors(result),
        *_issues(result),
    ]
    return Contribution(f"Classification{by}", blocks, _sentences(result), _keys(result), result.notes)


def _interval_of(result: Any) -> str:
    """Say what the intervals are for, "" where there are none; Spark's are of the model that it trained."""
    if result.metrics["low"].isna().all():
        return ""
    return f"The 95 % interval (thin line) is for {getattr(result, 'interval_of', 'this model on other items')}. "


def _how(result: Any) -> str:
    params = result.recipe["params"]
    held = f"{params['cv']}-fold cross-validation" if params["test"] is None else "a fixed test split"
    unlabelled = (
        f" {result.n_unlabelled:,} items without a class were predicted but not scored." if result.n_unlabelled else ""
    )
    n_small = sum(value is not None for value in getattr(result, "left_out", ()))
    small = f" {n_small:,} items of classes that are too small were predicted as one of the others." if n_small else ""
    repeats = f", repeated {params['repeats']} times" if params["repeats"] > 1 else ""
    chosen = list(result.choices.columns)
    inside = "folds" if params["test"] is None else "rows"
    settings = (
        f" whose settings ({', '.join(map(str, chosen))}) were chosen inside the training {inside}" if chosen else ""
    )
    return (
        f"{result.n_scored:,} items of {len(result.classes)} classes were scored with {held}{repeats}, by a "
        f"{name_of(result.estimator)}{settings}.{unlabelled}{small}{_grouped(params['groups'])}"
    )


def _grouped(groups: Any) -> str:
    """Say which items never stood on both sides of a split because the user said so, "" without groups."""
    if groups is None:
        return ""
    return f" Items of one group ({quoted(groups) if isinstance(groups, str) else 'groups='}) were kept on one side of every split."


def _nor_duplicates(result: Any) -> str:
    return ", nor any duplicate of them that was found" if result.recipe["params"]["duplicates"] == "group" else ""


def _scores(result: Any, *, lower: bool) -> pd.DataFrame:
    import pandas as pd

    table: pd.DataFrame = result.metrics.join(result.baselines.drop(columns="majority", errors="ignore"))
    rows = {row.name: row for row in metrics_for(len(result.classes))}
    table = table[[name in rows and rows[name].higher_is_better != lower for name in table.index]]
    table = table.drop(columns=[n for n in table if n not in ("low", "high") and table[n].isna().all()])
    table.index = pd.Index([rows[name].words for name in table.index], name="score")
    return table


def _groups(result: Any) -> list[Block]:
    params = result.recipe["params"]
    if params["duplicates"] == "ignore":
        what = "" if params["groups"] is None else " beyond the groups"
        return [
            Words(
                f'Duplicates were not looked for{what} (duplicates="ignore"): where an item stands on both sides of a split, the '
                "scores profit from having seen it."
            )
        ]
    if result.ungrouped_accuracy is None:
        return [Words("Duplicates were looked for among the items with a class; none were found.")]
    grouped = float(result.metrics.loc["accuracy", "value"])
    sizes = np.bincount(result.duplicate_groups)
    return [
        Words(
            f"{int(sizes[sizes > 1].sum()):,} items have an exact or near duplicate ({int((sizes > 1).sum()):,} group{'s' if (sizes > 1).sum() > 1 else ''}). Kept on one "
            f"side of every split, the accuracy is {percent(grouped)}; let fall as they may, it would be "
            f"{percent(result.ungrouped_accuracy)}. The first is the one to quote."
        )
    ]


def _times(n: float) -> str:
    return f"{n:.0f} time{'' if round(n) == 1 else 's'}"


def _per_class(result: Any) -> Table:
    table = result.per_class
    wanted = [n for m in ("precision", "recall", "f1") for n in (m, f"{m}_low", f"{m}_high") if n in table.columns]
    shown = [m for m in ("precision", "recall", "f1") if m in table.columns]
    intervals = {m: (f"{m}_low", f"{m}_high") for m in shown if f"{m}_low" in table.columns}
    hardest = table.sort_values("recall", kind="stable")
    return Table(
        hardest[[*wanted, "support"]],
        f"Hardest class first: of the items of {quoted(hardest.index[0])}, {percent(float(hardest['recall'].iloc[0]))} were found. "
        "Precision: how many of those called so are so. Recall: how many of those that are so were found. Thin lines are 95 % intervals.",
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
        return [Words("Every scored item was predicted right.")]
    notes = [
        f"{shorten(result.y_true[i], 22)} → {shorten(result.y_pred[i], 22)}, {100 * p:.0f} %"
        for i, p in zip(rows[:_MOST_ERRORS], sure[:_MOST_ERRORS], strict=True)
    ]
    text = (
        f"{len(rows):,} of {result.n_scored:,} items were predicted wrong; these are the ones the classifier was surest about, as "
        "true class → predicted class and its probability. Some may be labelled wrong."
    )
    frame = items_of(result.source)
    if frame is None:
        listed = ", ".join(f"{result.ids[i]} ({n})" for i, n in zip(rows[:_MOST_ERRORS], notes, strict=False))
        return [Words(f"{text} {listed}")]
    return [Gallery(frame.iloc[rows[:_MOST_ERRORS]], notes, "Most confident errors", text)]


def _issues(result: Any) -> list[Block]:
    table, frame = result.label_issues(), items_of(result.source)
    if len(table) == 0 or frame is None:
        return []
    top = table.head(_MOST_ISSUES)
    notes = [f"{shorten(a, 22)} → {shorten(b, 22)}?" for a, b in zip(top["label"], top["suggested"], strict=True)]
    caption = (
        f"{len(table):,} items carry a class that the held-out predictions speak against. Labels without a mistake, drawn by the "
        f"predicted probabilities, would give about {expected_of_clean(result):,.0f}: as many as that may only lie between two "
        "classes. The strongest come first, as given class → suggested class. Look before you change anything."
    )
    return [Gallery(frame.iloc[top["row"]], notes, "Labels to look at", caption)]


def _confused(result: Any) -> str:
    counts = result.confusion.to_numpy(dtype=float).copy()
    np.fill_diagonal(counts, 0)
    if counts.max() <= 0:
        return ""
    i, j = np.unravel_index(int(counts.argmax()), counts.shape)
    true, wrong = result.confusion.index[i], result.confusion.columns[j]
    return f" The most frequent confusion is {quoted(true)} taken for {quoted(wrong)} ({_times(counts[i, j])})."


def _verdict(result: Any) -> str:
    """Say what the permutation test found, "" where there was none; Spark has none."""
    p = getattr(result, "p_value", np.nan)
    if np.isnan(p):
        return ""
    found = (
        "The vectors tell the classes apart"
        if p <= _SIGNIFICANT
        else "No evidence that the vectors tell the classes apart"
    )
    return f" {found} (permutation test, p = {p:.3f})."


def _sentences(result: Any) -> list[str]:
    row = result.metrics.loc["accuracy"]
    value, baseline = float(row["value"]), float(row["baseline"])
    interval = f" (95 % interval {percent(row['low'])} to {percent(row['high'])})" if np.isfinite(row["low"]) else ""
    gain = f"{points(value - baseline)} above" if value > baseline else f"{points(baseline - value)} below"
    gain = gain if abs(value - baseline) >= _SEEN else "no better than"
    return [
        f"A classifier of {len(result.classes)} classes has an accuracy of {percent(value)}{interval} on items it had not "
        f"seen, {gain} always guessing the most frequent class ({percent(baseline)}); a vote of the five nearest items gets "
        f"{percent(float(result.baselines.loc['accuracy', 'neighbours']))}.{_verdict(result)}{_confused(result)}"
    ]


def _beside(result: Any) -> str:
    """Return the p that stands beside the accuracy."""
    p = getattr(result, "p_value", np.nan)
    return "" if np.isnan(p) else f"; p = {p:.3f}"


def _keys(result: Any) -> list[Key]:
    keys = []
    rival = result.baselines["neighbours"]
    for metric in ("accuracy", "f1_macro"):
        if metric not in result.metrics.index:
            continue
        row = result.metrics.loc[metric]
        interval = f"{percent(row['low'])} to {percent(row['high'])}" if np.isfinite(row["low"]) else "no interval"
        keys.append(
            Key(
                METRICS[metric].words,
                percent(float(row["value"])),
                f"{interval}{_beside(result) if metric == 'accuracy' else ''}; majority {percent(float(row['baseline']))}; neighbours {percent(float(rival[metric]))}",
            )
        )
    return keys
