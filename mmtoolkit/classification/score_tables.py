"""The tables of a classification result: scores with intervals and baselines, and scores per class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mmtoolkit.classification.folds import class_sizes
from mmtoolkit.classification.intervals import Z, bca, limits, widened, wilson
from mmtoolkit.classification.metrics import CLASS_METRICS, Counts, Metric, confusion_of, metrics_for
from mmtoolkit.classification.spread import (
    LEAST_OF_CLASS,
    LEAST_OF_EVERY_CLASS,
    LEAST_POSITIVES,
    LEAST_WRONG,
    HeldOutScores,
)
from mmtoolkit.classification.weighted import AREAS

__all__ = ["baseline_table", "class_table", "count_scores", "hit_table", "metric_table", "number"]

_NONE = 1e-12


def number(frame: pd.DataFrame, row: object, column: str) -> float:
    """Return one cell of a table as a float."""
    return float(frame[column].to_numpy(dtype=np.float64)[list(frame.index).index(row)])


def count_scores(rows: Sequence[Metric], tables: NDArray[Any]) -> NDArray[np.float64]:
    """Return metrics of confusion counts of shape (..., n_classes, n_classes), one per row, (..., n_rows)."""
    counts = Counts(tables)
    return np.stack([row.function(counts) for row in rows], axis=-1)


def hit_table(
    codes: NDArray[np.intp], predicted: NDArray[np.intp], groups: NDArray[np.intp], n_classes: int
) -> pd.DataFrame:
    """Return the scores of hard predictions with intervals.

    Parameters
    ----------
    codes : ndarray of shape (n_items,), int
        True classes.
    predicted : ndarray of shape (n_items,), int
        Predicted classes.
    groups : ndarray of shape (n_items,), int
        What the bootstrap draws, from 0 without gaps.
    n_classes : int
        Number of classes.

    Returns
    -------
    DataFrame
        Index metric; columns value, low, high. Scores in which every class counts by itself have no interval where a class has
        fewer than ten independent items.
    """
    rows, n_items = metrics_for(n_classes, "counts"), len(codes)

    def from_counts(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return count_scores(rows, sums.reshape(len(sums), n_classes, n_classes))

    cells = (groups, codes * n_classes + predicted)
    n_groups = int(groups.max()) + 1
    totals = csr_array((np.ones(n_items), cells), shape=(n_groups, n_classes**2))
    value = from_counts(np.asarray(totals.sum(axis=0), dtype=np.float64).reshape(1, -1))[0]
    low, high = widened(value, *bca(totals, from_counts)[:2], n_groups, floor=[row.lowest for row in rows])
    if n_groups == n_items:  # nothing belongs together
        shares = np.array([row.interval == "wilson" for row in rows])
        low[shares], high[shares] = wilson(value[shares] * n_items, n_items)
    sizes = class_sizes(codes, groups)[0]
    if sizes[sizes > 0].min() < LEAST_OF_EVERY_CLASS:
        by_class = [row.by_class for row in rows]
        low[by_class] = high[by_class] = np.nan
    index = pd.Index([row.name for row in rows], name="metric")
    return pd.DataFrame({"value": value, "low": low, "high": high}, index=index)


def metric_table(held: HeldOutScores, value: NDArray[np.float64], variance: NDArray[np.float64]) -> pd.DataFrame:
    """Return overall scores, averaged over repeats, with intervals.

    Parameters
    ----------
    held : HeldOutScores
        Held-out predictions.
    value, variance : ndarrays of shape (n_scores,)
        As `held` gives them; NaN where nothing can be said.

    Returns
    -------
    DataFrame
        Index metric; columns value, low, high, error (standard error). Scores in which every class counts by itself have
        no interval where a class has fewer than ten independent items; losses have none where fewer than three of at least
        twenty are wrong.
    """
    rows = [row for kind in ("counts", "items") for row in metrics_for(held.n_classes, kind)]
    value, variance = value[: len(rows)], variance[: len(rows)]
    sizes = held.class_groups[held.class_groups > 0]
    by_class = len(sizes) ** 2 / (1.0 / sizes).sum() if sizes.min() >= LEAST_OF_EVERY_CLASS else np.nan
    behind = np.array([by_class if row.by_class else held.n_groups for row in rows])
    if held.n_wrong < LEAST_WRONG or held.n_groups < LEAST_OF_CLASS:
        variance = np.where([np.isnan(row.lowest) for row in rows], np.nan, variance)
    low, high = limits(value, variance, behind, held.n_deciding, lowest=[row.lowest for row in rows])
    recalls = [row.name for row in rows].index("balanced_accuracy")
    low[recalls] = np.minimum(low[recalls], value[recalls] - held.unseen / len(sizes))
    error = np.sqrt(variance)
    error = np.where(error > 0, error, (high - low) / (2.0 * Z))  # as wide as the interval says
    table = pd.DataFrame(
        {"value": value, "low": low, "high": high, "error": np.where(np.isnan(low), np.nan, error)},
        index=[row.name for row in rows],
    )
    whole = {
        row.name: np.mean([row.function(held.codes, p) for p in held.proba])
        for row in metrics_for(held.n_classes, "all")
    }
    return pd.concat([table, pd.DataFrame({"value": whole}, dtype=np.float64)]).rename_axis(index="metric")


def class_table(
    held: HeldOutScores, classes: NDArray[Any], value: NDArray[np.float64], variance: NDArray[np.float64]
) -> pd.DataFrame:
    """Return scores per class, averaged over repeats.

    Parameters
    ----------
    held, value, variance
        As `metric_table` takes them.
    classes : ndarray of shape (n_classes,)
        Names.

    Returns
    -------
    DataFrame
        Index class; columns precision, recall, f1, roc_auc and average_precision (one class against the rest; NaN for a
        class without support), each with _low and _high, and support. A class with fewer than 20 independent items has
        no interval; average precision has one from 50 on. Where the pairs in the wrong order come to fewer than three items
        of the smaller side, the spread of an area depends on the one item that happens to be far out: then its interval is
        that of as many items, each with half of its pairs in the wrong order or none.
    """
    n, sizes = len(classes), held.class_groups
    per_class = len(CLASS_METRICS) + len(AREAS)
    values, variances = (x[-per_class * n :].reshape(per_class, n) for x in (value, variance))
    named = {row.behind: _behind(row.behind, held) for row in CLASS_METRICS}
    others = held.n_groups - held.pure_groups
    smaller = np.minimum(sizes, others)
    lost = (1.0 - values[len(CLASS_METRICS)]) * smaller
    seen = (lost >= LEAST_WRONG) & (variances[len(CLASS_METRICS)] > _NONE)
    pairs = np.where(seen, sizes * others, 2 * smaller)
    trials = [*(named[row.behind] for row in CLASS_METRICS), pairs, np.where(seen, pairs, sizes)]
    least = [*(LEAST_OF_CLASS for _ in CLASS_METRICS), LEAST_OF_CLASS, LEAST_POSITIVES]
    names = [*(row.name for row in CLASS_METRICS), *AREAS]
    columns: dict[str, Any] = {}
    for name, score, spread, behind, enough in zip(names, values, variances, trials, least, strict=True):
        low, high = limits(score, np.where(sizes >= enough, spread, np.nan), behind, held.n_deciding)
        columns |= {name: score, f"{name}_low": low, f"{name}_high": high}
    table = pd.DataFrame(columns, index=pd.Index(classes.tolist(), name="class"))
    table.insert(3 * len(CLASS_METRICS), "support", np.bincount(held.codes, minlength=n))
    return table


def _behind(which: str, held: HeldOutScores) -> NDArray[np.float64]:
    """Return how many groups speak for a score of each class, (n_classes,): a mean over the repeats."""
    found = []
    for predicted in held.predicted:
        named = {"predicted": [predicted], "true": [held.codes], "either": [held.codes, predicted]}[which]
        pairs = np.unique(np.tile(held.groups, len(named)) * held.n_classes + np.concatenate(named))
        found.append(np.bincount(pairs % held.n_classes, minlength=held.n_classes))
    return np.asarray(np.mean(found, axis=0))


def _most_frequent(codes: NDArray[np.intp], shares: NDArray[np.float64]) -> int:
    """Return the class to guess for every row: the most frequent in training, one for all folds."""
    # One for each fold would be, of equal classes, the one with the fewest test rows. Classes less than a row apart count as
    # equal; of those the one of most scored rows is taken.
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
        Predictions of the five nearest neighbours; -1 for rows that were not asked.

    Returns
    -------
    DataFrame
        Index metric; columns majority (one class for all rows; for scores of probabilities the shares of the classes)
        and neighbours (NaN for scores of probabilities). NaN for scores that have no baseline.
    """
    n_classes = shares.shape[1]
    most = np.full(len(codes), _most_frequent(codes, shares))
    asked = votes >= 0
    pairs = ((codes, most), (codes[asked], votes[asked]))
    both = [Counts(confusion_of(own, predicted, n_classes)) for own, predicted in pairs]
    rows = {
        row.name: [float(row.function(counts)) for counts in both]
        if row.of == "counts"
        else [float(np.mean(row.function(codes, shares))) if row.has_baseline else np.nan, np.nan]
        for row in metrics_for(n_classes)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["majority", "neighbours"]).rename_axis(index="metric")
