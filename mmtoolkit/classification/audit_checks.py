"""The table of checks of ``audit``: each row has the function that looks, and the words for its findings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._blocks import evenly
from mmtoolkit._nearest import most_similar
from mmtoolkit._text import shorten
from mmtoolkit._values import role_of
from mmtoolkit.errors import EmbeddingError, SpaceError
from mmtoolkit.vectors import ids_of, items_of, unit_rows
from mmtoolkit.words import say

if TYPE_CHECKING:
    from mmtoolkit.classification.targets import Target

__all__ = ["CHECKS", "NOT_LOOKED_FOR", "Check", "Subject"]

NOT_LOOKED_FOR = "not looked for"  # attribute of a table: the sentence that stands for it

_NEIGHBOURS = 5
_FAR = 3.5
_OTHERS = 500
_MISFIT = 0.9


@dataclass(frozen=True, eq=False)
class Subject:
    """The data that an audit looks at.

    Attributes
    ----------
    source : Embeddings or array
        All items.
    kept : Embeddings or array
        The items that have a vector.
    rows : ndarray of shape (n_kept,), int
        Their row numbers in `source`.
    ok : ndarray of shape (n_items,), bool
        Which items have a vector.
    unit : ndarray of shape (n_kept, n_features), float32
        Unit rows of `kept`.
    groups : ndarray of shape (n_kept,), int
        Duplicate groups of `kept`, by the number of the first member.
    target : Target or None
        Classes of all items.
    splits : ndarray of shape (n_items,), object, or None
        Names of the splits of all items.
    """

    source: Any
    kept: Any
    rows: NDArray[np.intp]
    ok: NDArray[np.bool_]
    unit: NDArray[np.float32]
    groups: NDArray[np.intp]
    target: Target | None
    splits: NDArray[np.object_] | None

    @cached_property
    def roles(self) -> NDArray[np.object_]:
        """The purpose of every item's split: train, test or validation where its name says so, else its name; None without a split."""
        names = np.full(len(self.ok), None, dtype=object) if self.splits is None else self.splits
        known = {name: role_of(name) for name in set(names.tolist())}
        roles = np.empty(len(names), dtype=object)
        roles[:] = [known[name] for name in names.tolist()]
        return roles

    def table(self, at: NDArray[np.intp], **columns: Any) -> pd.DataFrame:
        """Return a table of some rows of `source`: row, id and further columns."""
        return pd.DataFrame({"row": at, "id": ids_of(self.source)[at], **columns})

    def members(self) -> list[NDArray[np.intp]]:
        """Return the rows of `kept` of every group of several duplicates."""
        order = np.argsort(self.groups, kind="stable")
        groups = np.split(order, np.flatnonzero(np.diff(self.groups[order])) + 1)
        return [rows for rows in groups if len(rows) > 1]


@dataclass(frozen=True)
class Check:
    """One row of the table of checks.

    Parameters
    ----------
    find : callable
        From a `Subject` to a table of what was found.
    words : callable
        From that table to a sentence.
    count : callable, default=len
        From that table to the number of items to look at.
    always : bool, default=True
        Whether it is told when its table is empty, too.
    """

    find: Callable[[Subject], pd.DataFrame]
    words: Callable[[pd.DataFrame], str]
    count: Callable[[pd.DataFrame], int] = len
    always: bool = True


def _duplicates(subject: Subject) -> pd.DataFrame:
    """Return the members of every group of duplicates: group, row, id, label."""
    several = np.array([row for members in subject.members() for row in members], dtype=np.intp)
    at, target = subject.rows[several], subject.target
    found = subject.table(at, label=[None] * len(at) if target is None else target.values[at])
    found.insert(0, "group", subject.rows[subject.groups[several]])
    return found


def _leaks(subject: Subject) -> pd.DataFrame:
    """Return the items whose duplicates stand in another split: row, id, split, other_split."""
    found = {}
    roles, names = subject.roles[subject.rows], subject.splits
    for members in subject.members():
        inside = set(roles[members]) - {None}
        for m in members:
            if names is not None and roles[m] is not None and len(inside) > 1:
                others = {str(names[subject.rows[o]]) for o in members if roles[o] not in (None, roles[m])}
                found[subject.rows[m]] = names[subject.rows[m]], ", ".join(sorted(others))
    at = np.array(sorted(found), dtype=np.intp)
    table = subject.table(at, split=[found[row][0] for row in at], other_split=[found[row][1] for row in at])
    if names is None:
        table.attrs[NOT_LOOKED_FOR] = say("Leaks were not looked for: no split= was given.")
    return table


def _outliers(subject: Subject) -> pd.DataFrame:
    """Return items far from their five nearest others, duplicates not counted: row, id, distance, modified z-score."""
    unit, groups = subject.unit, subject.groups
    k = min(_NEIGHBOURS, len(unit) - 1)
    distance = score = np.zeros(len(unit))
    if k > 0:
        _, near = most_similar(unit, unit, k, apart=(groups, groups))
        distance = 1.0 - np.where(near == -2.0, -1.0, near).mean(axis=1, dtype=np.float64)  # no item of another group
        middle = np.median(distance)
        spread = np.median(np.abs(distance - middle))
        score = 0.6745 * (distance - middle) / spread if spread > 0 else score
    far = np.argsort(-score, kind="stable")
    far = far[score[far] > _FAR]
    return subject.table(subject.rows[far], distance=distance[far], score=score[far])


def _unreadable(subject: Subject) -> pd.DataFrame:
    """Return rows without a vector: row, id, reason."""
    at = np.flatnonzero(~subject.ok)
    failed = getattr(subject.source, "failed", None)
    why = {} if failed is None else dict(zip(failed["row"], failed["reason"], strict=True))
    return subject.table(at, reason=[str(why.get(int(row), say("the vector holds NaN"))) for row in at])


def _captions(subject: Subject) -> pd.DataFrame:
    """Return pictures and videos whose caption fits worse than nine in ten captions of others; needs a model that embeds texts."""
    at, said = _said(subject.kept)
    different = sorted(set(said))
    cosine, rank, unit = np.zeros(len(at)), np.zeros(len(at)), subject.unit[at]
    vectors = _embedded(subject.kept, different)
    if vectors is not None:
        own = np.searchsorted(np.array(different, dtype=object), np.array(said, dtype=object))
        others = evenly(len(different), _OTHERS)
        cosine = np.einsum("ij,ij->i", unit, vectors[own], dtype=np.float64)
        rank = ((unit @ vectors[others].T) > cosine[:, None]).mean(axis=1)
    worst = np.argsort(-rank, kind="stable")
    worst = worst[rank[worst] > _MISFIT]
    texts = [shorten(said[i], 80) for i in worst]
    table = subject.table(subject.rows[at[worst]], caption=texts, cosine=cosine[worst], rank=rank[worst])
    if vectors is None:
        table.attrs[NOT_LOOKED_FOR] = (
            say("Captions were not looked at: the model of the vectors reads no texts.")
            if len(different) > 1
            else say("Captions were not looked at: there are no two different captions of pictures or videos.")
        )
    return table


def _said(kept: Any) -> tuple[NDArray[np.intp], list[str]]:
    """Return which items are pictures or videos with a caption, and the captions."""
    items = items_of(kept)
    if items is None:
        return np.empty(0, dtype=np.intp), []
    pairs = zip(items["modality"], items["text"], strict=True)
    said = {row: t for row, (m, t) in enumerate(pairs) if m in ("image", "video") and isinstance(t, str) and t.strip()}
    return np.array(list(said), dtype=np.intp), list(said.values())


def _embedded(kept: Any, texts: list[str]) -> NDArray[np.float32] | None:
    """Return unit vectors of at least two captions; None where there are fewer or the model embeds no texts."""
    if len(texts) < 2:
        return None
    try:
        return unit_rows(kept.encode(texts))
    except (SpaceError, EmbeddingError):  # vectors without a model, or a model without texts
        return None


def _imbalance(subject: Subject) -> pd.DataFrame:
    """Return items and share per class, the largest first."""
    target = subject.target
    names = [] if target is None else target.classes.tolist()
    counts = (
        np.empty(0, dtype=np.intp) if target is None else np.bincount(target.codes[target.known], minlength=len(names))
    )
    frame = pd.DataFrame({"items": counts, "share": counts / counts.sum()}, index=pd.Index(names, name="class"))
    return frame.sort_values("items", ascending=False, kind="stable")


def _rare(table: pd.DataFrame) -> pd.DataFrame:
    """Return the classes that have less than a third of an equal share."""
    return table[table["items"] * len(table) * 3 < table["items"].sum()]


def _imbalance_words(table: pd.DataFrame) -> str:
    if table["items"].nunique() == 1:
        return say("All {n} classes have {most} items.", n=len(table), most=int(table["items"].iloc[0]))
    return say(
        "The largest class {largest} has {most} items, the smallest {smallest} {fewest}; {n} class has less than a third of an equal "
        "share.",
        "The largest class {largest} has {most} items, the smallest {smallest} {fewest}; {n} classes have less than a third of an "
        "equal share.",
        largest=shorten(table.index[0], 40),
        most=int(table["items"].iloc[0]),
        smallest=shorten(table.index[-1], 40),
        fewest=int(table["items"].iloc[-1]),
        n=len(_rare(table)),
    )


def _duplicates_words(table: pd.DataFrame) -> str:
    return say(
        "{n_items} items form {n} group of duplicates.",
        "{n_items} items form {n} groups of duplicates.",
        n_items=len(table),
        n=table["group"].nunique(),
    )


def _leaks_words(table: pd.DataFrame) -> str:
    return say(
        "{n} item has a duplicate in another split.", "{n} items have a duplicate in another split.", n=len(table)
    )


def _outliers_words(table: pd.DataFrame) -> str:
    return say("{n} item is far from everything else.", "{n} items are far from everything else.", n=len(table))


def _unreadable_words(table: pd.DataFrame) -> str:
    return say("{n} item could not be embedded.", "{n} items could not be embedded.", n=len(table))


def _captions_words(table: pd.DataFrame) -> str:
    return say(
        "{n} picture fits nine in ten captions of others better than its own.",
        "{n} pictures fit nine in ten captions of others better than their own.",
        n=len(table),
    )


CHECKS: dict[str, Check] = {
    "duplicates": Check(_duplicates, _duplicates_words),
    "leaks": Check(_leaks, _leaks_words),
    "outliers": Check(_outliers, _outliers_words),
    "unreadable": Check(_unreadable, _unreadable_words),
    "captions": Check(_captions, _captions_words),
    "imbalance": Check(_imbalance, _imbalance_words, lambda t: int(_rare(t)["items"].sum()), always=False),
}
