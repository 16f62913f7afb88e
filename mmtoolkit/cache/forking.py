"""SQLite and fork: no thread is inside it, or in a transaction, at the moment this process is copied.

A copy that is made meanwhile waits forever for mutexes and locks of threads that it does not have
(https://www.sqlite.org/howtocorrupt.html, section 2.6).
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Database", "kept", "within"]

_changed = threading.Condition(threading.Lock())
_inside = _forking = 0
_mine = threading.local()  # how deep this thread is inside
_kept: set[sqlite3.Connection] = set()


@contextmanager
def within() -> Iterator[None]:
    """Do something with SQLite that a fork waits for."""
    _enter(1)
    try:
        yield
    finally:
        _enter(-1)


class Database(sqlite3.Connection):
    """A connection for one transaction, which a fork waits for until it is closed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._counted = True
        _enter(1)
        try:
            super().__init__(*args, **kwargs)
        except BaseException:
            _enter(-1)
            raise

    def close(self) -> None:
        """Close it; more than once is harmless."""
        try:
            super().close()
        finally:
            if self._counted:
                self._counted = False
                _enter(-1)


@contextmanager
def kept(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Keep a connection that writes nothing open for longer than a fork can wait; the copy closes its own at once."""
    _kept.add(db)
    try:
        yield db
    finally:
        with within():
            db.close()
            _kept.discard(db)


def _enter(step: int) -> None:
    global _inside
    depth = getattr(_mine, "depth", 0)
    if not depth or not depth + step:
        with _changed:
            if not depth:
                _changed.wait_for(lambda: not _forking)
            _inside += step
            _changed.notify_all()
    _mine.depth = depth + step


def _before() -> None:
    global _forking
    _changed.acquire()
    _forking += 1
    own = int(getattr(_mine, "depth", 0) > 0)
    _changed.wait_for(lambda: _inside <= own)


def _in_parent() -> None:
    global _forking
    _forking -= 1
    _changed.notify_all()
    _changed.release()


def _in_child() -> None:
    global _changed, _forking, _inside
    _changed = threading.Condition(threading.Lock())
    _forking, _inside = 0, int(getattr(_mine, "depth", 0) > 0)
    while _kept:
        _kept.pop().close()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
