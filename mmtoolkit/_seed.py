"""The seed that verbs with chance in them take."""

from __future__ import annotations

import numbers
from typing import Any

__all__ = ["SEEDS", "checked_seed"]

SEEDS = range(2**32)  # what scikit-learn takes


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
