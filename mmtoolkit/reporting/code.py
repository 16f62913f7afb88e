"""The recipe as Python that a person can run."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mmtoolkit.reporting.sidecar import LONGEST
from mmtoolkit.steps import find_verb

__all__ = ["as_python", "n_left_out", "needs_of", "whole_sources"]

_LINE = 116
_TURNS = re.compile("[\u200e\u200f\u2028-\u202e\u2066-\u2069\x7f-\x9f]")
_IMPORTS = {
    "import json": "json.loads(",
    "from pathlib import Path": "(Path(",
    "import pandas as pd": "pd.read_parquet(",
}


def as_python(recipe: Mapping[str, Any], title: str) -> str:
    """Write a report's recipe as a Python script.

    Parameters
    ----------
    recipe : mapping
        The part "recipe" of report.json.
    title : str
        Heading of the report.

    Returns
    -------
    str
        Arguments that have their default value are left out, except `random_state`.
    """
    lines = [line for name in whole_sources(recipe) for line in _source_lines(name, recipe["sources"][name])]
    lines += [f"df = ...  # {what}" for what in dict.fromkeys(filter(None, map(needs_of, recipe["steps"])))]
    needed = [line for line, use in _IMPORTS.items() if any(use in other for other in lines)]
    lines = [*needed, *([""] if needed else []), "import mmtoolkit as mm", "", *lines]
    lines.append("")
    variables = _variables(recipe["steps"])
    lines += [
        *(_made(f"{name} = ", step, step["source"]) for name, step in zip(variables, recipe["steps"], strict=True)),
        "",
        _call("rep = mm.report", variables, {"title": title}),
        'rep.save("report.html")',
        'rep.save("report.json")',
    ]
    return "\n".join(lines) + "\n"


def n_left_out(source: Mapping[str, Any]) -> int:
    """Return how many items of the table, folder or data set that a source was made from are not in it."""
    return max(((source.get("made_by") or {}).get("n_items") or 0) - int(source["n_items"]), 0)


def _made(start: str, step: Mapping[str, Any], sources: str | Mapping[str, str]) -> str:
    row, told = find_verb(step["verb"]), _told(step)
    if row is not None and row.of and not isinstance(sources, str):
        others = [one for name, one in sources.items() if name != row.first]
        return _call(f"{start}{row.call}", [_made("", step["of"], sources[row.first]), *others], told)
    if "of" in step:
        return _call(f"{_made(start, step['of'], sources)}.{step['verb'].rpartition('.')[2]}", [], told)
    if row is None:
        return f"{start}...  # {step['verb']} is not installed here: {' '.join(_call(step['verb'], [], told).split())}"
    if isinstance(sources, str):
        given = [sources]
    elif row.sources == "named":
        given = [f"{{{', '.join(f'{_literal(k)}: {v}' for k, v in sources.items())}}}"]
    else:
        given = _names(sources)
    if row.needs:
        given = ["df"]
    return _call(f"{start}{row.call}", given, told)


def whole_sources(recipe: Mapping[str, Any]) -> list[str]:
    """Return the sources that results were computed from; the others are a few items of what lies elsewhere."""
    used = {name for step in recipe["steps"] if not needs_of(step) for name in _names(step["source"])}
    return [name for name in recipe["sources"] if name in used]


def needs_of(step: Mapping[str, Any]) -> str:
    """Return the input of a step that a recipe cannot hold; "" for most steps."""
    row = find_verb(step["verb"])
    return needs_of(step["of"]) if "of" in step else "" if row is None else row.needs


def _names(sources: str | Mapping[str, str]) -> list[str]:
    return [sources] if isinstance(sources, str) else list(sources.values())


def _variables(steps: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a variable for every result: the second ``r`` is ``r_2``, what ``c`` was asked is ``c_compare``."""
    counts: Counter[str] = Counter()
    names = []
    for step in steps:
        name = _variable(step["verb"])
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name}_{counts[name]}")
    return names


def _variable(verb: str) -> str:
    """Return the variable of a verb's result: "c" of "cluster", "c_stability" of "cluster.stability"."""
    row, (asked, _, question) = find_verb(verb), verb.rpartition(".")
    if row is not None and row.method:
        return f"{_variable(asked)}_{question}"
    return row.variable if row is not None and row.variable else verb.replace(".", "_")


def _source_lines(name: str, source: Mapping[str, Any]) -> list[str]:
    if not source["model"]:
        return [f"{name} = ...  # your own {source['n_items']} vectors"]
    made_by = source.get("made_by") or {}
    items = name.replace("emb", "items")
    verb, params, file = made_by.get("verb"), dict(made_by.get("params", {})), made_by.get("file")
    if verb == "load_dataset":
        made = _call("mm.load_dataset", [_literal(params["name"])], {})
    elif verb in ("read_folder", "items") and file and "a function" not in params.values():
        made = _call(f"mm.{verb}", [_literal(file)], params)
    else:
        made = "...  # the items frame"
    told = {"model": source["model"], "dimension": source["dimension"], "params": source["params"]}
    if told["dimension"] == _default_dimension(source["model"]):
        del told["dimension"]
    if not told["params"]:
        del told["params"]
    centered = '.centered(by="modality")' if source.get("centers") else ""
    return [
        f"{items} = {made}  # {source['n_items']} items used",
        *(_chosen(name, items, source["n_items"], left_out) if (left_out := n_left_out(source)) else []),
        _call(f"{name} = mm.embed", [items], told) + centered,
    ]


def _chosen(name: str, items: str, n_items: int, left_out: int) -> list[str]:
    """Return lines that keep the report's items, in its order."""
    ids = name.replace("emb", "ids")
    place = f"items/{name}/id"
    read = (
        f'json.loads(Path("report.json").read_text("utf-8"))["items"][{_literal(name)}]["id"]'
        if n_items <= LONGEST
        else f'pd.read_parquet("report.items.parquet", columns=[{_literal(place)}])[{_literal(place)}][0]'
    )
    return [
        f"{ids} = {read}",
        f'{items} = {items}.set_index("id", drop=False).loc[{ids}]  # {left_out} {"item was" if left_out == 1 else "items were"} left out',
    ]


def _default_dimension(model: str) -> int | None:
    from mmtoolkit.models import get_model

    try:
        return int(get_model(model).dimension)
    except ValueError:  # a model of the writer's own, not registered here
        return None


def _told(step: Mapping[str, Any]) -> dict[str, Any]:
    row = find_verb(step["verb"])
    defaults = {} if row is None else row.defaults
    return {
        name: value
        for name, value in step["params"].items()
        if name == "random_state" or name not in defaults or defaults[name] != value
    }


def _call(function: str, positional: list[str], keywords: Mapping[str, Any]) -> str:
    arguments = [*positional, *(f"{name}={_literal(value)}" for name, value in keywords.items())]
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= _LINE:
        return line
    body = "".join(f"    {argument},\n" for argument in arguments)
    return f"{function}(\n{body})"


def _text(value: str) -> str:
    """Write a text with double quotes; marks that turn the direction of writing are spelled out."""
    return _TURNS.sub(lambda mark: f"\\u{ord(mark[0]):04x}", json.dumps(value, ensure_ascii=False))


def _as_recorded(value: Any) -> str:
    """Write an estimator's description, which verbs take in its place, as Python."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_as_recorded(name)}: {_as_recorded(inner)}' for name, inner in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_recorded, value))}]"
    return _text(value) if isinstance(value, str) else repr(value)


def _literal(value: Any) -> str:
    """Write plain data as Python, with double quotes; whole numbers in a row as a range."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict) and set(value) == {"class", "params"}:
        return _as_recorded(value)
    if isinstance(value, dict) and len(value) == 1:
        (kind, inner), *_ = value.items()
        if kind == "float":
            return f'float("{inner}")'
        if kind == "tuple":
            return f"tuple([{', '.join(map(_literal, inner))}])"
        if kind == "items":
            return f"{{{', '.join(f'{_literal(name)}: {_literal(one)}' for name, one in inner)}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_literal(k)}: {_literal(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        run = len(value) > 3 and all(type(v) is int for v in value) and value == list(range(value[0], value[-1] + 1))
        return f"range({value[0]}, {value[-1] + 1})" if run else f"[{', '.join(map(_literal, value))}]"
    return repr(value)
