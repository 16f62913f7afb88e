"""Old and new data in a report: does the score still hold, what is unfamiliar, what to label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mmtoolkit._text import shorten
from mmtoolkit.reporting.blocks import Block, Gallery, Key, Table, Words
from mmtoolkit.reporting.sections.base import Contribution, percent, quoted
from mmtoolkit.vectors import items_of

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["part"]

_SHOWN = 16


def part(name: str, result: Any, named: Named) -> Contribution:  # noqa: ARG001 - every room has this signature
    """Return what a check of new data gives to a report; parameters as in every room."""
    sentence = f"{_alike(result)} {_expects(result)}"
    blocks: list[Block] = [
        Words(sentence),
        Words(
            f"{result.n_new:,} independent new items were compared with {result.n_old:,} scored ones by their vectors, without a look at "
            "labels. What cannot be seen without labels is a change of meaning: the same items, called otherwise from now on."
        ),
        Table(
            result.mix,
            "How the classes are mixed: in the scored items, and in the new ones as estimated from the predictions, which is right where the "
            "new items are of these classes.",
            shares=("old", "new"),
        ),
    ]
    if len(result.changed):
        table = result.changed.set_index("column")
        blocks.append(
            Table(table, "Columns that both have, with the value whose share changed most.", shares=("old", "new"))
        )
    blocks += [*_unfamiliar(result), *_to_label(result)]
    return Contribution("Does it still hold?", blocks, [sentence], [_key(result)])


def _alike(result: Any) -> str:
    p = f"p = {result.p_value:.3f}"
    return (
        f"The new items differ from the old ones ({p})."
        if result.alarm
        else f"The new items look like the old ones ({p})."
    )


def _expects(result: Any) -> str:
    value, low, high = result.expected.loc["accuracy"]
    if result.reason:
        return f"What accuracy to expect on them cannot be said: {result.reason}."
    mixed = ", with the classes mixed as estimated" if result.alarm else ""
    return (
        f"An accuracy of {percent(value)} (95 % interval {percent(low)} to {percent(high)}) is expected on them{mixed}."
    )


def _key(result: Any) -> Key:
    value, low, high = result.expected.loc["accuracy"]
    told = f"p = {result.p_value:.3f}; {'differs from' if result.alarm else 'looks like'} the old data"
    if result.reason:
        return Key("accuracy on the new data", "cannot say", told)
    return Key("accuracy on the new data", percent(value), f"{percent(low)} to {percent(high)}; {told}")


def _unfamiliar(result: Any) -> list[Block]:
    table, n = result.unfamiliar.head(_SHOWN), len(result.unfamiliar)
    if not n:
        return [Words("No new item is farther from the old ones than 99 in 100 of these are from each other.")]
    said = (
        f"{n:,} new item{'s are' if n > 1 else ' is'} farther from any old item than 99 in 100 old ones are; by chance there would be about "
        f"{result.n_by_chance:.0f}. The farthest first, with the predicted class."
    )
    return [_shown(result, table, [shorten(value, 22) for value in table["predicted"]], "Unfamiliar items", said)]


def _to_label(result: Any) -> list[Block]:
    table, n = result.to_label.head(_SHOWN), len(result.to_label)
    said = (
        f"Label these {n:,} items, drawn at random, to know the accuracy on the new data within five points; to_label lists them. The first "
        f"{len(table)}, with the predicted class."
    )
    return [_shown(result, table, [shorten(value, 22) for value in table["predicted"]], "To label", said)]


def _shown(result: Any, table: Any, notes: list[str], title: str, said: str) -> Block:
    frame = items_of(result.source["new"])
    if frame is None:
        return Words(
            f"{title}: {said} {', '.join(f'{i} ({quoted(n)})' for i, n in zip(table['id'], notes, strict=True))}"
        )
    return Gallery(frame.iloc[table["row"]], notes, title, said)
