"""Review queues: items to look at, the most telling first, put in order anew as answers come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from mmtoolkit.explorer.filtering import Filter
    from mmtoolkit.explorer.learner import Learner

__all__ = ["LearningQueue", "Queue", "ReviewQueue", "Suggestion"]


@dataclass(frozen=True)
class Suggestion:
    """Another class that an item may have.

    Parameters
    ----------
    annotation : str
        The class.
    confidence : float
        Its probability, 0 to 1.
    evidence : str, default=""
        What speaks for it.
    """

    annotation: str
    confidence: float
    evidence: str = ""


class Queue(Protocol):
    """The methods of a queue that a review uses."""

    name: str

    def __len__(self) -> int:
        """Return how many items have no answer."""

    @property
    def total(self) -> int:
        """How many items it holds in all."""

    @property
    def waiting(self) -> NDArray[np.intp]:
        """Rows without an answer, the next one first."""

    @property
    def current(self) -> int | None:
        """The row to look at now, or None when all are answered."""

    def counts(self, row: int) -> bool:
        """Return whether an answer about `row` counts for the score."""

    def suggestion(self, row: int) -> Suggestion | None:
        """Return what `row` may be."""

    def predictions(self) -> dict[str, NDArray[Any]]:
        """Return values by which the map can be coloured, (n_items,) each."""

    def answer(self, row: int, found: bool | None) -> None:
        """Note an answer."""

    def defer(self, row: int) -> None:
        """Put a row at the end."""

    def reopen(self, rows: ArrayLike) -> bool:
        """Take back the answers to `rows`, and say whether there were any."""


class ReviewQueue:
    """Items waiting for an answer.

    Every answer moves the items that are like the answered one: up after "yes, this was one", down after "no".

    Parameters
    ----------
    name : str
        What is reviewed: "label_issues", "outliers", "boundary", "audit", …
    rows : array-like of shape (n,), int
        Row numbers of the items.
    scores : array-like of shape (n,), float, or None, default=None
        How suspicious each is; higher comes first. None keeps the given order.
    X : ndarray of shape (n_items, n_features), float32, or None, default=None
        Unit rows of all items, for the likeness between them; None never re-ranks (a random sample must stay random).
    weight : float, default=0.5
        How far one answer moves an identical item, where scores run from 0 to 1.
    counts : bool, default=False
        Whether its answers count for the score.
    suggested : mapping of int to Suggestion or None, default=None
        What items may be, by row.
    """

    def __init__(
        self,
        name: str,
        rows: ArrayLike,
        scores: ArrayLike | None = None,
        X: NDArray[np.float32] | None = None,
        *,
        weight: float = 0.5,
        counts: bool = False,
        suggested: Mapping[int, Suggestion] | None = None,
    ) -> None:
        self.name = name
        self.rows = np.asarray(rows, dtype=np.intp)
        n = len(self.rows)
        base = np.arange(n, 0, -1) if scores is None else np.asarray(scores, dtype=np.float64)
        if len(base) != n:
            msg = f"the queue has {n} items and {len(base)} scores"
            raise ValueError(msg)
        ranks = np.argsort(np.argsort(base, kind="stable"), kind="stable")
        self._base = ranks / max(n - 1, 1)
        self._of, self._X = X, None if X is None else X[self.rows]
        self._weight, self._counts = weight, counts
        self._suggested = suggested or {}
        self.answers: dict[int, bool | None] = {}
        self._waiting: tuple[dict[int, bool | None], NDArray[np.intp]] | None = None  # and the answers it comes from

    def __len__(self) -> int:
        return len(self.rows) - len(self.answers)

    @property
    def total(self) -> int:
        """How many items it holds in all."""
        return len(self.rows)

    def counts(self, _row: int) -> bool:
        """Return whether an answer about an item counts for the score."""
        return self._counts

    def suggestion(self, row: int) -> Suggestion | None:
        """Return what an item may be."""
        return self._suggested.get(row)

    def predictions(self) -> dict[str, NDArray[Any]]:
        """Return nothing to colour the map by."""
        return {}

    @property
    def scores(self) -> NDArray[np.float64]:
        """Current score of every item of the queue, (n,)."""
        scores = self._base.copy()
        if self._X is None or not self.answers:
            return scores
        where = {row: place for place, row in enumerate(self.rows.tolist())}
        likeness = self._X @ self._X[[where[row] for row in self.answers]].T
        typical = np.median(likeness)
        pull = np.clip((likeness - typical) / max(1.0 - float(typical), 1e-6), 0.0, 1.0) ** 2
        signs = np.array([{True: 1.0, False: -1.0, None: 0.0}[found] for found in self.answers.values()])
        return np.asarray(scores + self._weight * (pull @ signs), dtype=np.float64)

    @property
    def waiting(self) -> NDArray[np.intp]:
        """Rows without an answer, the next one first."""
        if self._waiting is None or self._waiting[0] != self.answers:
            rows = self.rows[np.argsort(-self.scores, kind="stable")]
            self._waiting = dict(self.answers), rows[~np.isin(rows, list(self.answers))]
        return self._waiting[1]

    @property
    def current(self) -> int | None:
        """The row to look at now, or None when all are answered."""
        waiting = self.waiting
        return int(waiting[0]) if len(waiting) else None

    def following(self, before: ReviewQueue) -> ReviewQueue:
        """Return this queue after another one that was begun: its answers stay, and so does the item that it asks about."""
        kept = [*before.answers, *([] if before.current is None else [before.current])]
        new = ~np.isin(self.rows, kept)
        queue = ReviewQueue(
            self.name,
            [*kept, *self.rows[new]],
            np.r_[1.0 + np.arange(len(kept), 0, -1), self._base[new]],
            self._of,
            weight=self._weight,
            counts=self._counts,
            suggested={**before._suggested, **self._suggested},
        )
        queue.answers = dict(before.answers)
        return queue

    def answer(self, row: int, found: bool | None) -> None:
        """Record whether `row` was one that the queue looks for, and order the rest anew.

        Parameters
        ----------
        row : int
            An item of the queue.
        found : bool or None
            True: yes, a wrong label, an outlier, …. None: answered, but not as yes or no; nothing moves.

        Raises
        ------
        ValueError
            If the queue does not hold the row.
        """
        if row not in self.rows:
            msg = f"row {row} is not in the queue {self.name!r}"
            raise ValueError(msg)
        self.answers[int(row)] = found

    def defer(self, row: int) -> None:
        """Put a row at the end."""
        self._base[self.rows == row] = self.scores.min() - 1.0
        self._waiting = None

    def reopen(self, rows: ArrayLike) -> bool:
        """Take back the answers to `rows`, and say whether there were any."""
        before = len(self.answers)
        for row in np.asarray(rows, dtype=np.intp).tolist():
            self.answers.pop(row, None)
        return len(self.answers) < before


class LearningQueue:
    """Items that a classifier wants to know, as long as there are any; see `Learner`.

    Parameters
    ----------
    learner : Learner
        It knows what was answered.
    n : int
        How many of the items waiting are listed.
    filter_ : Filter
        What it shows is asked about first.
    """

    name = "learn"

    def __init__(self, learner: Learner, n: int, filter_: Filter) -> None:
        self.learner, self._n, self._filter = learner, n, filter_
        self._last: list[int] = []
        self._first: list[int] = []  # answers that were taken back: asked again at once
        self._asked: list[int] = []
        self.learner.learn()
        self._ask()

    def _ask(self) -> None:
        order = self.learner.order(self._n, self._last, self._filter.shown)
        self._asked = [*self._first, *(row for row in order if row not in self._first)][: self._n]

    def __len__(self) -> int:
        return self.learner.left

    @property
    def total(self) -> int:
        """How many items it holds in all."""
        return self.learner.total

    @property
    def waiting(self) -> NDArray[np.intp]:
        """The next rows."""
        return np.array(self._asked, dtype=np.intp)

    @property
    def current(self) -> int | None:
        """The row to look at now, or None when all are answered."""
        return self._asked[0] if self._asked else None

    def counts(self, row: int) -> bool:
        """Return whether an item was drawn at random for the score."""
        return bool(self.learner.apart[row])

    def suggestion(self, row: int) -> Suggestion | None:
        """Return the likeliest class, of items that train."""
        found = self.learner.suggestion(row)
        return None if found is None else Suggestion(*found)

    def predictions(self) -> dict[str, NDArray[Any]]:
        """Return the predicted class of every item, and its probability."""
        return self.learner.predictions()

    def answer(self, row: int, _found: bool | None) -> None:
        """Learn from the answer, and choose what comes next."""
        self._first = [other for other in self._first if other != row]
        self._last = [other for other in self._last if other != row]
        self.learner.learn()
        self._ask()

    def defer(self, row: int) -> None:
        """Put a row at the end."""
        self._first = [other for other in self._first if other != row]
        self._last = [*(other for other in self._last if other != row), row]
        self._ask()

    def reopen(self, rows: ArrayLike) -> bool:
        """Ask again about items whose answers were taken back, and say whether there are any."""
        again = np.asarray(rows, dtype=np.intp).tolist()
        self._first = [*again, *(row for row in self._first if row not in again)]
        self.learner.learn()
        self._ask()
        return bool(again)
