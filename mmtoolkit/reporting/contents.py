"""The sections of a report: the summary, one per result, then how to repeat it, and the environment."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from mmtoolkit._text import shorten
from mmtoolkit.models import find_model
from mmtoolkit.reporting.blocks import Block, Code, Keys, Note, Remarks, Section, Table, Words
from mmtoolkit.reporting.code import as_python, needs_of, whole_sources
from mmtoolkit.reporting.record import PARTS, Named
from mmtoolkit.reporting.sections import Contribution, contribution_of
from mmtoolkit.reporting.sections.data import data_sections
from mmtoolkit.space import space_of
from mmtoolkit.vectors import has_vectors, ids_of, items_of
from mmtoolkit.words import joined, listed, say

__all__ = ["counted", "facts", "sections"]


def facts(named: Named, data: Mapping[str, Any]) -> list[str]:
    """Return a few words on what was analysed: items, model, version.

    Parameters
    ----------
    named : Named
        Results and sources.
    data : mapping
        The document.

    Returns
    -------
    list of str
        Not escaped.
    """
    words, whole = [], whole_sources(data["recipe"])
    for name, source in named.sources.items():
        n = len(ids_of(source))
        kinds = Counter(source.modality.tolist()) if hasattr(source, "modality") else {}
        what = " + ".join(counted(kind, count) for kind, count in kinds.items()) or counted("vector", n)
        model = space_of(source).model or say("your own vectors")
        words += [
            what if name in whole else say("{what} shown", what=what),
            say("model {model}, {n} feature", "model {model}, {n} features", model=model, n=source.shape[1]),
        ]
    return [*dict.fromkeys(words), f"mmtoolkit {data['environment']['mmtoolkit']}"]


def counted(kind: str, n: int) -> str:
    """Return a number of items of a kind: "3 pictures"."""
    match kind:
        case "image":
            return say("{n:,} picture", "{n:,} pictures", n=n)
        case "text":
            return say("{n:,} text", "{n:,} texts", n=n)
        case "video":
            return say("{n:,} video", "{n:,} videos", n=n)
        case "fused":
            return say("{n:,} fused item", "{n:,} fused items", n=n)
    return say("{n:,} vector", "{n:,} vectors", n=n)


def sections(named: Named, data: Mapping[str, Any], title: str) -> tuple[Section, ...]:
    """Return all sections in reading order.

    Parameters
    ----------
    named : Named
        Results and sources.
    data : mapping
        The document.
    title : str
        Heading.

    Returns
    -------
    tuple of Section
        Summary, the data, one per result, how to repeat it, environment.
    """
    parts = {name: contribution_of(name, named).about(_whose(name, named, data)) for name in named.results}
    body = [Section(name, part.title, part.blocks) for name, part in parts.items()]
    return (
        _summary(parts, named, data),
        *data_sections(named, data, {name: _called(name, named, data) for name in whole_sources(data["recipe"])}),
        *body,
        _repeat(data, title),
        _environment(data),
    )


def _whose(result: str, named: Named, data: Mapping[str, Any]) -> str:
    """Return the name of a result's items where the report is about several sets of items, else ""."""
    used = named.uses[result]
    return _called(used, named, data) if isinstance(used, str) else ""


def _called(used: str, named: Named, data: Mapping[str, Any]) -> str:
    """Return the name of a set of items where there are several, else ""."""
    if len(named.sources) < 2:
        return ""
    called = {name: _set_name(name, source) for name, source in data["recipe"]["sources"].items()}
    alike = list(called.values()).count(called[used]) > 1
    return f"{called[used]} ({used})" if alike else called[used]


def _set_name(name: str, source: Mapping[str, Any]) -> str:
    """Return the name of the data set, file or folder that items come from, else their name in the script."""
    made_by = source.get("made_by") or {"file": None, "params": {}}
    known = made_by["file"] or (made_by["params"].get("name") if made_by.get("verb") == "load_dataset" else None)
    return shorten(known or name, 40)


def _summary(parts: Mapping[str, Contribution], named: Named, data: Mapping[str, Any]) -> Section:
    keys = [key for part in parts.values() for key in part.keys]
    blocks: list[Block] = [Keys(keys)] if keys else []
    blocks += [Words(sentence) for part in parts.values() for sentence in part.sentences]
    for items in dict.fromkeys(part.items for part in parts.values()):
        remarks = [note for part in parts.values() for note in part.notes if part.items == items]
        blocks += [Remarks(remarks, items)] if remarks else []
    notes = [note for source in named.sources.values() for note in _source_notes(source)]
    blocks += [Note(note) for note in dict.fromkeys(notes)]
    left_out = _left_out(named, data)
    if left_out:
        blocks.append(
            Note(
                say(
                    "{n:,} of the items that were read is not in this report: it failed or was not chosen.",
                    "{n:,} of the items that were read are not in this report: they failed or were not chosen.",
                    n=left_out,
                )
            )
        )
    return Section("summary", say("Summary"), blocks)


def _left_out(named: Named, data: Mapping[str, Any]) -> int:
    """Return how many items that were read are in no set of the report; sets of one origin are counted together."""
    origins: dict[str, tuple[int, set[str]]] = {}
    for name, source in data["recipe"]["sources"].items():
        made_by = source.get("made_by") or {}
        _, ids = origins.setdefault(json.dumps(made_by, sort_keys=True), (made_by.get("n_items") or 0, set()))
        ids.update(ids_of(named.sources[name]).tolist())
    return sum(max(n_read - len(ids), 0) for n_read, ids in origins.values())


def _source_notes(source: Any) -> Iterator[str]:
    """Yield what a reader should know of the vectors, the files and the items that were changed or failed."""
    if not has_vectors(source):
        return
    model = space_of(source).model
    spec = find_model(model) if model else None
    if spec is not None and spec.remark:
        yield spec.remark
    items = items_of(source)
    yield from () if items is None else (_sentence(str(note)) for note in items.attrs.get("notes", []))
    changed, failed = _table(source, "notes"), _table(source, "failed")
    if len(changed):
        yield say(
            "{n:,} item was changed before it was embedded: {first}.",
            "{n:,} items were changed before they were embedded, such as {first}.",
            n=len(changed),
            first=f"{shorten(changed['id'].iloc[0], 40)}: {shorten(changed['note'].iloc[0], 120)}",
        )
    if len(failed):
        yield say(
            "{n:,} item could not be embedded: {first}.",
            "{n:,} items could not be embedded, the first being {first}.",
            n=len(failed),
            first=shorten(failed["id"].iloc[0], 40),
        )


def _sentence(note: str) -> str:
    return say("{note}.", note=f"{note[:1].upper()}{note[1:]}")


def _table(source: Any, name: str) -> pd.DataFrame:
    """Return a table of Embeddings, an empty one for look-alikes that lack it."""
    table = getattr(source, name, None)
    return table if isinstance(table, pd.DataFrame) else pd.DataFrame()


def _repeat(data: Mapping[str, Any], title: str) -> Section:
    elsewhere = [step["name"] for step in data["recipe"]["steps"] if needs_of(step)]
    vectors = (
        say("Vectors are taken from the cache, so nothing is paid for twice.") if whole_sources(data["recipe"]) else ""
    )
    left_out = say("It cannot compute {names} again, and says so.", names=listed(elsewhere)) if elsewhere else ""
    seals = ", ".join(f"{name} {data['seals'][name][:16]}" for name in PARTS)
    blocks: list[Block] = [
        Words(joined(say("This script makes the report again."), vectors)),
        Code(as_python(data["recipe"], title)),
        Words(
            joined(
                say(
                    "To check the report instead, keep report.json and run the command below. It computes every result again "
                    "from the cached or saved vectors, compares, and names the first figure that differs and why. It calls no service."
                ),
                left_out,
            )
        ),
        Code("mmtoolkit verify report.json", "shell"),
        Words(say("With report.html in its place and report.json beside it, the page is checked as well.")),
        Words(
            say(
                "Seals (SHA-256): {seals}. A seal shows a change by accident or in passing. It is no signature: a person who "
                "changes a report on purpose can seal it anew.",
                seals=seals,
            )
        ),
    ]
    return Section("repeat", say("How to repeat it"), blocks)


def _environment(data: Mapping[str, Any]) -> Section:
    environment = data["environment"]
    rows = {name: value for name, value in environment.items() if isinstance(value, str)} | environment["libraries"]
    frame = pd.DataFrame({"version": pd.Series(rows, dtype=object)}).rename_axis("what")
    words = say("Other versions may give slightly other numbers; verify says so.")
    return Section("environment", say("Environment"), [Table(frame, words, max_rows=60)])
