"""See whether the items are still what they were when the report was made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mmtoolkit.frames import contents_of
from mmtoolkit.results import plain
from mmtoolkit.space import Space
from mmtoolkit.verification.differences import Difference

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.embedding.encoder import Encoder
    from mmtoolkit.verification.sources import Request

__all__ = ["Changes", "compare_items", "complete", "current_keys"]

_KIND = {"image": "picture", "text": "text", "video": "video", "fused": "item"}


@dataclass
class Changes:
    """Ways in which items or vectors are not what they were.

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
        """Record one difference and why it is one."""
        self.differences.append(Difference(where, report, now, "items"))
        self.causes.append(cause)


def compare_items(request: Request, changes: Changes) -> dict[str, list[Any]]:
    """Compare ids, classes and groups of the items with those in the report.

    Parameters
    ----------
    request : Request
        What the report says and the items that are there.
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
            f"the items of {name!r} were not found again, so they were not compared with the report; "
            "pass them as items= (--items)"
        )
    if frame is None:
        return columns
    there = set(request.rows)
    for item in (item for row, item in enumerate(ids) if row not in there):
        changes.add(
            f"items.{name}.id of {item!r}", item, "(absent)", f"the item {item!r} is not among the items any more"
        )
    for column, values in columns.items():
        if column not in frame.columns:
            changes.notes.append(f"the items have no column {column!r}; its values are taken from the report")
            continue
        for row, b in zip(request.rows, plain(frame[column]), strict=True):
            item, a, values[row] = ids[row], values[row], b
            if a != b:
                where = f"items.{name}.{column} of {item!r}"
                changes.add(where, a, b, f"the value of {column!r} of item {item!r} changed from {a!r} to {b!r}")
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
    facts, ids, keys = request.facts, request.items["id"], list(request.items["content_key"])
    changed: list[int] = []
    if request.frame is None:
        return keys, changed
    contents = contents_of(request.frame)
    plan = encoder.plan(contents, [ids[row] for row in request.rows])  # recalls what is known of unchanged files
    space = Space.from_dict(facts)
    for at, (row, content) in enumerate(zip(request.rows, contents, strict=True)):
        stored, what = keys[row], _KIND.get(content.modality, "item")
        cause = f"the {what} of item {ids[row]!r} has changed"
        if plan.keys[at] is None:
            keys[row], cause = "", f"the {what} of item {ids[row]!r} cannot be read any more: {plan.errors[at].reason}"
        else:
            keys[row] = space.key(content.modality, content.digest(), encoder.provider.recipe(content)).hex()
        if keys[row] != stored:
            changed.append(row)
            where = f"items.{request.name}.content_key of {ids[row]!r}"
            changes.add(where, stored[:16] or "(unreadable)", keys[row][:16] or "(unreadable)", cause)
    return keys, changed


def complete(request: Request, columns: dict[str, list[Any]]) -> pd.DataFrame:
    """Return one row per item of the report: what is there now, and what the report knows of the others."""
    import pandas as pd

    items = request.items
    known = {"id": items["id"], "modality": items["modality"]}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in known.items()})
    if request.frame is not None:
        there = request.frame.set_axis(pd.Index(request.rows), axis=0)
        frame = there if len(there) == len(frame) else there.astype(object).reindex(frame.index).assign(**frame)
    return frame.assign(**{name: pd.Series(values, dtype=object) for name, values in columns.items()})
