"""The content of report.json: recipe, items, results and environment; plain data in a fixed order."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmtoolkit._aligned import column, column_in
from mmtoolkit.provenance import environment, fingerprint
from mmtoolkit.reporting.origin import origin_of
from mmtoolkit.results import Result, plain
from mmtoolkit.space import space_of
from mmtoolkit.steps import find_verb
from mmtoolkit.vectors import has_vectors, ids_of, items_of, single

__all__ = [
    "DIGITS",
    "FORMAT",
    "PARTS",
    "SEALED",
    "VERSION",
    "Named",
    "document",
    "figures",
    "name_results",
    "rounded",
    "seal",
    "vector_digests",
]

FORMAT, VERSION = "mmtoolkit-report", 1
DIGITS = 4
PARTS = ("recipe", "items", "results", "environment")
SEALED = ("title", "tolerance", *PARTS)  # reports of 0.1.0 have seals of PARTS alone


@dataclass(frozen=True, eq=False)
class Named:
    """The results and sources of a report, each under the name that recipe and results use.

    Parameters
    ----------
    results : mapping of str to Result
        Such as ``{"classify": r, "cluster": c}``, in the order given.
    sources : mapping of str to Embeddings or ndarray
        The distinct vectors behind them.
    uses : mapping of str to str or mapping of str to str
        Which source (or sources, by their names in the call) a result was made from.
    columns : mapping of str to mapping of str to list
        By source, the values of the columns of its items that a result was made with.
    """

    results: Mapping[str, Result]
    sources: Mapping[str, Any]
    uses: Mapping[str, Any]
    columns: Mapping[str, Mapping[str, list[Any]]]


def name_results(results: Sequence[Result]) -> Named:
    """Give every result and every distinct source a short name.

    Parameters
    ----------
    results : sequence of Result
        Each with a `recipe` and a `source`.

    Returns
    -------
    Named
        Equal vectors are one source, whoever holds them, unless results used other values of one column.
    """
    named: dict[str, Result] = {}
    sources: dict[str, Any] = {}
    prints: dict[str, str] = {}
    columns: dict[str, dict[str, list[Any]]] = {}
    uses: dict[str, Any] = {}
    counts: Counter[str] = Counter()

    def source_name(source: Any, asked: Sequence[str]) -> str:
        used = _values(source, asked)
        key = source.fingerprint if has_vectors(source) and hasattr(source, "fingerprint") else fingerprint(source)
        for name, known in prints.items():
            if key == known and all(columns[name].get(c, values) == values for c, values in used.items()):
                break
        else:
            name = "emb" if not sources else f"emb_{len(sources) + 1}"
            sources[name], prints[name], columns[name] = source, key, {}
        columns[name].update(used)
        return name

    for result in results:
        verb = _recipe(result)["verb"].replace(".", "_")
        counts[verb] += 1
        name = verb if counts[verb] == 1 else f"{verb}_{counts[verb]}"
        named[name] = result
        asked = _asked(_recipe(result))
        source = result.source  # type: ignore[attr-defined]  # checked by `report`
        uses[name] = (
            {str(k): source_name(v, asked) for k, v in source.items()}
            if isinstance(source, Mapping)
            else source_name(source, asked)
        )
    return Named(named, sources, uses, columns)


def _asked(recipe: Mapping[str, Any]) -> list[str]:
    """Return the names of columns that a result, and the one it was asked of, may have been made with."""
    row = find_verb(recipe["verb"])
    may = () if row is None else row.columns
    asked = [recipe["params"].get(name) for name in may]
    names = [one for value in asked for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    return [*names, *(_asked(recipe["of"]) if "of" in recipe else [])]


def _values(source: Any, names: Sequence[str]) -> dict[str, list[Any]]:
    """Return the values of those of the columns that the source has."""
    frame = items_of(source)
    have = [] if frame is None else [name for name in dict.fromkeys(names) if column_in(frame, name) is not None]
    return {name: plain(column(source, name)) for name in have}


def document(named: Named, *, title: str) -> dict[str, Any]:
    """Return everything of a report that does not depend on when and how fast it was made.

    Parameters
    ----------
    named : Named
        From `name_results`.
    title : str
        Heading.

    Returns
    -------
    dict
        Keys format, version, title, tolerance, recipe, items, results, environment, seals; plain data.
    """
    recipe = {
        "sources": {name: _source(source, named.columns[name]) for name, source in named.sources.items()},
        "steps": [
            {"name": name, "source": named.uses[name], **plain(_recipe(result))}
            for name, result in named.results.items()
        ],
    }
    results = {}
    for name, result in named.results.items():
        evidence = result.evidence()
        results[name] = {
            "params": {k: v for k, v in plain(_recipe(result)["params"]).items() if not isinstance(v, list | dict)},
            "exact": plain(evidence.get("exact", {})),
            "rounded": rounded(evidence.get("rounded", {})),
            "map": rounded(evidence.get("map", {})),
        }
    parts = {
        "title": title,
        "tolerance": {"rounded": 10.0**-DIGITS, "map": 10.0**-DIGITS},
        "recipe": recipe,
        "items": _items(named),
        "results": results,
        "environment": environment(),
    }
    return {
        "format": FORMAT,
        "version": VERSION,
        **parts,
        "seals": {name: seal(part) for name, part in {**parts, **figures(results)}.items()},
    }


def figures(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return every table and list of the results by its name, such as "classify.metrics", so that each has a seal."""
    found: dict[str, Any] = {}
    for name, kinds in results.items():
        for kind, fields in kinds.items():
            for field, value in fields.items():
                found.setdefault(f"{name}.{field}", {})[kind] = value
    return found


def seal(part: Any) -> str:
    """Return SHA-256 of plain data, in hexadecimal."""
    text = json.dumps(part, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def rounded(value: Any) -> Any:
    """Return plain data with every float rounded to four decimals (no negative zero)."""
    value = plain(value)
    if isinstance(value, float):
        return round(value, DIGITS) + 0.0
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


def vector_digests(source: Any) -> list[str]:
    """Return the first 16 hexadecimal digits of SHA-256 of every row's float32 bytes."""
    X = np.ascontiguousarray(source.vectors if has_vectors(source) else source, dtype=np.float32)
    return [hashlib.sha256(row.tobytes()).hexdigest()[:16] for row in X]


def _recipe(result: Result) -> Mapping[str, Any]:
    recipe: Mapping[str, Any] = result.recipe  # type: ignore[attr-defined]
    return recipe


def _source(source: Any, columns: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "n_items": len(ids_of(source)),
        "vectors": fingerprint(single(source)),
    }
    if not has_vectors(source):
        return {"model": "", **facts}
    frame = items_of(source)
    return {
        **space_of(source).to_dict(),
        **facts,
        "made_by": plain(origin_of(frame, columns)) if frame is not None else None,
    }


def _items(named: Named) -> dict[str, Any]:
    items: dict[str, Any] = {}
    for name, source in named.sources.items():
        items[name] = {"id": ids_of(source).tolist()}
        if hasattr(source, "modality"):
            items[name]["modality"] = plain(source.modality)
        if has_vectors(source) and hasattr(source, "content_keys"):
            items[name]["content_key"] = plain(source.content_keys)
        items[name]["vector"] = vector_digests(source)
        items[name]["columns"] = dict(named.columns[name])
    return items
