"""Choose items of the explorer: by hand, by lasso, by meaning; and go from one to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from mmtoolkit._aligned import masked
from mmtoolkit._text import shorten
from mmtoolkit.explorer.geometry import Direction, inside, toward
from mmtoolkit.explorer.selection import Chosen, Mode, rows_of
from mmtoolkit.words import aside, say

if TYPE_CHECKING:
    from mmtoolkit.explorer.core import Explorer

__all__ = ["clear", "invert", "lasso", "move", "search", "select", "show", "similar"]


def select(self: Explorer, wanted: Any, *, how: str = "code", mode: Mode = "replace") -> None:
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
    asked = Chosen.of(rows_of(masked(self.state.source, wanted), self.ids), how)
    chosen = self.state.passing(asked)
    self.state.choose(self.state.chosen.combined(chosen, mode))
    if hidden := len(asked) - len(chosen):
        note = say("{n:,} is hidden by the filter", "{n:,} are hidden by the filter", n=hidden)
        self.changed(status=aside(self.status, note))


def lasso(
    self: Explorer, polygon: ArrayLike, *, how: str = "lasso", mode: Mode = "replace", version: int | None = None
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


def invert(self: Explorer) -> None:
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


def clear(self: Explorer) -> None:
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


def show(self: Explorer, item: Any) -> None:
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


def move(self: Explorer, direction: Direction) -> None:
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


def search(self: Explorer, query: Any, k: int = 30) -> pd.DataFrame:
    """Light up the items nearest in meaning: they become the selection, best first.

    Parameters
    ----------
    query : str, Text, Image, Video, Path, PIL picture or vector
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
        return _found(self, query, k, f"search: {query}", shorten(query, 80))
    return _found(self, query, k, "search", say("what was asked"))


def similar(self: Explorer, item: Any, k: int = 30) -> pd.DataFrame:
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
    return _found(self, self.X[row], k, f"similar to {self.ids[row]}", str(self.ids[row]))


def _found(self: Explorer, query: Any, k: int, how: str, what: str) -> pd.DataFrame:
    """Select what is nearest to a query, and keep the scores."""
    from mmtoolkit.retrieval import search

    shown = self.state.filter.shown
    if not shown.any():
        msg = say("the filter shows no item to search among; set ex.where = None")
        raise ValueError(msg)
    mask = shown if self.state.filter else None
    table: pd.DataFrame = search(self.source, query, k=min(k, int(shown.sum())), mask=mask).table
    rows = rows_of(table["id"].tolist(), self.ids)
    self.scores = np.full(len(self), np.nan)
    self.scores[rows] = table["score"].to_numpy()
    self.state.chosen = Chosen.of(rows, how)
    self.changed("selected", status=say("{n} items nearest to {what}", n=len(rows), what=what))
    return table
