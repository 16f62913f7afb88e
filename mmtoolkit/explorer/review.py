"""The answers of a person: annotations, and answers to the questions of a review."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._aligned import masked
from mmtoolkit._arguments import check_count
from mmtoolkit._text import is_blank
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.explorer import kinds
from mmtoolkit.explorer.annotations import AUDIT, PROPOSED, Given, Verdict
from mmtoolkit.explorer.kinds import Kind, Queued
from mmtoolkit.explorer.queue import Queue, ReviewQueue, Suggestion
from mmtoolkit.explorer.selection import Chosen, rows_of
from mmtoolkit.explorer.state import State
from mmtoolkit.words import Said, aside, say

__all__ = ["Review"]


class Review:
    """The open review of an explorer, and the way to annotate and to undo.

    Parameters
    ----------
    state : State
        The items, and their annotations.

    Attributes
    ----------
    queue : Queue or None
        The items under review; None when no review is open.
    names : list of str
        Annotations that buttons and keys offer, in their order.
    """

    def __init__(self, state: State) -> None:
        self.state, self.notes = state, state.notes
        self.queue: Queue | None = None
        self.later: tuple[Kind, int, Future[Any]] | None = None  # a kind whose items are still looked for
        others = [answer for answers in state.notes.said.values() for answer in answers.values()]
        known = [
            pd.Series(values, dtype=object).dropna().astype(str) for values in (state.y, state.notes.annotation, others)
        ]
        self.names = list(dict.fromkeys(name for values in known for name in values.value_counts().index))

    @property
    def asked(self) -> int | None:
        """Row of the item under review."""
        return None if self.queue is None else self.queue.current

    @property
    def kind(self) -> Kind:
        """The kind of the open review."""
        return kinds.OWN if self.queue is None else kinds.KINDS.get(self.queue.name, kinds.OWN)

    @property
    def asks(self) -> str:
        """The question about the item under review."""
        counts = self.queue is not None and self.asked is not None and self.queue.counts(self.asked)
        return kinds.KINDS[AUDIT].asks if counts else self.kind.asks

    def card(self, row: int) -> Mapping[str, object]:
        """Return what stands on the card of an item under review; nothing where the answer counts for a score."""
        counts = self.queue is not None and self.queue.counts(row)
        return {} if counts else self.kind.card(self.state, row)

    # ---- the queue

    def open(self, what: Any, n: int, *, result: Any = None, random_state: int = 0, wait: bool = True) -> None:
        """Open a review of a kind, or of a list of items; None closes the one that is open.

        Without `wait` a kind that takes long begins with what is found at once; see `poll`.
        """
        check_count("n", n, 1)
        self.later = None
        if what is None:
            self._ask(None, say("review closed"))
            return
        kind = kinds.KINDS.get(what) if isinstance(what, str) else kinds.OWN
        if kind is None:
            msg = f"review takes {', '.join(kinds.KINDS)}, a frame, ids or row numbers, got {what!r}"
            raise ValueError(msg)
        queue, later = self._made(kind, n, what=what, result=result, random_state=random_state, wait=wait)
        self.later = None if later is None else (kind, n, later)
        self._ask(queue if len(queue) else None, _opened(kind, queue, looking=later is not None))

    def poll(self) -> bool:
        """Take over the items that were still looked for, if they are found; say whether there was anything new.

        What was answered meanwhile stays, and so does the item under review.

        Raises
        ------
        MMToolkitError
            If they could not be found; the items found at first stay.
        """
        if self.later is None or not self.later[2].done():
            return False
        (kind, n, _), before = self.later, self.queue
        self.later = None
        try:
            queue, _ = self._made(kind, n)
        except Exception as error:  # of the classifier's thread; raised again, with advice
            msg = say(
                "the classifier could not be trained; what the first look found stays, and ex.review(result=mm.classify(...)) takes a classifier of yours: {why}",
                why=getattr(error, "reason", error),
            )
            raise MMToolkitError(msg) from error
        if isinstance(before, ReviewQueue) and isinstance(queue, ReviewQueue):
            queue = queue.following(before)
        self._ask(queue if len(queue) else None, _opened(kind, queue, looking=False))
        return True

    def _made(
        self, kind: Kind, n: int, *, what: Any = None, result: Any = None, random_state: int = 0, wait: bool = True
    ) -> tuple[Queue, Future[Any] | None]:
        """Return the queue of a kind, and when to ask for it again."""
        own = kind is kinds.OWN
        answered = np.zeros(len(self.state), dtype=bool) if own else self._answered(kind)
        if not (own or kind.counts):
            answered = answered | ~self.state.filter.shown  # a random sample is drawn from all items
        given = what if own else result
        made = kind.queue(self.state, n, result=given, answered=answered, random_state=random_state, wait=wait)
        if not isinstance(made, tuple):
            return made, None
        queued = Queued(*made)
        return self._ranked(kind, queued, answered, n), queued.later

    def _ranked(self, kind: Kind, queued: Queued, answered: NDArray[np.bool_], n: int) -> ReviewQueue:
        """Return the queue of items that were not answered yet."""
        rows, scores, suggested, _ = queued
        if kind.counts:
            self.notes.draw(rows)
        left = np.flatnonzero(~answered[rows])[:n]
        scores = None if scores is None else scores[left]
        X = None if kind.counts else self.state.X
        return ReviewQueue(kind.name, rows[left], scores, X, counts=kind.counts, suggested=suggested)

    def _ask(self, queue: Queue | None, words: str) -> None:
        self.queue = queue
        self.state.predict({} if queue is None else queue.predictions())
        self.state.focus = self.asked
        self.state.changed("queue", "focus", status=words)

    def _answered(self, kind: Kind) -> Any:
        return self.notes.audited if kind.counts else self.notes.answered(kind.name)

    @property
    def suggestion(self) -> Suggestion | None:
        """What the item under review may be."""
        return None if self.queue is None or self.asked is None else self.queue.suggestion(self.asked)

    def under_review(self) -> tuple[int, Queue]:
        """Return the row that is asked about and the queue, or say how to open one."""
        if self.queue is None or (row := self.queue.current) is None:
            msg = say("there is no item under review; open a queue with ex.review(...) or ex.audit_sample()")
            raise ValueError(msg)
        return row, self.queue

    def skip(self) -> None:
        """Put the item under review at the end of the queue."""
        row, queue = self.under_review()
        queue.defer(row)
        self.state.focus = queue.current
        self.state.changed("queue", "focus")

    # ---- answers

    def label(self, annotation: str | None, items: Any = None) -> int:
        """Annotate items, the item under review, or the selection; return how many."""
        return self._give(_checked(annotation), items)

    def _give(self, annotation: str | None, items: Any = None) -> int:
        state, asked, verdict = self.state, self.asked if items is None else None, None
        if asked is not None:
            chosen, verdict = self._as_answer(asked, annotation)
        else:
            chosen = (
                state.selection if items is None else Chosen.of(rows_of(masked(state.source, items), state.ids), "code")
            )
        given, words = self._words(chosen, annotation)
        try:
            self.notes.give(chosen.rows, annotation, chosen.how, verdict)
        finally:
            if asked is None:
                state.changed("annotations", status=words if len(chosen) else say("select something first"))
            else:
                self._next(asked, None if verdict is None else verdict.found, words, "annotations")
        return given

    def _as_answer(self, row: int, annotation: str | None) -> tuple[Chosen, Verdict | None]:
        """Return how an item of the open review is annotated, and what the annotation answers."""
        kind, (_, queue) = self.kind, self.under_review()
        if queue.counts(row):
            return Chosen.of([row], AUDIT), None
        found = None if kind.says is None else kind.says(self._class(row), annotation)
        return Chosen.of([row], f"review: {queue.name}"), Verdict(queue.name, row, found)

    def answer(self, found: bool) -> None:
        """Answer the open question with yes or no."""
        row, queue = self.under_review()
        says, given, suggested = self.kind.says, self._class(row), queue.suggestion(row)
        if found and suggested is not None:
            self._give(suggested.annotation)
            return
        if says is None:
            msg = f"the review {queue.name!r} asks what an item is, not yes or no: ex.label('...')"
            raise ValueError(msg)
        if not found and says(given, given) is False:
            self._give(given)
            return
        try:
            self.notes.judge(Verdict(queue.name, row, bool(found)))
        finally:
            self._next(row, bool(found), say("yes") if found else say("no"))

    def propose(self, rows: NDArray[np.intp], names: NDArray[np.object_]) -> None:
        """Annotate items as a classifier predicts; None takes an earlier proposal away."""
        given = [str(name) for name in names if name is not None]
        self.names.extend(name for name in dict.fromkeys(given) if name not in self.names)
        try:
            self.notes.give(rows, names, np.array([None if name is None else PROPOSED for name in names], dtype=object))
        finally:
            words = say("{n:,} annotation proposed", "{n:,} annotations proposed", n=len(given))
            self.state.changed("annotations", status=words)

    def _class(self, row: int) -> str | None:
        y = self.state.y
        return None if y is None or y[row] is None else str(y[row])

    def _words(self, chosen: Chosen, annotation: str | None) -> tuple[int, str]:
        """Return the line about an annotation and the number of its items; a new name is offered from now on."""
        given = int(self.notes.free(chosen.rows, chosen.how).sum())
        if annotation is not None and annotation not in self.names:
            self.names.append(annotation)
        kept = len(chosen) - given
        words = (
            say("{n:,} item: annotation taken away", "{n:,} items: annotation taken away", n=given)
            if annotation is None
            else say("{n:,} item annotated as {name}", "{n:,} items annotated as {name}", n=given, name=annotation)
        )
        more = say("{n} kept its answer from the audit sample", "{n} kept their answer from the audit sample", n=kept)
        lost = say('running the cell again starts without annotations; journal="labels.csv" keeps them')
        first = annotation is not None and given > 0 and self.notes.last is None and not self.notes.kept_on_disk
        return given, aside(words, more if kept else "", lost if first else "")

    def _next(self, row: int, found: bool | None, words: str, *changed: str) -> None:
        state, queue = self.state, self.queue
        assert queue is not None
        queue.answer(row, found)
        state.focus = queue.current
        state.predict(queue.predictions())
        left = say("{n} item left", "{n} items left", n=len(queue)) if len(queue) else say("all answered")
        others = len(state.selection) - int(row in state.selection.rows)
        note = say(
            "the {n:,} selected item is not part of the review and stays as it is",
            "the {n:,} selected items are not part of the review and stay as they are",
            n=others,
        )
        told = say("{what}: {told}", what=state.ids[row], told=words)
        hidden = "" if state.filter.shown[row] else say("the filter hides this item; the answer is kept")
        state.changed(*changed, "queue", "focus", status=aside(told, left, note if others else "", hidden))

    # ---- undo

    def undo(self) -> int:
        """Take the last step back; return how many items it concerned."""
        last = self.notes.last
        if last is None:
            self.state.changed(status=say("nothing to undo"))
            return 0
        try:
            self.notes.undo()
        finally:
            changed = ["annotations"] if len(last.rows) else []
            changed += ["queue", "focus"] if self._reopened(last) else []
            self.state.changed(*changed, status=say("undone: {n:,} item", "undone: {n:,} items", n=len(last.concerned)))
        return len(last.concerned)

    def _reopened(self, last: Given) -> bool:
        """Ask again about an item whose answer in the open review was taken back, and tell whether there is one."""
        if self.queue is None:
            return False
        said = None if last.verdict is None or last.verdict.queue != self.queue.name else last.verdict.row
        counted = [row for row in last.rows.tolist() if self.queue.counts(row) and not self.notes.audited[row]]
        rows = counted or ([] if said is None else [said])
        again = self.queue.reopen(rows)
        self.state.predict(self.queue.predictions())
        self.state.focus = self.queue.current if again else self.state.focus
        return again


def _opened(kind: Kind, queue: Queue, *, looking: bool) -> Said:
    if len(queue):
        return say("{n} item to review: {kind}", "{n} items to review: {kind}", n=len(queue), kind=kind.button)
    if looking:
        return say("looking for items to review: {kind}", kind=kind.button)
    return say("nothing is left to review: {kind}", kind=kind.button)


def _checked(annotation: object) -> str | None:
    if annotation is None:
        return None
    if not isinstance(annotation, str):
        msg = f"an annotation is a str or None, got {annotation!r}; items come second: ex.label('bird', [3, 7])"
        raise TypeError(msg)
    if is_blank(annotation):
        msg = say("an annotation needs at least one visible character; None takes annotations away")
        raise ValueError(msg)
    return annotation.strip()
