"""The tables of a classification result: scores with intervals and baselines, and scores per class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.classification.intervals import LEVEL, bca, widened, wilson
from mmtoolkit.classification.scores import (
    LABEL_SCORES,
    LOWEST,
    calibration,
    class_scores,
    confusion_of,
    item_scores,
    label_scores,
)

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["baseline_table", "cells_of", "class_table", "hit_table", "metric_table", "number"]


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
    from scipy.sparse import csr_array, hstack

    size = n_classes**2
    parts = [
        csr_array((np.ones(len(codes)), (groups, codes * n_classes + p)), shape=(int(groups.max()) + 1, size))
        for p in predicted
    ]
    return csr_array(hstack(parts))


def hit_table(
    codes: NDArray[np.intp],
    predicted: NDArray[np.intp],
    groups: NDArray[np.intp],
    n_classes: int,
    *,
    random_state: int = 0,
) -> pd.DataFrame:
    """Return the scores of hard predictions with intervals.

    Parameters
    ----------
    codes, predicted : ndarray of shape (n_scored,), int
        True and predicted classes.
    groups : ndarray of shape (n_scored,), int
        What the bootstrap draws, from 0 without gaps.
    n_classes : int
        Number of classes.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    DataFrame
        Index metric; columns value, low, high.
    """
    import pandas as pd

    def from_counts(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return label_scores(sums.reshape(len(sums), n_classes, n_classes))

    cells = cells_of(groups, codes, predicted[None], n_classes)
    value = from_counts(np.asarray(cells.sum(axis=0), dtype=np.float64).reshape(1, -1))[0]
    low, high, _ = bca(cells, from_counts, random_state=random_state)
    low, high = widened(value, low, high, cells.shape[0], floor=LOWEST)
    if len(np.unique(groups)) == len(groups):
        at = LABEL_SCORES.index("accuracy")
        low[at], high[at] = wilson(value[at] * len(codes), len(codes))
    index = pd.Index(LABEL_SCORES, name="metric")
    return pd.DataFrame({"value": value, "low": low, "high": high}, index=index)


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
    import pandas as pd
    from scipy.special import ndtri

    n_repeats, n_classes = len(predicted), proba.shape[2]

    def from_counts(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(label_scores(sums.reshape(len(sums), n_repeats, n_classes, n_classes)).mean(axis=1))

    def from_sums(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(sums[:, :-1] / sums[:, -1:])

    cells = cells_of(groups, codes, predicted, n_classes)
    per_item = [item_scores(codes, p) for p in proba]
    names = list(per_item[0])
    means = np.stack([np.mean([one[name] for one in per_item], axis=0) for name in names], axis=1)
    totals = _sums(groups, np.column_stack([means, np.ones(len(codes))]))
    rows: dict[str, tuple[float, float, float, float]] = {}
    floors = [0.0 if name.startswith("top_") else np.nan for name in names]  # losses have no upper end
    for label, floor, table, statistic in (
        (LABEL_SCORES, LOWEST, cells, from_counts),
        (names, floors, totals, from_sums),
    ):
        value = statistic(np.asarray(table.sum(axis=0), dtype=np.float64).reshape(1, -1))[0]
        low, high, error = bca(table, statistic, random_state=random_state)
        wide = widened(value, low, high, cells.shape[0], floor=floor)
        low, high = np.where(np.isnan(floor), low, wide[0]), np.where(np.isnan(floor), high, wide[1])
        error = np.where(
            error > 0, error, (high - low) / (2.0 * ndtri(0.5 + LEVEL / 2))
        )  # as wide as the interval says
        rows |= dict(zip(label, zip(value, low, high, error, strict=True), strict=True))
    if len(np.unique(groups)) == len(groups):
        for name in ("accuracy", *(n for n in names if n.startswith("top_"))):
            share, _, _, wobble = rows[name]
            least, most = wilson(share * len(codes), len(codes))
            rows[name] = share, float(least), float(most), wobble
    gaps = []
    for p in proba:
        confidence, accuracy, count = calibration(codes, p)
        gaps.append(float(np.average(np.abs(confidence - accuracy), weights=count)))
    rows["ece"] = float(np.mean(gaps)), np.nan, np.nan, np.nan
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high", "error"])
    return frame.rename_axis(index="metric")


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
    import pandas as pd

    n_repeats, n_classes = len(predicted), len(classes)

    def from_counts(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = sums.reshape(len(sums), n_repeats, n_classes, n_classes)
        return np.concatenate([s.mean(axis=1) for s in class_scores(counts)], axis=1)

    cells = cells_of(groups, codes, predicted, n_classes)
    value = from_counts(np.asarray(cells.sum(axis=0), dtype=np.float64).reshape(1, -1))[0]
    low, high, _ = bca(cells, from_counts, random_state=random_state)
    behind = [np.mean([_groups_behind(groups, c, n_classes) for c in per], axis=0) for per in _named(codes, predicted)]
    low, high = widened(value, low, high, np.concatenate(behind))
    support = np.bincount(codes, minlength=n_classes)
    if len(np.unique(groups)) == len(groups):
        called = np.mean([np.bincount(p, minlength=n_classes) for p in predicted], axis=0)
        for part, n in ((slice(0, n_classes), called), (slice(n_classes, 2 * n_classes), support)):
            low[part], high[part] = wilson(value[part] * n, n)
    columns: dict[str, Any] = {}
    for number, name in enumerate(("precision", "recall", "f1")):
        part = slice(number * n_classes, (number + 1) * n_classes)
        columns |= {name: value[part], f"{name}_low": low[part], f"{name}_high": high[part]}
    columns["support"] = support
    columns["roc_auc"], columns["average_precision"] = _areas(codes, proba)
    return pd.DataFrame(columns, index=pd.Index(classes.tolist(), name="class"))


def _named(codes: NDArray[np.intp], predicted: NDArray[np.intp]) -> tuple[list[NDArray[np.intp]], ...]:
    """Return which classes every row speaks of in precision, recall and F1, one list per repeat, each (n, n_scored)."""
    called, own = [p[None] for p in predicted], [codes[None]]
    return called, own, [np.stack([codes, p]) for p in predicted]


def _groups_behind(groups: NDArray[np.intp], named: NDArray[np.intp], n_classes: int) -> NDArray[np.intp]:
    """Return how many groups speak of each class, (n_classes,)."""
    pairs = np.unique(np.stack([np.tile(groups, len(named)), named.ravel()]), axis=1)
    return np.bincount(pairs[1], minlength=n_classes)


def _areas(codes: NDArray[np.intp], proba: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from sklearn.metrics import average_precision_score, roc_auc_score

    n_classes = proba.shape[2]
    areas = np.full((2, n_classes), np.nan)
    for k in range(n_classes):
        own = codes == k
        if own.any() and not own.all():
            areas[0, k] = np.mean([roc_auc_score(own, p[:, k]) for p in proba])
            areas[1, k] = np.mean([average_precision_score(own, p[:, k]) for p in proba])
    return areas[0], areas[1]


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
        and neighbours (NaN for scores of probabilities).
    """
    import pandas as pd

    n_classes = shares.shape[1]
    most = np.full(len(codes), _most_frequent(codes, shares))
    rows: dict[str, list[float]] = {}
    both = [label_scores(confusion_of(codes, p, n_classes).astype(np.float64)) for p in (most, votes)]
    for number, name in enumerate(LABEL_SCORES):
        rows[name] = [float(scores[number]) for scores in both]
    rows |= {name: [float(values.mean()), np.nan] for name, values in item_scores(codes, shares).items()}
    confidence, accuracy, count = calibration(codes, shares)
    rows["ece"] = [float(np.average(np.abs(confidence - accuracy), weights=count)), np.nan]
    return pd.DataFrame.from_dict(rows, orient="index", columns=["majority", "neighbours"]).rename_axis(index="metric")
