"""The Explorer: everything a mouse or a key can do, as a method."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.explorer import queues
from mmtoolkit.explorer.annotations import AUDIT
from mmtoolkit.explorer.checks import labels_of
from mmtoolkit.explorer.linked import Linked, link
from mmtoolkit.explorer.selection import Selection, rows_of
from mmtoolkit.explorer.state import State
from mmtoolkit.thumbnails import item_name

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from mmtoolkit.classification.result import Classification
    from mmtoolkit.explorer.queue import ReviewQueue

__all__ = ["Explorer"]

_STILL_MIME = "image/png"


class Explorer(State):
    """A map to touch, and the DataFrames it leaves behind; made by `explore`.

    A cell that ends with it shows it. Whatever the mouse can do is a method here: `lasso`, `select`, `search`,
    `label`, `undo`, `review`, …

    Attributes
    ----------
    selected : DataFrame
        The selected items; can be set.
    annotations : DataFrame
        One row per annotated item: id, annotation, how, order, time.
    """

    queue: ReviewQueue | None = None
    linked: Linked | None = None
    _view: Any = None

    # ---- search

    def search(self, query: Any, k: int = 30) -> pd.DataFrame:
        """Light up the items nearest in meaning: they become the selection, best first.

        Parameters
        ----------
        query : str, row number or content
            A text in any language the model knows, the id of an item given as ``ex.similar(id)``, or anything
            ``emb.encode`` takes.
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
        table: pd.DataFrame = hits if hasattr(hits, "columns") else hits.table
        rows = rows_of(table["id"].tolist(), self.ids)
        self.scores = np.full(len(self), np.nan)
        self.scores[rows] = table["score"].to_numpy()
        self.selection = Selection.of(rows, how)
        self.changed("selected", status=f"{len(rows)} items nearest to {how.split(': ', 1)[-1]}")
        return table

    # ---- annotations

    def label(self, annotation: str | None, items: Any = None) -> int:
        """Annotate items; `undo` takes it back.

        Parameters
        ----------
        annotation : str or None
            None takes annotations away.
        items : id, row number, sequence, mask, DataFrame or None, default=None
            None is the item under review when a queue is open, else the selection.

        Returns
        -------
        int
            How many items were annotated. Items judged in the audit sample keep that answer.
        """
        if annotation is not None:
            annotation = annotation.strip()
            if not annotation:
                msg = "an annotation needs at least one visible character; None takes annotations away"
                raise ValueError(msg)
        if items is None and self.queue is not None:
            return self._answer(annotation)
        chosen = self.selection if items is None else Selection.of(rows_of(items, self.ids), "code")
        return self._give(chosen, annotation)

    def _give(self, chosen: Selection, annotation: str | None) -> int:
        given = self.notes.give(chosen.rows, annotation, chosen.how)
        if annotation is not None and annotation not in self.annotation_names:
            self.annotation_names.append(annotation)
        what = "annotation taken away" if annotation is None else f"annotated as {annotation}"
        kept = len(chosen) - given
        note = f"; {kept} kept their answer from the audit sample" if kept else ""
        self.changed("annotations", status=f"{given:,} items {what}{note}" if len(chosen) else "select something first")
        return given

    def undo(self) -> int:
        """Take the last annotation step back.

        Returns
        -------
        int
            How many items it concerned; 0 when there is nothing to undo.
        """
        rows = self.notes.undo()
        if self.queue is not None:
            self.queue.reopen(rows)
        self.changed("annotations", "queue", status=f"undone: {len(rows):,} items" if len(rows) else "nothing to undo")
        return len(rows)

    # ---- review

    def audit_sample(self, n: int = 50, *, random_state: int = 0) -> pd.DataFrame:
        """Draw items at random and ask for their annotation, one by one: scores come from these only.

        Items found by lasso or search are easy or alike; a score on them flatters. Draw this sample first.

        Parameters
        ----------
        n : int, default=50
            How many, fewer when there are not so many.
        random_state : int, default=0
            Seed; the same seed draws the same items, those judged before are not asked again.

        Returns
        -------
        DataFrame
            The sample, in the order it is asked.
        """
        if n < 1:
            msg = f"n must be at least 1, got {n}"
            raise ValueError(msg)
        rows = np.random.default_rng(random_state).permutation(len(self))[:n]
        self._open(queues.audit(rows[~self.audited[rows]]))
        return self.items.iloc[rows].reset_index(drop=True)

    def review(self, what: Any = "label_issues", *, result: Any = None, n: int = 50) -> pd.DataFrame:
        """Open a queue of items worth a look, most suspicious first; it is put in order anew after every answer.

        Parameters
        ----------
        what : {"label_issues", "outliers", "boundary"}, DataFrame, ids, row numbers or None, default="label_issues"
            Items whose class the classifier doubts; items far from all others; items between two clusters; or your
            own list. None closes the queue.
        result : Classification or Clustering, optional
            Where the suspicion comes from; computed when it is not given.
        n : int, default=50
            Length of the queue.

        Returns
        -------
        DataFrame
            The items waiting, the next one first.
        """
        if what is None:
            self._open(None)
            return self.items.iloc[:0]
        self._open(queues.make(self, what, result=result, n=n))
        return self.waiting

    @property
    def waiting(self) -> pd.DataFrame:
        """Items of the review queue without an answer, the next one first."""
        rows = [] if self.queue is None else self.queue.waiting
        return self.items.iloc[rows].reset_index(drop=True)

    def _open(self, queue: ReviewQueue | None) -> None:
        self.queue = queue
        self.focus = None if queue is None else queue.current
        words = "review closed" if queue is None else f"{len(queue)} items to review: {queue.name}"
        self.changed("queue", "focus", status=words)

    def answer(self, found: bool) -> None:
        """Say whether the item under review is what the queue looks for.

        "No" about a label issue confirms the item's class; about others it leaves the item as it is.

        Parameters
        ----------
        found : bool
            True: yes, it is.
        """
        row = self._under_review()
        if found or self.y is None or self.queue is None or self.queue.name != "label_issues":
            self._next(row, found)
        else:
            self._answer(str(self.y[row]))

    def skip(self) -> None:
        """Put the item under review at the end of the queue."""
        row = self._under_review()
        assert self.queue is not None
        self.queue.defer(row)
        self.show(self.queue.current)
        self.changed("queue")

    def _under_review(self) -> int:
        row = None if self.queue is None else self.queue.current
        if row is None:
            msg = "there is no item under review; open a queue with ex.review(...) or ex.audit_sample()"
            raise ValueError(msg)
        return row

    def _answer(self, annotation: str | None) -> int:
        row = self._under_review()
        assert self.queue is not None
        how = AUDIT if self.queue.name == AUDIT else f"review: {self.queue.name}"
        given = self._give(Selection.of([row], how), annotation)
        self._next(row, self.y is None or str(self.y[row]) != annotation)
        return given

    def _next(self, row: int, found: bool) -> None:
        assert self.queue is not None
        self.queue.answer(row, found)
        self.focus = self.queue.current
        left = len(self.queue)
        self.changed("queue", "focus", status=f"{left} items left" if left else "all answered")

    def score(self, **options: Any) -> Classification:
        """Train on the annotations and score on the audit sample only.

        Parameters
        ----------
        **options
            As `classify` takes them.

        Returns
        -------
        Classification
            Its predictions cover every item without an annotation.

        Raises
        ------
        ValueError
            If no item of a random audit sample was annotated, or nothing else was.
        """
        from mmtoolkit.classification import classify

        audited = self.audited
        if not audited.any() or audited.sum() == self.notes.given.sum():
            msg = (
                f"{int(audited.sum())} items were judged in the audit sample and {int((self.notes.given & ~audited).sum())} "
                "elsewhere; a score needs both: ex.audit_sample(50) to test, lasso or search to train"
            )
            raise ValueError(msg)
        return classify(self.source, y=self.annotated, test=audited, **options)

    # ---- clusters and linked views

    @property
    def n_clusters(self) -> int | None:
        """Number of clusters; set it to cluster anew (kept on disk, so that a slider answers at once)."""
        return None if self.labels is None else len(np.unique(self.labels[self.labels >= 0]))

    @n_clusters.setter
    def n_clusters(self, k: int) -> None:
        from mmtoolkit.clustering import cluster

        known = self.clusters
        params: Mapping[str, Any] = {} if known is None else known.recipe["params"]
        options = {name: params[name] for name in ("random_state", "normalize", "n_init", "exact") if name in params}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about modalities: said when the clusters were first made
            self.clusters = cluster(self.source, int(k), **options)
        self.labels, self.cluster_names = labels_of(self.source, self.clusters)
        if self.linked is not None and self.linked.source == "clusters":
            self.link()
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
            A classification gives true against predicted classes; None gives classes (or annotations) against
            clusters.

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
        """Return the map as a plain Plotly figure, coloured as now."""
        from mmtoolkit.figures import scatter_map

        look = self.look
        color: Any = look.values
        if color is None and look.groups:
            color = np.full(len(self), None, dtype=object)
            for group in look.groups:
                color[group.rows] = group.name.rsplit(" (", 1)[0]
        hover = [item_name(row) for row in self.items.to_dict("records")]
        title = f"{len(self):,} items"
        return scatter_map(
            self.coords, color=color, hover=hover, title=title, caption=self.layout.note, color_title=look.name
        )

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the map as one HTML file that opens without a network, with pictures on hover.

        Parameters
        ----------
        path : path
            Such as "map.html".
        **options
            As the map writer takes them.
        """
        from mmtoolkit._mapfile import save_map

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

        from mmtoolkit.explorer.still import still, still_html

        bundle: dict[str, Any] = dict(self.widget._repr_mimebundle_())
        png = still(self)
        return bundle | {
            "text/plain": repr(self),
            "text/html": still_html(self, png),
            _STILL_MIME: base64.b64encode(png).decode(),
        }

    def __repr__(self) -> str:
        given = int(self.notes.given.sum())
        return f"<Explorer: {len(self):,} items, {len(self.selection):,} selected, {given:,} annotated>"
