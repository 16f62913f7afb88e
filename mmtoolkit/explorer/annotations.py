"""The annotations of a person: every answer with how its item was chosen, undo, and a journal on disk."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit.explorer.journal import Entry, Journal

__all__ = ["AUDIT", "DISAGREEMENTS", "PROPOSED", "Annotations", "Given", "Verdict"]

AUDIT = "audit"
PROPOSED = "proposed"  # by a classifier, and not by a person
DISAGREEMENTS = "disagreements"  # the review that settles what annotators do not agree on
_SETTLED = f"review: {DISAGREEMENTS}"
_FIELDS = ("annotation", "how", "order", "time", "annotator")
_WORDS = {True: "yes", False: "no", None: "annotated"}  # how the journal spells what a review found
_OPEN = "taken back"
_DRAWN = f"review: {AUDIT}: drawn"  # how the journal spells that an item is of the audit sample


@dataclass(frozen=True)
class Verdict:
    """The verdict on an item in a review.

    Parameters
    ----------
    queue : str
        "label_issues", "outliers", …
    row : int
        Which item.
    found : bool or None
        Whether it is what the queue looks for; None where an annotation says nothing about that.
    time : str, default=""
        When it was said.
    """

    queue: str
    row: int
    found: bool | None
    time: str = ""

    @property
    def slot(self) -> tuple[str, int]:
        """The key of the verdict; a later verdict with the same key replaces it."""
        return self.queue, self.row


@dataclass(frozen=True, eq=False)
class Given:
    """What was said at once and `undo` takes back: annotations of rows, a verdict, or both; with what was there before."""

    rows: NDArray[np.intp]
    before: tuple[NDArray[Any], ...]
    verdict: Verdict | None
    verdict_before: Verdict | None

    @property
    def concerned(self) -> NDArray[np.intp]:
        """Rows of the items that it is about."""
        return self.rows if self.verdict is None else np.union1d(self.rows, [self.verdict.row])


class Annotations:
    """The annotations of one map.

    An item of the random audit sample that was judged there keeps that answer: what a lasso or a search says later
    about the same item is not taken, because scores come from the audit sample only.

    Parameters
    ----------
    ids : ndarray of shape (n_items,), str
        Ids of all items.
    journal : path or None, default=None
        A CSV file to which every answer is appended, and from which earlier answers are read: they survive a restart
        of the kernel.
    own : str or None, default=None
        Who answers now. What the journal has of other annotators is then kept apart, in `said`; None takes the last answer
        of anybody.
    digest : function of int to str or None, default=None
        Gives the digest of an item by its row; answers about another content are left out of the journal's.

    Attributes
    ----------
    given : ndarray of shape (n_items,), bool
        Which items have an annotation.
    said : dict of str to dict of int to str
        What every annotator answered on their own, by name and row; what settled a disagreement does not count.
    """

    def __init__(
        self,
        ids: NDArray[np.str_],
        journal: str | os.PathLike[str] | None = None,
        own: str | None = None,
        digest: Callable[[int], str] | None = None,
    ) -> None:
        n = len(ids)
        self._ids = ids
        self.annotation: NDArray[np.object_] = np.full(n, None, dtype=object)
        self.given: NDArray[np.bool_] = np.zeros(n, dtype=bool)
        self.how: NDArray[np.object_] = np.full(n, None, dtype=object)
        self.order: NDArray[np.int64] = np.zeros(n, dtype=np.int64)
        self.time: NDArray[np.object_] = np.full(n, None, dtype=object)
        self.annotator: NDArray[np.object_] = np.full(n, None, dtype=object)
        self.own = own
        self.said: dict[str, dict[int, str]] = {}
        self.sample: NDArray[np.bool_] = np.zeros(n, dtype=bool)
        self._verdicts: dict[tuple[str, int], Verdict] = {}
        self._undo: list[Given] = []
        self._count = 0
        self._journal = None if journal is None else Journal(journal, ids, digest)
        for entry in [] if self._journal is None else self._journal.read():
            self._recall(entry)
        self.note = "" if self._journal is None else self._journal.note

    @property
    def kept_on_disk(self) -> bool:
        """Whether a journal keeps what is given."""
        return self._journal is not None

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Which items were annotated by a person, (n_items,): all but what a classifier proposed."""
        return self._of_given(lambda rows: self.how[rows] != PROPOSED)

    @property
    def audited(self) -> NDArray[np.bool_]:
        """Which items were annotated in the random audit sample, (n_items,), a settled disagreement about them included."""
        return self._of_given(
            lambda rows: (self.how[rows] == AUDIT) | (self.sample[rows] & (self.how[rows] == _SETTLED))
        )

    def _of_given(self, which: Callable[[NDArray[np.intp]], Any]) -> NDArray[np.bool_]:
        """Return which items have an annotation of some kind; asked many times for every answer, so only about those."""
        rows, out = np.flatnonzero(self.given), self.given.copy()
        out[rows] = which(rows)
        return out

    def draw(self, rows: NDArray[np.intp]) -> None:
        """Note that items are of the random audit sample, answered or not."""
        new = rows[~self.sample[rows]]
        self.sample[new] = True
        if self._journal is not None and len(new):
            self._journal.append(Entry(row, None, _DRAWN, self._count, None) for row in new.tolist())

    def answered(self, queue: str) -> NDArray[np.bool_]:
        """Which items were answered in the review `queue`, (n_items,)."""
        if queue == AUDIT:
            return self.audited
        out = np.zeros(len(self._ids), dtype=bool)
        out[[row for name, row in self._verdicts if name == queue]] = True
        return out

    def free(self, rows: NDArray[np.intp], how: NDArray[np.object_]) -> NDArray[np.bool_]:
        """Which of `rows` take an annotation: those judged in the audit sample only there, or to settle a disagreement."""
        return np.asarray(~self.audited[rows] | np.isin(how, (AUDIT, _SETTLED)), dtype=bool)

    def give(
        self,
        rows: NDArray[np.intp],
        annotation: str | NDArray[np.object_] | None,
        how: NDArray[np.object_],
        verdict: Verdict | None = None,
    ) -> int:
        """Annotate items; one call is one step for `undo`.

        Parameters
        ----------
        rows : ndarray of int
            Which items.
        annotation : str, None, or ndarray of object
            One for all, or one each; None takes annotations away.
        how : ndarray of object
            How each of the items was chosen.
        verdict : Verdict or None, default=None
            What the same answer says in a review.

        Returns
        -------
        int
            How many items were annotated; items judged in the audit sample are left out unless `how` is "audit".

        Raises
        ------
        MMToolkitError
            If the journal cannot be written; the answer is kept in memory.
        """
        free = self.free(rows, how)
        annotations = np.broadcast_to(np.asarray(annotation, dtype=object), rows.shape)[free]
        rows, how = rows[free], how[free]
        if not len(rows) and verdict is None:
            return 0
        self._count += 1
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        before = tuple(getattr(self, name)[rows] for name in _FIELDS)
        said = None if verdict is None else replace(verdict, time=now)
        self._undo.append(Given(rows, before, said, None if said is None else self._verdicts.get(said.slot)))
        self._set(rows, (annotations, how, self._count, now, self.own), said, said)
        return len(rows)

    def judge(self, verdict: Verdict) -> None:
        """Note a yes or no of a review; one call is one step for `undo`."""
        self.give(np.empty(0, dtype=np.intp), None, np.empty(0, dtype=object), verdict)

    @property
    def last(self) -> Given | None:
        """The step that `undo` would take back."""
        return self._undo[-1] if self._undo else None

    @property
    def disputed(self) -> NDArray[np.intp]:
        """Rows of the items to which annotators gave different answers."""
        found: dict[int, set[str]] = {}
        for answers in self.said.values():
            for row, answer in answers.items():
                found.setdefault(row, set()).add(answer)
        return np.array(sorted(row for row, answers in found.items() if len(answers) > 1), dtype=np.intp)

    def undo(self) -> NDArray[np.intp]:
        """Take the last step back and return its rows; none when there is nothing to undo."""
        if not self._undo:
            return np.empty(0, dtype=np.intp)
        last = self._undo.pop()
        self._set(last.rows, last.before, last.verdict, last.verdict_before)
        return last.concerned

    def frame(self) -> pd.DataFrame:
        """Return one row per annotated item: id, annotation, how, order, time, annotator; in the order they were given."""
        rows = np.flatnonzero(self.given)
        rows = rows[np.argsort(self.order[rows], kind="stable")]
        columns: dict[str, Any] = {"id": self._ids[rows].astype(object)} | {
            name: getattr(self, name)[rows] for name in _FIELDS
        }
        columns["annotator"] = pd.Series(columns["annotator"], dtype=object)  # who is not known stays None
        return pd.DataFrame(columns).assign(time=_in_utc(columns["time"]))

    def reviewed(self) -> pd.DataFrame:
        """Return one row per answer in a review: id, queue, found, time; in the order they were given."""
        said = [(str(self._ids[v.row]), v.queue, v.found, v.time) for v in self._verdicts.values()]
        frame = pd.DataFrame(said, columns=["id", "queue", "found", "time"], dtype=object)
        return frame.assign(time=_in_utc(frame["time"]))

    def diff(self, y: NDArray[np.object_] | None) -> pd.DataFrame:
        """Return what differs from `y`: id, before, after, change ("new" or "changed"), how."""
        rows = np.flatnonzero(self.given)
        before = np.full(len(rows), None, dtype=object) if y is None else y[rows]
        after = self.annotation[rows]
        fresh = np.array([value is None for value in before], dtype=bool)
        same = np.array([str(old) == new for old, new in zip(before, after, strict=True)], dtype=bool) & ~fresh
        columns = {
            "id": self._ids[rows],
            "before": before,
            "after": after,
            "change": np.where(fresh, "new", "changed"),
            "how": self.how[rows],
        }
        free = ("before", "after", "change")  # a class that is missing stays None
        kinds = {name: object if name in free else None for name in columns}
        return pd.DataFrame(
            {name: pd.Series(values[~same].astype(object), dtype=kinds[name]) for name, values in columns.items()}
        )

    def _set(
        self, rows: NDArray[np.intp], values: tuple[Any, ...], about: Verdict | None, verdict: Verdict | None
    ) -> None:
        """Set values of rows, and the verdict in the slot of `about` (None removes it)."""
        before = self.annotator[rows]
        for name, value in zip(_FIELDS, values, strict=True):
            getattr(self, name)[rows] = value
        self.given[rows] = [annotation is not None for annotation in self.annotation[rows]]
        self.sample |= self.audited
        if about is not None:
            self._verdicts.pop(about.slot, None)
            self._verdicts |= {} if verdict is None else {about.slot: verdict}
        # what is taken back here was this annotator's; what holds again may be of somebody else
        back = rows[(before == self.own) & (self.annotator[rows] != self.own)] if self.own is not None else rows[:0]
        answers = [Entry(row, None, None, self._count, None, self.own) for row in back.tolist()]
        answers += [Entry(row, *(getattr(self, name)[row] for name in _FIELDS)) for row in rows.tolist()]
        for entry in answers:
            self._hear(entry)
        if self._journal is not None:
            self._journal.append([*self._said_of(about), *answers])

    def _said_of(self, about: Verdict | None) -> Iterator[Entry]:
        """Return the entry of the journal for a verdict."""
        if about is not None:
            said = self._verdicts.get(about.slot)
            word, time = (_OPEN, None) if said is None else (_WORDS[said.found], said.time)
            yield Entry(about.row, None, f"review: {about.queue}: {word}", self._count, time, self.own)

    def _hear(self, entry: Entry) -> None:
        """Record an annotator's answer about an item; an answer that settles a disagreement is not recorded here."""
        if entry.annotator is None:
            return
        answers = self.said.setdefault(entry.annotator, {})
        if entry.annotation is None or entry.how == PROPOSED:
            answers.pop(entry.row, None)
        elif entry.how != _SETTLED:
            answers[entry.row] = entry.annotation

    def _recall(self, entry: Entry) -> None:
        """Apply a line of the journal; a line without annotation whose `how` ends with the word of a verdict is a verdict."""
        self._count = max(self._count, entry.order)
        others = self.own is not None and entry.annotator not in (None, self.own)
        if entry.how in (_DRAWN, AUDIT):
            self.sample[entry.row] = True
        if entry.how == _DRAWN:
            return
        queue, _, word = (entry.how or "").removeprefix("review: ").rpartition(": ")
        if entry.annotation is None and queue and word in (*_WORDS.values(), _OPEN):
            if others:
                return
            self._verdicts.pop((queue, entry.row), None)
            said = [Verdict(queue, entry.row, found, entry.time or "") for found, w in _WORDS.items() if w == word]
            self._verdicts |= {verdict.slot: verdict for verdict in said}
            return
        self._hear(entry)
        for name in () if others else _FIELDS:
            getattr(self, name)[entry.row] = getattr(entry, name)
        self.given[entry.row] = self.annotation[entry.row] is not None


def _in_utc(written: Iterable[str]) -> pd.Series[pd.Timestamp]:
    """Return the times of a journal, of any year; without a zone they are taken for UTC, "" is not known."""
    times = [datetime.datetime.fromisoformat(time) if time else None for time in written]
    naive = np.array([time and time.replace(tzinfo=None) for time in times], dtype="datetime64[us]")
    zone = [(time and time.utcoffset()) or datetime.timedelta() for time in times]
    return pd.Series(naive - np.array(zone, dtype="timedelta64[us]")).dt.tz_localize("UTC")
