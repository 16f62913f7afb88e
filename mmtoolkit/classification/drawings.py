"""The figures of a classification result, each with a caption in plain words made from its own numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._text import shorten
from mmtoolkit.classification.metrics import calibration, metrics_for, ratio
from mmtoolkit.classification.score_tables import number
from mmtoolkit.classification.targets import codes_of
from mmtoolkit.figures import bars, curve, heatmap

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import NDArray

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
        roc = ("Can it rank? ROC per class", "false positive rate", "true positive rate")
        precision_recall = ("Precision and recall per class", "recall", "precision")
        drawings |= {
            "roc": lambda: _areas(result, _roc, "roc_auc", roc),
            "precision_recall": lambda: _areas(result, _precision_recall, "average_precision", precision_recall),
        }
    return drawings


def _scored(result: Classification) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    rows = result.fold >= 0
    return codes_of(result.y_true[rows], result.classes), result.y_proba[rows]


def confusion(result: Scored) -> go.Figure:
    """Draw the confusion matrix of a result."""
    counts = result.confusion.to_numpy(dtype=np.float64)
    names = [str(name) for name in result.classes.tolist()]
    wrong = counts - np.diag(np.diag(counts))
    caption = "No item was taken for another class."
    if wrong.any():
        i, j = np.unravel_index(int(wrong.argmax()), wrong.shape)
        caption = (
            f"{wrong.sum():.0f} of {counts.sum():.0f} items were taken for another class; most often {shorten(names[i], 30)} for "
            f"{shorten(names[j], 30)} ({wrong[i, j]:.0f} {'time' if wrong[i, j] == 1 else 'times'}, {wrong[i, j] / counts[i].sum():.0%} of that class)."
        )
    shares = ratio(counts, counts.sum(axis=1, keepdims=True))
    return heatmap(
        counts,
        names,
        names,
        title="Which classes are confused",
        x_title="predicted",
        y_title="true",
        caption=caption,
        color=shares,
        color_title="share of the true class",
    )


def _metrics(result: Classification) -> go.Figure:
    rows = [row for row in metrics_for(len(result.classes)) if row.higher_is_better]
    table = result.metrics.loc[[row.name for row in rows]]
    right, low, high, base = (number(result.metrics, "accuracy", name) for name in ("value", "low", "high", "baseline"))
    between = "" if np.isnan(low) else f" [{low:.1%}, {high:.1%}]"
    return bars(
        [row.words for row in rows],
        table["value"],
        low=table["low"],
        high=table["high"],
        title="Scores on held-out items",
        x_title="score (1 is perfect)",
        baseline=base,
        baseline_name="always the most frequent class",
        caption=(
            f"{right:.1%} of {result.n_scored} held-out items are right{between}; "
            f"always saying the most frequent class gives {base:.1%}, the five nearest neighbours "
            f"{number(result.baselines, 'accuracy', 'neighbours'):.1%}. {result.notes[0]}"
        ),
    )


def per_class(result: Scored) -> go.Figure:
    """Draw F1 per class of a result."""
    table = result.per_class.sort_values("f1", ascending=False, kind="stable")
    worst = table.iloc[-1]
    return bars(
        [f"{shorten(name, 30)} ({row.support})" for name, row in zip(table.index, table.itertuples(), strict=True)],
        table["f1"],
        low=table["f1_low"],
        high=table["f1_high"],
        title="F1 per class (number of items)",
        x_title="F1",
        baseline=number(result.metrics, "f1_macro", "value"),
        baseline_name="mean",
        caption=(
            f"Hardest is {shorten(table.index[-1], 40)}: of its {worst['support']:.0f} items {worst['recall']:.0%} are found, and "
            f"{worst['precision']:.0%} of the answers with this class are right."
        ),
    )


def _calibration(result: Classification) -> go.Figure:
    confidence, accuracy, count = calibration(*_scored(result))
    filled = count > 0
    gap = float((confidence - accuracy) @ count / count.sum())
    word = "too sure of itself" if gap > 0 else "less sure than it could be"
    return curve(
        confidence[filled],
        {
            "classifier": (accuracy[filled], None, None),
            "perfect": (confidence[filled], None, None),
        },
        title="When it says 80 %, is it right in 80 %?",
        x_title="confidence",
        y_title="share that is right",
        caption=(
            f"Confidence and accuracy differ by {number(result.metrics, 'ece', 'value'):.3f} on average (expected calibration error); "
            f"over all items the classifier is {abs(gap):.1%} {word}."
        ),
    )


def _risk_coverage(result: Classification) -> go.Figure:
    table = result.risk_coverage()
    rows = _thin(len(table))
    shown = table.iloc[rows]
    half = table[table["coverage"] >= 0.5].iloc[0]
    return curve(
        shown["coverage"],
        {"share wrong": (shown["risk"], None, None), "95 % limit": (shown["upper"], None, None)},
        title="Fewer mistakes by answering only when sure?",
        x_title="share of items answered",
        y_title="share of answers that are wrong",
        caption=(
            f"Answering all items {table['risk'].iloc[-1]:.1%} are wrong; answering only the surest {half['coverage']:.0%} "
            f"(min_confidence={np.floor(half['confidence'] * 1e4) / 1e4:.4f}) {half['risk']:.1%}, on other items at most {half['upper']:.1%} (95 %, for all "
            "points of the curve at once)."
        ),
    )


def _thin(n: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, n - 1, min(n, _POINTS)).astype(np.intp))


def _roc(own: NDArray[np.bool_], score: NDArray[np.float64]) -> Any:
    from sklearn.metrics import roc_curve

    return roc_curve(own, score)[:2]


def _precision_recall(own: NDArray[np.bool_], score: NDArray[np.float64]) -> Any:
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(own, score)
    return recall[::-1], precision[::-1]


def _areas(result: Classification, one: Callable[..., Any], column: str, words: tuple[str, str, str]) -> go.Figure:
    codes, proba = _scored(result)
    grid = np.linspace(0.0, 1.0, 101)
    table = result.per_class[column].dropna().sort_values(kind="stable")
    lines = {}
    for name in table.index[:10]:
        k = int(np.flatnonzero(result.classes == name)[0])
        x, y = one(codes == k, proba[:, k])
        lines[f"{shorten(name, 30)} ({table[name]:.3f})"] = (np.interp(grid, x, y), None, None)
    area = column.replace("_", " ").replace("roc auc", "area under the curve")
    return curve(
        grid,
        lines,
        title=words[0],
        x_title=words[1],
        y_title=words[2],
        caption=(
            f"One class against the rest, the {len(lines)} hardest of {len(result.classes)} first. The {area} runs from "
            f"{table.iloc[0]:.3f} ({shorten(table.index[0], 30)}) to {table.iloc[-1]:.3f} ({shorten(table.index[-1], 30)})."
        ),
    )
