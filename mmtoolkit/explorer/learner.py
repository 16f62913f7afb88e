"""A classifier that learns while items are annotated, and which item to ask about next."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit.classification.gradients import Axes
from mmtoolkit.explorer.annotations import Annotations
from mmtoolkit.provenance import one_thread

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

__all__ = ["CHECKS", "Learner", "curve_of"]

_MOST_AXES = 128
_CANDIDATES, _REFERENCE = 4_000, 2_000  # how many items are weighed, and by how many others
_APART, _MOST_APART = 0.2, 240  # share of the items that is drawn at random for the score, and at most how many
_EVERY = 6  # one answer in so many is about an item drawn at random
CHECKS = (10, 15, 20, 30, 40, 60, 80, 120, 160, 240)  # numbers of random answers at which the score is looked at
_ERROR = 0.05
_COLUMNS = ["labels", "random", "accuracy", "low", "high"]
_BACK = 25  # answers between the two classifiers whose predictions are compared
_SETTLED = 0.01  # share of predictions that may differ between them when little is left to learn
_WARM_UP = 60  # answers before that is asked
_FEW = 100  # answers up to which the classifier learns after each, and four times less often beyond


class Learner:
    """A linear classifier of what was annotated so far. All it knows lies in the annotations: a restart goes on.

    The next item is the one that stands for most others that no answered item is like, of which the classifier is least
    sure, and whose class has few answers. One in six is drawn at random instead: those never train, and the score comes
    from them alone.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Unit rows.
    notes : Annotations
        What was said; the random items are drawn there as the audit sample, unless there is one.
    random_state : int, default=0
        Seed of what is drawn.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,), object
        Classes that it knows; fewer than two until two were named.
    proba : ndarray of shape (n_items, n_classes)
        Probabilities of all items; no columns until two classes were named.

    References
    ----------
    Wei, Iyer and Bilmes (2015), Submodularity in data subset selection and active learning.
    """

    def __init__(self, X: NDArray[np.float32], notes: Annotations, random_state: int = 0) -> None:
        n = len(X)
        self._notes = notes
        order = np.random.default_rng(random_state).permutation(n)
        if not notes.sample.any():
            notes.draw(order[: min(round(_APART * n), _MOST_APART)])
        self._drawn = order[notes.sample[order]]
        self._free = order[~notes.sample[order]][:_CANDIDATES]
        found = Axes(X[self._free])
        self._mean, self._basis = found.mean, found.basis[:, :_MOST_AXES]
        self._Z = self.axes(X)
        self._X = X
        self._likeness = np.maximum(X[self._free] @ X[self._free[:_REFERENCE]].T, 0.0)
        self._covered: tuple[set[int], NDArray[np.float32]] = set(), np.zeros(self._likeness.shape[1], np.float32)
        self._scores: dict[tuple[Any, ...], tuple[int, float, float, float]] = {}
        self._learned_from = -1
        self.classes: NDArray[np.object_] = np.empty(0, dtype=object)
        self.proba: NDArray[np.float64] = np.empty((n, 0))

    def axes(self, X: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return rows in the axes in which it learns, (n, at most 128)."""
        return np.asarray((X - self._mean) @ self._basis, dtype=np.float32)

    @property
    def apart(self) -> NDArray[np.bool_]:
        """Which items were drawn at random for the score, (n_items,)."""
        return self._notes.sample

    @property
    def total(self) -> int:
        """How many items it may ask about."""
        return len(self._free) + len(self._drawn)

    @property
    def left(self) -> int:
        """How many of them have no answer."""
        return int((~self._notes.judged[self._free]).sum() + (~self._notes.audited[self._drawn]).sum())

    # ---- learning

    @property
    def trains(self) -> NDArray[np.bool_]:
        """Which items it learns from, (n_items,): those annotated outside the random sample, by a person."""
        return self._notes.judged & ~self.apart

    def learn(self) -> bool:
        """Learn from new answers, if there are enough of them; return whether it did."""
        rows = np.flatnonzero(self.trains)
        known = set(self.classes.tolist()) == set(self._notes.annotation[rows])
        if known and 0 <= self._learned_from <= len(rows) < self._learned_from + (4 if len(rows) > _FEW else 1):
            return False
        head = self.head(rows)
        self._learned_from = len(rows)
        if head is None:
            self.classes, self.proba = (
                np.unique(self._notes.annotation[rows].astype(str)).astype(object),
                self.proba[:, :0],
            )
        else:
            with one_thread():
                self.classes, self.proba = head.classes_.astype(object), head.predict_proba(self._Z)
        return True

    def head(self, rows: NDArray[np.intp]) -> LogisticRegression | None:
        """Return the classifier of annotated rows, in the axes of `axes`; None of fewer than two classes."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

        y = self._notes.annotation[rows].astype(str)
        if len(np.unique(y)) < 2:
            return None
        with warnings.catch_warnings(), one_thread():  # so little work that threads only wait for each other
            warnings.simplefilter("ignore", ConvergenceWarning)  # the next answer goes on anyway
            warnings.filterwarnings("ignore", message="The number of unique classes", category=UserWarning)
            return LogisticRegression(C=10.0, class_weight="balanced", max_iter=100).fit(self._Z[rows], y)

    # ---- what to ask

    def order(self, n: int, last: list[int], shown: NDArray[np.bool_] | None = None) -> list[int]:
        """Return up to `n` rows to ask about, the best first, every sixth of them drawn at random from all.

        Others that are not `shown`, (n_items,), come after those that are, and those of `last` at the end.
        """
        free = self._free
        hidden = np.zeros(len(free), dtype=bool) if shown is None else ~shown[free]
        ranked = free[np.lexsort((-self._value(), hidden, np.isin(free, last)))]
        teach = ranked[~self._notes.judged[ranked]][:n].tolist()
        drawn = sorted(self._drawn[~self._notes.audited[self._drawn]].tolist(), key=lambda row: row in last)
        taught, tested = int(self._notes.answered("learn").sum()), int(self._notes.audited.sum())
        rows: list[int] = []
        while len(rows) < n and (teach or drawn):
            if drawn and (not teach or (tested + 1) * (_EVERY - 1) <= taught):
                rows.append(drawn.pop(0))
                tested += 1
            else:
                rows.append(teach.pop(0))
                taught += 1
        return rows

    def _value(self) -> NDArray[np.float64]:
        """Return how useful an answer about every candidate would be."""
        rows = set(np.flatnonzero(self.trains).tolist())
        seen, best = self._covered
        if not seen <= rows:
            seen, best = set(), np.zeros_like(best)
        if new := sorted(rows - seen):
            with one_thread():
                best = np.maximum(best, (self._X[new] @ self._X[self._free[: len(best)]].T).max(axis=0))
        self._covered = rows, best
        blocks = np.array_split(self._likeness, len(self._likeness) // 64 + 1)  # each stays in the processor's cache
        gain = np.concatenate([np.maximum(block - best, 0.0).mean(axis=1, dtype=np.float64) for block in blocks])
        if self.proba.shape[1] < 2 or len(rows) < len(self.classes) + 2:
            return np.asarray(gain)
        p = self.proba[self._free]
        top = np.partition(p, -2, axis=1)[:, -2:]
        counts = pd.Series(self._notes.annotation[sorted(rows)]).value_counts()
        rare = 1.0 / np.sqrt(counts.reindex(self.classes).to_numpy(dtype=float))
        return np.asarray(gain * (1.0 - (top[:, 1] - top[:, 0])) * (p @ rare))

    # ---- how good it is

    def curve(self) -> pd.DataFrame:
        """Return the scores so far: labels (that it had learned from), random, accuracy, low, high.

        The score is looked at after 10, 15, 20, 30, … random answers, with an error of 5 % shared out over all looks
        (0.05 / k (k + 1) for the k-th), so that the intervals hold all together, whenever one stops.
        """
        audited = np.flatnonzero(self._notes.audited)
        audited = audited[np.argsort(self._notes.order[audited], kind="stable")]
        rows = [self._look(k, audited[:m]) for k, m in enumerate(CHECKS, 1) if m <= len(audited)]
        return pd.DataFrame([row for row in rows if row is not None], columns=_COLUMNS)

    def _look(self, k: int, tested: NDArray[np.intp]) -> tuple[int, int, float, float, float] | None:
        from scipy.stats import beta

        train = np.flatnonzero(self.trains & (self._notes.order < self._notes.order[tested[-1]]))
        key = tuple(zip([*train, *tested], self._notes.annotation[[*train, *tested]], strict=True))
        if key not in self._scores:
            head = self.head(train)
            if head is None:
                return None
            right, m = int((head.predict(self._Z[tested]) == self._notes.annotation[tested]).sum()), len(tested)
            tail = _ERROR / (k * (k + 1)) / 2.0
            low = float(beta.ppf(tail, right, m - right + 1)) if right else 0.0
            high = float(beta.isf(tail, right + 1, m - right)) if right < m else 1.0
            self._scores[key] = len(train), right / m, low, high
        labels, accuracy, low, high = self._scores[key]
        return labels, len(tested), accuracy, low, high

    @property
    def settled(self) -> bool:
        """Whether more answers will hardly help: the predictions hardly changed over the last 25."""
        rows = np.flatnonzero(self.trains)
        if len(rows) < _WARM_UP:
            return False
        before = self.head(rows[np.argsort(self._notes.order[rows], kind="stable")][:-_BACK])
        if before is None or self.proba.shape[1] < 2:
            return False
        now = self.classes[self.proba[self._free].argmax(axis=1)]
        return bool((before.predict(self._Z[self._free]) != now).mean() <= _SETTLED)

    def suggestion(self, row: int) -> tuple[str, float] | None:
        """Return the likeliest class of an item and its probability; None for an item of the random sample."""
        if self.proba.shape[1] < 2 or self.apart[row]:
            return None
        best = int(self.proba[row].argmax())
        return str(self.classes[best]), float(self.proba[row, best])

    def predictions(self) -> dict[str, Any]:
        """Return the predicted class of every item and its probability, once two classes are known."""
        if self.proba.shape[1] < 2:
            return {}
        return {
            "predicted class": self.classes[self.proba.argmax(axis=1)],
            "confidence": self.proba.max(axis=1),
        }


def curve_of(queue: object) -> pd.DataFrame:
    """Return the scores of the classifier of a review; no rows where it has none."""
    learner = getattr(queue, "learner", None)
    return learner.curve() if isinstance(learner, Learner) else pd.DataFrame(columns=_COLUMNS)
