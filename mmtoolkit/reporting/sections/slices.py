"""Slices in a report: where the classifier fails, with the items it fails on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmtoolkit._aligned import CHARACTERS
from mmtoolkit._text import shorten
from mmtoolkit.classification.cuts import NEAREST
from mmtoolkit.reporting.blocks import Block, Gallery, Remarks, Table, Words
from mmtoolkit.reporting.sections.base import Contribution
from mmtoolkit.vectors import items_of
from mmtoolkit.words import joined, listed, percent, points, quoted, recalled, say, title

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["part"]

_SHOWN = 3  # slices whose errors are shown
_ERRORS = 8


def part(name: str, result: Any, named: Named) -> Contribution:  # noqa: ARG001 - every room has this signature
    """Return the contribution of slices to a report; parameters as in every section."""
    table, found = result.table, result.found
    remarks = [Remarks(result.notes)] if result.notes else []
    heading = say("Where it fails")
    if table.empty:
        return Contribution(
            heading, [Words(say("No column of the items parts them into slices of ten or more.")), *remarks]
        )
    looked = say(
        "{n} slice by {families} was looked at.",
        "{n} slices by {families} were looked at.",
        n=len(table),
        families=listed(quoted(_family(result, name)) for name in dict.fromkeys(table["family"])),
    )
    shown = table[["slice", "n", "wrong", "accuracy", "low", "high", "difference", "q_value", "found"]].set_axis(
        [_family(result, family) for family in table["family"]], axis="index"
    )
    shown = shown.rename_axis(index="family").assign(slice=[_name(result, row) for row in table.itertuples()])
    blocks: list[Block] = [
        Words(joined(looked, _outcome(len(found)))),
        Table(
            shown.assign(difference=(100 * shown["difference"]).round(1)).rename(
                columns={"difference": say("more wrong within classes, points"), "q_value": "q"}
            ),
            say(
                "Thin lines are 95 % intervals. “More wrong within classes” compares a slice with the other items of the same "
                "classes, so that it is not blamed for holding hard ones; q is the p-value adjusted for the number of slices and "
                "families."
            ),
            shares=("accuracy",),
            intervals={"accuracy": ("low", "high")},
        ),
        *remarks,
        *_errors(result),
    ]
    return Contribution(heading, blocks, _sentences(result))


def _outcome(n: int) -> str:
    if n == 0:
        return say(
            "None of them is wrong more often than the other items of the same classes, beyond chance (5 % of such finds may be "
            "false)."
        )
    return say(
        "{n} of them is wrong more often than the other items of the same classes, beyond chance (5 % of such finds may be "
        "false).",
        "{n} of them are wrong more often than the other items of the same classes, beyond chance (5 % of such finds may be "
        "false).",
        n=n,
    )


def _family(result: Any, name: str) -> str:
    """Return the title of a family: the name of a column, or our own name of a derived family."""
    return title(name) if name == CHARACTERS else str(recalled(name, result.labels))


def _name(result: Any, row: Any) -> str:
    return str(recalled(row.slice, result.labels[row.family]))


def _what(result: Any, row: Any) -> str:
    if row.family == NEAREST:
        return say("items {slice} from any other", slice=_name(result, row))
    family = shorten(_family(result, row.family), 40)
    return say("items with {family} {slice}", family=family, slice=quoted(_name(result, row)))


def _sentences(result: Any) -> list[str]:
    for row in result.found.head(1).itertuples():
        return [
            say(
                "It fails more often on {what}: {wrong:,} of {n:,} wrong ({share}), {points} more than on the other items of the "
                "same classes.",
                what=_what(result, row),
                wrong=row.wrong,
                n=row.n,
                share=percent(row.wrong / row.n),
                points=points(row.difference),
            )
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
        caption = say(
            "{wrong:,} of {n:,} predicted wrong, the surest first, as true class → predicted class.",
            wrong=row.wrong,
            n=row.n,
        )
        galleries.append(Gallery(frame.iloc[some], notes, say("Errors among {what}", what=_what(result, row)), caption))
    return galleries
