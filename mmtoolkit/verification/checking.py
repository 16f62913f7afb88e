"""``mm.verify``."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from mmtoolkit._arguments import as_path
from mmtoolkit._text import did_you_mean
from mmtoolkit.cache import CacheLike
from mmtoolkit.errors import VerifyError
from mmtoolkit.provenance import environment, source_digest
from mmtoolkit.providers.reranker import only_cached
from mmtoolkit.reporting.record import rounded
from mmtoolkit.results import plain
from mmtoolkit.verification.differences import Difference, compare
from mmtoolkit.verification.lookup import align, given_items, remembered_items
from mmtoolkit.verification.reading import read_page, read_report
from mmtoolkit.verification.repeating import obstacle, replay
from mmtoolkit.verification.request import Request
from mmtoolkit.verification.result import Verification
from mmtoolkit.verification.sources import Found, find
from mmtoolkit.verification.verdict import TOLERANCE, changed_versions, judge
from mmtoolkit.words import say, speaking

__all__ = ["verify"]

_KINDS = ("exact", "rounded", "map")


def verify(
    report: str | os.PathLike[str],
    *,
    items: Any = None,
    vectors: Any = None,
    cache: CacheLike = None,
    allow_fetch: bool = False,
) -> Verification:
    """Compute a report again and say whether it holds, what differs first, and why.

    Every result is computed from the vectors the report names, bypassing everything that was derived from them before.

    Parameters
    ----------
    report : path
        Of report.json, or of report.html with report.json beside it: then the page is checked as well.
    items : frame of any library, Embeddings, path, or mapping of str to such, default=None
        The items as they are now: a frame, table or folder. None looks where they were; when that folder or file is
        gone, only vectors and results are checked, and a note says so. A mapping names one per source of the report.
    vectors : Embeddings, ndarray, path, or mapping of str to such, default=None
        Saved vectors (``Embeddings.save``, or ``.npy``). None takes them from the cache.
    cache : None, False, path, or store, default=None
        Where to look for vectors; None is the default cache.
    allow_fetch : bool, default=False
        Let a service compute what is missing. The offline model computes what is missing anyway.

    Returns
    -------
    Verification
        `verdict`, `causes`, `differences`, `notes`; `ok` is False when it differs or was edited, and when a result could not
        be computed again.

    Raises
    ------
    VerifyError
        If it is no report, or its vectors are gone; the message says what to do.

    Examples
    --------
    >>> import tempfile, numpy as np, mmtoolkit as mm
    >>> X = np.repeat(np.eye(3), 4, axis=0) + np.arange(12)[:, None] * 0.01
    >>> path = mm.report(mm.cluster(X, 3)).save(tempfile.mkdtemp() + "/report.json")
    >>> mm.verify(path, vectors=X)
    <Verification: identical (computed again: cluster)>
    """
    given: object = report
    if not isinstance(given, str | os.PathLike):
        msg = f"report must be the path of a report.json or report.html, got {type(report).__name__}; save it, and pass the path"
        raise TypeError(msg)
    path = as_path(report, "report")
    with speaking("en"):  # verdict and causes are the same for every reader; `Verification` tells them in any language
        data, page = read_page(path) if path.suffix.lower() in (".html", ".htm") else (read_report(path), [])
        for what, named in (("items", items), ("vectors", vectors)):
            _check_names(what, named, data["recipe"]["sources"])
        found = {
            name: find(_request(name, data, path, items=items, vectors=vectors, cache=cache, allow_fetch=allow_fetch))
            for name in data["recipe"]["sources"]
        }
        here = environment()
        same_place = {**here, "source": None} == {**data["environment"], "source": None}
        notes = [note for one in found.values() for note in one.notes]
        notes += [
            say("{name} was {a}, now it is {b}", name=name, a=a, b=b)
            for name, a, b in changed_versions(data["environment"], here)
        ]
        if not same_place and any(result["map"] for result in data["results"].values()):
            notes.append(say("map coordinates were not compared, because versions or platform differ"))
        rules = [*_parameters(data), *_tolerances(data)]
        others = [*rules, *(d for one in found.values() for d in one.differences)]
        causes = [_rule_cause(d) for d in rules] + [c for one in found.values() for c in one.causes]
        with nullcontext() if allow_fetch else only_cached():
            results, skipped = _compared(data, found, with_map=same_place)
        notes += [say("{name!r} was not checked: {why}", name=name, why=why) for name, why in skipped.items()]
        return judge(data, results, others, causes=causes, notes=notes, skipped=skipped, page=page, here=here)


def _compared(
    data: Mapping[str, Any], found: Mapping[str, Found], *, with_map: bool
) -> tuple[list[Difference], dict[str, str]]:
    """Compute every result again; return the differences, and the reasons of results that could not be computed."""
    steps = {step["name"]: step for step in data["recipe"]["steps"]}
    differences: list[Difference] = []
    skipped: dict[str, str] = {}
    made: dict[str, Any] = {}
    for name in data["results"]:
        if name not in steps:
            skipped[name] = say("the recipe has no step for it")
            continue
        step, sources = steps[name], _sources(steps[name], found)
        why = obstacle(step) or (
            say("items of it have changed or are gone, and have no vectors now") if sources is None else ""
        )
        if not any(data["results"][name][kind] for kind in _KINDS):
            why = why or say("its result holds nothing that could be compared: it gives no evidence()")
        if why:
            skipped[name] = why
            continue
        try:
            again = replay(step, sources, made)
        except VerifyError as error:
            skipped[name] = str(error)
            continue
        names = step["source"].values() if isinstance(step["source"], Mapping) else [step["source"]]
        ids = data["items"][next(iter(names))]["id"]
        differences += _differences(name, data, again, ids, with_map=with_map)
    return differences, skipped


def _check_names(what: str, given: Any, sources: Collection[str]) -> None:
    """Raise ValueError for a mapping with names that no source of the report has; a dict of columns is no such mapping."""
    unknown = [name for name in given if name not in sources] if isinstance(given, Mapping) else []
    if unknown:
        msg = f"{what} names {unknown[0]!r}{did_you_mean(unknown[0], sources)}; the report was made of {', '.join(sources)}"
        raise ValueError(msg)


def _request(name: str, data: Mapping[str, Any], report: Path, *, items: Any, vectors: Any, **options: Any) -> Request:
    facts, stored = data["recipe"]["sources"][name], data["items"][name]
    given = items.get(name) if isinstance(items, Mapping) else items if "modality" in stored else None
    mine = vectors.get(name) if isinstance(vectors, Mapping) else vectors
    made_by = facts.get("made_by")
    folder = data.get("run", {}).get("items_folder", {}).get(name)
    kinds = set(stored.get("modality", []))
    frame, broken = None, ""
    rows: list[int] = []
    if given is not None:
        frame = given_items(given, made_by, kinds)
    else:
        try:
            frame = remembered_items(made_by, folder, report, kinds)
        except VerifyError as error:
            broken = str(error)
    others = None
    if frame is not None:
        frame, rows, others = align(frame, stored["id"])
        if not rows and given is not None and len(others):
            msg = (
                f"none of the report's {len(stored['id'])} items is among the items, the first is {stored['id'][0]!r}; "
                "pass the items it was made from"
            )
            raise VerifyError(msg)
        frame = frame if rows or given is not None else None  # none of them: another folder of that name
    return Request(name, facts, stored, frame, rows, others, broken, mine, **options)


def _sources(step: Mapping[str, Any], found: Mapping[str, Found]) -> Any:
    """Return the sources to call the verb with, or None when vectors are missing."""
    names = step["source"]
    if isinstance(names, Mapping):
        sources = {key: found[name].source for key, name in names.items()}
        return None if any(s is None for s in sources.values()) else sources
    return found[names].source


def _differences(
    name: str, data: Mapping[str, Any], result: Any, ids: list[str], *, with_map: bool
) -> Iterator[Difference]:
    evidence, stored = result.evidence(), data["results"][name]
    other_code = (
        data["environment"].get("source") != source_digest()
    )  # which may not have known all that is computed now
    for kind in _KINDS if with_map else _KINDS[:2]:
        now = plain(evidence.get(kind, {})) if kind == "exact" else rounded(evidence.get(kind, {}))
        known = {field: value for field, value in now.items() if field in stored[kind]} if other_code else now
        yield from compare(name, stored[kind], known, kind, ids)


def _parameters(data: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare the parameters of the recipe with those the results were made with."""
    for step in data["recipe"]["steps"]:
        for name, value in data["results"][step["name"]]["params"].items():
            if step["params"].get(name, "(absent)") != value:
                yield Difference(f"recipe.{step['name']}.{name}", step["params"].get(name, "(absent)"), value, "recipe")


def _tolerances(data: Mapping[str, Any]) -> Iterator[Difference]:
    """Return notes on tolerances that are wider than the one that `report` writes."""
    for kind, value in data["tolerance"].items():
        if value > TOLERANCE:
            yield Difference(f"tolerance.{kind}", value, TOLERANCE, "recipe")


def _rule_cause(difference: Difference) -> str:
    if difference.where.startswith("tolerance."):
        return say(
            "the report allows a tolerance of {kind} values of {report!r}, more than {now!r}",
            kind=difference.where.removeprefix("tolerance."),
            report=difference.report,
            now=difference.now,
        )
    _, step, name = difference.where.split(".", 2)
    return say(
        "the recipe says {name}={report!r} for {step!r}, but its results were made with {name}={now!r}",
        name=name,
        report=difference.report,
        step=step,
        now=difference.now,
    )
