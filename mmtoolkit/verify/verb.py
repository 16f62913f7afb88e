"""``mm.verify``."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import mmtoolkit
from mmtoolkit.derived import bypass
from mmtoolkit.errors import VerifyError
from mmtoolkit.provenance import environment
from mmtoolkit.report.document import rounded
from mmtoolkit.results import plain
from mmtoolkit.verify.compare import Difference, compare
from mmtoolkit.verify.lookup import align, given_items, remembered_items
from mmtoolkit.verify.reading import broken_seals, read_report
from mmtoolkit.verify.result import Verification
from mmtoolkit.verify.sources import Found, Request, find

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.cache import CacheLike

__all__ = ["verify"]

_KINDS = ("exact", "rounded", "map")
_MOST = 100


def verify(
    report: str | os.PathLike[str],
    *,
    items: Any = None,
    vectors: Any = None,
    cache: CacheLike = None,
    allow_fetch: bool = False,
) -> Verification:
    """Compute a report again and say whether it stands, what differs first, and why.

    Every result is computed from the vectors the report names, bypassing everything that was derived from them before.

    Parameters
    ----------
    report : path
        Of report.json.
    items : DataFrame, path, or mapping of str to such, default=None
        The items as they are now: a frame, table or folder. None looks where they were; when they are not there, only
        vectors and results are checked, and a note says so. A mapping names one per source of the report.
    vectors : Embeddings, ndarray, path, or mapping of str to such, default=None
        Saved vectors (``Embeddings.save``, or ``.npy``). None takes them from the cache.
    cache : None, False, path, or store, default=None
        Where to look for vectors; None is the default cache.
    allow_fetch : bool, default=False
        Let a service compute what is missing. The offline model computes what is missing anyway.

    Returns
    -------
    Verification
        `verdict`, `causes`, `differences`, `notes`; `ok` is False when it differs.

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
    data = read_report(report)
    found = {
        name: find(
            _request(name, data, Path(report), items=items, vectors=vectors, cache=cache, allow_fetch=allow_fetch)
        )
        for name in data["recipe"]["sources"]
    }
    changed_parameters = list(_parameters(data))
    here = environment()
    same_place = here == data["environment"]
    notes = [note for one in found.values() for note in one.notes]
    notes += [f"{name} was {a}, now it is {b}" for name, a, b in _versions(data["environment"], here)]
    if not same_place and any(result["map"] for result in data["results"].values()):
        notes.append("map coordinates were not compared, because versions or platform differ")
    results, checked = [], []
    for step in data["recipe"]["steps"]:
        sources = _sources(step, found)
        if sources is None:
            continue
        if step["verb"] not in mmtoolkit.__all__:
            notes.append(
                f"{step['name']!r} was not checked: {step['verb']!r} cannot be computed again from the recipe alone"
            )
            continue
        ids = [] if isinstance(step["source"], dict) else data["items"][step["source"]]["id"]
        results += list(_differences(step, data, _replay(step, sources), ids, with_map=same_place))
        checked.append(step["name"])
    others = [*changed_parameters, *(d for one in found.values() for d in one.differences)]
    causes = [_parameter_cause(d) for d in changed_parameters] + [c for one in found.values() for c in one.causes]
    return _verdict(data, results, others, causes, notes, checked, here)


def _request(name: str, data: Mapping[str, Any], report: Path, *, items: Any, vectors: Any, **options: Any) -> Request:
    facts, stored = data["recipe"]["sources"][name], data["items"][name]
    given = items.get(name) if isinstance(items, Mapping) else items
    mine = vectors.get(name) if isinstance(vectors, Mapping) else vectors
    made_by = facts.get("made_by")
    folder = data.get("run", {}).get("items_folder", {}).get(name)
    frame = given_items(given, made_by) if given is not None else remembered_items(made_by, folder, report)
    if frame is not None:
        frame, missing = align(frame, stored["id"])
        if missing and given is not None:
            msg = f"the items lack {len(missing)} of the report's {len(stored['id'])}, first: {missing[0]!r}; pass the items it was made from"
            raise VerifyError(msg)
        frame = None if missing else frame
    return Request(name, facts, stored, frame, mine, **options)


def _sources(step: Mapping[str, Any], found: Mapping[str, Found]) -> Any:
    """Return what to call the verb with, or None when vectors are missing."""
    names = step["source"]
    if isinstance(names, Mapping):
        sources = {key: found[name].source for key, name in names.items()}
        return None if any(s is None for s in sources.values()) else sources
    return found[names].source


def _replay(step: Mapping[str, Any], source: Any) -> Any:
    params = {
        name: np.array(value, dtype=object) if name in ("y", "groups") and isinstance(value, list) else value
        for name, value in step["params"].items()
    }
    try:
        with bypass(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the report has told them
            return getattr(mmtoolkit, step["verb"])(source, **params)
    except (TypeError, ValueError) as error:
        msg = f"the step {step['name']!r} cannot be computed again: {error}"
        raise VerifyError(msg) from error


def _differences(
    step: Mapping[str, Any], data: Mapping[str, Any], result: Any, ids: list[str], *, with_map: bool
) -> Iterator[Difference]:
    evidence, stored = result.evidence(), data["results"][step["name"]]
    for kind in _KINDS if with_map else _KINDS[:2]:
        now = plain(evidence.get(kind, {})) if kind == "exact" else rounded(evidence.get(kind, {}))
        yield from compare(step["name"], stored[kind], now, kind, ids)


def _parameters(data: Mapping[str, Any]) -> Iterator[Difference]:
    """Compare the parameters of the recipe with those the results were made with."""
    for step in data["recipe"]["steps"]:
        for name, value in data["results"][step["name"]]["params"].items():
            if step["params"].get(name, "(absent)") != value:
                yield Difference(f"recipe.{step['name']}.{name}", step["params"].get(name, "(absent)"), value, "recipe")


def _parameter_cause(difference: Difference) -> str:
    _, step, name = difference.where.split(".", 2)
    return f"the recipe says {name}={difference.report!r} for {step!r}, but its results were made with {name}={difference.now!r}"


def _versions(stored: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    old = {**stored, **stored.get("libraries", {})}
    new = {**here, **here["libraries"]}
    for name in sorted({*old, *new} - {"libraries"}):
        if old.get(name) != new.get(name):
            yield name, str(old.get(name, "(absent)")), str(new.get(name, "(absent)"))


def _verdict(
    data: Mapping[str, Any],
    results: list[Difference],
    others: list[Difference],
    causes: list[str],
    notes: list[str],
    checked: list[str],
    here: Mapping[str, Any],
) -> Verification:
    tolerance = data["tolerance"]
    beyond = [d for d in results if not d.within(float(tolerance.get(d.kind, 0.0)))]
    serious = [*beyond, *others]
    edited = broken_seals(data)
    if not causes and serious:
        causes = [f"the part {part!r} of the report was edited after it was written" for part in edited]
        versions = [f"{name} {a} became {b}" for name, a, b in _versions(data["environment"], here)]
        causes += [f"versions differ: {', '.join(versions)}"] if versions else []
        causes = causes or ["unknown: items, vectors, parameters and versions are those of the report"]
    else:
        notes = [*notes, *(f"the part {part!r} of the report was edited after it was written" for part in edited)]
    verdict = f"differs at {serious[0].where}" if serious else "equal within tolerance" if results else "identical"
    return Verification(verdict, tuple(causes[:_MOST]), _table(serious or results), tuple(notes), tuple(checked))


def _table(differences: list[Difference]) -> pd.DataFrame:
    import pandas as pd

    top = differences[:_MOST]
    columns = {name: pd.Series([getattr(d, name) for d in top], dtype=object) for name in ("report", "now", "kind")}
    return pd.DataFrame(columns).set_axis(pd.Index([d.where for d in top], name="where", dtype=object), axis=0)
