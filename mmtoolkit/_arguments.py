"""Checks of arguments that several verbs share."""

from __future__ import annotations

import numbers

__all__ = ["check_count"]


def check_count(name: str, value: object, least: int) -> None:
    """Raise ValueError unless a value is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        msg = f"{name} must be an integer of at least {least}, got {value!r}"
        raise ValueError(msg)
