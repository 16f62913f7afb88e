"""Choose the queries of an evaluation: equal ones count once, no query finds itself, and groups stay together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._aligned import column
from mmtoolkit.vectors import items_of
from mmtoolkit.words import say

if TYPE_CHECKING:
    from mmtoolkit.retrieval.find import Queries

__all__ = [
    "Counted",
    "distinct",
    "equal_to_items",
    "merged",
    "remarks_of",
    "themselves",
    "together_of",
    "without",
]


@dataclass(frozen=True, eq=False)
class Counted:
    """The distinct queries that have a relevant item.

    Attributes
    ----------
    rows : ndarray of shape (n_queries,), int
        The first place of each among the queries that were given.
    names : ndarray of shape (n_queries,), object
        Their texts, or what they are called.
    right, own : lists of ndarray of int
        Rows of the items that are relevant for each, and of those that are the query itself.
    together : ndarray of shape (n_queries,), int
        Groups of queries.
    n_repeats, n_left_out : int
        Queries that are equal to an earlier one; distinct queries without a relevant item.
    """

    rows: NDArray[np.intp]
    names: NDArray[np.object_]
    right: list[NDArray[np.intp]]
    own: list[NDArray[np.intp]]
    together: NDArray[np.intp]
    n_repeats: int
    n_left_out: int

    @property
    def n_right(self) -> NDArray[np.intp]:
        """Number of relevant items of each."""
        return np.array([len(rows) for rows in self.right])

    @property
    def n_own(self) -> NDArray[np.intp]:
        """Number of items that are the query itself."""
        return np.array([len(rows) for rows in self.own])

    @property
    def groups(self) -> NDArray[np.intp]:
        """Groups as numbers from 0."""
        return np.unique(self.together, return_inverse=True)[1]

    def gains(self, hits: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which hits are right, (n_queries, depth)."""
        return np.stack([np.isin(hit, rows) for hit, rows in zip(hits, self.right, strict=True)])


def distinct(names: NDArray[np.object_], found: Queries) -> NDArray[np.intp]:
    """Return a number for each query, in order of appearance; queries equal in name and vector, or in vector alone, share it."""
    keys = [row.tobytes() for row in found.vectors]
    if found.contents is not None:
        keys = [str(name).encode() + b"\0" + key for name, key in zip(names, keys, strict=True)]
    return np.asarray(pd.factorize(np.array(keys, dtype=object))[0], dtype=np.intp)


def together_of(
    embeddings: Any, groups: Any, frame_rows: NDArray[np.intp] | None, which: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the number of every distinct query's group; a query without one is alone."""
    from mmtoolkit.classification.folds import merge_groups

    if groups is None:
        return np.arange(int(which.max()) + 1)
    if isinstance(groups, str):
        if frame_rows is None:
            msg = f"groups={groups!r} names a column of the items, but the queries are none; pass one group per query"
            raise ValueError(msg)
        values = column(embeddings, groups, what="groups")[frame_rows]
    else:
        values = np.asarray(groups)
    if values.shape != which.shape:
        msg = f"groups has shape {values.shape} for {len(which)} queries; pass one group per query"
        raise ValueError(msg)
    codes = pd.factorize(pd.Series(list(values), dtype=object).map(str, na_action="ignore"))[0]
    alone = codes < 0  # without a group
    codes[alone] = len(codes) + np.flatnonzero(alone)
    return merge_groups(which, codes)[np.unique(which, return_index=True)[1]]


def themselves(embeddings: Any, names: NDArray[np.object_]) -> list[NDArray[np.intp]]:
    """Return for each query of a column the text items with the same text: these are the query itself."""
    frame = items_of(embeddings)
    texts: dict[Any, list[int]] = {}
    if frame is not None and {"modality", "text"} <= set(frame.columns):
        for row, (kind, text) in enumerate(zip(frame["modality"], frame["text"], strict=True)):
            if kind == "text":
                texts.setdefault(text, []).append(row)
    return [np.array(texts.get(name, []), dtype=np.intp) for name in names.tolist()]


def merged(right: Sequence[NDArray[np.intp]], which: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return the relevant items of every distinct query."""
    found: list[set[int]] = [set() for _ in range(int(which.max()) + 1)]
    for number, rows in zip(which.tolist(), right, strict=True):
        found[number].update(rows.tolist())
    return [np.array(sorted(rows), dtype=np.intp) for rows in found]


def without(hits: NDArray[np.intp], own: Sequence[NDArray[np.intp]], depth: int) -> NDArray[np.intp]:
    """Return the first `depth` hits, the queries themselves after all others."""
    if not any(map(len, own)):
        return hits[:, :depth]
    itself = np.stack([np.isin(hit, rows) for hit, rows in zip(hits, own, strict=True)])
    others = np.argsort(itself, axis=1, kind="stable")
    return np.take_along_axis(hits, others, axis=1)[:, :depth]


def equal_to_items(vectors: NDArray[np.float32], X: NDArray[np.float32], hits: NDArray[np.intp]) -> int:
    """Return how many queries have the same vector as the item they find first."""
    return int((vectors == X[hits[:, 0]]).all(axis=1).sum())


def remarks_of(n_again: int, n_own: int, n_equal: int) -> tuple[str, ...]:
    """Return sentences about queries that count once or were left out, and about those equal to an item."""
    said = {
        say("equal queries that were not counted again: {n}", n=n_again): n_again,
        say("queries that are the text of an item, which was not searched for them: {n}", n=n_own): n_own,
        say("queries with the vector of an item, which they find at once: {n}", n=n_equal): n_equal,
    }
    return tuple(words for words, n in said.items() if n)
