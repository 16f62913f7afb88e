"""The table of metrics: each row has the function of a score, its better direction, and its kind of interval.

Tables of results, intervals, baselines, figures, ``compare`` and Spark read the rows; a further metric is one more row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.words import filled, word

__all__ = [
    "CLASS_METRICS",
    "METRICS",
    "ClassMetric",
    "Counts",
    "Metric",
    "calibration",
    "confusion_of",
    "metrics_for",
    "ratio",
    "top_k",
]

_BINS = 15


def ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a / b, 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b > 0)


def confusion_of(codes: NDArray[np.intp], predicted: NDArray[np.intp], n_classes: int) -> NDArray[np.intp]:
    """Return counts of shape (n_classes, n_classes), true classes in rows."""
    return np.bincount(codes * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


class Counts:
    """Confusion counts, and the sums of them that metrics share.

    Parameters
    ----------
    table : ndarray of shape (..., n_classes, n_classes)
        Counts, true classes in rows; the leading axes are resamples or repeats.

    Attributes
    ----------
    hits, support, predicted : ndarrays of shape (..., n_classes)
        Items of a class that were predicted right; items of the class; items predicted as the class.
    correct, total : ndarrays of shape (...)
        Items predicted right; all items.
    precision, recall, f1 : ndarrays of shape (..., n_classes)
        As scikit-learn defines them, 0 where undefined.
    """

    def __init__(self, table: NDArray[Any]) -> None:
        table = np.asarray(table, dtype=np.float64)
        self._take(np.diagonal(table, axis1=-2, axis2=-1), table.sum(axis=-1), table.sum(axis=-2))

    def _take(self, hits: NDArray[np.float64], support: NDArray[np.float64], predicted: NDArray[np.float64]) -> None:
        self.hits, self.support, self.predicted = hits, support, predicted
        self.correct, self.total = hits.sum(axis=-1), support.sum(axis=-1)

    @classmethod
    def of_sums(cls, hits: NDArray[np.float64], support: NDArray[np.float64], predicted: NDArray[np.float64]) -> Counts:
        """Return counts of which only these sums are known, each of shape (..., n_classes)."""
        counts = cls.__new__(cls)
        counts._take(hits, support, predicted)
        return counts

    @cached_property
    def precision(self) -> NDArray[np.float64]:
        """Share of the items predicted as a class that are of it."""
        return ratio(self.hits, self.predicted)

    @cached_property
    def recall(self) -> NDArray[np.float64]:
        """Share of the items of a class that were predicted as it."""
        return ratio(self.hits, self.support)

    @cached_property
    def f1(self) -> NDArray[np.float64]:
        """Harmonic mean of precision and recall."""
        return ratio(2 * self.hits, self.support + self.predicted)


@dataclass(frozen=True)
class Metric:
    """One row of the table of metrics.

    Parameters
    ----------
    name : str
        In ``r.metrics`` and ``mm.compare(metric=...)``; "{k}" stands for the k of top-k accuracy.
    words : Said
        What readers call it.
    function : callable
        Of "counts": from `Counts` to scores of shape (...). Of "items": from codes (n_items,) and probabilities
        (n_items, n_classes) to one value per item, whose mean is the score. Of "all": from the same to one number.
    of : {"counts", "items", "all"}, default="counts"
        What it is computed from.
    higher_is_better : bool, default=True
        Whether 1 is perfect; otherwise 0 is.
    interval : {"wilson", "bootstrap", "none"}, default="bootstrap"
        "wilson" is for shares of items, and used where every item is a group of its own; scores of "all" have none.
    lowest : float, default=0.0
        Lowest value it can have when 1 is the highest; NaN when it has no highest.
    least_classes : int, default=2
        It says something from this number of classes on.
    has_baseline : bool, default=True
        Whether guessing tells anything: the shares of the classes are perfectly calibrated, and say nothing.
    by_class : bool, default=False
        Whether a class counts by itself, however few its items: then the smallest classes decide how sure it is.

    Examples
    --------
    >>> from mmtoolkit.classification.metrics import METRICS
    >>> METRICS["log_loss"].higher_is_better
    False
    """

    name: str
    words: str
    function: Callable[..., Any]
    of: Literal["counts", "items", "all"] = "counts"
    higher_is_better: bool = True
    interval: Literal["wilson", "bootstrap", "none"] = "bootstrap"
    lowest: float = 0.0
    least_classes: int = 2
    has_baseline: bool = True
    by_class: bool = False


@dataclass(frozen=True)
class ClassMetric:
    """One row of the table of scores per class.

    Parameters
    ----------
    name : str
        Column of ``r.per_class``, and attribute of `Counts`.
    behind : {"predicted", "true", "either"}
        Which items speak for the score of a class: those predicted as it, those of it, or both.
    interval : {"wilson", "bootstrap"}
        As a `Metric` has it.
    """

    name: str
    behind: Literal["predicted", "true", "either"]
    interval: Literal["wilson", "bootstrap"]


def _balanced_accuracy(c: Counts) -> NDArray[np.float64]:
    return ratio(c.recall.sum(axis=-1), (c.support > 0).sum(axis=-1).astype(np.float64))


def _f1_macro(c: Counts) -> NDArray[np.float64]:
    """Classes that occur neither as truth nor as prediction are left out."""
    return ratio(c.f1.sum(axis=-1), (c.support + c.predicted > 0).sum(axis=-1).astype(np.float64))


def _matthews(c: Counts) -> NDArray[np.float64]:
    covariance = c.correct * c.total - (c.support * c.predicted).sum(axis=-1)
    spread = (c.total**2 - (c.support**2).sum(axis=-1)) * (c.total**2 - (c.predicted**2).sum(axis=-1))
    return ratio(covariance, np.sqrt(np.maximum(spread, 0.0)))


def top_k(n_classes: int) -> int:
    """Return the k of top-k accuracy for a number of classes; 1 where it would equal the accuracy."""
    return min(3, n_classes - 1)


def _own(codes: NDArray[np.intp], proba: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of every item's class."""
    return np.asarray(proba[np.arange(len(proba)), codes])


def _among_first(codes: NDArray[np.intp], proba: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return whether the class is among the k most probable ones; of equals the first class counts as more probable."""
    own, n_classes = _own(codes, proba)[:, None], proba.shape[1]
    ties = (proba == own) & (np.arange(n_classes) < codes[:, None])
    return np.asarray((proba > own).sum(axis=1) + ties.sum(axis=1) < top_k(n_classes), dtype=np.float64)


def _log_loss(codes: NDArray[np.intp], proba: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-np.log(np.maximum(_own(codes, proba), np.finfo(np.float64).eps)))


def _brier(codes: NDArray[np.intp], proba: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a sum over classes, halved for two, as scikit-learn does."""
    loss = (proba**2).sum(axis=1) - 2 * _own(codes, proba) + 1
    return np.asarray(loss / 2 if proba.shape[1] == 2 else loss)


def calibration(
    codes: NDArray[np.intp], proba: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Return mean confidence, accuracy and count in 15 equal bins of confidence.

    Parameters
    ----------
    codes : ndarray of shape (n_items,), int
        True classes.
    proba : ndarray of shape (n_items, n_classes)
        Probabilities.

    Returns
    -------
    confidence, accuracy, count : ndarrays of shape (15,)
        0 in empty bins. The expected calibration error is the mean of ``|confidence - accuracy|`` weighted by count.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks.
    """
    sure = proba.max(axis=1)
    hit = (proba.argmax(axis=1) == codes).astype(np.float64)
    bins = np.minimum((sure * _BINS).astype(np.intp), _BINS - 1)
    count = np.bincount(bins, minlength=_BINS)
    sums = np.stack([np.bincount(bins, weights=values, minlength=_BINS) for values in (sure, hit)]).astype(np.float64)
    confidence, accuracy = ratio(sums, count.astype(np.float64))
    return confidence, accuracy, count


def _calibration_error(codes: NDArray[np.intp], proba: NDArray[np.float64]) -> float:
    confidence, accuracy, count = calibration(codes, proba)
    return float(np.average(np.abs(confidence - accuracy), weights=count))


_ROWS = (
    Metric("accuracy", word("accuracy"), lambda c: ratio(c.correct, c.total), interval="wilson"),
    Metric("balanced_accuracy", word("balanced accuracy"), _balanced_accuracy, by_class=True),
    Metric("f1_macro", word("macro F1"), _f1_macro, by_class=True),
    Metric("f1_weighted", word("weighted F1"), lambda c: ratio((c.f1 * c.support).sum(axis=-1), c.total)),
    Metric("matthews_corrcoef", word("Matthews correlation"), _matthews, lowest=-1.0, by_class=True),
    Metric("top_{k}_accuracy", word("top-{k} accuracy"), _among_first, "items", interval="wilson", least_classes=3),
    Metric("log_loss", word("log-loss"), _log_loss, "items", higher_is_better=False, lowest=np.nan),
    Metric("brier_score", word("Brier score"), _brier, "items", higher_is_better=False, lowest=np.nan),
    Metric(
        "ece",
        word("calibration error"),
        _calibration_error,
        "all",
        higher_is_better=False,
        interval="none",
        has_baseline=False,
    ),
)
METRICS: dict[str, Metric] = {row.name: row for row in _ROWS}
CLASS_METRICS = (
    ClassMetric("precision", "predicted", "wilson"),
    ClassMetric("recall", "true", "wilson"),
    ClassMetric("f1", "either", "bootstrap"),
)


def metrics_for(n_classes: int, of: Literal["counts", "items", "all"] | None = None) -> list[Metric]:
    """Return the rows that are useful for a number of classes, with the k of top-k accuracy in their names.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    of : {"counts", "items", "all"} or None, default=None
        Only those computed from this; None is all, in this order.

    Returns
    -------
    list of Metric
        In the order of the table.

    Examples
    --------
    >>> from mmtoolkit.classification.metrics import metrics_for
    >>> [row.name for row in metrics_for(4, "items")]
    ['top_3_accuracy', 'log_loss', 'brier_score']
    """
    k, kinds = top_k(n_classes), ("counts", "items", "all") if of is None else (of,)
    return [
        dataclasses.replace(row, name=row.name.format(k=k), words=filled(row.words, k=k))
        for kind in kinds
        for row in METRICS.values()
        if row.of == kind and row.least_classes <= n_classes
    ]
