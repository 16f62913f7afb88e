"""The table of review kinds: what each asks, which items it queues, and what an answer means.

Another kind of review is one more row of `KINDS`, and one test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.explorer.agreement import check_two
from mmtoolkit.explorer.annotations import AUDIT, DISAGREEMENTS
from mmtoolkit.explorer.arguments import labels_of
from mmtoolkit.explorer.queue import LearningQueue, Queue, Suggestion
from mmtoolkit.explorer.selection import rows_of
from mmtoolkit.explorer.state import State
from mmtoolkit.words import Said, aside, say, word

__all__ = ["KINDS", "OWN", "Kind", "Queued"]


class Queued(NamedTuple):
    """Items for a review: rows, how suspicious each is (None: in their order), what they may be, and when to ask again."""

    rows: NDArray[np.intp]
    scores: NDArray[np.float64] | None = None
    suggested: Mapping[int, Suggestion] | None = None
    later: Future[Any] | None = None


def neither(_class: str | None, _annotation: str | None) -> bool | None:
    """Return None: an annotation says what an item is, and nothing about its distance to others."""
    return None


def another_class(given: str | None, annotation: str | None) -> bool | None:
    """Return True if the annotation is another class than the given one; None if one of them is missing."""
    return None if given is None or annotation is None else given != annotation


@dataclass(frozen=True)
class Kind:
    """One kind of review.

    Parameters
    ----------
    name : str
        As ``ex.review`` takes it.
    button, about : Said
        What the button that opens it says, and what its tooltip says.
    asks : Said
        The question about every item.
    queue : callable
        Takes the state, how many items are wanted, and by name `result`, `answered` (which items were answered before),
        `random_state` and `wait` (False: first finds will do, if `later` says when to ask again). Returns what `Queued` holds, where answered items are left out afterwards, or a queue of its own.
    says : callable or None, default=neither
        What an annotation means as an answer: takes the item's class and the annotation (a str or None each), returns
        True, False or None. "No" annotates an item with its class when that says False. None: the review
        asks what an item is, and yes and no are no answers.
    card : callable, default=State.facts
        Takes the state and a row, and returns what stands on the card beside the item.
    counts : bool, default=False
        Whether the answers count for ``ex.score``. Such a queue keeps its order whatever is answered.
    offered : callable, default=always
        Takes the state and tells whether the page offers the review.
    """

    name: str
    button: Said
    about: Said
    asks: Said
    queue: Callable[..., tuple[Any, ...] | Queue]
    says: Callable[[str | None, str | None], bool | None] | None = neither
    card: Callable[[State, int], Mapping[str, object]] = State.facts
    counts: bool = False
    offered: Callable[[State], bool] = lambda _state: True


def _drawn(state: State, n: int, *, random_state: int = 0, **_: Any) -> Queued:
    return Queued(np.random.default_rng(random_state).permutation(len(state))[:n])


def _label_issues(state: State, _n: int, *, result: Any = None, wait: bool = True, **_: Any) -> Queued:
    if result is None:
        if state.suspects is None:
            msg = "label issues need classes: mm.explore(emb, y='label'), or ex.review(result=mm.classify(...))"
            raise ValueError(msg)
        if len(state.suspects.classes) < 2:
            msg = f"label issues need at least two classes, y has {len(state.suspects.classes)}"
            raise ValueError(msg)
        if not (wait or state.suspects.done):
            rows, said = state.suspects.first()
            words = say("what a first look found")
            suggested = {row: Suggestion(*s, words) for row, s in zip(rows.tolist(), said, strict=True)}
            return Queued(rows, None, suggested, state.suspects.start())  # afterwards: it takes all cores
        result = state.suspects.result()
    issues = result.label_issues()
    rows = rows_of(issues["id"].tolist(), state.ids)
    columns = (issues[name].tolist() for name in ("suggested", "p_suggested", "evidence"))
    return Queued(rows, suggested={row: Suggestion(*said) for row, *said in zip(rows.tolist(), *columns, strict=True)})


def _learning(state: State, n: int, *, random_state: int = 0, **_: Any) -> Queue:
    from mmtoolkit.explorer.learner import Learner

    return LearningQueue(Learner(state.X, state.notes, random_state), n, state.filter)


def _outliers(state: State, n: int, *, answered: NDArray[np.bool_], **_: Any) -> Queued:
    from mmtoolkit.clustering import pick

    chosen = pick(state.X, min(n + int(answered.sum()), len(state)), "outlier")
    return Queued(np.asarray(chosen.rows), chosen.table["score"].to_numpy())


def _boundary(state: State, _n: int, *, result: Any = None, **_: Any) -> Queued:
    clusters = state.clusters if result is None else result
    if clusters is None or not hasattr(clusters, "per_item"):
        msg = "boundary items need a clustering: mm.explore(emb, clusters=mm.cluster(emb))"
        raise ValueError(msg)
    labels_of(state.source, clusters, "result")
    width = clusters.per_item["silhouette"].to_numpy()
    rows = np.argsort(width, kind="stable")
    rows = rows[np.isfinite(width[rows])]
    return Queued(rows, -width[rows])


def _disputed(state: State, _n: int, **_: Any) -> Queued:
    check_two(state.notes)
    return Queued(state.notes.disputed)


def _answers(state: State, row: int) -> Mapping[str, object]:
    """Return the answers of all annotators, with the other known facts."""
    said = {name: answers[row] for name, answers in state.notes.said.items() if row in answers}
    told = aside(*(say("{what}: {told}", what=name, told=answer) for name, answer in said.items()))
    return {**state.facts(row), "annotation": None, "answers": told}


def _listed(state: State, n: int, *, result: Any, **_: Any) -> Queued:
    return Queued(rows_of(result, state.ids)[:n])


_ROWS = (
    Kind(
        "learn",
        word("learn from my answers"),
        word("a classifier learns while you name items, and asks for those that teach it most"),
        word("What is this?"),
        _learning,
        says=None,
    ),
    Kind(
        AUDIT,
        word("random audit sample"),
        word("judge items drawn at random first: scores come from these only"),
        word("What is this? Drawn at random; scores come from these answers only."),
        _drawn,
        says=None,
        card=lambda _state, _row: {},  # an answer must not lean on what others said
        counts=True,
    ),
    Kind(
        "label_issues",
        word("label issues"),
        word("items whose class a classifier doubts"),
        word("Is the class wrong?"),
        _label_issues,
        says=another_class,
        offered=lambda state: state.suspects is not None and len(state.suspects.classes) > 1,
    ),
    Kind("outliers", word("outliers"), word("items far from all others"), word("Is this an outlier?"), _outliers),
    Kind(
        "boundary",
        word("boundary"),
        word("items between two clusters"),
        word("Does this belong elsewhere?"),
        _boundary,
        offered=lambda state: state.clusters is not None,
    ),
    Kind(
        DISAGREEMENTS,
        word("disagreements"),
        word("items that annotators answered differently"),
        word("Annotators disagree. What is this?"),
        _disputed,
        says=None,
        card=_answers,
        offered=lambda state: len(state.notes.disputed) > 0,
    ),
)
KINDS = {kind.name: kind for kind in _ROWS}
OWN = Kind(
    "own list", word("own list"), word("own list"), word("Look at this item."), _listed
)  # a list of the user's, which no name opens
