"""The listeners of an explorer, which hear of every change: its views, then the functions of its user."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["EVENTS", "Listeners", "Observer"]

EVENTS = ("selected", "annotations", "hovered")
Observer = Callable[[dict[str, Any]], object]


class Listeners:
    """The views and observers of one explorer.

    Parameters
    ----------
    owner : Explorer
        Its attribute with the name of an event is what observers get.
    """

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._observers: list[tuple[Observer, tuple[str, ...]]] = []
        self.views: list[Callable[[tuple[str, ...]], None]] = []

    def observe(self, function: Observer, names: str | Iterable[str]) -> None:
        """Add an observer; see ``Explorer.observe``."""
        wanted = (names,) if isinstance(names, str) else tuple(names)
        unknown = [name for name in wanted if name not in EVENTS]
        if unknown:
            msg = f"names must be among {', '.join(EVENTS)}, got {unknown[0]!r}"
            raise ValueError(msg)
        self._observers.append((function, wanted))

    def unobserve(self, function: Observer) -> None:
        """Remove an observer."""
        self._observers = [pair for pair in self._observers if pair[0] != function]

    def unlisten(self, refresh: Callable[[tuple[str, ...]], None]) -> None:
        """Remove a view."""
        self.views = [view for view in self.views if view != refresh]

    def tell(self, names: tuple[str, ...]) -> None:
        """Call views, then observers."""
        for refresh in self.views:
            refresh(names)
        for function, wanted in list(self._observers):
            for name in names:
                if name in wanted:
                    function({"name": name, "owner": self._owner, "new": getattr(self._owner, name)})
