"""Scores of predictions, from confusion counts and per-item losses, so that a bootstrap can redo them quickly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "LABEL_SCORES",
    "LOWEST",
    "calibration",
    "class_scores",
    "confusion_of",
    "item_scores",
    "label_scores",
    "ratio",
    "top_k",
]

LABEL_SCORES = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "matthews_corrcoef")
LOWEST = (0.0, 0.0, 0.0, 0.0, -1.0)  # that each of them can be
_BINS = 15


def ratio(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a / b, 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=b > 0)


def confusion_of(codes: NDArray[np.intp], predicted: NDArray[np.intp], n_classes: int) -> NDArray[np.intp]:
    """Return counts of shape (n_classes, n_classes), true classes in rows."""
    return np.bincount(codes * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def class_scores(
    confusion: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return precision, recall and F1 per class, 0 where undefined.

    Parameters
    ----------
    confusion : ndarray of shape (..., n_classes, n_classes)
        Counts, true classes in rows.

    Returns
    -------
    precision, recall, f1 : ndarrays of shape (..., n_classes)
        As scikit-learn defines them.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    support, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    return ratio(hits, predicted), ratio(hits, support), ratio(2 * hits, support + predicted)


def label_scores(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scores that need nothing but confusion counts.

    Parameters
    ----------
    confusion : ndarray of shape (..., n_classes, n_classes)
        Counts, true classes in rows; classes that occur neither as truth nor as prediction are left out of averages.

    Returns
    -------
    ndarray of shape (..., 5)
        In the order of `LABEL_SCORES`, as scikit-learn defines them.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    support, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    total, correct = support.sum(axis=-1), hits.sum(axis=-1)
    recall, f1 = ratio(hits, support), ratio(2 * hits, support + predicted)
    seen = (support > 0).sum(axis=-1).astype(np.float64)
    either = (support + predicted > 0).sum(axis=-1).astype(np.float64)
    covariance = correct * total - (support * predicted).sum(axis=-1)
    spread = (total**2 - (support**2).sum(axis=-1)) * (total**2 - (predicted**2).sum(axis=-1))
    scores = (
        ratio(correct, total),
        ratio(recall.sum(axis=-1), seen),
        ratio(f1.sum(axis=-1), either),
        ratio((f1 * support).sum(axis=-1), total),
        ratio(covariance, np.sqrt(np.maximum(spread, 0.0))),
    )
    return np.stack(scores, axis=-1)


def top_k(n_classes: int) -> int:
    """Return the k of top-k accuracy for a number of classes; 1 means that it says nothing new."""
    return min(3, n_classes - 1)


def item_scores(codes: NDArray[np.intp], proba: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return the scores that are means over items, item by item.

    Parameters
    ----------
    codes : ndarray of shape (n_items,), int
        True classes.
    proba : ndarray of shape (n_items, n_classes)
        Probabilities.

    Returns
    -------
    dict
        top-k accuracy (more than two classes), log_loss and brier_score (as scikit-learn: a sum over classes, halved
        for two), each (n_items,).
    """
    n, n_classes = proba.shape
    own = proba[np.arange(n), codes]
    scores = {}
    if top_k(n_classes) > 1:
        above = (proba > own[:, None]).sum(axis=1) + (
            (proba == own[:, None]) & (np.arange(n_classes) < codes[:, None])
        ).sum(axis=1)
        scores[f"top_{top_k(n_classes)}_accuracy"] = (above < top_k(n_classes)).astype(np.float64)
    scores["log_loss"] = -np.log(np.maximum(own, np.finfo(np.float64).eps))
    brier = (proba**2).sum(axis=1) - 2 * own + 1
    scores["brier_score"] = brier / 2 if n_classes == 2 else brier
    return scores


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
