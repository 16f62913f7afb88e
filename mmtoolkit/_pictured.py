"""Tables of items for a notebook: a picture and the name of every item, and the columns that matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mmtoolkit._html import Html, escape, notebook, table, tag
from mmtoolkit.thumbnails import item_html
from mmtoolkit.vectors import items_of
from mmtoolkit.words import say, title

__all__ = ["PicturedFrame", "pictured_result", "pictured_table"]

_MOST_ROWS, _MOST_COLUMNS, _SIZE = 12, 10, 48
_CONTENT = ("image", "video")
_WHO = ("id", "best")  # columns that hold the id of an item


def pictured_table(
    frame: pd.DataFrame,
    items: pd.DataFrame | None,
    caption: str = "",
    *,
    columns: Sequence[str] | None = None,
) -> Html:
    """Render the first 12 rows of a frame of items, with a small picture in every row; further rows are counted.

    Parameters
    ----------
    frame : DataFrame
        Any frame. A row is about the item whose id stands in its index or column "id" or in the column "best".
    items : DataFrame or None
        The items frame; None draws no pictures.
    caption : str, default=""
        Shown above the table.
    columns : sequence of str or None, default=None
        The columns that matter; None is the first ten that are not empty. Columns of pictures are drawn, not written.

    Returns
    -------
    Html
        A ``<table>`` element; all text is escaped and cut, and a path is written as its file's name.
    """
    who = next((name for name in _WHO if name in frame.columns), None)
    pictured = items is not None and (who is not None or frame.index.name == "id")
    head = frame.head(_MOST_ROWS)
    names = [name for name in (frame.columns if columns is None else columns) if str(name) not in _CONTENT]
    if columns is None:
        names = [name for name in names if head[name].notna().any()][:_MOST_COLUMNS]
    draw = _drawer(items) if items is not None and pictured else None
    lines = []
    for place, label in enumerate(head.index):
        cells = [_cell(head[name].iloc[place]) for name in names]
        if draw is not None:
            cells.insert(0, tag("td", draw(label if who is None else head[who].iloc[place])))
        lines.append((_cell(label), cells))
    left = len(frame) - len(head)
    more = tag("p", say("… and {n} more row", "… and {n} more rows", n=left)) if left > 0 else Html()
    heads = [str(frame.index.name or ""), *([""] if draw else []), *(escape(title(str(name)), 40) for name in names)]
    return Html(f"{table(heads, lines, caption=caption)}{more}")


def pictured_result(result: Any) -> str:
    """Return the HTML of a result for a notebook, with the pictures of its items in its tables."""
    items = items_of(result.source)
    tables = (pictured_table(frame, items, title(name)) for name, frame in result._tables().items())
    return notebook(type(result).__name__, result._summary(), *tables)


def _drawer(items: pd.DataFrame) -> Callable[[Any], Html]:
    places = pd.Index(items["id"].astype(str))

    def draw(item_id: Any) -> Html:
        place = places.get_indexer(pd.Index([str(item_id)]))[0]
        return Html() if place < 0 else item_html(dict(items.iloc[place].items()), size=_SIZE, named=False)

    return draw


def _cell(value: object) -> Html:
    if isinstance(value, float):
        return Html("" if value != value else f"{value:.3f}")  # noqa: PLR0124 - NaN
    if value is None:
        return Html()
    if isinstance(value, str) and value[:1] in "/\\~" and len(value) < 400:
        value = Path(value.replace("\\", "/")).name if "/" in value[1:] or "\\" in value[1:] else value
    return escape(value, 160)


class PicturedFrame(pd.DataFrame):
    """A frame about items that a notebook shows with their pictures; parts of it are of the same kind.

    Make it with `of`. What is computed from it and has no ids any more is shown as any frame.
    """

    _metadata = ["_items", "_columns_shown"]  # noqa: RUF012 - as pandas asks for it
    _items: pd.DataFrame | None = None
    _columns_shown: tuple[str, ...] = ()

    @classmethod
    def of(cls, frame: pd.DataFrame, items: pd.DataFrame | None, columns: Sequence[str]) -> PicturedFrame:
        """Return a frame with the items that its column "id" names, and the columns that matter."""
        made = cls(frame)
        object.__setattr__(made, "_items", items)
        object.__setattr__(made, "_columns_shown", tuple(columns))
        return made

    @property
    def _constructor(self) -> type[PicturedFrame]:
        return PicturedFrame

    def _repr_html_(self) -> str | None:
        shown = [name for name in self._columns_shown if name in self.columns]
        if self._items is None or "id" not in self.columns or not shown:
            return super()._repr_html_()  # type: ignore[misc,no-any-return]  # the stubs do not know it
        return str(tag("div", pictured_table(self.set_index("id"), self._items, columns=shown), class_="mmtoolkit"))
