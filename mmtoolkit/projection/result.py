"""The result of `project`: a map, its trust, and places for more items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._aligned import column
from mmtoolkit._numbers import as_numbers, check_columns, feature_names
from mmtoolkit.projection.layouts import METHODS
from mmtoolkit.projection.placing import place
from mmtoolkit.projection.trust import TRUST_NEIGHBORS, trust_neighbors
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step
from mmtoolkit.thumbnails import item_name
from mmtoolkit.vectors import check_same_space, has_vectors, items_of, vectors_of
from mmtoolkit.words import aside, joined, listed, say
from mmtoolkit.words import title as heading

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from numpy.typing import ArrayLike, NDArray

__all__ = ["DrawnMap", "Projection"]


@dataclass(frozen=True, eq=False, repr=False)
class DrawnMap(Result):
    """A map of the items that it was drawn from.

    Parameters
    ----------
    coords : ndarray of shape (n_items, 2), float32
        Places; distances and the empty room between groups have no unit.
    trust : ndarray of shape (n_items,), float32
        Share of an item's 15 neighbours on the map (fewer below 31 items) are among its nearest in the full
        space; NaN where unknown.
    trustworthiness : float
        Whether neighbours on the map are neighbours in the full space: 1 is perfect, about 0.5 is a random map, NaN is
        unknown.
    method : str
        Method that was used, such as "umap"; "pca" where there were too few items for the one asked for.
    note : str
        What a reader of the map should know; mostly "".
    recipe : Step
        Verb and parameters.
    source : Embeddings or array
        The items.
    """

    coords: NDArray[np.float32]
    trust: NDArray[np.float32]
    trustworthiness: float
    method: str
    note: str
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def transform(self, new: Any) -> NDArray[np.float32]:
        """Place further items on this map, each near its 15 nearest neighbours; the map itself does not change.

        Parameters
        ----------
        new : array-like of shape (n, n_features), Embeddings, items frame, contents or str
            Vectors of the same space, or anything the embeddings' model can encode.

        Returns
        -------
        ndarray of shape (n, 2), float32
            The mean of the neighbours' places weighted by 1 / distance; an item equal to one of the map gets its place.

        Raises
        ------
        ValueError
            If the number of features differs or rows hold NaN.
        TypeError
            If items are given although the map was made of a plain array.
        SpaceError
            If `new` are Embeddings of another model.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> X = np.random.default_rng(0).normal(size=(40, 8))
        >>> p = mm.project(X, method="pca")
        >>> np.allclose(p.transform(X[:1]), p.coords[:1])
        True
        """
        normalize = bool(self.recipe.params["normalize"])
        check_same_space(self.source, new, "the vectors of the map and of the new items")
        X = vectors_of(self.source, normalize=normalize)
        rows = self._encoded(new)
        if rows.ndim == 2 and len(rows) == 0:
            return np.empty((0, 2), dtype=np.float32)
        Q = vectors_of(rows, normalize=normalize)
        if Q.shape[1] != X.shape[1]:
            msg = f"new rows have {Q.shape[1]} features, the map was made of {X.shape[1]}"
            raise ValueError(msg)
        return place(Q, X, self.coords, TRUST_NEIGHBORS)

    def _encoded(self, new: Any) -> NDArray[Any]:
        """Return the vectors of what `transform` takes."""
        if has_vectors(new):
            return np.asarray(new.vectors)
        found = as_numbers(new)
        check_columns(feature_names(self.source), found)
        rows = np.asarray(
            self.source.encode(new) if has_vectors(self.source) and found is None else new if found is None else found
        )
        if rows.dtype.kind not in "fiu":
            msg = f"the map was made of a plain array, so only vectors can be placed, got {type(new).__name__}"
            raise TypeError(msg)
        return rows

    def draw(
        self, color: ArrayLike | str | None = None, *, names: Mapping[Any, str] | None = None, title: str = ""
    ) -> go.Figure:
        """Draw the map.

        Parameters
        ----------
        color : array-like of shape (n_items,), str or None, default=None
            Values or the name of a column; floats are drawn on a colour scale, all else as groups.
        names : mapping or None, default=None
            Names of groups.
        title : str, default=""
            Plain text; "" says the method.

        Returns
        -------
        plotly.graph_objects.Figure
            A new figure.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> p = mm.project(np.random.default_rng(0).normal(size=(40, 8)), method="pca")
        >>> len(p.draw(["a", "b"] * 20, title="Two colours").data)
        2
        """
        from mmtoolkit.figures import scatter_map

        values = None if color is None else column(self.source, color, what="color")
        if values is not None and all(v is None or isinstance(v, float | np.floating) for v in values):
            values = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        return scatter_map(
            self.coords,
            color=values,
            names=names,
            hover=self._hover(),
            title=title or say("{method} map", method=METHODS[self.method].title),
            caption=self._caption(),
            color_title=(heading(color) if color == "label" else color) if isinstance(color, str) else "",
        )

    def _hover(self) -> list[str] | None:
        items = items_of(self.source)
        if items is None:
            return None
        return [item_name({str(k): v for k, v in row.items()}) for row in items.to_dict("records")]

    def _caption(self) -> str:
        score = (
            "" if np.isnan(self.trustworthiness) else say("Trustworthiness {value:.3f}.", value=self.trustworthiness)
        )
        return joined(say("{note}.", note=self.note) if self.note else "", score)

    def _trust_figure(self) -> go.Figure:
        from mmtoolkit.figures import scatter_map

        mean = float(np.nanmean(self.trust)) if np.isfinite(self.trust).any() else float("nan")
        return scatter_map(
            self.coords,
            color=self.trust,
            hover=self._hover(),
            title=say("Where the map can be trusted"),
            caption=say(
                "Share of each item's {n} map neighbours that are true ones; mean {mean:.2f}. Dark points have few true neighbours.",
                n=trust_neighbors(len(self.trust)),
                mean=mean,
            ),
            color_title=say("true neighbours"),
            color_range=(0.0, 1.0),
        )

    def _main_figure(self) -> go.Figure:
        items = items_of(self.source)
        labelled = items is not None and "label" in items.columns and items["label"].notna().any()
        return self.draw("label" if labelled else None)

    def _figures(self) -> Mapping[str, Any]:
        return {"map": self._main_figure, "trust": self._trust_figure}

    def _trusted(self) -> str:
        """Return how far to trust the map, in a few words."""
        score = say("unknown") if np.isnan(self.trustworthiness) else f"{self.trustworthiness:.3f}"
        told = [METHODS[self.method].title, say("trustworthiness {score}", score=score)]
        return aside(listed(told), self.note)

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        import pandas as pd

        known = self.trust[np.isfinite(self.trust)]
        if len(known) == 0:
            return {}
        shares = [float((known < 0.2).mean()), float(np.median(known)), float((known >= 0.8).mean())]
        names = [say("items below 0.2"), say("median"), say("items from 0.8")]
        return {say("True neighbours on the map"): pd.DataFrame({"share": shares}, index=pd.Index(names, name="trust"))}

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what a report stores: counts exactly, the map only for an equal environment."""
        score, coords = {"trustworthiness": plain(self.trustworthiness)}, {"coords": plain(self.coords)}
        exact = {"n_items": len(self.coords), "method": self.method}
        if METHODS[self.method].everywhere:
            return {"exact": exact, "rounded": score, "map": coords}
        return {"exact": exact, "map": {**coords, **score}}


class Projection(DrawnMap):
    """A map of all items; fields as `DrawnMap` has them."""

    def _summary(self) -> str:
        return listed([say("{n:,} item", "{n:,} items", n=len(self.coords)), self._trusted()])
