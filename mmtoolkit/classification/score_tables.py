"""The tables of a classification result: scores with intervals and baselines, and scores per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array, hstack
from scipy.special import ndtri

from mmtoolkit.classification.intervals import LEVEL, Statistic, bca, widened, wilson
from mmtoolkit.classification.metrics import CLASS_METRICS, Counts, Metric, confusion_of, metrics_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["baseline_table", "cells_of", "class_table", "count_scores", "hit_table", "metric_table", "number"]


def number(frame: pd.DataFrame, row: object, column: str) -> float:
    """Return one cell of a table as a float."""
    return float(frame[column].to_numpy(dtype=np.float64)[list(frame.index).index(row)])


def _sums(groups: NDArray[np.intp], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return per-group sums of the rows of values."""
    out = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(out, groups, values)
    return out


def cells_of(groups: NDArray[np.intp], codes: NDArray[np.intp], predicted: NDArray[np.intp], n_classes: int) -> Any:
    """Return per-group confusion counts, sparse (n_groups, n_repeats * n_classes^2)."""
    size = n_classes**2
    parts = [
        csr_array((np.ones(len(codes)), (groups, codes * n_classes + p)), shape=(int(groups.max()) + 1, size))
        for p in predicted
    ]
    return csr_array(hstack(parts))


def count_scores(rows: Sequence[Metric], tables: NDArray[Any]) -> NDArray[np.float64]:
    """Return metrics of confusion counts of shape (..., n_classes, n_classes), one per row, (..., n_rows)."""
    counts = Counts(tables)
    return np.stack([row.function(counts) for row in rows], axis=-1)


def _with_intervals(
    rows: Sequence[Metric], totals: Any, statistic: Statistic, *, n_items: int, random_state: int
) -> pd.DataFrame:
    """Return value, low, high and error of metrics, from what every group adds to them."""
    value = statistic(np.asarray(totals.sum(axis=0), dtype=np.float64).reshape(1, -1))[0]
    low, high, error = bca(totals, statistic, random_state=random_state)
    low, high = widened(value, low, high, totals.shape[0], floor=[row.lowest for row in rows])
    error = np.where(error > 0, error, (high - low) / (2.0 * ndtri(0.5 + LEVEL / 2)))  # as wide as the interval says
    if totals.shape[0] == n_items:  # nothing belongs together
        shares = np.array([row.interval == "wilson" for row in rows])
        low[shares], high[shares] = wilson(value[shares] * n_items, n_items)
    index = pd.Index([row.name for row in rows], name="metric")
    return pd.DataFrame({"value": value, "low": low, "high": high, "error": error}, index=index)


def hit_table(
    codes: NDArray[np.intp],
    predicted: NDArray[np.intp],
    groups: NDArray[np.intp],
    n_classes: int,
    *,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return the scores of hard predictions, averaged over repeats, with intervals.

    Parameters
    ----------
    codes : ndarray of shape (n_scored,), int
        True classes.
    predicted : ndarray of shape (n_scored,) or (n_repeats, n_scored), int
        Predicted classes.
    groups : ndarray of shape (n_scored,), int
        What the bootstrap draws, from 0 without gaps.
    n_classes : int
        Number of classes.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Index metric; columns value, low, high, error (standard error).
    """
    rows, predicted = metrics_for(n_classes, "counts"), np.atleast_2d(predicted)

    def from_counts(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        scores = count_scores(rows, sums.reshape(len(sums), len(predicted), n_classes, n_classes))
        return np.asarray(scores.mean(axis=1))

    cells = cells_of(groups, codes, predicted, n_classes)
    return _with_intervals(rows, cells, from_counts, n_items=len(codes), random_state=random_state)


def metric_table(
    codes: NDArray[np.intp],
    predicted: NDArray[np.intp],
    proba: NDArray[np.float64],
    groups: NDArray[np.intp],
    *,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return overall scores, averaged over repeats, with intervals.

    Parameters
    ----------
    codes : ndarray of shape (n_scored,), int
        True classes.
    predicted : ndarray of shape (n_repeats, n_scored), int
        Held-out predictions.
    proba : ndarray of shape (n_repeats, n_scored, n_classes)
        Held-out probabilities.
    groups : ndarray of shape (n_scored,), int
        What the bootstrap draws, from 0 without gaps.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Index metric; columns value, low, high, error (standard error).
    """

    def from_sums(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(sums[:, :-1] / sums[:, -1:])

    n_classes = proba.shape[2]
    rows = metrics_for(n_classes, "items")
    means = [np.mean([row.function(codes, p) for p in proba], axis=0) for row in rows]
    totals = _sums(groups, np.column_stack([*means, np.ones(len(codes))]))
    whole = {row.name: np.mean([row.function(codes, p) for p in proba]) for row in metrics_for(n_classes, "all")}
    tables = [
        hit_table(codes, predicted, groups, n_classes, random_state=random_state),
        _with_intervals(rows, totals, from_sums, n_items=len(codes), random_state=random_state),
        pd.DataFrame({"value": whole}, dtype=np.float64),
    ]
    return pd.concat(tables).rename_axis(index="metric")


def class_table(
    codes: NDArray[np.intp],
    predicted: NDArray[np.intp],
    proba: NDArray[np.float64],
    groups: NDArray[np.intp],
    classes: NDArray[Any],
    *,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return scores per class, averaged over repeats.

    Parameters
    ----------
    codes, predicted, proba, groups, random_state
        As `metric_table` takes them.
    classes : ndarray of shape (n_classes,)
        Names.

    Returns
    -------
    DataFrame
        Index class; columns precision, recall and f1, each with _low and _high, then support, roc_auc and
        average_precision (one class against the rest; NaN for a class without support).
    """
    n_repeats, n_classes = len(predicted), len(classes)

    def from_counts(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = Counts(sums.reshape(len(sums), n_repeats, n_classes, n_classes))
        return np.concatenate([getattr(counts, row.name).mean(axis=1) for row in CLASS_METRICS], axis=1)

    cells = cells_of(groups, codes, predicted, n_classes)
    value = from_counts(np.asarray(cells.sum(axis=0), dtype=np.float64).reshape(1, -1))[0]
    low, high, _ = bca(cells, from_counts, random_state=random_state)
    found = np.stack([value, low, high]).reshape(3, len(CLASS_METRICS), n_classes)
    columns: dict[str, Any] = {}
    for row, (value, low, high) in zip(CLASS_METRICS, found.swapaxes(0, 1), strict=True):
        named = [
            {"predicted": p[None], "true": codes[None], "either": np.stack([codes, p])}[row.behind] for p in predicted
        ]
        low, high = widened(value, low, high, np.mean([_groups_behind(groups, n, n_classes) for n in named], axis=0))
        if row.interval == "wilson" and cells.shape[0] == len(codes):
            n = np.mean([np.bincount(one.ravel(), minlength=n_classes) for one in named], axis=0)
            low, high = wilson(value * n, n)
        columns |= {row.name: value, f"{row.name}_low": low, f"{row.name}_high": high}
    columns |= {"support": np.bincount(codes, minlength=n_classes), **_areas(codes, proba)}
    return pd.DataFrame(columns, index=pd.Index(classes.tolist(), name="class"))


def _groups_behind(groups: NDArray[np.intp], named: NDArray[np.intp], n_classes: int) -> NDArray[np.intp]:
    """Return how many groups speak of each class, (n_classes,); named has shape (n, n_scored)."""
    pairs = np.unique(np.stack([np.tile(groups, len(named)), named.ravel()]), axis=1)
    return np.bincount(pairs[1], minlength=n_classes)


def _areas(codes: NDArray[np.intp], proba: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return areas under the curves of one class against the rest, by column."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    n_classes = proba.shape[2]
    areas = {name: np.full(n_classes, np.nan) for name in ("roc_auc", "average_precision")}
    for k in range(n_classes):
        own = codes == k
        if own.any() and not own.all():
            for area, score in zip(areas.values(), (roc_auc_score, average_precision_score), strict=True):
                area[k] = np.mean([score(own, p[:, k]) for p in proba])
    return areas


def _most_frequent(codes: NDArray[np.intp], shares: NDArray[np.float64]) -> int:
    """Return the class to guess for every row: the most frequent in training, one for all folds.

    The most frequent class of each fold would be the one that its test rows have fewest of when classes are equal.
    Classes less than a row apart count as equal; of those the one that most scored rows have is taken.
    """
    mean = shares.mean(axis=0)
    equal = mean >= mean.max() - 1 / len(codes)
    return int(np.where(equal, np.bincount(codes, minlength=len(mean)), -1).argmax())


def baseline_table(codes: NDArray[np.intp], shares: NDArray[np.float64], votes: NDArray[np.intp]) -> pd.DataFrame:
    """Return the scores of two simple rivals on the same rows.

    Parameters
    ----------
    codes : ndarray of shape (n_scored,), int
        True classes.
    shares : ndarray of shape (n_scored, n_classes)
        Class shares in the training rows of the row's fold.
    votes : ndarray of shape (n_scored,), int
        Predictions of the five nearest neighbours.

    Returns
    -------
    DataFrame
        Index metric; columns majority (one class for all rows; for scores of probabilities the shares of the classes)
        and neighbours (NaN for scores of probabilities). NaN for scores that have no baseline.
    """
    n_classes = shares.shape[1]
    most = np.full(len(codes), _most_frequent(codes, shares))
    both = [Counts(confusion_of(codes, predicted, n_classes)) for predicted in (most, votes)]
    rows = {
        row.name: [float(row.function(counts)) for counts in both]
        if row.of == "counts"
        else [float(np.mean(row.function(codes, shares))) if row.has_baseline else np.nan, np.nan]
        for row in metrics_for(n_classes)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["majority", "neighbours"]).rename_axis(index="metric")
