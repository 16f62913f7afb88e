"""The blocks of a report, before it is a page: sections of words, figures, tables and items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pandas as pd

from mmtoolkit.words import say, title

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = [
    "OURS",
    "Block",
    "Code",
    "Drawing",
    "Folded",
    "Gallery",
    "Group",
    "Groups",
    "Key",
    "Keys",
    "Note",
    "Remarks",
    "Section",
    "Table",
    "Words",
]


OURS = ("check", "metric", "trust", "what")  # indexes whose values are names of ours


@dataclass(frozen=True)
class Words:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True)
class Note:
    """An important remark: plain text, or "warn" for one that limits the conclusions."""

    text: str
    kind: Literal["info", "warn"] = "info"


@dataclass(frozen=True)
class Remarks:
    """What a reader should keep in mind of some items ("" is all), as a list."""

    lines: Sequence[str]
    items: str = ""

    @property
    def heading(self) -> str:
        """What stands above the list."""
        head = say("Keep in mind")
        return say("{what}: {told}", what=head, told=self.items) if self.items else head


@dataclass(frozen=True)
class Key:
    """One figure of the summary: what it is, its value, and a short remark such as the interval."""

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Keys:
    """The handful of figures that matter most."""

    entries: Sequence[Key]


@dataclass(frozen=True, eq=False)
class Table:
    """A frame; `shares` are columns between 0 and 1 that get a bar, `percents` others, `intervals` their (low, high) columns.

    `marks` names for a column another one that is marked on its bar, such as the baseline. `fractions` are rows whose values are
    no shares of anything, such as a correlation. Rows after the first `shown` are folded.
    """

    frame: pd.DataFrame
    caption: str = ""
    shares: Sequence[str] = ()
    percents: Sequence[str] = ()
    intervals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)
    fractions: Sequence[str] = ()
    max_rows: int = 40
    shown: int = 10

    def row_name(self, index: Any) -> str:
        """Return the name of a row for a reader: our own names in the present language."""
        return title(index) if self.frame.index.name in OURS else str(index)

    def is_share(self, index: Any, column: Any) -> bool:
        """Return whether a cell is a share, which is written as percent."""
        ends = {end for name, pair in self.intervals.items() if name in self.shares for end in pair}
        return column in {*self.shares, *self.percents, *ends} and str(index) not in self.fractions

    @property
    def left_out(self) -> str:
        """What a page says of the rows beyond `max_rows`; "" where there are none."""
        n = len(self.frame) - self.max_rows
        return (
            say("… and {n:,} more row in report.json.", "… and {n:,} more rows in report.json.", n=n) if n > 0 else ""
        )

    def told(self, column: Any, value: Any) -> Any:
        """Return a value for a reader: yes, no and kinds of items in the present language."""
        if type(value).__name__ in ("bool", "bool_"):
            return say("yes") if value else say("no")
        return title(value) if column == "modality" and isinstance(value, str) else value


@dataclass(frozen=True, eq=False)
class Drawing:
    """A Plotly figure; `caption` stands before the figure's own.

    `links` are the places that a click on a cell of a column leads to, one per column of a heat map. `items` are those of a map's
    points: their pictures are shown on hover. The page sets `place`, the figure's id, and `pictures`, where the pictures stand.
    """

    figure: go.Figure
    caption: str = ""
    place: str | None = None
    links: Sequence[str] = ()
    items: pd.DataFrame | None = None
    pictures: str = ""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Rows of an items frame side by side, one note each."""

    frame: pd.DataFrame
    notes: Sequence[str] | None = None
    title: str = ""
    caption: str = ""
    size: int = 96


@dataclass(frozen=True, eq=False)
class Group:
    """A name, a remark, a share between 0 and 1, and some items; `place` is its id on the page."""

    name: str
    detail: str
    share: float
    frame: pd.DataFrame
    place: str = ""


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of items one below the other; those after the first `shown` are folded."""

    entries: Sequence[Group]
    caption: str = ""
    shown: int = 24


@dataclass(frozen=True)
class Code:
    """Text to be copied."""

    text: str
    language: str = "python"


@dataclass(frozen=True, eq=False)
class Folded:
    """Blocks that are shown when a reader asks for them."""

    title: str
    blocks: Sequence[Block]


Block: TypeAlias = Words | Note | Remarks | Keys | Table | Drawing | Gallery | Groups | Code | Folded


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it."""

    name: str
    title: str
    blocks: Sequence[Block]
