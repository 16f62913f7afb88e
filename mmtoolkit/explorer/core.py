"""The Explorer: everything a mouse or a key can do, as a method."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_choice
from mmtoolkit.explorer import answering, choosing, scoring, showing, tree
from mmtoolkit.explorer.colours import Look
from mmtoolkit.explorer.filtering import Where
from mmtoolkit.explorer.learner import curve_of
from mmtoolkit.explorer.linked import Linked
from mmtoolkit.explorer.listeners import Listeners, Observer
from mmtoolkit.explorer.positions import Places
from mmtoolkit.explorer.queue import Queue
from mmtoolkit.explorer.review import Review
from mmtoolkit.explorer.selection import Chosen
from mmtoolkit.explorer.state import State
from mmtoolkit.explorer.walk import Walk
from mmtoolkit.words import Language, say

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification
    from mmtoolkit.explorer.view import View

__all__ = ["Explorer"]

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
    'View'
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
    _view: View | None = None
    _walk: Walk | None = None
    _classifier: tuple[tuple[Any, ...], Classification] | None = None

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

    select, lasso, invert, clear = choosing.select, choosing.lasso, choosing.invert, choosing.clear
    search, similar = choosing.search, choosing.similar
    show, move = choosing.show, choosing.move

    # ---- filter

    @property
    def where(self) -> Where:
        """Which items are shown: conditions on their columns, a mask, or None for all; reads as it was set.

        Set it to a dict of columns: a value, a list of values, or a range ``(low, high)`` of numbers or times, whose ends
        are inside and may be None; None as a value stands for a missing one. All conditions must hold. Or to a boolean mask
        of shape (n_items,). The map, lasso, search, galleries and counts keep to what is shown; what was selected before
        and is hidden is selected again when it is shown again. Reviews ask about what is shown first; random samples for
        scores are drawn from all items.

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

    label, undo, agreement = answering.label, answering.undo, answering.agreement
    annotations_diff = answering.annotations_diff

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

    review, audit_sample = answering.review, answering.audit_sample
    answer, skip = answering.answer, answering.skip

    # ---- what the answers teach

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
        return scoring.classifier(self)

    score, propose = scoring.score, scoring.propose

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
        tree.go_to(self, k)

    @property
    def k_range(self) -> tuple[int, int]:
        """Smallest and largest number of clusters that the slider offers."""
        return tree.k_range(self)

    split, merge = tree.split, tree.merge
    link, cell = tree.link, tree.cell

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
        check_choice("color_by", name, self.color_choices)
        self.state.color = name
        self.changed("color")

    @property
    def look(self) -> Look:
        """Groups or numbers that colour the points now."""
        return self.state.look

    wait, figure, save = showing.wait, showing.figure, showing.save
    _repr_mimebundle_ = showing.bundle

    @property
    def widget(self) -> Any:
        """The box of widgets that a cell shows; made when it is asked for, and it stays until `close`."""
        if self._view is None:
            from mmtoolkit.explorer.view import View

            self.layout.resume()
            self._view = View(self)
        self._view.users += 1
        return self._view

    close = showing.close
