"""The contribution of a result to a report, and a plain one that fits every result."""

from __future__ import annotations

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mmtoolkit.reporting.blocks import Block, Drawing, Gallery, Key, Table, Words
from mmtoolkit.steps import kind_of
from mmtoolkit.words import percent, points, quoted, say, title

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.reporting.record import Named
    from mmtoolkit.results import Result

__all__ = ["Contribution", "contribution_of", "drawings", "percent", "plain_contribution", "points", "quoted"]

_SEEN = 16  # pictures above a table of items

_SECTIONS = {  # what a verb's result gives to a report, where it is more than its tables and figures
    "check_new": "new_data",
    "classify": "classification",
    "classify.slices": "slices",
    "classify.thresholds": "decision",
    "cluster": "clustering",
    "project": "projection",
    "spark.classify": "spark",
    "spark.cluster": "spark",
    "spark.project": "spark",
}


@dataclass(frozen=True)
class Contribution:
    """The contribution of one result to a report.

    Parameters
    ----------
    title : str
        Heading of its section.
    blocks : sequence of Block
        Its section.
    sentences : sequence of str
        What it adds to the summary, in plain words.
    keys : sequence of Key
        Its figures for the summary.
    notes : sequence of str
        What limits the conclusions.
    items : str
        Which items all of this speaks of; "" is all.
    """

    title: str
    blocks: Sequence[Block]
    sentences: Sequence[str] = ()
    keys: Sequence[Key] = ()
    notes: Sequence[str] = field(default=())
    items: str = ""

    def about(self, items: str) -> Contribution:
        """Return the same, with heading, sentences and figures that say which items they speak of; "" is all."""
        if not items:
            return self
        return Contribution(
            say("{what}: {told}", what=self.title, told=items),
            self.blocks,
            [say("{what}: {told}", what=items, told=sentence) for sentence in self.sentences],
            [replace(key, name=say("{a}, {b}", a=key.name, b=items)) for key in self.keys],
            self.notes,
            items,
        )


def contribution_of(name: str, named: Named) -> Contribution:
    """Return the contribution of the result `name` to a report.

    Parameters
    ----------
    name : str
        One of ``named.results``.
    named : Named
        All results, so that a map can be coloured by clusters.

    Returns
    -------
    Contribution
        From the room of its verb, else from `plain_contribution`.
    """
    result: Any = named.results[name]
    room = _SECTIONS.get(kind_of(result.recipe["verb"]))
    if room is None:
        return plain_contribution(name, result)
    part: Contribution = importlib.import_module(f"mmtoolkit.reporting.sections.{room}").part(name, result, named)
    return part


def plain_contribution(name: str, result: Result) -> Contribution:
    """Return summary, tables and figures of any result."""
    kind, number = re.fullmatch(r"(.*?)(?:_(\d+))?", name).groups()  # type: ignore[union-attr]  # every name is of this form
    called = f"{title(kind)} {number}" if number else title(kind)
    heading = f"{called[:1].upper()}{called[1:]}"
    summary = say("{note}.", note=str(result._summary()).rstrip(".。"))
    readings = result._readings()
    tables = [
        block
        for table, frame in result._tables().items()
        for block in _told(frame, _caption(table, readings.get(table, "")))
    ]
    told = say("{what}: {told}", what=heading, told=summary)
    return Contribution(heading, [Words(summary), *tables, *drawings(result)], [told])


def _caption(table: str, reading: str) -> str:
    return say("{what}: {told}", what=title(table), told=reading) if reading else title(table)


def _told(frame: pd.DataFrame, caption: str) -> list[Block]:
    """Return a table; one of items with their pictures, and without the places where these lie on this machine."""
    if "modality" not in frame.columns:
        return [Table(frame, caption)]
    media = frame.columns.intersection(["image", "video"])
    seen = [Gallery(frame.reset_index().head(_SEEN), title=caption)] if frame[media].notna().any(axis=None) else []
    return [*seen, Table(frame.drop(columns=media), caption)]


def drawings(result: Result, *names: str, caption: str = "") -> list[Drawing]:
    """Return the figures of a result that exist among `names` (all if none is named)."""
    wanted = names or result.figures
    return [Drawing(result.figure(name), caption) for name in wanted if name in result.figures]
