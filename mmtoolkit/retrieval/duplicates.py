"""``near_duplicates``: items so close that they are probably the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._duplicates import duplicate_thresholds
from mmtoolkit._html import Html, notebook, tag
from mmtoolkit.results import Result, table_html
from mmtoolkit.retrieval.pairs import PairScan, scan_pairs
from mmtoolkit.steps import UNRECORDED, Step, verb
from mmtoolkit.vectors import HasVectors, ids_of, items_of, vectors_of
from mmtoolkit.words import joined, say, word

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["DuplicateResult", "near_duplicates"]

_SHOWN_GROUPS, _SHOWN_MEMBERS = 6, 6


@dataclass(frozen=True, eq=False, repr=False)
class DuplicateResult(Result):
    """Groups of near duplicates.

    Parameters
    ----------
    labels : ndarray of shape (n_items,), int
        Group of every item, from 0, the largest group first; -1 for an item that is like no other.
    groups : DataFrame
        One row per item that has a duplicate: group, id, row, nearest (cosine to the most similar other item).
    pairs : DataFrame
        The pairs nearest to the cut, to judge it by: id_a, id_b, similarity, duplicate (at or above the cut).
    nearest : ndarray of shape (n_items,), float64
        Cosine of every item to the most similar other one.
    threshold : float
        The cut; the lowest, when modalities have their own.
    thresholds : mapping of str to float
        The cut per modality.
    origin : str
        Where the cut comes from: "given", "the model's row", or "suggested".
    n_pairs : int
        Pairs at or above the cut, or equal.
    recipe : Step
        Verb and parameters.
    source : Embeddings or array
        The items.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> d = mm.near_duplicates(np.repeat(np.eye(3), [3, 2, 1], axis=0), threshold=0.99)
    >>> d.n_groups, d.n_redundant, d.keep.tolist(), d.labels.tolist()
    (2, 3, [True, False, False, True, False, True], [0, 0, 0, 1, 1, -1])
    """

    labels: NDArray[np.intp]
    groups: pd.DataFrame
    pairs: pd.DataFrame
    nearest: NDArray[np.float64]
    threshold: float
    thresholds: Mapping[str, float]
    origin: str
    n_pairs: int
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    @property
    def n_groups(self) -> int:
        """Number of groups of at least two items."""
        return int(self.labels.max(initial=-1)) + 1

    @property
    def n_redundant(self) -> int:
        """How many items could go if one of each group is kept."""
        return len(self.groups) - self.n_groups

    @property
    def keep(self) -> NDArray[np.bool_]:
        """True for the first item of each group and for all items without a duplicate, (n_items,); a mask."""
        _, first = np.unique(self.labels, return_index=True)
        mask = self.labels < 0
        mask[first] = True
        return mask

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return groups and counts (exact) and the cut (rounded)."""
        return {
            "exact": {"labels": self.labels.tolist(), "n_pairs": self.n_pairs},
            "rounded": {"threshold": self.threshold},
        }

    def _summary(self) -> str:
        if not self.n_groups:
            return say(
                "no near duplicates among {n} items at {threshold:.4g} ({origin})",
                n=len(self.labels),
                threshold=self.threshold,
                origin=self.origin,
            )
        return say(
            "{n} group with {members} of {n_items} items, {redundant} redundant, at {threshold:.4g} ({origin})",
            "{n} groups with {members} of {n_items} items, {redundant} redundant, at {threshold:.4g} ({origin})",
            n=self.n_groups,
            members=len(self.groups),
            n_items=len(self.labels),
            redundant=self.n_redundant,
            threshold=self.threshold,
            origin=self.origin,
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {say("groups"): self.groups.set_index("group"), say("pairs at the cut"): self.pairs.set_index("id_a")}

    def _figures(self) -> Mapping[str, Any]:
        return {"nearest": self._nearest}

    def _nearest(self) -> go.Figure:
        from mmtoolkit import figures

        marks = [
            (value, say("cut {name}", name=name) if len(self.thresholds) > 1 else say("cut"))
            for name, value in self.thresholds.items()
        ]
        return figures.histogram(
            self.nearest,
            title=say("How close every item is to its nearest other item"),
            x_title=say("cosine similarity to the nearest other item"),
            y_title=say("items"),
            caption=joined(
                say("{note}.", note=self._summary()),
                say("A second hump at the right end is duplicates; the cut belongs into the valley."),
            ),
            marks=marks,
        )

    def _repr_html_(self) -> str:
        from mmtoolkit.thumbnails import strip_html

        parts: list[Html] = []
        items = items_of(self.source)
        if items is not None:
            for group, members in self.groups[self.groups["group"] < _SHOWN_GROUPS].groupby("group"):
                shown = items.iloc[members["row"].to_numpy()[:_SHOWN_MEMBERS]]
                head = say("group {group}: {n} items", group=group, n=len(members))
                if len(shown) < len(members):
                    head = say("group {group}: {shown} of {n} items", group=group, shown=len(shown), n=len(members))
                parts += [tag("p", head), strip_html(shown)]
        parts.append(table_html(self.pairs.set_index("id_a"), say("pairs at the cut")))
        return notebook("DuplicateResult", self._summary(), *parts)


@verb("near_duplicates", memory=0.2, one_thread=False)  # decided in float64: more threads change nothing
def near_duplicates(
    embeddings: HasVectors | ArrayLike,
    threshold: float | Mapping[str, float] | None = None,
    *,
    n_jobs: int | None = None,
) -> DuplicateResult:
    """Find groups of items whose vectors are almost the same.

    Exact: every pair is looked at, block by block, in flat memory. Chains count: a like b and b like c are one group.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        Items. Unit rows are used: a near duplicate is a matter of direction, so there is no `normalize`.
    threshold : float, mapping of modality to float, or None, default=None
        Cosine from which two items are near duplicates; two modalities need the higher of their two. None takes the
        model's row of the models table, or for vectors of an unknown model suggests a cut: 100 times closer than two
        random items.
    n_jobs : int or None, default=None
        Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
        result, and is not recorded.

    Returns
    -------
    DuplicateResult
        Groups, sample pairs on both sides of the cut, and the histogram to choose a better cut by.

    Raises
    ------
    ValueError
        If a threshold lies outside (-1, 1], or a row holds NaN.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> mm.near_duplicates(np.array([[1, 0], [1, 0.001], [0, 1]]), threshold=0.99).labels.tolist()
    [0, 0, -1]
    """
    X = vectors_of(embeddings)
    cut, thresholds, origin = _cuts(embeddings, X, threshold)
    scan = scan_pairs(X, cut)
    labels, ids = _numbered(scan.groups), ids_of(embeddings)
    return DuplicateResult(
        labels=labels,
        groups=_groups(labels, scan, ids),
        pairs=_pairs(scan, ids),
        nearest=scan.nearest,
        threshold=min(thresholds.values()),
        thresholds=thresholds,
        origin=origin,
        n_pairs=scan.n_pairs,
    )


def _cuts(
    embeddings: Any, X: NDArray[np.float32], threshold: float | Mapping[str, float] | None
) -> tuple[NDArray[np.float64], dict[str, float], str]:
    """Return one cut per row, the cuts by modality, and where they come from."""
    items = items_of(embeddings)
    kinds = np.full(len(X), "all") if items is None else items["modality"].to_numpy(dtype=str)
    if threshold is None:
        cut = duplicate_thresholds(embeddings, X)
        origin = word("the model's row") if getattr(embeddings, "model", "") else word("suggested")
    else:
        given = threshold if isinstance(threshold, Mapping) else dict.fromkeys(kinds.tolist(), threshold)
        for name, value in given.items():
            if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not -1 < value <= 1:
                msg = f"threshold must be a cosine above -1 and at most 1, got {value!r} for {name!r}"
                raise ValueError(msg)
        lacking = sorted(set(kinds.tolist()) - set(given))
        if lacking:
            msg = f"threshold has no value for modality {lacking[0]!r}; it has {', '.join(given)}"
            raise ValueError(msg)
        cut, origin = np.array([given[kind] for kind in kinds.tolist()], dtype=np.float64), word("given")
    return cut, {str(kind): float(cut[kinds == kind][0]) for kind in np.unique(kinds)}, origin


def _numbered(groups: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of each row's group, the largest being 0; -1 for rows that are alone."""
    values, inverse, size = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.lexsort((values, -size))
    number = np.full(len(values), -1, dtype=np.intp)
    many = order[size[order] > 1]
    number[many] = np.arange(len(many))
    return number[inverse]


def _groups(labels: NDArray[np.intp], scan: PairScan, ids: NDArray[np.str_]) -> pd.DataFrame:
    rows = np.flatnonzero(labels >= 0)
    rows = rows[np.argsort(labels[rows], kind="stable")]
    columns = {"group": labels[rows], "id": ids[rows].astype(object), "row": rows, "nearest": scan.nearest[rows]}
    return pd.DataFrame(columns)


def _pairs(scan: PairScan, ids: NDArray[np.str_]) -> pd.DataFrame:
    sample = scan.sample
    order = np.argsort(-sample.similarity, kind="stable")
    i, j = sample.rows[order].T
    return pd.DataFrame(
        {
            "id_a": ids[i].astype(object),
            "id_b": ids[j].astype(object),
            "similarity": sample.similarity[order],
            "duplicate": sample.above[order],
        }
    )
