"""The figures of a classification result, each with a caption in plain words made from its own numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._blocks import evenly
from mmtoolkit._text import shorten
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.classification.metrics import calibration, metrics_for, ratio
from mmtoolkit.classification.score_tables import number
from mmtoolkit.figures import bars, bars_over, curve, heatmap
from mmtoolkit.figures.style import TEXT
from mmtoolkit.words import between, joined, percent, points, say, word

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmtoolkit.classification.result import Classification
    from mmtoolkit.classification.scored import Scored

__all__ = ["confusion", "of", "per_class"]

_POINTS = 200


def of(result: Classification) -> dict[str, Callable[[], Any]]:
    """Return the drawings of a result by name, the main one first."""
    drawings: dict[str, Callable[[], Any]] = {
        "confusion": lambda: confusion(result),
        "metrics": lambda: _metrics(result),
        "per_class": lambda: per_class(result),
        "calibration": lambda: _calibration(result),
        "risk_coverage": lambda: _risk_coverage(result),
    }
    if result.per_class["roc_auc"].notna().any():  # needs items of at least two classes
        roc = (word("Can it rank? ROC per class"), word("false positive rate"), word("true positive rate"))
        precision_recall = (word("Precision and recall per class"), word("recall"), word("precision"))
        drawings |= {
            "roc": lambda: _areas(result, _roc, "roc_auc", roc),
            "precision_recall": lambda: _areas(result, _precision_recall, "average_precision", precision_recall),
        }
    return drawings


def confusion(result: Scored) -> go.Figure:
    """Draw the confusion matrix of a result."""
    counts = result.confusion.to_numpy(dtype=np.float64)
    names = [str(name) for name in result.classes.tolist()]
    wrong = counts - np.diag(np.diag(counts))
    caption = say("No item was taken for another class.")
    if wrong.any():
        i, j = np.unravel_index(int(wrong.argmax()), wrong.shape)
        alone = int((wrong == wrong.max()).sum()) == 1
        most = say("most often {true} for {other}", true=shorten(names[i], 30), other=shorten(names[j], 30))
        tied = say("none more often than {true} for {other}", true=shorten(names[i], 30), other=shorten(names[j], 30))
        caption = say(
            "{wrong:.0f} of {n_items:.0f} items were taken for another class; {what} ({n:.0f} time, {share} of that class).",
            "{wrong:.0f} of {n_items:.0f} items were taken for another class; {what} ({n:.0f} times, {share} of that class).",
            wrong=wrong.sum(),
            n_items=counts.sum(),
            what=most if alone else tied,
            n=wrong[i, j],
            share=percent(wrong[i, j] / counts[i].sum(), 0),
        )
    shares = ratio(counts, counts.sum(axis=1, keepdims=True))
    return heatmap(
        counts,
        names,
        names,
        title=say("Which classes are confused"),
        x_title=say("predicted"),
        y_title=say("true"),
        caption=caption,
        color=shares,
        color_title=say("share of the true class"),
    )


def _metrics(result: Classification) -> go.Figure:
    rows = [row for row in metrics_for(len(result.classes)) if row.higher_is_better]
    table = result.metrics.loc[[row.name for row in rows]]
    right, low, high, base = (number(result.metrics, "accuracy", name) for name in ("value", "low", "high", "baseline"))
    value = percent(right)
    if not np.isnan(low):
        value = say("{value} (95 % interval {interval})", value=value, interval=between(percent(low), percent(high)))
    return bars(
        [str(row.words) for row in rows],
        table["value"],
        low=table["low"],
        high=table["high"],
        title=say("Scores on held-out items"),
        x_title=say("score (1 is perfect)"),
        baseline=base,
        baseline_name=say("always the most frequent class"),
        caption=joined(
            say(
                "{value} of {n} held-out items are right; always saying the most frequent class gives {baseline}, the five nearest "
                "neighbours {neighbours}.",
                value=value,
                n=result.n_scored,
                baseline=percent(base),
                neighbours=percent(number(result.baselines, "accuracy", "neighbours")),
            ),
            result.notes[0],
        ),
    )


def per_class(result: Scored) -> go.Figure:
    """Draw F1 per class of a result."""
    table = result.per_class.sort_values("f1", ascending=False, kind="stable")
    worst, name = table.iloc[-1], shorten(table.index[-1], 40)
    alone = int((table["f1"] == worst["f1"]).sum()) == 1
    return bars(
        [
            f"{shorten(name, 20, tail=7)} ({row.support})"
            for name, row in zip(table.index, table.itertuples(), strict=True)
        ],
        table["f1"],
        low=table["f1_low"],
        high=table["f1_high"],
        title=say("F1 per class (number of items)"),
        x_title="F1",
        baseline=number(result.metrics, "f1_macro", "value"),
        baseline_name=say("mean"),
        caption=say(
            "{what}: of its {n:.0f} items {recall} are found, and {precision} of the answers with this class are right.",
            what=say("Hardest is {name}", name=name) if alone else say("No class is harder than {name}", name=name),
            n=worst["support"],
            recall=percent(worst["recall"], 0),
            precision=percent(worst["precision"], 0),
        ),
    )


def _calibration(result: Classification) -> go.Figure:
    held = HeldOutItems(result)
    confidence, accuracy, count = calibration(held.true, held.proba)
    filled = count > 0
    gap = float((confidence - accuracy) @ count / count.sum())
    error = say(
        "Confidence and accuracy differ by {size} on average (expected calibration error).",
        size=points(number(result.metrics, "ece", "value")),
    )
    sure = (
        say("Over all items the classifier is {size} too sure of itself.", size=points(abs(gap)))
        if gap > 0
        else say("Over all items the classifier is {size} less sure than it could be.", size=points(abs(gap)))
    )
    fig = bars_over(
        (np.arange(len(count)) + 0.5) / len(count),
        np.where(filled, accuracy, np.nan),
        [f"{n:,}" if n else "" for n in count.tolist()],
        title=say("When it says 80 %, is it right in 80 %?"),
        x_title=say("confidence"),
        y_title=say("share that is right"),
        caption=joined(
            error, sure, say("Above a bar stands its number of items; on the line, confidence equals accuracy.")
        ),
    )
    fig.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line={"color": TEXT, "width": 1.5, "dash": "dash"})
    return fig


def _risk_coverage(result: Classification) -> go.Figure:
    table = result.risk_coverage()
    shown = table.iloc[evenly(len(table), _POINTS)]
    half = table[table["coverage"] >= 0.5].iloc[0]
    return curve(
        shown["coverage"],
        {say("share wrong"): (shown["risk"], None, None), say("95 % limit"): (shown["upper"], None, None)},
        percent=True,
        title=say("Fewer mistakes by answering only when sure?"),
        x_title=say("share of items answered"),
        y_title=say("share of answers that are wrong"),
        caption=say(
            "Answering all items {all} are wrong; answering only the surest {coverage} (min_confidence={least:.4f}) {risk}, on other "
            "items at most {upper} (95 %, for all points of the curve at once).",
            all=percent(table["risk"].iloc[-1]),
            coverage=percent(half["coverage"], 0),
            least=np.floor(half["confidence"] * 1e4) / 1e4,
            risk=percent(half["risk"]),
            upper=percent(half["upper"]),
        ),
    )


def _roc(own: NDArray[np.bool_], score: NDArray[np.float64]) -> Any:
    from sklearn.metrics import roc_curve

    return roc_curve(own, score)[:2]


def _precision_recall(own: NDArray[np.bool_], score: NDArray[np.float64]) -> Any:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(own, score)
    return recall[::-1], precision[::-1]


def _areas(result: Classification, one: Callable[..., Any], column: str, words: tuple[str, str, str]) -> go.Figure:
    held = HeldOutItems(result)
    codes, proba = held.true, held.proba
    grid = np.linspace(0.0, 1.0, 101)
    table = result.per_class[column].dropna().sort_values(kind="stable")
    lines = {}
    for name in table.index[:10]:
        k = int(np.flatnonzero(result.classes == name)[0])
        x, y = one(codes == k, proba[:, k])
        called = f"{shorten(name, 30, tail=10)} ({table[name]:.3f})"
        if called in lines:  # names may be alike at both ends
            called = f"{k}: {called}"
        lines[called] = (np.interp(grid, x, y), None, None)
    area = say("area under the curve") if column == "roc_auc" else say("average precision")
    return curve(
        grid,
        lines,
        title=str(words[0]),
        x_title=str(words[1]),
        y_title=str(words[2]),
        shares=True,
        caption=say(
            "One class against the rest, the {n} hardest of {n_classes} first. The {area} runs from {least:.3f} ({hardest}) to "
            "{most:.3f} ({easiest}).",
            n=len(lines),
            n_classes=len(result.classes),
            area=area,
            least=table.iloc[0],
            hardest=shorten(table.index[0], 30),
            most=table.iloc[-1],
            easiest=shorten(table.index[-1], 30),
        ),
    )
