"""A review queue: items to look at, most suspicious first, put in order anew as answers come in."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ReviewQueue"]


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
    """

    def __init__(
        self,
        name: str,
        rows: ArrayLike,
        scores: ArrayLike | None = None,
        X: NDArray[np.float32] | None = None,
        *,
        weight: float = 0.5,
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
        self._X = None if X is None else X[self.rows]
        self._weight = weight
        self.answers: dict[int, bool | None] = {}

    def __len__(self) -> int:
        return len(self.rows) - len(self.answers)

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
        order = np.argsort(-self.scores, kind="stable")
        rows = self.rows[order]
        return rows[~np.isin(rows, list(self.answers))]

    @property
    def current(self) -> int | None:
        """The row to look at now, or None when all are answered."""
        waiting = self.waiting
        return int(waiting[0]) if len(waiting) else None

    def answer(self, row: int, found: bool | None) -> None:
        """Note whether `row` was what the queue looks for; the rest is put in order anew.

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

    def reopen(self, rows: ArrayLike) -> bool:
        """Take back the answers to `rows`, and say whether there were any."""
        before = len(self.answers)
        for row in np.asarray(rows, dtype=np.intp).tolist():
            self.answers.pop(row, None)
        return len(self.answers) < before
