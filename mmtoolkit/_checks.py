"""Small checks of arguments that several rooms share."""

from __future__ import annotations

import numbers
from typing import TypeGuard

__all__ = ["is_number"]


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether `value` is a real number, numpy's included; True and False are none."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
