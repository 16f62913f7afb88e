"""The Explorer: everything a mouse or a key can do, as a method."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.explorer.answers import Answers
from mmtoolkit.explorer.arguments import labels_of
from mmtoolkit.explorer.linked import Linked, link
from mmtoolkit.explorer.selection import Selection, rows_of
from mmtoolkit.thumbnails import item_name

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go


__all__ = ["Explorer"]

_STILL_MIME = "image/png"


class Explorer(Answers):
    """A map to touch, and the DataFrames it leaves behind; made by `explore`.

    A cell that ends with it shows it. Whatever the mouse can do is a method here: `lasso`, `select`, `search`,
    `label`, `undo`, `review`, …

    Attributes
    ----------
    selected : DataFrame
        The selected items; can be set.
    annotations : DataFrame
        One row per annotated item: id, annotation, how, order, time.
    reviewed : DataFrame
        One row per answer in a review: id, queue, found, time.
    """

    linked: Linked | None = None
    _view: Any = None

    # ---- search

    def search(self, query: Any, k: int = 30) -> pd.DataFrame:
        """Light up the items nearest in meaning: they become the selection, best first.

        Parameters
        ----------
        query : str, Text, Image, Video or vector
            What is looked for; a str is a text, in any language the model knows. For an item of the map see `similar`.
        k : int, default=30
            How many.

        Returns
        -------
        DataFrame
            id, score, modality, rank and the item's columns.
        """
        from mmtoolkit.retrieval import search

        hits = search(self.source, query, k=min(k, len(self)))
        return self._found(hits, f"search: {query}" if isinstance(query, str) else "search")

    def similar(self, item: Any, k: int = 30) -> pd.DataFrame:
        """Light up the items most like one of the map; the item itself comes first.

        Parameters
        ----------
        item : id or row number
            Which item.
        k : int, default=30
            How many.

        Returns
        -------
        DataFrame
            As `search` gives.
        """
        from mmtoolkit.retrieval import search

        row = int(rows_of(item, self.ids)[0])
        hits = search(self.source, self.X[row], k=min(k, len(self)))
        return self._found(hits, f"similar to {self.ids[row]}")

    def _found(self, hits: Any, how: str) -> pd.DataFrame:
        table: pd.DataFrame = hits.table
        rows = rows_of(table["id"].tolist(), self.ids)
        self.scores = np.full(len(self), np.nan)
        self.scores[rows] = table["score"].to_numpy()
        self.selection = Selection.of(rows, how)
        self.changed("selected", status=f"{len(rows)} items nearest to {how.split(': ', 1)[-1]}")
        return table

    # ---- clusters and linked views

    @property
    def n_clusters(self) -> int | None:
        """Number of clusters; set it to cluster anew (kept on disk, so that a slider answers at once)."""
        return None if self.labels is None else len(np.unique(self.labels[self.labels >= 0]))

    @n_clusters.setter
    def n_clusters(self, k: int) -> None:
        from mmtoolkit.clustering import cluster

        if isinstance(k, bool) or not isinstance(k, int | np.integer):
            msg = f"n_clusters must be an int, got {k!r}"
            raise ValueError(msg)
        known = self.clusters
        params: Mapping[str, Any] = {} if known is None else known.recipe["params"]
        options = {name: params[name] for name in ("random_state", "normalize", "n_init", "exact") if name in params}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about modalities: said when the clusters were first made
            self.clusters = cluster(self.source, int(k), **options)
        self.labels, self.cluster_names = labels_of(self.source, self.clusters)
        if self.linked is not None and self.linked.source == "clusters":
            self.linked = link(self)
        self.changed("clusters")
        self.color_by = "cluster"

    @property
    def k_range(self) -> tuple[int, int]:
        """Smallest and largest number of clusters that the slider offers."""
        sweep = getattr(self.clusters, "sweep", None)
        if sweep is not None and len(sweep):
            return int(sweep.index.min()), int(sweep.index.max())
        return 2, max(2, min(30, len(np.unique(self.X, axis=0)) - 1 if len(self) < 64 else 30))

    def link(self, result: Any = None) -> pd.DataFrame:
        """Show a table of counts whose cells select their items on the map.

        Parameters
        ----------
        result : Classification, Clustering or None, default=None
            A classification gives true against predicted classes; None gives classes (without `y`: the annotations
            given so far) against clusters.

        Returns
        -------
        DataFrame
            The counts.
        """
        self.linked = link(self, result)
        self.changed("linked")
        return self.linked.counts

    def cell(self, row: Any, column: Any = None) -> None:
        """Select the items of one cell of the linked table, or of a whole row or column.

        Parameters
        ----------
        row, column : object or None
            Names as in the table; None takes all.
        """
        if self.linked is None:
            self.link()
        assert self.linked is not None
        self.select(self.linked.items(row, column), how=f"table: {self.linked.title(row, column)}")

    # ---- maps and files

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the map that is being computed.

        Parameters
        ----------
        timeout_s : float or None, default=None
            Seconds; None waits as long as it takes.

        Returns
        -------
        bool
            Whether the final map is there.
        """
        if self.layout.poll(timeout_s):
            self.changed("layout", status=self.layout.note or "the map is ready")
        return not self.layout.waiting

    def figure(self) -> go.Figure:
        """Return the map as a plain Plotly figure, coloured as now; of the UMAP if it is there by now."""
        from mmtoolkit.figures import scatter_map

        self.wait(0)
        look = self.look
        return scatter_map(
            self.coords,
            color=look.values,
            groups=look.groups or None,
            hover=[item_name(self.item(row)) for row in range(len(self))],
            title=f"{len(self):,} items",
            caption=self.layout.note,
            color_title=look.name,
        )

    def save(self, path: str | os.PathLike[str], *, wait: bool = True, **options: Any) -> None:
        """Write the map as one HTML file that opens without a network, with pictures on hover.

        Parameters
        ----------
        path : path
            Such as "map.html".
        wait : bool, default=True
            Wait for a map that is being computed. False writes the PCA if the UMAP is not there yet.
        **options
            As the map writer takes them.
        """
        from mmtoolkit._mapfile import save_map

        self.wait(None if wait else 0)
        save_map(path, self.figure(), self.items, **options)

    # ---- in a notebook

    @property
    def widget(self) -> Any:
        """The ipywidgets box that a cell shows; made at the first call."""
        if self._view is None:
            from mmtoolkit.explorer.view import View

            self._view = View(self)
        return self._view.box

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        import base64

        from mmtoolkit.explorer.still_image import still, still_html

        self.wait(0)
        bundle: dict[str, Any] = dict(self.widget._repr_mimebundle_())
        self._view.map.sync()
        png = still(self)
        return bundle | {
            "text/plain": repr(self),
            "text/html": still_html(self, png),
            _STILL_MIME: base64.b64encode(png).decode(),
        }

    def __repr__(self) -> str:
        given = int(self.notes.given.sum())
        return f"<Explorer: {len(self):,} items, {len(self.selection):,} selected, {given:,} annotated>"
