"""What a person tells the explorer: annotations, audit samples, answers in a review."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._arguments import check_count
from mmtoolkit.explorer import queues
from mmtoolkit.explorer.annotations import AUDIT, Verdict
from mmtoolkit.explorer.selection import Selection, rows_of
from mmtoolkit.explorer.state import State

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.classification.result import Classification
    from mmtoolkit.explorer.annotations import Step
    from mmtoolkit.explorer.queue import ReviewQueue

__all__ = ["Answers"]


class Answers(State):
    """Adds to the state what is done with it by a person."""

    queue: ReviewQueue | None = None

    @property
    def asked(self) -> int | None:
        """Row of the item under review: the one that the next answer is about. None when nothing is left to ask."""
        return None if self.queue is None else self.queue.current

    # ---- annotations

    def label(self, annotation: str | None, items: Any = None) -> int:
        """Annotate items; `undo` takes it back.

        Parameters
        ----------
        annotation : str or None
            None takes annotations away.
        items : id, row number, sequence, mask, DataFrame or None, default=None
            None is the item under review while a queue has items left, else the selection.

        Returns
        -------
        int
            How many items were annotated. Items judged in the audit sample keep that answer.
        """
        annotation = _checked(annotation)
        if items is None and self.asked is not None:
            return self._answer(annotation)
        chosen = self.selection if items is None else Selection.of(rows_of(items, self.ids), "code")
        given = int(self.notes.free(chosen.rows, chosen.how).sum())
        try:
            self.notes.give(chosen.rows, annotation, chosen.how)
        finally:
            words = self._words(len(chosen), given, annotation)
            self.changed("annotations", status=words if len(chosen) else "select something first")
        return given

    def _words(self, n: int, given: int, annotation: str | None) -> str:
        if annotation is not None and annotation not in self.annotation_names:
            self.annotation_names.append(annotation)
        what = "annotation taken away" if annotation is None else f"annotated as {annotation}"
        kept = f"; {n - given} kept their answer from the audit sample" if n > given else ""
        return f"{given:,} items {what}{kept}"

    def undo(self) -> int:
        """Take the last step back: annotations given at once, or an answer in a review, whose item is asked again.

        Returns
        -------
        int
            How many items it concerned; 0 when there is nothing to undo.
        """
        step = self.notes.last
        if step is None:
            self.changed(status="nothing to undo")
            return 0
        try:
            self.notes.undo()
        finally:
            asked = self._reopen(step)
            self.changed(
                *(["annotations"] if len(step.rows) else []), *asked, status=f"undone: {len(step.concerned):,} items"
            )
        return len(step.concerned)

    def _reopen(self, step: Step) -> tuple[str, ...]:
        """Ask again about an item whose answer in the open review was taken back; say what changed by that."""
        if self.queue is None:
            return ()
        if self.queue.name == AUDIT:
            rows = step.rows[~self.notes.audited[step.rows]]
        else:
            rows = np.array([v.row for v in [step.verdict] if v and v.queue == self.queue.name], dtype=np.intp)
        if not self.queue.reopen(rows):
            return ()
        self.focus = self.queue.current
        return "queue", "focus"

    # ---- review

    def audit_sample(self, n: int = 50, *, random_state: int = 0) -> pd.DataFrame:
        """Draw items at random and ask for their annotation, one by one: scores come from these only.

        Items found by lasso or search are easy or alike; a score on them flatters. Draw this sample first.

        Parameters
        ----------
        n : int, default=50
            How many in all, fewer when there are not so many.
        random_state : int, default=0
            Seed; the same seed draws the same items, those judged before are not asked again.

        Returns
        -------
        DataFrame
            The sample, in the order it is asked.
        """
        check_count("n", n, 1)
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
            The items waiting, the next one first. What was answered in an earlier review of this kind is not asked
            again; your own list is taken as it is.
        """
        check_count("n", n, 1)
        self._open(None if what is None else queues.make(self, what, result=result, n=n))
        return self.waiting

    @property
    def waiting(self) -> pd.DataFrame:
        """Items of the review queue without an answer, the next one first."""
        if self.queue is None:
            return self.items.iloc[:0]
        return self.items.iloc[self.queue.waiting].reset_index(drop=True)

    @property
    def reviewed(self) -> pd.DataFrame:
        """One row per answer in a review: id, queue, found, time; `found` is None where an annotation was the answer.

        Answers in the random audit sample are annotations: see `annotations` and `audited`.
        """
        return self.notes.reviewed()

    def _open(self, queue: ReviewQueue | None) -> None:
        words = "review closed" if queue is None else f"{len(queue)} items to review: {queue.name}"
        if queue is not None and not len(queue):
            words = f"nothing is left to review: {queue.name}"
        self.queue = queue or None  # an empty one asks nothing
        self.focus = self.asked
        self.changed("queue", "focus", status=words)

    def show(self, item: Any) -> None:
        """Put one item in focus: a ring marks it on the map and its card is shown.

        While a review has items left, the card and the answers stay with the item under review.

        Parameters
        ----------
        item : id, row number, or None
            Which one.
        """
        super().show(item)
        if self.asked not in (None, self.focus):
            self.changed(
                status=f"the ring shows {self._name(self.focus)}; card and answers stay with the item under review"
            )

    def _name(self, row: int | None) -> str:
        return "no item" if row is None else str(self.ids[row])

    def answer(self, found: bool) -> None:
        """Say whether the item under review is what the queue looks for; `reviewed` keeps it and `undo` takes it back.

        "No" about a label issue confirms the item's class; about others it leaves the item as it is.

        Parameters
        ----------
        found : bool
            True: yes, it is.
        """
        row, queue = self._under_review()
        if queue.name == AUDIT:
            msg = "an audit sample asks what an item is, not yes or no: ex.label('...')"
            raise ValueError(msg)
        if not found and self.y is not None and queue.name == "label_issues":
            self._answer(str(self.y[row]))
            return
        try:
            self.notes.judge(Verdict(queue.name, row, bool(found)))
        finally:
            self._next(row, bool(found), f"{self._name(row)}: {'yes' if found else 'no'}")

    def skip(self) -> None:
        """Put the item under review at the end of the queue."""
        row, queue = self._under_review()
        queue.defer(row)
        self.focus = queue.current
        self.changed("queue", "focus")

    def _under_review(self) -> tuple[int, ReviewQueue]:
        row = self.asked
        if self.queue is None or row is None:
            msg = "there is no item under review; open a queue with ex.review(...) or ex.audit_sample()"
            raise ValueError(msg)
        return row, self.queue

    def _answer(self, annotation: str | None) -> int:
        row, queue = self._under_review()
        audit = queue.name == AUDIT
        chosen = Selection.of([row], AUDIT if audit else f"review: {queue.name}")
        found = None  # an annotation says whether a class was wrong, but not whether an item lies far from others
        if queue.name == "label_issues" and self.y is not None and annotation is not None:
            found = str(self.y[row]) != annotation
        given = int(self.notes.free(chosen.rows, chosen.how).sum())
        try:
            self.notes.give(chosen.rows, annotation, chosen.how, None if audit else Verdict(queue.name, row, found))
        finally:
            self._next(row, found, f"{self._name(row)}: {self._words(1, given, annotation)}", "annotations")
        return given

    def _next(self, row: int, found: bool | None, words: str, *changed: str) -> None:
        assert self.queue is not None
        self.queue.answer(row, found)
        self.focus = self.queue.current
        left = f"{len(self.queue)} items left" if len(self.queue) else "all answered"
        others = len(self.selection) - int(row in self.selection.rows)
        note = f"; the {others:,} selected items are not part of the review and stay as they are" if others else ""
        self.changed(*changed, "queue", "focus", status=f"{words}; {left}{note}")

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


def _checked(annotation: object) -> str | None:
    if annotation is None:
        return None
    if not isinstance(annotation, str):
        msg = f"an annotation is a str or None, got {annotation!r}; items come second: ex.label('bird', [3, 7])"
        raise TypeError(msg)
    if not annotation.strip():
        msg = "an annotation needs at least one visible character; None takes annotations away"
        raise ValueError(msg)
    return annotation.strip()
