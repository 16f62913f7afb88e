"""A result of Spark in a report: what was computed over all rows, and the items that were brought here."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from mmtoolkit._text import shorten
from mmtoolkit.reporting.blocks import Gallery
from mmtoolkit.reporting.sections.base import Contribution, plain_contribution
from mmtoolkit.vectors import items_of
from mmtoolkit.words import percent, say, word

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["part"]

_TITLES = {
    "spark.classify": word("Classification on Spark"),
    "spark.cluster": word("Clusters on Spark"),
    "spark.project": word("Map on Spark"),
}
_MOST = 24


def part(name: str, result: Any, named: Named) -> Contribution:  # noqa: ARG001 - every room has this signature
    """Return the contribution of a result of Spark to a report.

    Parameters
    ----------
    name : str
        Name of the result.
    result : SparkClassification, SparkClustering or SparkProjection
        The result; its `notes` say what is a sample.
    named : Named
        All results of the report.

    Returns
    -------
    Contribution
        Summary, tables and figures; the shown items where there are any.
    """
    whole = plain_contribution(name, result)
    items, shown = items_of(result.source), getattr(result, "shown", None)
    blocks = list(whole.blocks)
    if items is not None and shown is not None and len(shown):
        rows = _rows(shown)
        notes = [_said(row) for row in shown.iloc[rows].to_dict("records")]
        blocks.append(
            Gallery(items.iloc[rows], notes, say("Items shown"), say("A sample: most items are on Spark only."))
        )
    return dataclasses.replace(whole, title=_TITLES[result.recipe["verb"]], blocks=blocks, notes=result.notes)


def _rows(shown: Any) -> list[int]:
    """Return positions of the first few: of every cluster the nearest, or the surest errors."""
    rank = shown["rank"].tolist() if "rank" in shown else [0] * len(shown)
    return sorted(range(len(shown)), key=lambda row: rank[row])[:_MOST]


def _said(row: dict[str, Any]) -> str:
    """Return the note below an item."""
    if "cluster" in row:
        return say("cluster {number}", number=row["cluster"])
    return f"{shorten(row['y_true'], 22)} → {shorten(row['y_pred'], 22)}, {percent(row['confidence'], 0)}"
