"""What the explorer knows: items, places, selection, annotations, colours. No widget, no drawing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.explorer.annotations import Annotations
from mmtoolkit.explorer.arguments import classes_of, labels_of
from mmtoolkit.explorer.colours import Look, look_of, usable_columns
from mmtoolkit.explorer.geometry import Direction, inside, toward
from mmtoolkit.explorer.selection import Mode, Selection, rows_of
from mmtoolkit.vectors import ids_of, items_of, vectors_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from mmtoolkit.explorer.positions import Places

__all__ = ["EVENTS", "State"]

EVENTS = ("selected", "annotations", "hovered")
Observer = Callable[[dict[str, Any]], object]


class State:
    """Items with places on a map, a selection and annotations.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        The items.
    layout : Places
        Their places.
    y : array-like of shape (n_items,), str or None
        Classes, or the name of a column.
    clusters : Clustering, array-like of shape (n_items,) or None
        Cluster of every item.
    journal : path or None
        See `Annotations`.
    """

    def __init__(
        self,
        embeddings: Any,
        layout: Places,
        *,
        y: Any = None,
        clusters: Any = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> None:
        import pandas as pd

        self.source = embeddings
        self.X: NDArray[np.float32] = vectors_of(embeddings)
        self.ids: NDArray[np.str_] = ids_of(embeddings)
        items = items_of(embeddings)
        self.items: pd.DataFrame = pd.DataFrame({"id": self.ids.astype(object)}) if items is None else items
        if not self.items.columns.is_unique:
            twice = self.items.columns[self.items.columns.duplicated()][0]
            msg = f"the items frame has more than one column named {twice!r}; rename or drop all but one of them first"
            raise ValueError(msg)
        self.layout = layout
        self.y: NDArray[np.object_] | None = None if y is None else classes_of(embeddings, y)
        self.clusters: Any = None
        self.labels, self.cluster_names = labels_of(embeddings, clusters)
        if hasattr(clusters, "labels"):
            self.clusters = clusters
        self.notes = Annotations(self.ids, journal)
        self.selection = Selection.of([], "")
        self.scores: NDArray[np.float64] = np.full(len(self.ids), np.nan)
        self.focus: int | None = None
        self.status = self.notes.note
        self.annotation_names: list[str] = list(self._names_in(self.y)) + list(self._names_in(self.notes.annotation))
        self.annotation_names = list(dict.fromkeys(self.annotation_names))
        self._columns = usable_columns(self.items)
        self._observers: list[tuple[Observer, tuple[str, ...]]] = []
        self._inner: list[Callable[[tuple[str, ...]], None]] = []
        self._color = "class" if self.y is not None else "cluster" if self.labels is not None else "nothing"

    def __len__(self) -> int:
        return len(self.ids)

    def item(self, row: int) -> dict[str, Any]:
        """Return one row of the items frame."""
        return {str(name): value for name, value in self.items.iloc[row].items()}

    @staticmethod
    def _names_in(values: NDArray[np.object_] | None) -> Iterable[str]:
        import pandas as pd

        return [] if values is None else pd.Series(values, dtype=object).dropna().astype(str).value_counts().index

    @property
    def coords(self) -> NDArray[np.float32]:
        """Places of the items, (n_items, 2)."""
        return self.layout.coords

    # ---- who listens

    def observe(self, function: Observer, names: str | Iterable[str] = ("selected", "annotations")) -> None:
        """Call a function whenever something changes, by mouse or by code.

        Parameters
        ----------
        function : callable
            Takes one dict: "name", "owner" (this explorer) and "new": the frame that `selected` or `annotations`
            gives, or the id of the hovered item.
        names : str or iterable of str, default=("selected", "annotations")
            Any of "selected", "annotations", "hovered".

        Raises
        ------
        ValueError
            If a name is none of these.
        """
        wanted = (names,) if isinstance(names, str) else tuple(names)
        unknown = [name for name in wanted if name not in EVENTS]
        if unknown:
            msg = f"names must be among {', '.join(EVENTS)}, got {unknown[0]!r}"
            raise ValueError(msg)
        self._observers.append((function, wanted))

    def unobserve(self, function: Observer) -> None:
        """Stop calling a function that was given to `observe`."""
        self._observers = [pair for pair in self._observers if pair[0] != function]

    def listen(self, refresh: Callable[[tuple[str, ...]], None]) -> None:
        """Let a view be told which parts changed; views are told before observers."""
        self._inner.append(refresh)

    def changed(self, *names: str, status: str | None = None) -> None:
        """Tell views, then observers."""
        if status is not None:
            self.status = status
            names = (*names, "status")
        for refresh in self._inner:
            refresh(names)
        for function, wanted in list(self._observers):
            for name in names:
                if name in wanted:
                    function({"name": name, "owner": self, "new": self._news(name)})

    def _news(self, name: str) -> Any:
        if name == "selected":
            return self.selected
        return self.annotations if name == "annotations" else None

    # ---- selection

    @property
    def selected(self) -> pd.DataFrame:
        """The selected items, in the order they are shown, with `how` each was chosen and its `annotation`.

        Set it to ids, row numbers, a mask, a frame with a column `id`, or None.
        """
        frame = self.items.iloc[self.selection.rows].reset_index(drop=True)
        return frame.assign(how=self.selection.how, annotation=self.notes.annotation[self.selection.rows])

    @selected.setter
    def selected(self, wanted: Any) -> None:
        self.select(wanted)

    def select(self, wanted: Any, *, how: str = "code", mode: Mode = "replace") -> None:
        """Select items; what is selected already, in that order, stays as it was chosen, and nobody is told.

        Parameters
        ----------
        wanted : None, id, row number, sequence of these, boolean mask, or DataFrame with a column id
            Which items.
        how : str, default="code"
            How they were chosen; kept with every annotation they get.
        mode : {"replace", "add", "remove"}, default="replace"
            What to do about what was selected before.
        """
        chosen = Selection.of(rows_of(wanted, self.ids), how)
        selection = self.selection.combined(chosen, mode)
        same = np.array_equal(selection.rows, self.selection.rows)  # no event: two explorers may set each other
        self.selection = self.selection if same else selection
        self.changed(*([] if same else ["selected"]), status=f"{len(self.selection):,} of {len(self):,} items selected")

    def lasso(
        self, polygon: ArrayLike, *, how: str = "lasso", mode: Mode = "replace", version: int | None = None
    ) -> None:
        """Select the items inside a polygon.

        Parameters
        ----------
        polygon : array-like of shape (n_corners, 2)
            In the coordinates of the map.
        how : str, default="lasso"
            "lasso" or "box".
        mode : {"replace", "add", "remove"}, default="replace"
            What to do about what was selected before.
        version : int or None, default=None
            The layout on which it was drawn (see `Places`); None is the present one.
        """
        coords = self.coords if version is None else self.layout.at(version)
        self.select(np.flatnonzero(inside(polygon, coords)), how=how, mode=mode)

    def invert(self) -> None:
        """Select what is not selected."""
        self.selection = self.selection.inverted(len(self))
        self.changed("selected", status=f"{len(self.selection):,} of {len(self):,} items selected")

    def clear(self) -> None:
        """Select nothing."""
        self.select(None)

    def show(self, item: Any) -> None:
        """Put one item in focus: its card is shown and a ring marks it on the map.

        Parameters
        ----------
        item : id, row number, or None
            Which one.
        """
        rows = rows_of(item, self.ids)
        self.focus = int(rows[0]) if len(rows) else None
        self.changed("focus")

    def move(self, direction: Direction) -> None:
        """Move the focus to the next item in a direction, as an arrow key does."""
        self.show(toward(self.coords, self.focus, direction))

    def hover(self, row: int) -> None:
        """Tell observers of "hovered" which item the mouse is on."""
        for function, wanted in list(self._observers):
            if "hovered" in wanted:
                function({"name": "hovered", "owner": self, "new": str(self.ids[row])})

    # ---- annotations

    @property
    def annotations(self) -> pd.DataFrame:
        """One row per annotated item: id, annotation, how, order, time."""
        return self.notes.frame()

    @property
    def annotated(self) -> NDArray[np.object_]:
        """Annotation of every item or None, (n_items,): ready to be the `y` of ``mm.classify``."""
        return self.notes.annotation.copy()

    @property
    def audited(self) -> NDArray[np.bool_]:
        """Which items were annotated in the random audit sample, (n_items,)."""
        return self.notes.audited

    def annotations_diff(self) -> pd.DataFrame:
        """Return the annotations that differ from `y`: id, before, after, change ("new" or "changed"), how."""
        return self.notes.diff(self.y)

    # ---- colours

    @property
    def color_choices(self) -> tuple[str, ...]:
        """What `color_by` can be."""
        named = {
            "class": self.y is not None,
            "cluster": self.labels is not None,
            "annotation": True,
            "trust": self.layout.trust is not None,
            "search score": bool(np.isfinite(self.scores).any()),
        }
        return (
            "nothing",
            *(name for name, there in named.items() if there),
            *(c for c in self._columns if c not in named),
        )

    @property
    def color_by(self) -> str:
        """What the points are coloured by; one of `color_choices`."""
        return self._color

    @color_by.setter
    def color_by(self, name: str) -> None:
        if name not in self.color_choices:
            msg = f"color_by must be one of {', '.join(self.color_choices)}, got {name!r}"
            raise ValueError(msg)
        self._color = name
        self.changed("color")

    @property
    def look(self) -> Look:
        """Groups or numbers that colour the points now."""
        values: Any = {
            "nothing": None,
            "class": self.y,
            "cluster": self.labels,
            "annotation": self.notes.annotation,
            "trust": self.layout.trust,
            "search score": self.scores,
        }.get(self._color, self._columns.get(self._color))
        return look_of(self._color, values, self.cluster_names if self._color == "cluster" else None)

    def facts(self, row: int) -> dict[str, object]:
        """Return what is known about an item, for its card."""
        facts: dict[str, object] = {"class": None if self.y is None else self.y[row]}
        if self.labels is not None:
            label = int(self.labels[row])
            facts["cluster"] = self.cluster_names.get(label, "noise" if label < 0 else f"cluster {label}")
        facts["annotation"] = self.notes.annotation[row]
        if self.layout.trust is not None:
            facts["trust"] = f"{self.layout.trust[row]:.2f}"
        if np.isfinite(self.scores[row]):
            facts["score"] = f"{self.scores[row]:.3f}"
        return facts
