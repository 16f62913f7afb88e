"""Loops that numba compiles once per machine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from numba import njit

__all__ = ["compiled"]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function once per machine, or once per process where no folder can be written."""
    how: Callable[..., Any] = partial(njit, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
    made: Callable[..., Any]
    try:
        made = how(cache=True)(function)
    except RuntimeError:  # numba finds no place for its cache
        made = how()(function)
    return made
