"""A check of new data in a report: whether the score still holds, unfamiliar items, items to label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from mmtoolkit._text import shorten
from mmtoolkit.reporting.blocks import Block, Gallery, Key, Table, Words
from mmtoolkit.reporting.sections.base import Contribution
from mmtoolkit.vectors import items_of
from mmtoolkit.words import aside, joined, listed, percent, say

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["part"]

_SHOWN = 16


def part(name: str, result: Any, named: Named) -> Contribution:  # noqa: ARG001 - every room has this signature
    """Return the contribution of a check of new data to a report; parameters as in every section."""
    sentence = joined(_alike(result), _expects(result))
    compared = say(
        "{n:,} independent new item was compared with {n_old:,} scored ones by its vector, without a look at labels.",
        "{n:,} independent new items were compared with {n_old:,} scored ones by their vectors, without a look at labels.",
        n=result.n_new,
        n_old=result.n_old,
    )
    unseen = say("Without labels a change of meaning cannot be seen: the same items with other classes from now on.")
    blocks: list[Block] = [
        Words(sentence),
        Words(joined(compared, unseen)),
        Table(
            result.mix,
            say(
                "The mix of classes: of the scored items, and of the new ones as the predictions tell it, which is right where the new "
                "items are of these classes."
            ),
            shares=("old", "new"),
        ),
    ]
    if len(result.changed):
        caption = say("Columns that both have, with the value whose share changed most.")
        blocks.append(Table(result.changed.set_index("column"), caption, shares=("old", "new")))
    blocks += [_unfamiliar(result), _to_label(result)]
    return Contribution(say("Does it still hold?"), blocks, [sentence], [_key(result)], _known(result))


def _known(result: Any) -> list[str]:
    """Return a note where new items were trained or scored on."""
    if not result.n_known:
        return []
    return [
        say(
            "{n:,} new item is a duplicate of one that the classifier was trained or scored on, or of a group with such: what is expected "
            "holds for items that it was not.",
            "{n:,} new items are duplicates of such that the classifier was trained or scored on, or of a group with them: what is "
            "expected holds for items that it was not.",
            n=result.n_known,
        )
    ]


def _alike(result: Any) -> str:
    if result.alarm:
        return say("The new items differ from the old ones (p = {p:.3f}).", p=result.p_value)
    return say("The new items look like the old ones (p = {p:.3f}).", p=result.p_value)


def _expects(result: Any) -> str:
    if result.reason:
        return say("What accuracy to expect on them cannot be said: {reason}.", reason=result.reason)
    value, low, high = map(percent, result.expected.loc["accuracy"])
    return say(
        "An accuracy of {value} (95 % interval {low} to {high}) is expected on them, with the classes mixed as below.",
        value=value,
        low=low,
        high=high,
    )


def _key(result: Any) -> Key:
    name, p = say("accuracy on the new data"), say("p = {p:.3f}", p=result.p_value)
    if result.reason:
        return Key(name, say("cannot say"), p)
    value, low, high = map(percent, result.expected.loc["accuracy"])
    return Key(name, value, aside(say("{low} to {high}", low=low, high=high), p))


def _unfamiliar(result: Any) -> Block:
    n = len(result.unfamiliar)
    if not n:
        return Words(say("No new item is farther from the old ones than 99 in 100 of these are from each other."))
    told = say(
        "{n:,} new item is farther from any old item than 99 in 100 old ones are; by chance there would be about {chance:.0f}. The "
        "predicted class stands below it.",
        "{n:,} new items are farther from any old item than 99 in 100 old ones are; by chance there would be about {chance:.0f}. The "
        "farthest come first, with the predicted class.",
        n=n,
        chance=result.n_by_chance,
    )
    return _shown(result, result.unfamiliar, say("Unfamiliar items"), told)


def _to_label(result: Any) -> Block:
    told = say(
        "Label this {n:,} item to know the accuracy on the new data.",
        "Label these {n:,} items, drawn at random, to know the accuracy on the new data within five points; to_label lists all. The "
        "first ones stand here, with the predicted class.",
        n=len(result.to_label),
    )
    return _shown(result, result.to_label, say("To label"), told)


def _shown(result: Any, table: pd.DataFrame, title: str, told: str) -> Block:
    """Return the first items of a table as pictures or texts; ids where only vectors are known."""
    table, frame = table.head(_SHOWN), items_of(result.source["new"])
    notes = [shorten(value, 22) for value in table["predicted"]]
    if frame is None:
        return Words(joined(told, listed(f"{i} ({note})" for i, note in zip(table["id"], notes, strict=True))))
    return Gallery(frame.iloc[table["row"]], notes, title, told)
