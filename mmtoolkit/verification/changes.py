"""Compare the items with their state when the report was made."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from mmtoolkit._aligned import CHARACTERS, column_in
from mmtoolkit._text import shorten
from mmtoolkit.frames import contents_of
from mmtoolkit.reporting.code import n_left_out
from mmtoolkit.results import plain
from mmtoolkit.space import Space
from mmtoolkit.verification.differences import Difference
from mmtoolkit.words import say, word

if TYPE_CHECKING:
    from mmtoolkit.embedding.encoder import Encoder
    from mmtoolkit.embedding.planning import Plan
    from mmtoolkit.verification.request import Request

__all__ = ["Changes", "compare_items", "complete", "current_keys", "follow_renamed"]

_CONTENT = word("item")
_KIND = {"image": word("picture"), "text": word("text"), "video": word("video"), "fused": _CONTENT}


@dataclass
class Changes:
    """The differences of items and vectors from those of the report.

    Parameters
    ----------
    differences : list of Difference
        One per item and value.
    causes, notes : list of str
        In words.
    """

    differences: list[Difference] = field(default_factory=list)
    causes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, where: str, report: Any, now: Any, cause: str) -> None:
        """Record one difference and its cause."""
        self.differences.append(Difference(where, report, now, "items"))
        self.causes.append(cause)


def follow_renamed(request: Request, encoder: Encoder | None) -> tuple[Request, dict[int, str]]:
    """Find items that only have a new id, by their content.

    Parameters
    ----------
    request : Request
        What the report says and the items that are there.
    encoder : Encoder or None
        Of the report's model; nothing is embedded.

    Returns
    -------
    request : Request
        With these items among those that are there.
    renamed : dict of int to str
        Their rows in the report and their names now.
    """
    there = set(request.rows)
    lost: dict[str, list[int]] = {}
    for row, key in enumerate(request.items.get("content_key", [])):
        if key and row not in there:
            lost.setdefault(key, []).append(row)
    if encoder is None or not lost or request.frame is None or request.others is None or request.others.empty:
        return request, {}
    contents, names = contents_of(request.others), request.others["id"].tolist()
    keys = _keys(request, encoder, encoder.plan(contents, names))
    found = {at: lost[key].pop(0) for at, key in enumerate(keys) if lost.get(key)}
    rest = request.others.drop(index=list(found)).reset_index(drop=True)
    frame = pd.concat([request.frame, request.others.iloc[list(found)]])
    rows = [*request.rows, *found.values()]
    order = sorted(range(len(rows)), key=rows.__getitem__)
    frame, rows = frame.iloc[order].reset_index(drop=True), [rows[at] for at in order]
    renamed = {row: str(names[at]) for at, row in found.items()}
    return dataclasses.replace(request, frame=frame, rows=rows, others=rest), renamed


def compare_items(request: Request, renamed: Mapping[int, str], changes: Changes) -> dict[str, list[Any]]:
    """Compare ids, classes and groups of the items with those in the report.

    Parameters
    ----------
    request : Request
        What the report says and the items that are there.
    renamed : mapping of int to str
        Rows in the report of items that are there under another name.
    changes : Changes
        Filled here.

    Returns
    -------
    dict of str to list
        The values of every column that the report used, as they are now; the report's where an item or column is gone.
    """
    name, ids, frame = request.name, request.items["id"], request.frame
    columns = {column: list(values) for column, values in request.items["columns"].items()}
    if request.broken:
        changes.add(f"items.{name}", f"{len(ids)} items", "(unreadable)", request.broken)
    elif frame is None and request.facts["model"]:
        changes.notes.append(
            say(
                "the items of {name!r} were not found again, so they were not compared with the report; pass them as items= "
                "(--items)",
                name=name,
            )
        )
    if frame is None:
        return columns
    there = set(request.rows)
    for row, item in enumerate(ids):
        where = f"items.{name}.id of {item!r}"
        if row in renamed:
            changes.add(
                where, item, renamed[row], say("the item {item!r} is called {name!r} now", item=item, name=renamed[row])
            )
        elif row not in there:
            changes.add(where, item, "(absent)", say("the item {item!r} is not among the items any more", item=item))
    changes.notes += _added(request)
    for column, values in columns.items():
        now = column_in(frame, column)
        if now is None:
            changes.notes.append(
                say("the items have no column {column!r}; its values are taken from the report", column=column)
            )
            continue
        for row, b in zip(request.rows, plain(now), strict=True):
            item, a, values[row] = ids[row], values[row], b
            if a != b and (column != CHARACTERS or column in frame.columns):  # the text itself is told
                where = f"items.{name}.{column} of {item!r}"
                cause = say(
                    "the value of {column!r} of item {item!r} changed from {a!r} to {b!r}",
                    column=column,
                    item=item,
                    a=a,
                    b=b,
                )
                changes.add(where, a, b, cause)
    return columns


def current_keys(request: Request, encoder: Encoder, changes: Changes) -> tuple[list[str], list[int]]:
    """Fingerprint the items as they are now.

    Parameters
    ----------
    request : Request
        What the report says and the items that are there.
    encoder : Encoder
        Of the report's model; nothing is embedded.
    changes : Changes
        Filled here.

    Returns
    -------
    keys : list of str
        One per item of the report; the report's own where the item is not there.
    changed : list of int
        Rows whose key is another one.
    """
    ids, keys = request.items["id"], list(request.items["content_key"])
    changed: list[int] = []
    if request.frame is None:
        return keys, changed
    contents = contents_of(request.frame)
    plan = encoder.plan(contents, [ids[row] for row in request.rows])  # recalls what is known of unchanged files
    for at, (row, now) in enumerate(zip(request.rows, _keys(request, encoder, plan), strict=True)):
        stored, what = keys[row], _KIND.get(contents[at].modality, _CONTENT)
        cause = say("the {what} of item {item!r} has changed", what=what, item=ids[row])
        if not now:
            why = plan.errors[at].reason
            cause = say("the {what} of item {item!r} cannot be read any more: {why}", what=what, item=ids[row], why=why)
        keys[row] = now
        if keys[row] != stored:
            changed.append(row)
            where = f"items.{request.name}.content_key of {ids[row]!r}"
            changes.add(where, stored[:16] or "(unreadable)", keys[row][:16] or "(unreadable)", cause)
    return keys, changed


def _keys(request: Request, encoder: Encoder, plan: Plan) -> list[str]:
    """Return the keys of contents in the space of the report; "" where one cannot be read."""
    space, recipe = Space.from_dict(request.facts), encoder.provider.recipe
    return [
        "" if key is None else space.key(content.modality, content.digest(), recipe(content)).hex()
        for content, key in zip(plan.contents, plan.keys, strict=True)
    ]


def _added(request: Request) -> Iterator[str]:
    """Yield a note on items that were added after the report was made."""
    others = [] if request.others is None else request.others["id"].tolist()
    unused = n_left_out(request.facts)
    if len(others) > unused:
        which = "" if unused else f": {shorten(', '.join(map(repr, others[:3])), 200)}{' …' if len(others) > 3 else ''}"
        yield say(
            "{n} of the items of {name!r} is new since the report was made, and is not part of it{which}",
            "{n} of the items of {name!r} are new since the report was made, and are not part of it{which}",
            n=len(others) - unused,
            name=request.name,
            which=which,
        )


def complete(request: Request, columns: dict[str, list[Any]]) -> pd.DataFrame:
    """Return one row per item of the report: the present row, or for missing items the values in the report."""
    items = request.items
    known = {"id": items["id"], "modality": items["modality"]}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in known.items()})
    if request.frame is not None:
        there = request.frame.set_axis(pd.Index(request.rows), axis=0)
        frame = there if len(there) == len(frame) else there.astype(object).reindex(frame.index).assign(**frame)
    return frame.assign(**{name: pd.Series(values, dtype=object) for name, values in columns.items()})
