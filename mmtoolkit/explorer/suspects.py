"""Labels that are probably wrong: the first finds at once, and those of a classifier in the background later."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["Suspects", "held_out_scores"]

_MOST_AXES, _SAMPLE = 128, 4_000
_PENALTIES = (0.01, 0.1, 1.0)  # times the mean power of the axes


class Suspects:
    """What doubts the classes of the items; the classifier is trained once, in a thread, when it is first wanted.

    Parameters
    ----------
    source : Embeddings or array of shape (n_items, n_features)
        The items.
    X : ndarray of shape (n_items, n_features), float32
        Unit rows.
    y : ndarray of shape (n_items,), object
        Classes; None where there is none.

    Attributes
    ----------
    classes : list of str
        The different ones.
    """

    def __init__(self, source: Any, X: NDArray[np.float32], y: NDArray[np.object_]) -> None:
        self._source, self._X, self._y = source, X, y
        self.classes = sorted({str(value) for value in y if value is not None})
        self._answer: Future[Classification] | None = None
        self._began = 0.0

    def start(self) -> Future[Classification]:
        """Return the classification that is or will be there; the first call begins it."""
        if self._answer is None:
            self._answer, self._began = Future(), time.monotonic()
            threading.Thread(target=self._work, args=(self._answer,), name="mmtoolkit-suspects", daemon=True).start()
        return self._answer

    def _work(self, answer: Future[Classification]) -> None:
        from mmtoolkit._blocks import n_workers
        from mmtoolkit.classification import classify

        try:  # one core stays with the page
            answer.set_result(classify(self._source, y=self._y, inference=False, n_jobs=max(1, n_workers() - 1)))
        except Exception as error:  # whoever waits for the result gets it
            answer.set_exception(error)

    def result(self) -> Classification:
        """Return the classification, and wait for it; what went wrong is raised, and tried again the next time."""
        answer = self.start()
        if answer.exception() is not None:
            self._answer = None
        return answer.result()

    @property
    def done(self) -> bool:
        """Whether `result` answers at once."""
        return self._answer is not None and self._answer.done()

    @property
    def seconds(self) -> float:
        """Time since the classifier began."""
        return time.monotonic() - self._began

    def first(self) -> tuple[NDArray[np.intp], list[tuple[str, float]]]:
        """Return rows whose class a linear classifier without them doubts, the most suspicious first, with the class that it suspects and its share."""
        from mmtoolkit.classification.label_issues import confident_learning

        codes, found = pd.factorize(self._y)
        names, rows = [str(name) for name in found], np.flatnonzero(codes >= 0)
        codes = codes[rows]
        proba = np.maximum(held_out_scores(self._X[rows], codes, len(names)), 0.0).astype(np.float64)
        proba /= np.maximum(proba.sum(axis=1, keepdims=True), 1e-9)
        suggested, likely = confident_learning(codes, proba)
        at = np.flatnonzero(likely)
        at = at[np.argsort(proba[at, codes[at]] - proba[at, suggested[at]], kind="stable")]
        return rows[at], [(names[suggested[i]], float(proba[i, suggested[i]])) for i in at]


def held_out_scores(X: NDArray[np.float32], codes: NDArray[np.intp], n_classes: int) -> NDArray[np.float32]:
    """Score every row by ridge regressions on the classes of all others, in closed form.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows; projected to the 128 widest axes of at most 4,000 evenly spaced ones.
    codes : ndarray of shape (n_items,), int
        Classes.
    n_classes : int
        How many.

    Returns
    -------
    ndarray of shape (n_items, n_classes), float32
        About the probability of each class; of three penalties the one with the smallest squared error.

    References
    ----------
    Allen (1974), The relationship between variable selection and data augmentation and a method for prediction.
    """
    from mmtoolkit.classification.gradients import Axes

    n = len(X)
    some = np.unique(np.linspace(0, n - 1, min(n, _SAMPLE)).astype(np.intp))
    Z = X @ Axes(X[some], most=_MOST_AXES).basis
    Z -= Z.mean(axis=0)
    power, turn = np.linalg.eigh(Z.T @ Z)
    keep = power > 1e-6 * power[-1]
    power = power[keep]
    U = (Z @ turn[:, keep]) / np.sqrt(power)  # orthonormal columns
    Y = np.zeros((n, n_classes), dtype=np.float32)
    Y[np.arange(n), codes] = 1.0
    mean = Y.mean(axis=0)
    loads = U.T @ (Y - mean)

    def held_out(penalty: float, rows: Any) -> NDArray[np.float32]:
        shrunk = power / (power + penalty * power.mean())
        leverage = np.minimum(1.0 / n + (U[rows] ** 2) @ shrunk, 1.0 - 1e-6)[:, None]
        scores = (mean + U[rows] @ (shrunk[:, None] * loads) - leverage * Y[rows]) / (1.0 - leverage)
        return np.asarray(scores, dtype=np.float32)

    best = min(_PENALTIES, key=lambda penalty: float(((held_out(penalty, some) - Y[some]) ** 2).sum()))
    return held_out(best, slice(None))
