"""Slices in a report: where the classifier fails, with the items it fails on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmtoolkit._text import shorten
from mmtoolkit.classification.slicing import NEAREST
from mmtoolkit.reporting.blocks import Block, Gallery, Remarks, Table, Words
from mmtoolkit.reporting.sections.base import Contribution, percent, points, quoted
from mmtoolkit.vectors import items_of

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["part"]

_SHOWN = 3  # slices whose errors are shown
_ERRORS = 8


def part(name: str, result: Any, named: Named) -> Contribution:  # noqa: ARG001 - every room has this signature
    """Return what slices give to a report; parameters as in every room."""
    table, found = result.table, result.found
    remarks = [Remarks(result.notes)] if result.notes else []
    if table.empty:
        said = "No column of the items parts them into slices of ten or more."
        return Contribution("Where it fails", [Words(said), *remarks])
    looked = f"{len(table)} slices by {', '.join(map(quoted, dict.fromkeys(table['family'])))} were looked at."
    outcome = (
        f"{len(found)} of them {'is' if len(found) == 1 else 'are'} wrong more often than the other items of the same classes"
        if len(found)
        else "None of them is wrong more often than the other items of the same classes"
    )
    shown = table[
        ["family", "slice", "n", "wrong", "accuracy", "low", "high", "difference", "q_value", "found"]
    ].set_index("family")
    blocks: list[Block] = [
        Words(f"{looked} {outcome}, as far as chance lets one tell (5 % of such finds may be false)."),
        Table(
            shown.assign(difference=(100 * shown["difference"]).round(1)).rename(
                columns={"difference": "more wrong within classes, points", "q_value": "q"}
            ),
            "Thin lines are 95 % intervals. “More wrong within classes” compares a slice with the other items of the same "
            "classes, so that it is not blamed for holding hard ones; q is the p-value adjusted for the number of slices and families.",
            shares=("accuracy",),
            intervals={"accuracy": ("low", "high")},
        ),
        *remarks,
        *_errors(result),
    ]
    return Contribution("Where it fails", blocks, _sentences(result))


def _what(row: Any) -> str:
    return (
        f"items {row.slice} from any other"
        if row.family == NEAREST
        else f"items with {shorten(row.family, 40)} {quoted(row.slice)}"
    )


def _sentences(result: Any) -> list[str]:
    for row in result.found.head(1).itertuples():
        return [
            f"It fails more often on {_what(row)}: {row.wrong:,} of {row.n:,} wrong ({percent(row.wrong / row.n)}), "
            f"{points(row.difference)} more than on the other items of the same classes."
        ]
    return []


def _errors(result: Any) -> list[Block]:
    frame, r = items_of(result.source), result.classification
    if frame is None:
        return []
    galleries: list[Block] = []
    for row in result.found.head(_SHOWN).itertuples():
        rows = result.errors(row.family, row.slice)
        sure = r.y_proba[rows].max(axis=1)
        some = rows[sure.argsort(kind="stable")[::-1][:_ERRORS]]
        notes = [f"{shorten(r.y_true[i], 22)} → {shorten(r.y_pred[i], 22)}" for i in some]
        caption = f"{row.wrong:,} of {row.n:,} predicted wrong, the surest first, as true class → predicted class."
        galleries.append(Gallery(frame.iloc[some], notes, f"Errors among {_what(row)}", caption))
    return galleries
