"""Checks of arguments that several verbs share."""

from __future__ import annotations

import numbers
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeGuard

from mmtoolkit._text import did_you_mean, shorten

__all__ = [
    "SEEDS",
    "NoColumnError",
    "as_path",
    "check_choice",
    "check_count",
    "check_least",
    "check_share",
    "checked_seed",
    "is_number",
    "seeded",
]

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
SEEDS = range(2**32)  # what scikit-learn takes


class NoColumnError(ValueError):
    """An argument names a column that is not there.

    Parameters
    ----------
    argument : str
        Name of the argument.
    name : str
        What it was given.
    columns : sequence of str or None
        What there is; None where the vectors have no columns.
    advice : str, default=""
        What to do in Python.
    """

    def __init__(self, argument: str, name: str, columns: Sequence[str] | None, advice: str = "") -> None:
        meant = did_you_mean(name, columns or ())
        have = "a plain array has no columns" if columns is None else f"the columns are {', '.join(columns)}"
        self.argument, self.reason = argument, f"{name!r} names no column{meant}; {have}"
        super().__init__(f"{argument}={self.reason}{advice}")


def as_path(value: object, what: str) -> Path:
    """Return the path of a file or folder that a user gave, with the home folder in place of ``~``.

    Parameters
    ----------
    value : str or path
        As it was given.
    what : str
        Name of the argument, for messages.

    Raises
    ------
    TypeError
        If it is no path.
    ValueError
        If it is empty, or no file can be called so.
    """
    if not isinstance(value, str | os.PathLike) or isinstance(os.fspath(value), bytes):
        msg = f"{what} must be a path, got {type(value).__name__}"
        raise TypeError(msg)
    if value == "" or "\0" in os.fspath(value):
        msg = f"{what} must be the path of a file or folder, got {os.fspath(value)!r}"
        raise ValueError(msg)
    if isinstance(value, str) and _ADDRESS.match(value):
        msg = f"{what} must be the path of a file or folder, got the address {shorten(value)!r}; download it, or take the path behind file://"
        raise ValueError(msg)
    return Path(os.path.expanduser(value))


def check_choice(name: str, value: object, choices: Iterable[str]) -> None:
    """Raise ValueError unless a value is one of `choices`."""
    if value not in (known := list(choices)):
        msg = f"{name} must be one of {', '.join(known)}, got {value!r}{did_you_mean(value, known)}"
        raise ValueError(msg)


def check_least(name: str, value: float, least: int) -> None:
    """Raise ValueError if a number is below `least`."""
    if value < least:
        msg = f"{name} must be at least {least}, got {value}"
        raise ValueError(msg)


def check_count(name: str, value: object, least: int) -> None:
    """Raise ValueError unless a value is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        msg = f"{name} must be an integer of at least {least}, got {value!r}"
        raise ValueError(msg)


def check_share(name: str, value: object) -> None:
    """Raise ValueError unless a value is a number between 0 and 1, both excluded."""
    if not (is_number(value) and 0.0 < value < 1.0):
        msg = f"{name} must lie between 0 and 1, both excluded, got {value!r}"
        raise ValueError(msg)


def checked_seed(random_state: Any) -> int:
    """Return `random_state` as a plain int.

    Parameters
    ----------
    random_state : int
        From 0 to 2**32 - 1. None is refused: a result that nobody can repeat cannot be verified.

    Returns
    -------
    int
        The same number.

    Raises
    ------
    ValueError
        If it is anything else.
    """
    whole = isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool)
    if not whole or int(random_state) not in SEEDS:
        msg = f"random_state must be an integer from 0 to 2**32 - 1, got {random_state!r}"
        raise ValueError(msg)
    return int(random_state)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether `value` is a real number of Python or numpy; True and False are not numbers here."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def seeded(estimator: Any, random_state: int) -> Any:
    """Return an unfitted copy of a scikit-learn estimator whose every ``random_state`` of None is set."""
    from sklearn.base import clone

    made = clone(estimator)
    unset = [k for k, v in made.get_params().items() if k.split("__")[-1] == "random_state" and v is None]
    return made.set_params(**dict.fromkeys(unset, random_state))
