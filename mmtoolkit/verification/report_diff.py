"""``diff`` compares two reports: items, classes, scores, groups, settings, versions."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mmtoolkit._arguments import as_path
from mmtoolkit._text import shorten
from mmtoolkit.errors import VerifyError
from mmtoolkit.reporting.result import Report
from mmtoolkit.results import Result
from mmtoolkit.verification.reading import broken_seals, read_page, read_report
from mmtoolkit.words import aside, percent, say

__all__ = ["ReportDiff", "diff"]

_SIDES = ("before", "after")
_SCORES = ("before", "low_before", "high_before", "after", "low_after", "high_after", "change", "low", "high")


@dataclass(frozen=True, eq=False, repr=False)
class ReportDiff(Result):
    """What changed between two reports.

    Attributes
    ----------
    items : DataFrame
        Index source; before, after (numbers of items), same, changed (same id, other content), added and gone.
    classes : DataFrame
        Index (result, class); items of that class before and after.
    scores : DataFrame
        Index (result, score); before and after with their 95 % intervals, change, and its 95 % interval low to high (NaN where one of
        both has none).
    groups : DataFrame
        Index (result, what); before and after: groups of duplicates, items in these, clusters, items without a cluster, slices that fail.
    settings : DataFrame
        Index (result, setting); before and after, only those that changed.
    versions : DataFrame
        Index what; before and after, only those that changed; the models too.
    notes : tuple of str
        What cannot be compared, and how to read the intervals.
    """

    items: pd.DataFrame
    classes: pd.DataFrame
    scores: pd.DataFrame
    groups: pd.DataFrame
    settings: pd.DataFrame
    versions: pd.DataFrame
    notes: tuple[str, ...] = ()

    def _summary(self) -> str:
        total = self.items.sum()
        told: list[str] = [
            say("{before:,} items before, {after:,} after", **total[list(_SIDES)].astype(int)),
            say(
                "{added:,} added, {gone:,} gone, {changed:,} changed", **total[["added", "gone", "changed"]].astype(int)
            ),
        ]
        told += [
            _change(row) for _, row in self.scores[self.scores.index.get_level_values("score") == "accuracy"].iterrows()
        ]
        settings = say("{n} setting differs", "{n} settings differ", n=len(self.settings))
        versions = say("{n} version differs", "{n} versions differ", n=len(self.versions))
        return aside(*told, settings, versions)

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        tables = {
            say("Items"): self.items,
            say("Scores"): self.scores,
            say("Items by class"): self.classes[self.classes["before"] != self.classes["after"]],
            say("Groups"): self.groups,
            say("Settings"): self.settings,
            say("Versions"): self.versions,
            say("Notes"): pd.DataFrame({"note": list(self.notes)}, index=pd.RangeIndex(1, len(self.notes) + 1)),
        }
        return {name: table for name, table in tables.items() if len(table)}


def _change(row: pd.Series) -> str:
    if np.isnan(row["low"]):
        return say(
            "accuracy {before} before, {after} after", before=percent(row["before"]), after=percent(row["after"])
        )
    if row["change"] == 0.0:
        return say("accuracy {before} before and after", before=percent(row["before"]))
    change, low, high = 100 * row[["change", "low", "high"]]
    told = {
        "before": percent(row["before"]),
        "after": percent(row["after"]),
        "change": say("{change:+.1f} points ({low:+.1f} to {high:+.1f})", change=change, low=low, high=high),
    }
    if row["low"] <= 0.0 <= row["high"]:
        return say(
            "accuracy {before} before, {after} after: {change}, which may be chance",
            **told,
        )
    return say("accuracy {before} before, {after} after: {change}", **told)


def diff(before: str | os.PathLike[str] | Report, after: str | os.PathLike[str] | Report) -> ReportDiff:
    """Return what changed between two reports; nothing is computed again.

    Parameters
    ----------
    before, after : path or Report
        report.json, report.html with report.json beside it, or what `mm.report` returned.

    Returns
    -------
    ReportDiff
        `items`, `classes`, `scores`, `groups`, `settings`, `versions`, `notes`.

    Raises
    ------
    VerifyError
        If a file is no report.
    TypeError
        If something else than a path or a report is given.

    Notes
    -----
    The interval of a change is made of both intervals (MOVER) as if the data sets had no item in common. For the same items it is too
    wide, and `mm.compare` has the test.

    References
    ----------
    Zou and Donner (2008), Construction of confidence limits about effect measures: a general approach.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.random.default_rng(0).normal(size=(80, 8)) + 2 * np.repeat(np.eye(2, 8), 40, axis=0)
    >>> y = np.repeat(["a", "b"], 40)
    >>> may, june = (mm.report(mm.classify(X[some], y[some])) for some in (slice(10, 70), slice(0, 80)))
    >>> mm.diff(may, june).classes["after"].tolist()
    [40, 40]
    """
    pair = [_read(before), _read(after)]
    try:
        return _compared(pair, before, after)
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
        msg = f"one of the reports is damaged: its results are not what mm.report writes ({type(error).__name__}: {error})"
        raise VerifyError(msg) from error


def _compared(pair: list[Mapping[str, Any]], *reports: str | os.PathLike[str] | Report) -> ReportDiff:
    notes = [note for report, data in zip(reports, pair, strict=True) for note in _edited(report, data)]
    names = list(dict.fromkeys(name for data in pair for name in data["results"]))
    both = [name for name in names if all(name in data["results"] for data in pair)]
    notes += [say("{name} is in one of both reports only", name=name) for name in names if name not in both]
    items = _items(pair)
    if items["same"].any() and any(_metrics(pair[0]["results"][name]) for name in both):
        notes.append(
            say(
                "the intervals of changes are for data sets without a common item; for the same items they are too wide, and mm.compare has the test"
            )
        )
    return ReportDiff(
        items=items,
        classes=_counts(pair, both, "class", _classes),
        scores=_scores(pair, both),
        groups=_counts(pair, both, "what", _groups),
        settings=_settings(pair, both),
        versions=_versions(pair),
        notes=tuple(notes),
    )


def _read(report: object) -> Mapping[str, Any]:
    if isinstance(report, Report):
        return report.data
    if not isinstance(report, str | os.PathLike):
        msg = f"diff takes two reports, each a path or what mm.report returned, got {type(report).__name__}"
        raise TypeError(msg)
    path = as_path(report, "a report")
    return read_page(path)[0] if path.suffix.lower() in (".html", ".htm") else read_report(path)


def _edited(report: str | os.PathLike[str] | Report, data: Mapping[str, Any]) -> Iterator[str]:
    places = broken_seals(data)
    if places:
        name = report.title if isinstance(report, Report) else Path(report).name
        yield say("{name} was changed after it was written, first at {place}", name=shorten(name, 60), place=places[0])


def _items(pair: list[Mapping[str, Any]]) -> pd.DataFrame:
    """Compare the items of every source by id, and by content where that is known, else by vector."""
    rows = {}
    for name in dict.fromkeys(name for data in pair for name in data["items"]):
        old, new = ({} if (part := data["items"].get(name)) is None else _contents(part) for data in pair)
        shared = old.keys() & new.keys()
        same = sum(old[i] == new[i] for i in shared)
        rows[name] = (len(old), len(new), same, len(shared) - same, len(new) - len(shared), len(old) - len(shared))
    columns = [*_SIDES, "same", "changed", "added", "gone"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("source")


def _contents(items: Mapping[str, Any]) -> dict[str, str]:
    content = items.get("content_key") or items["vector"]
    return dict(
        zip(items["id"], (key or vector for key, vector in zip(content, items["vector"], strict=True)), strict=True)
    )


def _metrics(result: Mapping[str, Any]) -> dict[str, tuple[float, float, float]]:
    """Return value, low and high of every score of a result."""
    found: dict[str, tuple[float, float, float]] = {}
    for table in result["rounded"].values():
        if isinstance(table, Mapping) and isinstance(table.get("value"), list):
            names = next(iter(table.values()))
            missing = [None] * len(names)
            columns = (table["value"], table.get("low", missing), table.get("high", missing))
            for name, *row in zip(names, *columns, strict=True):
                value, low, high = (np.nan if one is None else float(one) for one in row)
                found[str(name)] = (value, low, high)
    return found


def _scores(pair: list[Mapping[str, Any]], names: list[str]) -> pd.DataFrame:
    rows = {}
    for name in names:
        old, new = (_metrics(data["results"][name]) for data in pair)
        for score in old:
            if score in new:
                (a, a_low, a_high), (b, b_low, b_high) = old[score], new[score]
                change = b - a
                low, high = change - np.hypot(b - b_low, a_high - a), change + np.hypot(b_high - b, a - a_low)
                rows[name, score] = (a, a_low, a_high, b, b_low, b_high, change, low, high)
    return _table(rows, _SCORES, "score")


def _table(rows: Mapping[tuple[str, str], Any], columns: tuple[str, ...], what: str) -> pd.DataFrame:
    index = pd.MultiIndex.from_tuples(list(rows), names=["result", what])
    return pd.DataFrame(list(rows.values()), index=index, columns=list(columns))


def _counts(pair: list[Mapping[str, Any]], names: list[str], what: str, count: Any) -> pd.DataFrame:
    rows: dict[tuple[str, str], Any] = {}
    for name in names:
        old, new = (count(data["results"][name]["exact"]) for data in pair)
        rows |= {(name, key): (old.get(key, 0), new.get(key, 0)) for key in dict.fromkeys([*old, *new])}
    return _table(rows, _SIDES, what)


def _classes(exact: Mapping[str, Any]) -> dict[str, int]:
    return dict(sorted(Counter(str(value) for value in exact.get("y_true", []) if value is not None).items()))


def _groups(exact: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    if "duplicate_groups" in exact:
        sizes = Counter(exact["duplicate_groups"]).values()
        found = {
            "groups of duplicates": sum(n > 1 for n in sizes),
            "items with a duplicate": sum(n for n in sizes if n > 1),
        }
    if "labels" in exact:
        found |= {
            "clusters": len(set(exact["labels"]) - {-1}),
            "items without a cluster": sum(label == -1 for label in exact["labels"]),
        }
    if "slices" in exact:
        found["slices that fail"] = sum(exact["slices"]["found"])
    return found


def _settings(pair: list[Mapping[str, Any]], names: list[str]) -> pd.DataFrame:
    rows: dict[tuple[str, str], Any] = {}
    for name in names:
        old, new = (next(s["params"] for s in data["recipe"]["steps"] if s["name"] == name) for data in pair)
        rows |= {
            (name, key): (_short(old.get(key)), _short(new.get(key)))
            for key in dict.fromkeys([*old, *new])
            if old.get(key) != new.get(key)
        }
    return _table(rows, _SIDES, "setting")


def _short(value: object) -> str:
    return shorten(repr(value), 60)


def _versions(pair: list[Mapping[str, Any]]) -> pd.DataFrame:
    old, new = (_known(data) for data in pair)
    rows = {
        key: (old.get(key, ""), new.get(key, "")) for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(_SIDES)).rename_axis("what")


def _known(data: Mapping[str, Any]) -> dict[str, str]:
    environment = data["environment"]
    models = {
        f"model of {name}": f"{source['model']} {str(source.get('revision', ''))[:12]} {source['dimension']}"
        for name, source in data["recipe"]["sources"].items()
        if source["model"]
    }
    told = {name: value for name, value in environment.items() if isinstance(value, str)}
    return {**models, **told, **environment["libraries"]}
