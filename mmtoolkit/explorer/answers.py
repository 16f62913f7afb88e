"""What a person tells the explorer: annotations, audit samples, answers in a review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.explorer import queues
from mmtoolkit.explorer.annotations import AUDIT
from mmtoolkit.explorer.selection import Selection, rows_of
from mmtoolkit.explorer.state import State

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.classification.result import Classification
    from mmtoolkit.explorer.queue import ReviewQueue

__all__ = ["Answers"]


class Answers(State):
    """Adds to the state what is done with it by a person."""

    queue: ReviewQueue | None = None

    # ---- annotations

    def label(self, annotation: str | None, items: Any = None) -> int:
        """Annotate items; `undo` takes it back.

        Parameters
        ----------
        annotation : str or None
            None takes annotations away.
        items : id, row number, sequence, mask, DataFrame or None, default=None
            None is the item under review when a queue is open, else the selection.

        Returns
        -------
        int
            How many items were annotated. Items judged in the audit sample keep that answer.
        """
        if annotation is not None:
            annotation = annotation.strip()
            if not annotation:
                msg = "an annotation needs at least one visible character; None takes annotations away"
                raise ValueError(msg)
        if items is None and self.queue is not None:
            return self._answer(annotation)
        chosen = self.selection if items is None else Selection.of(rows_of(items, self.ids), "code")
        return self._give(chosen, annotation)

    def _give(self, chosen: Selection, annotation: str | None) -> int:
        given = self.notes.give(chosen.rows, annotation, chosen.how)
        if annotation is not None and annotation not in self.annotation_names:
            self.annotation_names.append(annotation)
        what = "annotation taken away" if annotation is None else f"annotated as {annotation}"
        kept = len(chosen) - given
        note = f"; {kept} kept their answer from the audit sample" if kept else ""
        self.changed("annotations", status=f"{given:,} items {what}{note}" if len(chosen) else "select something first")
        return given

    def undo(self) -> int:
        """Take the last annotation step back.

        Returns
        -------
        int
            How many items it concerned; 0 when there is nothing to undo.
        """
        rows = self.notes.undo()
        if self.queue is not None:
            self.queue.reopen(rows)
        self.changed("annotations", "queue", status=f"undone: {len(rows):,} items" if len(rows) else "nothing to undo")
        return len(rows)

    # ---- review

    def audit_sample(self, n: int = 50, *, random_state: int = 0) -> pd.DataFrame:
        """Draw items at random and ask for their annotation, one by one: scores come from these only.

        Items found by lasso or search are easy or alike; a score on them flatters. Draw this sample first.

        Parameters
        ----------
        n : int, default=50
            How many, fewer when there are not so many.
        random_state : int, default=0
            Seed; the same seed draws the same items, those judged before are not asked again.

        Returns
        -------
        DataFrame
            The sample, in the order it is asked.
        """
        if n < 1:
            msg = f"n must be at least 1, got {n}"
            raise ValueError(msg)
        rows = np.random.default_rng(random_state).permutation(len(self))[:n]
        self._open(queues.audit(rows[~self.audited[rows]]))
        return self.items.iloc[rows].reset_index(drop=True)

    def review(self, what: Any = "label_issues", *, result: Any = None, n: int = 50) -> pd.DataFrame:
        """Open a queue of items worth a look, most suspicious first; it is put in order anew after every answer.

        Parameters
        ----------
        what : {"label_issues", "outliers", "boundary"}, DataFrame, ids, row numbers or None, default="label_issues"
            Items whose class the classifier doubts; items far from all others; items between two clusters; or your
            own list. None closes the queue.
        result : Classification or Clustering, optional
            Where the suspicion comes from; computed when it is not given.
        n : int, default=50
            Length of the queue.

        Returns
        -------
        DataFrame
            The items waiting, the next one first.
        """
        if what is None:
            self._open(None)
            return self.items.iloc[:0]
        self._open(queues.make(self, what, result=result, n=n))
        return self.waiting

    @property
    def waiting(self) -> pd.DataFrame:
        """Items of the review queue without an answer, the next one first."""
        if self.queue is None:
            return self.items.iloc[:0]
        return self.items.iloc[self.queue.waiting].reset_index(drop=True)

    def _open(self, queue: ReviewQueue | None) -> None:
        self.queue = queue
        self.focus = None if queue is None else queue.current
        words = "review closed" if queue is None else f"{len(queue)} items to review: {queue.name}"
        self.changed("queue", "focus", status=words)

    def answer(self, found: bool) -> None:
        """Say whether the item under review is what the queue looks for.

        "No" about a label issue confirms the item's class; about others it leaves the item as it is.

        Parameters
        ----------
        found : bool
            True: yes, it is.
        """
        row = self._under_review()
        if found or self.y is None or self.queue is None or self.queue.name != "label_issues":
            self._next(row, found)
        else:
            self._answer(str(self.y[row]))

    def skip(self) -> None:
        """Put the item under review at the end of the queue."""
        row = self._under_review()
        assert self.queue is not None
        self.queue.defer(row)
        self.show(self.queue.current)
        self.changed("queue")

    def _under_review(self) -> int:
        row = None if self.queue is None else self.queue.current
        if row is None:
            msg = "there is no item under review; open a queue with ex.review(...) or ex.audit_sample()"
            raise ValueError(msg)
        return row

    def _answer(self, annotation: str | None) -> int:
        row = self._under_review()
        assert self.queue is not None
        how = AUDIT if self.queue.name == AUDIT else f"review: {self.queue.name}"
        given = self._give(Selection.of([row], how), annotation)
        self._next(row, self.y is None or str(self.y[row]) != annotation)
        return given

    def _next(self, row: int, found: bool) -> None:
        assert self.queue is not None
        self.queue.answer(row, found)
        self.focus = self.queue.current
        left = len(self.queue)
        self.changed("queue", "focus", status=f"{left} items left" if left else "all answered")

    def score(self, **options: Any) -> Classification:
        """Train on the annotations and score on the audit sample only.

        Parameters
        ----------
        **options
            As `classify` takes them.

        Returns
        -------
        Classification
            Its predictions cover every item without an annotation. A class that only the sample has counts as
            errors, and the notes say so.

        Raises
        ------
        ValueError
            If no item of a random audit sample was annotated, or nothing else was.
        """
        from mmtoolkit.classification import classify

        audited = self.audited
        if not audited.any() or audited.sum() == self.notes.given.sum():
            msg = (
                f"{int(audited.sum())} items were judged in the audit sample and {int((self.notes.given & ~audited).sum())} "
                "elsewhere; a score needs both: ex.audit_sample(50) to test, lasso or search to train"
            )
            raise ValueError(msg)
        return classify(self.source, y=self.annotated, test=audited, **options)
