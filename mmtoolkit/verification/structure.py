"""Check that a report has the structure that `verify` reads; the error names the damaged part."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mmtoolkit.errors import VerifyError

__all__ = ["check_structure"]

_WIDEST = 1_000_000  # features; no model has more
_KEY = re.compile(r"(?:[0-9a-f]{64})?")
_KINDS = ("exact", "rounded", "map")


def check_structure(data: Mapping[str, Any], name: str) -> None:
    """Check every part that `verify` reads without a check of its own.

    Parameters
    ----------
    data : mapping
        A report, long lists put back.
    name : str
        Of its file, for the message.

    Raises
    ------
    VerifyError
        If a part is missing or of another kind; the message names the first.
    """
    part = _Value(data, name, "")
    for text in part["tolerance"].value.values():
        part.want("tolerance", isinstance(text, float | int) and not isinstance(text, bool))
    part["environment"]["libraries"].mapping()
    part["seals"].mapping()
    recipe, results = part["recipe"], part["results"]
    part.want("results", bool(results.value))
    sources = recipe["sources"].mapping()
    for source in sources:
        _check_source(recipe["sources"][source], part["items"][source])
    if "run" in data and "items_folder" in part["run"].mapping():
        folders = part["run"]["items_folder"].mapping().values()
        part.want("run.items_folder", all(folder is None or isinstance(folder, str) for folder in folders))
    for i, step in enumerate(recipe["steps"].list()):
        _check_step(_Value(step, name, f"recipe.steps[{i}]"), sources, results)


def _check_source(facts: _Value, items: _Value) -> None:
    n = len(items["id"].texts())
    if facts.mapping().get("made_by") is not None:
        made_by = facts["made_by"]
        made_by["verb"].text()
        made_by["params"].mapping()
        made_by.want("file", made_by["file"].value is None or isinstance(made_by["file"].value, str))
    facts.want("n_items", facts["n_items"].value == n)
    lists = [items["id"], items["vector"], *(items["columns"][name] for name in items["columns"].mapping())]
    if facts["model"].text() or "content_key" in items.mapping():
        facts["revision"].text()
        facts["params"].mapping()
        dimension = facts["dimension"].value
        facts.want("dimension", type(dimension) is int and 0 < dimension <= _WIDEST)
        items["content_key"].want(
            "", all(isinstance(k, str) and _KEY.fullmatch(k) for k in items["content_key"].list())
        )
        lists += [items["modality"], items["content_key"]]
        kinds = set(items["modality"].texts())
        if "centers" in facts.mapping() and facts["centers"].mapping():
            facts.want("centers", kinds <= set(facts["centers"].mapping()))
            for kind, center in facts["centers"].mapping().items():
                fits = isinstance(center, list) and len(center) == facts["dimension"].value
                facts["centers"].want(kind, fits and all(isinstance(v, float | int) for v in center))
    for column in lists:
        column.want("", len(column.list()) == n)


def _check_step(step: _Value, sources: Mapping[str, Any], results: _Value) -> None:
    name, used = step["name"].text(), step["source"].value
    names = list(used.values()) if isinstance(used, Mapping) else [used]
    step.want("source", bool(names) and all(isinstance(n, str) and n in sources for n in names))
    for kind in ("params", *_KINDS):
        results[name][kind].mapping()
    while True:
        step["verb"].text()
        step["params"].mapping()
        if "of" not in step.mapping():
            return
        step = step["of"]


class _Value:
    """A value of the report and its place, which errors name."""

    def __init__(self, value: Any, name: str, place: str) -> None:
        self.value, self._name, self._place = value, name, place

    def __getitem__(self, key: str) -> _Value:
        if key not in self.mapping():
            self.want(key, ok=False)
        return _Value(self.value[key], self._name, f"{self._place}.{key}".lstrip("."))

    def mapping(self) -> Mapping[str, Any]:
        """Return the value, which must be a mapping."""
        self.want("", isinstance(self.value, Mapping))
        value: Mapping[str, Any] = self.value
        return value

    def list(self) -> Sequence[Any]:
        """Return the value, which must be a list."""
        self.want("", isinstance(self.value, list))
        value: Sequence[Any] = self.value
        return value

    def texts(self) -> Sequence[str]:
        """Return the value, which must be a list of texts."""
        self.want("", all(isinstance(value, str) for value in self.list()))
        return self.list()

    def text(self) -> str:
        """Return the value, which must be a text."""
        self.want("", isinstance(self.value, str))
        return str(self.value)

    def want(self, key: str, ok: bool) -> None:
        """Raise VerifyError with the place of `key` unless `ok`."""
        if not ok:
            place = ".".join(filter(None, [self._place, key]))
            msg = (
                f"{self._name!r} is damaged: its part {place!r} is missing or not what mm.report writes; "
                "take the file that was saved, or make the report again"
            )
            raise VerifyError(msg)
