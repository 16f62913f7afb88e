"""A line beside the progress bar, from whoever computes to whoever shows: in between, nobody needs to know."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

__all__ = ["shown", "tell"]

_SHOW: ContextVar[Callable[[str], object] | None] = ContextVar("mmtoolkit_status", default=None)


def tell(line: str) -> None:
    """Show a line where progress is shown; "" takes it away. Without a place to show it, nothing happens."""
    show = _SHOW.get()
    if show is not None:
        show(line)


@contextlib.contextmanager
def shown(show: Callable[[str], object] | None) -> Iterator[None]:
    """Give lines of this thread to `show`."""
    token = _SHOW.set(show)
    try:
        yield
    finally:
        _SHOW.reset(token)
