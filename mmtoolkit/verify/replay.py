"""Compute one step of a recipe again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import mmtoolkit
from mmtoolkit.derived import bypass
from mmtoolkit.errors import MMToolkitError, VerifyError
from mmtoolkit.report.document import seal

__all__ = ["obstacle", "replay"]

_VERBS = frozenset(
    {
        "audit",
        "classify",
        "cluster",
        "compare",
        "evaluate_search",
        "near_duplicates",
        "pick",
        "project",
        "protocols.mteb_classification",
        "protocols.mteb_clustering",
        "search",
        "similarity",
        "zero_shot",
    }
)
_METHODS = frozenset({"classify.learning_curve", "cluster.compare", "cluster.representatives", "cluster.stability"})
_ARRAYS = ("y", "groups")


def obstacle(step: Mapping[str, Any]) -> str:
    """Return why a step cannot be computed again here, "" when it can.

    Parameters
    ----------
    step : mapping
        Of the recipe: verb, params, source, and ``of`` (the step whose result it was asked of).
    """
    verb, of = step["verb"], step.get("of")
    if verb.startswith("spark."):
        return f"{verb} needs Spark and the frame it was given; run it there again"
    if of is not None and (why := obstacle({**of, "source": step["source"]})):
        return why
    known = verb in _METHODS and verb.split(".")[0] == of["verb"] if of is not None else verb in _VERBS
    if not known or (verb == "compare" and not isinstance(step["source"], Mapping)):
        return f"{verb!r} cannot be computed again from the recipe alone"
    return ""


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
        params = {
            name: np.array(value, dtype=object) if name in _ARRAYS and isinstance(value, list) else value
            for name, value in step["params"].items()
        }
        made[key] = _call(step, source, params, made)
    return made[key]


def _call(step: Mapping[str, Any], source: Any, params: Mapping[str, Any], made: dict[str, Any]) -> Any:
    room, _, name = step["verb"].rpartition(".")
    if "of" in step:
        of = {**step["of"], "source": step["source"]}
        return getattr(_made(of, source, made), name)(**params)
    verb: Callable[..., Any] = getattr(getattr(mmtoolkit, room) if room else mmtoolkit, name)
    if isinstance(source, Mapping) and name != "compare":
        return verb(**source, **params)
    return verb(source, **params)
