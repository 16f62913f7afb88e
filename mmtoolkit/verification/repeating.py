"""Compute one step of a recipe again."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from mmtoolkit._described import restored
from mmtoolkit.derived import bypass
from mmtoolkit.errors import MMToolkitError, VerifyError
from mmtoolkit.reporting.record import seal
from mmtoolkit.steps import Verb, find_verb, kind_of
from mmtoolkit.words import say

__all__ = ["obstacle", "replay"]


def obstacle(step: Mapping[str, Any]) -> str:
    """Return why a step cannot be computed again here; "" when it can.

    Parameters
    ----------
    step : mapping
        Of the recipe: verb, params, source, and ``of`` (the step whose result it was asked of).
    """
    name, of = step["verb"], step.get("of")
    row = find_verb(name)
    if row is None:
        return say("the verb {name!r} is not installed here; install and import the package that brings it", name=name)
    if row.needs:
        return say("{name} needs {what}; run it there again", name=name, what=row.needs)
    if of is not None and (why := obstacle({**of, "source": _own(step["source"], row)})):
        return why
    fits = of is not None and row.asks == kind_of(of["verb"]) if row.asks else of is None
    if not fits or (row.sources == "named" and not isinstance(step["source"], Mapping)):
        return say("{name!r} cannot be computed again from the recipe alone", name=name)
    return ""


def _own(sources: Any, row: Verb) -> Any:
    """Return of several sources the one of the result that is asked."""
    return sources[row.first] if row.of else sources


def replay(step: Mapping[str, Any], source: Any, made: dict[str, Any]) -> Any:
    """Return the result of a step, computed again.

    Parameters
    ----------
    step : mapping
        One without an `obstacle`.
    source : Embeddings, array, or mapping of str to these
        What it is made from.
    made : dict
        What was computed before in this run, so that a step that others start from runs once; filled here.

    Returns
    -------
    Result
        Compared by the caller.

    Raises
    ------
    VerifyError
        If the verb refuses, because items or classes are not what they were.
    """
    try:
        with bypass(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the report has told them
            return _made(step, source, made)
    except (TypeError, ValueError, MMToolkitError) as error:
        msg = f"the step {step['name']!r} cannot be computed again: {error}"
        raise VerifyError(msg) from error


def _made(step: Mapping[str, Any], source: Any, made: dict[str, Any]) -> Any:
    key = seal({name: step.get(name) for name in ("verb", "params", "source", "of")})
    if key not in made:
        made[key] = _call(step, source, made)
    return made[key]


def _call(step: Mapping[str, Any], source: Any, made: dict[str, Any]) -> Any:
    row = find_verb(step["verb"])
    assert row is not None  # without an obstacle
    params = {name: restored(value) for name, value in step["params"].items()}
    if row.asks:
        own = {**step["of"], "source": _own(step["source"], row)}
        others = {name: one for name, one in source.items() if name != row.first} if row.of else {}
        return row.function(_made(own, _own(source, row), made), **others, **params)
    if row.sources == "several" and isinstance(source, Mapping):
        return row.function(**source, **params)
    return row.function(source, **params)
