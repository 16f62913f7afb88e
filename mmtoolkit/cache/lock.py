"""The write lock of a folder: writers take turns, and a writer that waits long says which process it waits for."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmtoolkit._opening import read_head
from mmtoolkit._text import shorten
from mmtoolkit.cache.forking import gate, kept
from mmtoolkit.cache.segment import file_status
from mmtoolkit.errors import CacheError

__all__ = ["Lock"]

_WAIT_S = 600.0  # a writer waits so long for another one, which may be compacting
_TELL_S = 10.0
_LOOK_S = 0.002


class Lock:
    """Two empty databases in a folder: who has locked the first one writes, who has the second one is next.

    A writer that comes back at once queues behind the one that waits, so that nobody starves. The system takes both locks
    from a process that dies. They do not depend on the index, which may be lost or replaced.

    Parameters
    ----------
    folder : Path
        Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.holder = folder / "lock.holder"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep all other writers out, threads of this process included."""
        patience = self._patience()
        with contextlib.ExitStack() as stack:
            with self._locked("lock.next", patience):
                stack.enter_context(self._locked("lock", patience))
            with contextlib.suppress(OSError):  # a full disk has no room for the name, which is for others to read
                file_status(self.holder)  # refuses links and pipes
                self.holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
            yield

    @contextmanager
    def _locked(self, name: str, patience: Iterator[None]) -> Iterator[None]:
        file_status(self.folder / name)  # refuses links
        with gate:
            db = sqlite3.connect(self.folder / name, timeout=0, isolation_level=None, check_same_thread=False)
        with kept(db):
            while not db.in_transaction:
                try:
                    with gate:
                        db.execute("PRAGMA journal_mode = OFF")  # a lock writes nothing, on a full disk either
                        db.execute("BEGIN EXCLUSIVE")
                except sqlite3.OperationalError as error:
                    if "locked" not in str(error):
                        raise
                    next(patience)
            yield

    def _patience(self) -> Iterator[None]:
        """Wait a little at each step; after a while say for which process, and in the end give up."""
        start, told = time.monotonic(), False
        while True:
            waited = time.monotonic() - start
            if (waited > _TELL_S and not told) or waited > _WAIT_S:
                told = True
                holder = self._holder()
                msg = (
                    f"the cache {os.fspath(self.folder)!r} has been locked by {holder} for {waited:.0f} s. "
                    "Wait for it or end it, or name another folder with cache= or MMTOOLKIT_CACHE"
                )
                if waited > _WAIT_S:
                    raise CacheError(msg)
                warnings.warn(msg, stacklevel=2)
            time.sleep(_LOOK_S)
            yield

    def _holder(self) -> str:
        """Return who has the lock, in its own words: a folder of somebody else's may hold any."""
        try:
            file_status(self.holder)
            return shorten(read_head(self.holder, 200).decode("utf-8", "replace"), 200)
        except OSError:
            return "another process"
