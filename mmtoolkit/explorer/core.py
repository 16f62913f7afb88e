"""The Explorer: everything a mouse or a key can do, as a method; and `explore`, which opens one."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import wait as futures_wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_least
from mmtoolkit.explorer.annotations import AUDIT
from mmtoolkit.explorer.arguments import labels_of
from mmtoolkit.explorer.colours import Look
from mmtoolkit.explorer.filtering import Where
from mmtoolkit.explorer.geometry import Direction, inside, toward
from mmtoolkit.explorer.kinds import KINDS
from mmtoolkit.explorer.linked import Linked, link
from mmtoolkit.explorer.listeners import Listeners, Observer
from mmtoolkit.explorer.positions import Places
from mmtoolkit.explorer.review import Review
from mmtoolkit.explorer.selection import Chosen, Mode, rows_of
from mmtoolkit.explorer.state import State
from mmtoolkit.explorer.walk import Walk
from mmtoolkit.thumbnails import item_name
from mmtoolkit.vectors import vectors_of
from mmtoolkit.words import Language, aside, chosen_language, say, speaking

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from numpy.typing import ArrayLike

    from mmtoolkit.classification.result import Classification
    from mmtoolkit.explorer.agreement import AnnotatorAgreement
    from mmtoolkit.explorer.queue import Queue
    from mmtoolkit.vectors import HasVectors

__all__ = ["Explorer", "explore"]

_T = TypeVar("_T")


class _Of(Generic[_T]):
    """An attribute of the state or the review that is one of the explorer too."""

    def __init__(self, owner: str, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, ex: Explorer, _: type | None = None) -> _T:
        value: _T = getattr(getattr(ex, self._owner), self._name)
        return value

    def __set__(self, ex: Explorer, value: _T) -> None:
        setattr(getattr(ex, self._owner), self._name, value)


class Explorer:
    """A map to touch, and the DataFrames it leaves behind; made by `explore`.

    A cell that ends with it shows it. Whatever the mouse can do is a method here: `lasso`, `select`, `search`,
    `label`, `undo`, `review`, …

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        The items.
    layout : Places
        Their positions on the map.
    y, clusters, journal, language, annotator
        As `explore` takes them.

    Attributes
    ----------
    selected : DataFrame
        The selected items; can be set.
    annotations : DataFrame
        One row per annotated item: id, annotation, how, order, time, annotator.
    reviewed : DataFrame
        One row per answer in a review: id, queue, found, time.
    where : dict, ndarray of bool or None
        Which items are shown; can be set.
    state : State
        Items, positions, selection, annotations and colours.
    reviews : Review
        The open review.
    linked : Linked or None
        The table of counts, once `link` was called.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> ex = mm.explore(np.eye(4), y=["a", "a", "b", "b"], projection=[[0, 0], [1, 0], [0, 1], [5, 5]])
    >>> ex
    <Explorer: 4 items, 0 selected, 0 annotated>
    >>> ex.select([3, 0], how="two far apart")
    >>> ex.selected[["id", "how"]]
      id            how
    0  3  two far apart
    1  0  two far apart
    >>> ex.label("c", items=[3])
    1
    >>> ex.annotated.tolist(), ex.audited.tolist(), len(ex.annotations)
    ([None, None, None, 'c'], [False, False, False, False], 1)
    >>> ex.n_clusters = 2
    >>> ex.n_clusters, ex.k_range
    (2, (2, 3))
    >>> ex.coords.shape, ex.color_by, ex.color_choices, ex.look.name
    ((4, 2), 'cluster', ('nothing', 'class', 'cluster', 'annotation'), 'cluster')
    >>> ex.queue, ex.asked, len(ex.waiting), len(ex.reviewed), ex.hovered
    (None, None, 0, 0, None)
    >>> type(ex.widget).__name__
    'VBox'
    """

    clusters = _Of[Any]("state", "clusters")
    labels = _Of[NDArray[np.int64] | None]("state", "labels")
    cluster_names = _Of[dict[int, str]]("state", "cluster_names")
    selection = _Of[Chosen]("state", "selection")
    scores = _Of[NDArray[np.float64]]("state", "scores")
    focus = _Of["int | None"]("state", "focus")
    status = _Of[str]("state", "status")
    annotation_names = _Of[list[str]]("reviews", "names")
    linked: Linked | None = None
    _walk: Walk | None = None
    _classifier: tuple[tuple[Any, ...], Classification] | None = None
    _view: Any = None

    def __init__(
        self,
        embeddings: Any,
        layout: Places,
        *,
        y: Any = None,
        clusters: Any = None,
        journal: str | os.PathLike[str] | None = None,
        language: Language = "en",
        annotator: str | None = None,
    ) -> None:
        self.language: Language = language
        self.state = state = State(
            embeddings, layout, Listeners(self), y=y, clusters=clusters, journal=journal, annotator=annotator
        )
        self.reviews = Review(state)
        self.source, self.X, self.ids, self.items, self.y = state.source, state.X, state.ids, state.items, state.y
        self.layout, self.notes = state.layout, state.notes

    def __len__(self) -> int:
        return len(self.state)

    def __repr__(self) -> str:
        given = int(self.notes.given.sum())
        told = say(
            "{n:,} items, {selected:,} selected, {given:,} annotated",
            n=len(self),
            selected=len(self.selection),
            given=given,
        )
        return f"<Explorer: {told}>"

    def item(self, row: int) -> dict[str, Any]:
        """Return one row of the items frame.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(mm.embed_texts(["a red bird"], model="local", cache=False), projection=[[0, 0]])
        >>> ex.item(0)["text"]
        'a red bird'
        """
        return self.state.item(row)

    def facts(self, row: int) -> dict[str, object]:
        """Return what is known about an item, for its card: class, cluster, annotation, trust, score.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> mm.explore(np.eye(3), y=["a", "b", "b"], projection=np.eye(3)[:, :2]).facts(1)
        {'class': 'b', 'cluster': None, 'annotation': None, 'trust': None, 'score': None}
        """
        return self.state.facts(row)

    # ---- who is told of changes

    def observe(self, function: Observer, names: str | Iterable[str] = ("selected", "annotations")) -> None:
        """Call a function after every change, by mouse or by code.

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

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.observe(lambda event: print(event["name"], len(event["new"])))
        >>> ex.select([0, 2])
        selected 2
        """
        self.state.listeners.observe(function, names)

    def unobserve(self, function: Observer) -> None:
        """Stop calling a function that was given to `observe`.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex, seen = mm.explore(np.eye(3), projection=np.eye(3)[:, :2]), []
        >>> ex.observe(seen.append)
        >>> ex.select([0])
        >>> ex.unobserve(seen.append)
        >>> ex.select([1])
        >>> len(seen)
        1
        """
        self.state.listeners.unobserve(function)

    def listen(self, refresh: Callable[[tuple[str, ...]], None]) -> None:
        """Add a view, which hears of changes before observers do.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.listen(print)
        >>> ex.select([0])
        ('selected', 'status')
        """
        self.state.listeners.views.append(refresh)

    def changed(self, *names: str, status: str | None = None) -> None:
        """Call views, then observers, with what changed.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.changed("color", status="coloured anew")
        >>> ex.status
        'coloured anew'
        """
        self.state.changed(*names, status=status)

    @property
    def hovered(self) -> str | None:
        """Id of the last item under the mouse."""
        row = self.state.hovered
        return None if row is None else str(self.ids[row])

    def hover(self, row: int) -> None:
        """Call observers of "hovered" with the item under the mouse.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.observe(lambda event: print("the mouse is on", event["new"]), "hovered")
        >>> ex.hover(2)
        the mouse is on 2
        """
        self.state.hovered = row
        self.changed("hovered")

    # ---- selection

    @property
    def selected(self) -> pd.DataFrame:
        """The selected items, in the order they are shown, with `how` each was chosen and its `annotation`.

        Set it to ids, row numbers, a mask, a frame with a column `id`, or None.
        """
        return self.state.selected

    @selected.setter
    def selected(self, wanted: Any) -> None:
        self.select(wanted)

    def select(self, wanted: Any, *, how: str = "code", mode: Mode = "replace") -> None:
        """Select items; what is selected already, in that order, stays as it was chosen, and no observer is called.

        Parameters
        ----------
        wanted : None, id, row number, sequence of these, boolean mask, or DataFrame with a column id
            Which items.
        how : str, default="code"
            How they were chosen; kept with every annotation they get.
        mode : {"replace", "add", "remove"}, default="replace"
            What to do about what was selected before.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.select([2])
        >>> ex.select("0", mode="add")
        >>> ex.selected["id"].tolist()
        ['2', '0']
        """
        asked = Chosen.of(rows_of(wanted, self.ids), how)
        chosen = self.state.passing(asked)
        self.state.choose(self.state.chosen.combined(chosen, mode))
        if hidden := len(asked) - len(chosen):
            note = say("{n:,} is hidden by the filter", "{n:,} are hidden by the filter", n=hidden)
            self.changed(status=aside(self.status, note))

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

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=[[0, 0], [1, 0], [9, 9]])
        >>> ex.lasso([(-1, -1), (2, -1), (2, 2), (-1, 2)])
        >>> ex.selected["id"].tolist()
        ['0', '1']
        """
        coords = self.state.seen(self.coords if version is None else self.layout.at(version))
        self.select(np.flatnonzero(inside(polygon, coords)), how=how, mode=mode)

    def invert(self) -> None:
        """Select what is not selected.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.select([1])
        >>> ex.invert()
        >>> ex.selected["id"].tolist()
        ['0', '2']
        """
        self.state.choose(self.state.passing(self.selection.inverted(len(self))))

    def clear(self) -> None:
        """Select nothing.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.select([1])
        >>> ex.clear()
        >>> len(ex.selected)
        0
        """
        self.select(None)

    def show(self, item: Any) -> None:
        """Put one item in focus: a ring marks it on the map and its card is shown.

        While a review has items left, the card and the answers stay with the item under review.

        Parameters
        ----------
        item : id, row number, or None
            Which one.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.show("2")
        >>> ex.focus
        2
        """
        row = next(iter(rows_of(item, self.ids).tolist()), None)
        self.focus = row
        name = say("no item") if row is None else self.ids[row]
        note = say("the ring shows {name}; card and answers stay with the item under review", name=name)
        self.changed("focus", status=None if self.asked in (None, row) else note)

    def move(self, direction: Direction) -> None:
        """Move the focus to the next item in a direction, as an arrow key does.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=[[0, 0], [1, 0], [2, 0]])
        >>> ex.show(0)
        >>> ex.move("right")
        >>> ex.focus
        1
        """
        if self.state.filter.shown.any():
            self.show(toward(self.state.seen(self.coords), self.focus, direction))

    # ---- filter

    @property
    def where(self) -> Where:
        """Which items are shown: conditions on their columns, a mask, or None for all; reads as it was set.

        Set it to a dict of columns: a value, a list of values, or a range ``(low, high)`` of numbers or times, whose ends
        are inside and may be None; None as a value stands for a missing one. All conditions must hold. Or to a boolean mask
        of shape (n_items,). The map, lasso, search, galleries and counts keep to what is shown; what was selected before
        and is hidden is selected again when it is shown again. Random samples for scores are drawn from all items.

        Raises
        ------
        ValueError
            If a column is unknown, no item has a value, a range is the wrong way round, or a mask has another length.
        TypeError
            If it is nothing of the kind.

        Examples
        --------
        >>> import pandas as pd
        >>> import mmtoolkit as mm
        >>> items = pd.DataFrame({"text": ["a red bird", "a blue car"], "kind": ["animal", "thing"], "price": [10, 30]})
        >>> emb = mm.embed(items, model="local", cache=False)
        >>> ex = mm.explore(emb, projection=[[0, 0], [1, 0]])
        >>> ex.where = {"kind": "animal", "price": (5, 20)}
        >>> ex.search("something fast", k=1)["text"].tolist()
        ['a red bird']
        >>> ex.where = {"kin": "animal"}
        Traceback (most recent call last):
        ValueError: where names the column 'kin' (did you mean 'kind'?), which the items do not have; they have ...
        """
        where = self.state.filter.where
        return where if where is None else where.copy()

    @where.setter
    def where(self, where: Any) -> None:
        self.state.show_only(where)

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

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> emb = mm.embed_texts(["a red bird", "a blue car", "a small bird"], model="local", cache=False)
        >>> mm.explore(emb, projection=[[0, 0], [1, 0], [2, 0]]).search("birds", k=2)["text"].tolist()
        ['a small bird', 'a red bird']
        """
        if isinstance(query, str):
            return self._found(query, k, f"search: {query}", query)
        return self._found(query, k, "search", say("what was asked"))

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

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> ex = mm.explore([[1.0, 0.0], [0.0, 1.0], [0.9, 0.1]], projection=[[0, 0], [5, 5], [1, 0]])
        >>> ex.similar("0", k=2)["id"].tolist()
        ['0', '2']
        """
        row = int(rows_of(item, self.ids)[0])
        return self._found(self.X[row], k, f"similar to {self.ids[row]}", str(self.ids[row]))

    def _found(self, query: Any, k: int, how: str, what: str) -> pd.DataFrame:
        from mmtoolkit.retrieval import search

        shown = self.state.filter.shown
        if not shown.any():
            msg = "the filter shows no item to search among; set ex.where = None"
            raise ValueError(msg)
        mask = shown if self.state.filter else None
        table: pd.DataFrame = search(self.source, query, k=min(k, int(shown.sum())), mask=mask).table
        rows = rows_of(table["id"].tolist(), self.ids)
        self.scores = np.full(len(self), np.nan)
        self.scores[rows] = table["score"].to_numpy()
        self.state.chosen = Chosen.of(rows, how)
        self.changed("selected", status=say("{n} items nearest to {what}", n=len(rows), what=what))
        return table

    # ---- annotations

    @property
    def annotations(self) -> pd.DataFrame:
        """One row per annotated item: id, annotation, how, order, time, annotator."""
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
        """Return the annotations that differ from `y`: id, before, after, change ("new" or "changed"), how.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), y=["cat", "dog", "cat"], projection=np.eye(3)[:, :2])
        >>> ex.label("dog", items=[0, 1])
        2
        >>> ex.annotations_diff()[["id", "before", "after", "change"]]
          id before after   change
        0  0    cat   dog  changed
        """
        return self.notes.diff(self.y)

    def label(self, annotation: str | None, items: Any = None) -> int:
        """Annotate items; `undo` takes it back.

        Parameters
        ----------
        annotation : str or None
            None takes annotations away.
        items : id, row number, sequence, mask, DataFrame or None, default=None
            None is the item under review while a queue has items left, else the selection.

        Returns
        -------
        int
            How many items were annotated. Items judged in the audit sample keep that answer.

        Raises
        ------
        MMToolkitError
            If the journal cannot be written; the annotations are kept in memory.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.label("bird", items=[0, 2])
        2
        >>> ex.annotated
        array(['bird', None, 'bird'], dtype=object)
        """
        return self.reviews.label(annotation, items)

    def undo(self) -> int:
        """Take the last step back: annotations given at once, or an answer in a review, whose item is asked again.

        Returns
        -------
        int
            How many items it concerned; 0 when there is nothing to undo.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
        >>> ex.label("bird", items=[0, 2])
        2
        >>> ex.undo()
        2
        >>> ex.annotations.empty
        True
        """
        return self.reviews.undo()

    def agreement(self, annotators: Sequence[str] | None = None) -> AnnotatorAgreement:
        """Compare the answers of two annotators to the same items: Cohen's kappa with its interval.

        What somebody answers in ``ex.review("disagreements")`` settles a dispute and is not counted: both had spoken by then.

        Parameters
        ----------
        annotators : two str or None, default=None
            Who; None where there are only two.

        Returns
        -------
        AnnotatorAgreement
            `kappa`, `low`, `high`, `agreement`, `counts`, `disagreements`.

        Raises
        ------
        ValueError
            If there are not two annotators, they share fewer than 10 items, or gave one answer to all of them.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> X, file = np.eye(20), f"{tempfile.mkdtemp()}/labels.csv"
        >>> for name in ("Ann", "Bob"):
        ...     ex = mm.explore(X, projection=X[:, :2], journal=file, annotator=name)
        ...     _ = ex.label("cat", items=range(9)), ex.label("dog", items=range(9, 20))
        >>> ex.label("dog", items=[0])
        1
        >>> ex.agreement()
        <AnnotatorAgreement: Ann and Bob agree on 95.0 % of 20 items, kappa 0.90 (0.52 to 0.98)>
        >>> ex.review("disagreements")["id"].tolist()
        ['0']
        """
        from mmtoolkit.explorer.agreement import agreement_of

        with speaking(self.language):
            return agreement_of(self.notes, annotators, self.ids)

    # ---- review

    @property
    def queue(self) -> Queue | None:
        """The open review: its items in order; None when no review is open."""
        return self.reviews.queue

    @property
    def asked(self) -> int | None:
        """Row of the item under review: the one that the next answer is about. None when nothing is left to ask."""
        return self.reviews.asked

    @property
    def waiting(self) -> pd.DataFrame:
        """Items of the review queue without an answer, the next one first."""
        return self.items.iloc[[] if self.queue is None else self.queue.waiting].reset_index(drop=True)

    @property
    def reviewed(self) -> pd.DataFrame:
        """One row per answer in a review: id, queue, found, time; `found` is None where an annotation was the answer.

        Answers in the random audit sample are annotations: see `annotations` and `audited`.
        """
        return self.notes.reviewed()

    def audit_sample(self, n: int = 50, *, random_state: int = 0) -> pd.DataFrame:
        """Draw items at random and ask for their annotation, one by one: scores come from these only.

        Items found by lasso or search are easy or alike; a score on them flatters. Draw this sample first.

        Parameters
        ----------
        n : int, default=50
            How many in all, fewer when there are not so many.
        random_state : int, default=0
            Seed; the same seed draws the same items, those judged before are not asked again.

        Returns
        -------
        DataFrame
            The sample, in the order it is asked.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(5), projection=np.eye(5)[:, :2])
        >>> ex.audit_sample(2)["id"].tolist()
        ['2', '4']
        >>> ex.label("bird")
        1
        >>> ex.annotations[["id", "annotation", "how"]]
          id annotation    how
        0  2       bird  audit
        """
        self.reviews.open(AUDIT, n, random_state=random_state)
        drawn: Any = KINDS[AUDIT].queue(self.state, n, random_state=random_state)
        sample: pd.DataFrame = self.items.iloc[drawn.rows].reset_index(drop=True)
        return sample

    def review(
        self, what: Any = "label_issues", *, result: Any = None, n: int = 50, wait: bool | None = None
    ) -> pd.DataFrame:
        """Open a queue of items worth a look, most suspicious first; it is put in order anew after every answer.

        Parameters
        ----------
        what : {"label_issues", "learn", "outliers", "boundary", "audit", "disagreements"}, DataFrame, ids, row numbers or None, \
default="label_issues"
            Items whose class the classifier doubts; items that teach a classifier most, as long as you like (see `learned`);
            items far from all others; items between two clusters; a random sample (see `audit_sample`); items that
            annotators answered differently (see `agreement`); or your own list. None closes the queue.
        result : Classification or Clustering, optional
            Where the suspicion comes from; computed when it is not given.
        n : int, default=50
            Length of the queue; of "learn", how many of the items waiting are listed.
        wait : bool or None, default=None
            False opens a review of label issues at once with what a quick look finds, while a classifier is trained in a
            thread; the page, or `wait`, takes over what it finds, and the item under review and the answers stay. True waits for the
            classifier; None does so unless a page shows the explorer.

        Returns
        -------
        DataFrame
            The items waiting, the next one first. What was answered in an earlier review of this kind is not asked
            again; your own list is taken as it is.

        Raises
        ------
        ValueError
            If the name is unknown, classes or clusters are missing, or the result is of other items.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> X = [[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [-1.0, 0.0]]
        >>> ex = mm.explore(X, projection=X)
        >>> ex.review("outliers", n=2)["id"].tolist()
        ['3', '0']
        >>> ex.answer(True)
        >>> ex.reviewed[["id", "queue", "found"]]
          id     queue found
        0  3  outliers  True
        """
        self.reviews.open(what, n, result=result, wait=self._view is None if wait is None else wait)
        return self.waiting

    def answer(self, found: bool) -> None:
        """Say whether the item under review is what the queue looks for; `reviewed` keeps it and `undo` takes it back.

        Where the queue suggests a class, "yes" annotates the item with it. "No" about a label issue confirms the item's
        class; about others it leaves the item as it is.

        Parameters
        ----------
        found : bool
            True: yes, it is.

        Raises
        ------
        ValueError
            If no item is under review, or the review asks what an item is and suggests nothing.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> X = np.random.default_rng(0).normal(size=(40, 8))
        >>> X[:20, 0] += 9
        >>> y = np.repeat(["cat", "dog"], 20)
        >>> y[3] = "dog"
        >>> ex = mm.explore(X, y=y, projection=X[:, :2])
        >>> ex.review("label_issues")["id"].tolist()
        ['3']
        >>> ex.answer(True)
        >>> ex.annotations_diff()[["id", "before", "after"]]
          id before after
        0  3    dog   cat
        """
        self.reviews.answer(found)

    def skip(self) -> None:
        """Put the item under review at the end of the queue.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> X = [[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [-1.0, 0.0]]
        >>> ex = mm.explore(X, projection=X)
        >>> ex.review([2, 1])["id"].tolist()
        ['2', '1']
        >>> ex.skip()
        >>> ex.waiting["id"].tolist()
        ['1', '2']
        """
        self.reviews.skip()

    @property
    def learned(self) -> pd.DataFrame:
        """How good the classifier of ``ex.review("learn")`` has been so far: labels, random, accuracy, low, high.

        One answer in six is about an item drawn at random; those never train, and `accuracy` is the share of them
        that it names rightly. It is looked at after 10, 15, 20, 30, … of them. All intervals hold together in 95 % of the
        sessions, so that you may stop as soon as one is good enough. Empty before the first 10, and where no such review is open.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> X = np.repeat(np.eye(2), 50, axis=0) + np.linspace(0, 0.1, 100)[:, None]
        >>> ex = mm.explore(X, projection=X)
        >>> _ = ex.review("learn")
        >>> for _ in range(60):
        ...     _ = ex.label("cat" if ex.asked < 50 else "dog")
        >>> ex.learned.round(2)
           labels  random  accuracy   low   high
        0      50      10       1.0  0.65   1.0
        """
        from mmtoolkit.explorer.learner import curve_of

        return curve_of(self.queue)

    @property
    def classifier(self) -> Classification:
        """What the annotations teach, scored on the random sample: ``ex.score()``, made anew after new answers.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> X = np.random.default_rng(0).normal(size=(100, 16))
        >>> X[:50, 0] += 6
        >>> ex = mm.explore(X, projection=X[:, :2])
        >>> _ = ex.review("learn")
        >>> for _ in range(48):
        ...     _ = ex.label("cat" if ex.asked < 50 else "dog")
        >>> float(ex.classifier.metrics.loc["accuracy", "value"])
        1.0
        """
        notes = self.notes
        said = (
            *notes.annotation[notes.judged],
            notes.judged.tobytes(),
            notes.sample.tobytes(),
            notes.audited.tobytes(),
        )
        if self._classifier is None or self._classifier[0] != said:
            self._classifier = said, self.score()
        return self._classifier[1]

    def propose(self, min_confidence: float = 0.9) -> pd.DataFrame:
        """Annotate the rest as `classifier` predicts, marked as proposed; `undo` takes all of them back.

        Proposals are no answers: nothing is trained or scored on them, and a review asks about them as before.

        Parameters
        ----------
        min_confidence : float, default=0.9
            Smallest probability of the predicted class, above 0 and at most 1.

        Returns
        -------
        DataFrame
            id, annotation and confidence of the proposals, the least sure first.

        Raises
        ------
        ValueError
            If there is nothing to score on or to train on (see `score`), or `min_confidence` is out of range.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> X = np.random.default_rng(0).normal(size=(100, 16))
        >>> X[:50, 0] += 6
        >>> ex = mm.explore(X, projection=X[:, :2])
        >>> _ = ex.review("learn")
        >>> for _ in range(48):
        ...     _ = ex.label("cat" if ex.asked < 50 else "dog")
        >>> proposed = ex.propose(0.6)
        >>> sorted(set(proposed["annotation"]))
        ['cat', 'dog']
        >>> ex.annotations["how"].value_counts()["proposed"] == len(proposed)
        np.True_
        """
        if not 0.0 < min_confidence <= 1.0:
            msg = f"min_confidence must be above 0 and at most 1, got {min_confidence!r}"
            raise ValueError(msg)
        r = self.classifier
        proba = np.asarray(r.predict_proba(self.source))
        sure, names = proba.max(axis=1), np.asarray(r.classes, dtype=object)[proba.argmax(axis=1)]
        open_, proposed = ~self.notes.judged, sure >= min_confidence
        self.reviews.propose(np.flatnonzero(open_), np.where(proposed, names, np.array(None))[open_])
        rows = np.flatnonzero(open_ & proposed)
        rows = rows[np.argsort(sure[rows], kind="stable")]
        return pd.DataFrame({"id": self.ids[rows].astype(object), "annotation": names[rows], "confidence": sure[rows]})

    def score(self, **options: Any) -> Classification:
        """Train on the annotations and score on the audit sample only.

        Where only some items of the sample are answered, ``accuracy_bounds`` of the result holds whatever the others are. An
        item of the sample that was annotated by lasso or search alone counts as not answered, and does not train.

        Parameters
        ----------
        **options
            As `classify` takes them.

        Returns
        -------
        Classification
            Its predictions cover every item without an annotation. A class that only the sample has counts as
            errors, and the notes say so.

        Raises
        ------
        ValueError
            If no item of a random audit sample was annotated, or nothing else was.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> rng, y = np.random.default_rng(0), np.array(["a", "b"] * 40)
        >>> X = 3 * np.eye(8)[(y == "a").astype(int)] + rng.normal(size=(80, 8))
        >>> ex = mm.explore(X, projection=X[:, :2])
        >>> for row in ex.audit_sample(20)["id"].astype(int):
        ...     _ = ex.label(y[row])
        >>> rest = np.flatnonzero(~ex.audited)
        >>> ex.label("a", items=rest[y[rest] == "a"]) + ex.label("b", items=rest[y[rest] == "b"])
        60
        >>> ex.score(inference=False).n_scored
        20
        """
        from mmtoolkit.classification import classify

        audited, sample = self.audited, self.notes.sample
        elsewhere = int((self.notes.judged & ~sample).sum())
        if not (audited.any() and elsewhere):
            msg = (
                f"{int(audited.sum())} items were judged in the audit sample and {elsewhere} elsewhere; a score needs both: "
                "ex.audit_sample(50) to test, lasso or search to train"
            )
            raise ValueError(msg)
        y = np.where((sample & ~audited) | ~self.notes.judged, np.array(None), self.annotated)
        return classify(self.source, y=y, test=sample, **options)

    # ---- clusters and linked views

    @property
    def n_clusters(self) -> int | None:
        """Number of clusters; set it to go up or down the tree of clusters, in which a number means the same items.

        Down, the two nearest clusters become one, by Ward's criterion, as often as it takes; up, the cluster with the
        largest inertia is split by k-means. All others keep number and name. Without a clustering, k-means makes one.
        """
        return None if self.labels is None else len(np.unique(self.labels[self.labels >= 0]))

    @n_clusters.setter
    def n_clusters(self, k: int) -> None:
        if isinstance(k, bool) or not isinstance(k, int | np.integer):
            msg = f"n_clusters must be an int, got {k!r}"
            raise ValueError(msg)
        if self.clusters is None:
            from mmtoolkit.clustering import cluster

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # about modalities: these clusters are for the eye
                self.clusters = cluster(self.source, int(k))
        check_least("n_clusters", int(k), 1)
        self._walked(lambda walk: walk.to(int(k)))

    def split(self, cluster: int | None = None, n_clusters: int = 2) -> None:
        """Split a cluster; `ex.clusters` is the clustering after it, with the step recorded.

        Parameters
        ----------
        cluster : int or None, default=None
            Its number; None is the one with the largest inertia.
        n_clusters : int, default=2
            Number of parts.

        Raises
        ------
        ValueError
            If there is no clustering or no such cluster, or it holds fewer different vectors than parts.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> X = np.repeat(np.eye(3), 4, axis=0) + 0.01 * np.arange(12)[:, None]
        >>> ex = mm.explore(X, clusters=mm.cluster(X, 2), projection=X[:, :2])
        >>> ex.split()
        >>> ex.n_clusters
        3
        """
        self._walked(lambda walk: walk.split(cluster, n_clusters))

    def merge(self, clusters: Sequence[int]) -> None:
        """Make one of several clusters; `ex.clusters` is the clustering after it, with the step recorded.

        Parameters
        ----------
        clusters : sequence of int
            At least two numbers.

        Raises
        ------
        ValueError
            If there is no clustering or no such cluster, or fewer than two are given.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> X = np.repeat(np.eye(3), 4, axis=0) + 0.01 * np.arange(12)[:, None]
        >>> ex = mm.explore(X, clusters=mm.cluster(X, 3), projection=X[:, :2])
        >>> ex.merge([0, 2])
        >>> ex.clusters.labels.tolist()
        [3, 3, 3, 3, 1, 1, 1, 1, 3, 3, 3, 3]
        """
        self._walked(lambda walk: walk.merge(clusters))

    def _walked(self, step: Callable[[Walk], None]) -> None:
        """Take one step in the tree of clusters and show where it leads."""
        if self.clusters is None:
            msg = "there is no clustering to split or merge; pass clusters=mm.cluster(emb), or set ex.n_clusters first"
            raise ValueError(msg)
        if self._walk is None or self._walk.here is not self.clusters:
            self._walk = Walk(self.clusters)
        step(self._walk)
        self.clusters = self._walk.here
        self.labels, self.cluster_names = labels_of(self.source, self.clusters)
        if self.linked is not None and self.linked.source == "clusters":
            with speaking(self.language):
                self.linked = link(self.state)
        self.changed("clusters", status=say("{n} cluster", "{n} clusters", n=self.n_clusters))
        self.color_by = "cluster"

    @property
    def k_range(self) -> tuple[int, int]:
        """Smallest and largest number of clusters that the slider offers."""
        sweep = getattr(self.clusters if self._walk is None else self._walk.start, "sweep", None)
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

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(4), y=list("aabb"), clusters=[0, 0, 0, 1], projection=np.eye(4)[:, :2])
        >>> ex.link().loc["b"].to_dict()
        {'cluster 0': 1, 'cluster 1': 1}
        >>> ex.cell("b", "cluster 1")
        >>> ex.selected["id"].tolist()
        ['3']
        """
        with speaking(self.language):
            self.linked = link(self.state, result)
        self.changed("linked")
        return self.linked.counts

    def cell(self, row: Any, column: Any = None) -> None:
        """Select the items of one cell of the linked table, or of a whole row or column.

        Parameters
        ----------
        row, column : object or None
            Names as in the table; None takes all.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(4), y=list("aabb"), clusters=[0, 0, 0, 1], projection=np.eye(4)[:, :2])
        >>> ex.cell("a")
        >>> ex.selected["id"].tolist()
        ['0', '1']
        """
        if self.linked is None:
            self.link()
        assert self.linked is not None
        self.select(self.linked.items(row, column), how=f"table: {self.linked.title(row, column)}")

    # ---- the map: positions, colours and files

    @property
    def coords(self) -> NDArray[np.float32]:
        """Positions of the items, (n_items, 2)."""
        return self.state.coords

    @property
    def color_choices(self) -> tuple[str, ...]:
        """What `color_by` can be."""
        return ("nothing", *self.state.colors)

    @property
    def color_by(self) -> str:
        """What the points are coloured by; one of `color_choices`."""
        return self.state.color

    @color_by.setter
    def color_by(self, name: str) -> None:
        if name not in self.color_choices:
            msg = f"color_by must be one of {', '.join(self.color_choices)}, got {name!r}"
            raise ValueError(msg)
        self.state.color = name
        self.changed("color")

    @property
    def look(self) -> Look:
        """Groups or numbers that colour the points now."""
        return self.state.look

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for the map, and for the items of a review, that are being computed.

        Parameters
        ----------
        timeout_s : float or None, default=None
            Seconds; None waits as long as it takes.

        Returns
        -------
        bool
            Whether both are there.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> mm.explore(np.eye(3), projection=np.eye(3)[:, :2]).wait()
        True
        """
        if self.layout.poll(timeout_s):
            self.changed("layout", status=self.layout.note or say("the map is ready"))
        if (later := self.reviews.later) is not None:
            futures_wait([later[2]], timeout_s)
            self.reviews.poll()
        return not (self.layout.waiting or self.reviews.later)

    def figure(self) -> go.Figure:
        """Return the map as a plain Plotly figure, coloured as now; of the UMAP if it is there by now.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> ex = mm.explore(np.eye(3), y=list("aab"), projection=np.eye(3)[:, :2])
        >>> [trace.name for trace in ex.figure().data]
        ['a (2)', 'b (1)']
        """
        from mmtoolkit.figures import scatter_map

        self.wait(0)
        with speaking(self.language):
            look = self.look
            return scatter_map(
                self.coords,
                color=look.values,
                groups=look.groups or None,
                hover=[item_name(self.item(row)) for row in range(len(self))],
                title=say("{n:,} item", "{n:,} items", n=len(self)),
                caption=str(self.layout.note),
                color_title=self.state.color_title(look.name),
            )

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        title: str | None = None,
        language: Language | None = None,
        wait: bool = True,
        picture_bytes: int | None = None,
    ) -> None:
        """Write an explorer without a kernel: one HTML file that opens anywhere and asks nothing of the network.

        It has colour by any column, filters by legend and by words, lasso and box with a gallery, copy of ids, names on the
        map, light and dark. Search by meaning and annotations need the kernel.

        Parameters
        ----------
        path : path
            Such as "map.html"; a file of that name is replaced.
        title : str or None, default=None
            Heading of the page; None says how many items there are.
        language : {"en", "zh"} or None, default=None
            Of the page; None is that of the explorer.
        wait : bool, default=True
            Wait for a map that is being computed. False writes the PCA if the UMAP is not there yet.
        picture_bytes : int or None, default=None
            What all pictures together may take. None is what 4.7 MB have left beside texts and columns. They get smaller,
            down to 48 pixels, to fit; then an even choice of the items has one, and the page says so.

        Raises
        ------
        ValueError
            If `path` is a folder, its folder does not exist, or its ending is not that of an HTML file.
        MMToolkitError
            If the file cannot be written; nothing is left behind.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> file = Path(tempfile.mkdtemp()) / "map.html"
        >>> mm.explore(np.eye(3), projection=np.eye(3)[:, :2]).save(file, title="Three points")
        >>> file.read_text("utf-8")[:15]
        '<!doctype html>'
        """
        from mmtoolkit.explorer.mapfile import save_map

        self.wait(None if wait else 0)
        with speaking(self.language if language is None else language):
            save_map(path, self.state, title=title, picture_bytes=picture_bytes)

    # ---- in a notebook

    @property
    def widget(self) -> Any:
        """The ipywidgets box that a cell shows; made at the first call."""
        if self._view is None:
            from mmtoolkit.explorer.view import View

            self._view = View(self)
        return self._view.box

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any] | tuple[dict[str, Any], dict[str, Any]]:
        import base64

        from mmtoolkit.explorer.hosts import display_metadata
        from mmtoolkit.explorer.still_image import still, still_html

        self.wait(0)
        bundle: dict[str, Any] = dict(self.widget._repr_mimebundle_())
        self._view.map.sync()
        png = still(self.state)
        with speaking(self.language):
            bundle |= {
                "text/plain": repr(self),
                "text/html": still_html(self.state, png),
                "image/png": base64.b64encode(png).decode(),
            }
        metadata = display_metadata()
        return (bundle, metadata) if metadata else bundle


def explore(
    embeddings: HasVectors | ArrayLike,
    y: Any = None,
    clusters: Any = None,
    projection: Any = None,
    *,
    journal: str | os.PathLike[str] | None = None,
    language: Language | None = None,
    annotator: str | None = None,
) -> Explorer:
    """Open a map of the items to look, search, select and annotate.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        Finite rows; ``emb.drop_failed()`` removes the others.
    y : array-like of shape (n_items,), str, DataFrame with columns id and label, or None, default=None
        Classes.
    clusters : Clustering, array-like of shape (n_items,) of int, or None, default=None
        Clusters; a clustering gets a slider for their number.
    projection : Projection, array-like of shape (n_items, 2), or None, default=None
        The map. None shows a PCA at once and a UMAP as soon as a helper process has computed it.
    journal : path or None, default=None
        A CSV file that keeps every annotation as it is given, and is read again at the next start. Several explorers
        and processes may write to one file.
    language : {"en", "zh"} or None, default=None
        Of the page; None means MMTOOLKIT_LANGUAGE, else English. What is written down, such as `how`, is English.
    annotator : str or None, default=None
        Who answers, stored with every answer. You then see your own answers only, and those without a name: reviews ask
        what others have answered, too, so that `Explorer.agreement` can compare. None takes the last answer of anybody.

    Returns
    -------
    Explorer
        Shown by a cell that ends with it; `selected` and `annotations` are DataFrames.

    Raises
    ------
    ValueError
        If classes, clusters or map are of other items, in another order or of another length, rows hold NaN, the
        language is unknown, or the annotator has no name.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.eye(4)
    >>> ex = mm.explore(X, projection=[[0, 0], [1, 0], [0, 1], [5, 5]])
    >>> ex.lasso([(-1, -1), (2, -1), (2, 2), (-1, 2)])
    >>> ex.label("near")
    3
    >>> ex.annotations[["id", "annotation", "how"]]
      id annotation    how
    0  0       near  lasso
    1  1       near  lasso
    2  2       near  lasso
    """
    vectors_of(embeddings)  # refuses what cannot be explored before a map is computed
    return Explorer(
        embeddings,
        Places(embeddings, projection),
        y=y,
        clusters=clusters,
        journal=journal,
        language=chosen_language(language),
        annotator=annotator,
    )
