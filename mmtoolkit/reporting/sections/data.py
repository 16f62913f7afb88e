"""The data that a report is about: how many items of which kind and class, examples of each, what was left out, and from where."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._blocks import evenly
from mmtoolkit._text import shorten
from mmtoolkit.classification.dating import dates_in
from mmtoolkit.reporting.blocks import Block, Group, Groups, Section, Table
from mmtoolkit.reporting.code import n_left_out
from mmtoolkit.reporting.record import Named
from mmtoolkit.space import space_of
from mmtoolkit.vectors import has_vectors, items_of
from mmtoolkit.words import aside, day, joined, listed, percent, quoted, say

__all__ = ["data_sections"]

_EXAMPLES = 6
_SHOWN = 12  # classes; the others are folded


def data_sections(named: Named, data: Mapping[str, Any], names: Mapping[str, str]) -> list[Section]:
    """Return a section for each set of items, none for plain vectors.

    Parameters
    ----------
    named : Named
        Results and sources.
    data : mapping
        The document.
    names : mapping of str to str
        The sources that results were computed from, and what each is called where there are several.

    Returns
    -------
    list of Section
        What was read, in the order of the sources.
    """
    sections: list[Section] = []
    for name, called in names.items():
        source, frame = named.sources[name], items_of(named.sources[name])
        if frame is None or not has_vectors(source):
            continue
        asked = [
            result
            for key, result in named.results.items()
            if named.uses[key] == name and hasattr(result, "duplicate_groups")
        ]
        place = "data" if not sections else f"data-{name}"
        title = say("The data: {name}", name=called) if called else say("The data")
        facts = dict(_facts(source, frame, data["recipe"]["sources"][name], asked))
        told = _table(facts)
        sections.append(Section(place, title, [told, *_classes(frame, asked)]))
    return sections


def _table(facts: Mapping[str, str]) -> Table:
    return Table(pd.DataFrame({"value": pd.Series(facts, dtype=object)}).rename_axis("what"))


def _facts(source: Any, frame: pd.DataFrame, recipe: Mapping[str, Any], asked: list[Any]) -> Iterator[tuple[str, str]]:
    """Yield what is known of a set of items, by name."""
    yield say("date of the report"), day(datetime.date.today())
    made_by = recipe.get("made_by") or {}
    origin = made_by.get("file") or made_by.get("params", {}).get("name")
    if origin:
        yield say("from"), shorten(origin, 80)
    yield say("items"), f"{len(frame):,}"
    kinds = Counter(frame["modality"])
    if len(kinds) > 1:
        yield say("kinds"), listed(f"{kind} {n:,}" for kind, n in kinds.most_common())
    left_out = n_left_out(recipe)
    reasons = listed(f"{kind} {n:,}" for kind, n in frame.attrs.get("left_out", {}).items())
    if left_out or reasons:
        failed = (
            say("{n:,} failed or was not chosen", "{n:,} failed or were not chosen", n=left_out) if left_out else ""
        )
        yield say("left out"), aside(failed, reasons)
    for result in asked[:1]:
        yield from _of_classes(result)
    yield from _sizes(frame)
    for column in frame.columns:
        dates = dates_in(frame[column]) if isinstance(column, str) else None
        if dates is not None:
            yield shorten(column, 40), say("{low} to {high}", low=dates.min().date(), high=dates.max().date())
    space = space_of(source)
    if space.model:
        yield (
            say("model"),
            say(
                "{model}, revision {revision}, {n} features",
                model=space.model,
                revision=space.revision[:12],
                n=source.shape[1],
            ),
        )
    bill = getattr(source, "usage", None)
    cost = None if bill is None else bill.to_frame()
    if cost is not None and cost["cost"].sum() > 0:
        yield say("paid"), listed(f"{row.cost:.4f} {row.currency}" for row in cost.itertuples() if row.cost > 0)


def _of_classes(result: Any) -> Iterator[tuple[str, str]]:
    small = Counter(str(value) for value in getattr(result, "left_out", ()) if value is not None)
    if small:
        yield say("classes too small"), listed(f"{quoted(name, 22)} {n:,}" for name, n in small.items())
    if result.n_unlabelled:
        yield say("without a class"), f"{result.n_unlabelled:,}"
    sizes = np.bincount(result.duplicate_groups)
    several = int((sizes > 1).sum())
    inside = int(sizes[sizes > 1].sum())
    told = say("{n_items:,} items in {n:,} group", "{n_items:,} items in {n:,} groups", n=several, n_items=inside)
    none = say("not looked for") if result.recipe["params"].get("duplicates") == "ignore" else say("none found")
    yield say("duplicates"), told if several else none


def _sizes(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield the least, the middle and the largest size of texts and of files that are here."""
    texts = frame.loc[frame["modality"] == "text", "text"].dropna().str.len().to_numpy()
    if len(texts):
        yield say("characters"), _range(texts, 1, "")
    files = [value for kind in ("image", "video") for value in frame[kind].dropna() if isinstance(value, str)]
    sizes = np.array([path.stat().st_size for path in map(Path, files) if path.is_file()])
    if len(sizes):
        yield say("file sizes"), _range(sizes, 1000, " kB")


def _range(values: NDArray[Any], unit: int, name: str) -> str:
    low, middle, high = (f"{value / unit:,.0f}{name}" for value in (values.min(), np.median(values), values.max()))
    return say("{low} to {high}, the middle one {middle}", low=low, high=high, middle=middle)


def _classes(frame: pd.DataFrame, asked: list[Any]) -> list[Block]:
    """Return the classes with how many items they have, and some of these."""
    values = asked[0].y_true if asked else frame["label"].to_numpy(dtype=object)
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(values):
        if isinstance(value, str) or (value is not None and value == value):  # noqa: PLR0124 - NaN
            rows.setdefault(str(value), []).append(row)
    if not rows:
        return []
    largest = sorted(rows.items(), key=lambda one: (-len(one[1]), one[0]))
    total = sum(map(len, rows.values()))
    groups = [
        Group(
            name,
            say("{n:,} item ({share})", "{n:,} items ({share})", n=len(members), share=percent(len(members) / total)),
            len(members) / total,
            frame.iloc[np.array(members)[evenly(len(members), _EXAMPLES)]],
        )
        for name, members in largest
    ]
    caption = joined(
        say("Examples of each class, the largest first; they are spread evenly over the items as they were read."),
        _uneven(largest),
    )
    return [Groups(groups, caption, _SHOWN)]


def _uneven(largest: list[tuple[str, list[int]]]) -> str:
    (first, many), (last, few) = largest[0], largest[-1]
    if len(many) < 2 * len(few):
        return ""
    return say(
        "{first} has {ratio:.0f} times as many items as {last}.",
        first=quoted(first),
        last=quoted(last),
        ratio=len(many) / len(few),
    )
