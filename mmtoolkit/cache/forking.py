"""Keep SQLite safe from fork: no thread is inside SQLite or in a transaction while this process is copied.

A copy made at such a moment waits forever for mutexes and locks of threads that it does not have
(https://www.sqlite.org/howtocorrupt.html, section 2.6). So there is one gate, and a fork waits at it, as `logging` waits
for its lock.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from typing import Any

__all__ = ["Database", "gate", "kept"]

gate = threading.RLock()
_kept: set[sqlite3.Connection] = set()


class Database(sqlite3.Connection):
    """A connection for one transaction, which begins with some commands; this thread holds the gate until it is closed."""

    def __init__(self, path: Any, *commands: str, **options: Any) -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(gate)
            super().__init__(path, isolation_level=None, check_same_thread=False, **options)
            stack.callback(super().close)
            for command in commands:
                self.execute(command)
            self._inside = stack.pop_all()

    def close(self) -> None:
        """Close it; more than once is harmless."""
        self._inside.close()


@contextlib.contextmanager
def kept(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Keep a connection that only reads open for long, without holding the gate; a forked copy closes its own at once."""
    _kept.add(db)
    try:
        yield db
    finally:
        with gate:
            db.close()
            _kept.discard(db)


def _in_child() -> None:
    while _kept:
        _kept.pop().close()
    gate.release()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(before=gate.acquire, after_in_parent=gate.release, after_in_child=_in_child)
