"""The state of the explorer: items, their positions, selection, annotations and colours. No widget, no drawing."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._aligned import masked
from mmtoolkit._rows import apart
from mmtoolkit.explorer.annotations import Annotations
from mmtoolkit.explorer.arguments import checked_annotator, classes_of, cluster_name, labels_of
from mmtoolkit.explorer.colours import Look, look_of, usable_columns
from mmtoolkit.explorer.digests import digests_of
from mmtoolkit.explorer.filtering import Filter
from mmtoolkit.explorer.listeners import Listeners
from mmtoolkit.explorer.positions import Places
from mmtoolkit.explorer.selection import Chosen
from mmtoolkit.explorer.suspects import Suspects
from mmtoolkit.vectors import ids_of, items_of, vectors_of
from mmtoolkit.words import say, title

__all__ = ["State"]

_COLORS = ("nothing", "class", "cluster", "annotation", "predicted class", "confidence", "trust", "search score")


class State:
    """Items on a map, with a selection and annotations.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        The items.
    layout : Places
        Their positions on the map.
    listeners : Listeners
        They are told of every change.
    y, clusters, journal, annotator
        As ``explore`` takes them.
    """

    def __init__(
        self,
        embeddings: Any,
        layout: Places,
        listeners: Listeners,
        *,
        y: Any = None,
        clusters: Any = None,
        journal: str | os.PathLike[str] | None = None,
        annotator: str | None = None,
    ) -> None:
        self.source = embeddings
        self.X: NDArray[np.float32] = vectors_of(embeddings)
        self.ids: NDArray[np.str_] = ids_of(embeddings)
        self.items: pd.DataFrame = _frame_of(embeddings)
        self.layout = layout
        self.listeners = listeners
        self.y: NDArray[np.object_] | None = None if y is None else classes_of(embeddings, y)
        self.clusters: Any = clusters if hasattr(clusters, "labels") else None
        self.labels, self.cluster_names = labels_of(embeddings, clusters)
        digest = None if journal is None else digests_of(embeddings)
        self.notes = Annotations(self.ids, journal, checked_annotator(annotator), digest)
        self.filter = Filter(self.items)
        self.chosen = Chosen.of([], "")  # also what the filter hides, and shows again later
        self.scores: NDArray[np.float64] = np.full(len(self.ids), np.nan)
        self.focus: int | None = None
        self.hovered: int | None = None
        self.status = self.notes.note
        self.color = self._usual_color
        self.predictions: dict[str, NDArray[Any]] = {}  # of the classifier that learns, if there is one
        self.suspects = None if self.y is None else Suspects(embeddings, self.X, self.y)
        self._columns = {apart(name, _COLORS): values for name, values in usable_columns(self.items).items()}

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def coords(self) -> NDArray[np.float32]:
        """Positions of the items, (n_items, 2)."""
        return self.layout.coords

    @property
    def selection(self) -> Chosen:
        """The selected items that the filter shows."""
        return self.passing(self.chosen)

    def passing(self, chosen: Chosen) -> Chosen:
        """Return what the filter shows of a selection."""
        kept = self.filter.shown[chosen.rows]
        return chosen if kept.all() else Chosen(chosen.rows[kept], chosen.how[kept])

    def seen(self, coords: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return places of items with NaN where the filter hides them."""
        return np.where(self.filter.shown[:, None], coords, np.float32(np.nan)) if self.filter else coords

    @property
    def selected(self) -> pd.DataFrame:
        """The selected items, in the order they are shown, with `how` and `annotation`."""
        rows, added = self.selection.rows, ("how", "annotation")
        frame = self.items.iloc[rows].rename(columns=lambda name: apart(name, added)).reset_index(drop=True)
        return frame.assign(how=self.selection.how, annotation=self.notes.annotation[rows])

    def changed(self, *names: str, status: str | None = None) -> None:
        """Call the listeners with what changed, and set the status line."""
        if status is not None:
            self.status = status
            names = (*names, "status")
        self.listeners.tell(names)

    def choose(self, selection: Chosen) -> None:
        """Take over a selection; rows that are selected already, in that order, stay as they were chosen."""
        same = np.array_equal(selection.rows, self.chosen.rows)  # no event: two explorers may set each other
        self.chosen = self.chosen if same else selection
        self.changed(
            *([] if same else ["selected"]),
            status=say("{selected:,} of {n:,} items selected", selected=len(self.selection), n=len(self)),
        )

    def show_only(self, where: Any) -> None:
        """Take over a filter; what is selected and hidden by it is selected again when it goes."""
        before = self.selection.rows
        self.filter.set(masked(self.source, where, "where") if isinstance(where, pd.Series) else where)
        words = (
            say("{shown:,} of {n:,} items shown", shown=int(self.filter.shown.sum()), n=len(self))
            if self.filter
            else say("all items shown")
        )
        self.changed("where", *([] if np.array_equal(before, self.selection.rows) else ["selected"]), status=words)

    @property
    def _usual_color(self) -> str:
        return "class" if self.y is not None else "cluster" if self.labels is not None else "nothing"

    def predict(self, predictions: dict[str, NDArray[Any]]) -> None:
        """Take over what the classifier that learns predicts, and colour by it where there was nothing to colour by."""
        if self.color in self.predictions.keys() - predictions.keys():
            self.color = self._usual_color
        elif self.color == "nothing" and not self.predictions:
            self.color = next(iter(predictions), "nothing")
        self.predictions = predictions

    def item(self, row: int) -> dict[str, Any]:
        """Return one row of the items frame."""
        return {str(name): value for name, value in self.items.iloc[row].items()}

    def facts(self, row: int) -> dict[str, object]:
        """Return the facts about an item: class, cluster, annotation, trust and score; None where unknown."""
        trust, score = self.layout.trust, self.scores[row]
        return {
            "class": None if self.y is None else self.y[row],
            "cluster": None if self.labels is None else cluster_name(self.cluster_names, self.labels[row]),
            "annotation": self.notes.annotation[row],
            "trust": None if trust is None else f"{trust[row]:.2f}",
            "score": f"{score:.3f}" if np.isfinite(score) else None,
        }

    @property
    def whole_clusters(self) -> list[int]:
        """Numbers of the clusters that the selection is made of; none where it holds noise or a part of a cluster."""
        if self.labels is None or not len(self.selection):
            return []
        chosen = np.unique(self.labels[self.selection.rows])
        whole = chosen[0] >= 0 and np.isin(self.labels, chosen).sum() == len(self.selection)
        return chosen.tolist() if whole else []

    @property
    def colors(self) -> dict[str, Any]:
        """One value per item for everything that points can be coloured by, by name; a column whose name is taken says so."""
        named = {
            "class": self.y,
            "cluster": self.labels,
            "annotation": self.notes.annotation,
            **self.predictions,
            "trust": self.layout.trust,
            "search score": self.scores if np.isfinite(self.scores).any() else None,
        }
        return {name: values for name, values in (named | self._columns).items() if values is not None}

    def color_title(self, name: str) -> str:
        """Return the title of a name of `colors`; a column of the items keeps its name."""
        return name if name in self._columns else title(name)

    @property
    def look(self) -> Look:
        """Groups or numbers that colour the points now; groups hold what the filter shows."""
        names = self.cluster_names if self.color == "cluster" else None
        look = look_of(self.color, self.colors.get(self.color), names)
        if self.filter:
            look = replace(look, groups=[left for group in look.groups if (left := group.among(self.filter.shown))])
        sure = self.predictions.get("confidence") if self.color == "predicted class" else None
        return look if sure is None else replace(look, opacity=0.25 + 0.65 * sure.astype(np.float32))


def _frame_of(embeddings: Any) -> pd.DataFrame:
    items = items_of(embeddings)
    if items is None:
        return pd.DataFrame({"id": ids_of(embeddings).astype(object)})
    if not items.columns.is_unique:
        twice = items.columns[items.columns.duplicated()][0]
        msg = f"the items frame has more than one column named {twice!r}; rename or drop all but one of them first"
        raise ValueError(msg)
    return items
