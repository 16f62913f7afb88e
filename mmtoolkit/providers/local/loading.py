"""Where the offline model's files are, and how they are loaded: once per process."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

__all__ = ["WEIGHTS", "once"]

WEIGHTS = Path(__file__).with_name("weights")

_T = TypeVar("_T")
_loading = threading.RLock()


def once(load: Callable[[], _T]) -> Callable[[], _T]:
    """Make `load` run once per process, even if several threads ask at the same time."""
    cached = functools.cache(load)

    @functools.wraps(load)
    def locked() -> _T:
        with _loading:
            return cached()

    return locked
