"""Arguments as plain data, and back: what a recipe writes down and `verify` calls with again."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["described", "restored"]

_ROOMS = ("sklearn.", "mmtoolkit.")
_PLAIN = {str, int, bool, type(None)}
_NEVER = frozenset({"memory"})  # parameters that change no result: joblib unpickles what lies in such a folder


def described(value: Any) -> Any:
    """Return an argument as plain data that `restored` takes.

    Estimators and splitters become their class and parameters. What JSON cannot tell apart or cannot hold is a mapping
    of one key: "tuple", "items" (of a dict), "float" (NaN, infinity). Arrays, Series and ranges become lists.
    """
    if _takes_part(value) and not isinstance(value, type):
        kind = type(value)
        if hasattr(value, "get_params"):
            given = value.get_params(deep=False)
        else:  # a splitter has attributes instead
            given = {name: getattr(value, name, None) for name in inspect.signature(kind).parameters}
        params = {name: described(inner) for name, inner in given.items() if name not in _NEVER}
        return {"class": f"{kind.__module__}.{kind.__qualname__}", "params": params}
    if isinstance(value, Mapping):
        return {"items": [[described(name), described(inner)] for name, inner in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [described(inner) for inner in value]}
    if isinstance(value, np.generic):
        return described(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    if isinstance(value, set | frozenset):
        return [described(inner) for inner in sorted(value, key=lambda one: (type(one).__name__, one))]
    if hasattr(value, "__array__"):
        array = np.asarray(value)
        value = array.tolist()
        if array.dtype.kind in "biu" or (array.dtype.kind == "f" and np.isfinite(array).all()):
            return value  # plain as it is: a million numbers are not looked at one by one
        if array.dtype.kind in "OU" and set(map(type, value)) <= _PLAIN:
            return value
    return [described(inner) for inner in value] if isinstance(value, list | range) else repr(value)


def restored(value: Any) -> Any:
    """Return the argument that `described` wrote down.

    Raises
    ------
    ValueError
        If a class is not of scikit-learn or mmtoolkit, or is not in this installation.
    """
    if isinstance(value, Mapping) and set(value) == {"class", "params"}:
        given = value["params"]
        if not isinstance(given, Mapping):
            msg = f"the parameters of {str(value['class'])[:80]!r} must be a mapping, got {type(given).__name__}"
            raise ValueError(msg)
        kind = _class_of(str(value["class"]))
        return kind(**{name: restored(inner) for name, inner in given.items() if name not in _NEVER})
    if isinstance(value, Mapping) and len(value) == 1:
        (kind, inner), *_ = value.items()
        if kind == "items":
            return {restored(name): restored(item) for name, item in inner}
        if kind == "tuple":
            return tuple(map(restored, inner))
        return float(inner) if kind == "float" else {kind: restored(inner)}
    if isinstance(value, Mapping):
        return {name: restored(inner) for name, inner in value.items()}
    return list(map(restored, value)) if isinstance(value, list) else value


def _class_of(name: str) -> type[Any]:
    """Return the class of an estimator or splitter by its name; other classes are refused, because a stranger may have written the name."""
    if not name.startswith(_ROOMS):
        msg = f"estimator {name!r} is not from scikit-learn or mmtoolkit; pass the object itself"
        raise ValueError(msg)
    room, _, kind = name.rpartition(".")
    try:
        made = getattr(importlib.import_module(room), kind, None)
    except ImportError:
        made = None
    if not isinstance(made, type) or not made.__module__.startswith(_ROOMS) or not _takes_part(made):
        msg = f"there is no estimator {name!r} in this installation"
        raise ValueError(msg)
    return made


def _takes_part(value: object) -> bool:
    """Return whether a value is an estimator or a splitter of scikit-learn's kind, or the class of one."""
    return hasattr(value, "get_params") or hasattr(value, "get_n_splits")
