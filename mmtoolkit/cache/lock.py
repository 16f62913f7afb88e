"""The one write lock of a folder: writers take turns, and one that waits for long says for whom."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mmtoolkit.errors import CacheError

__all__ = ["Lock"]

_WAIT_S = 600.0  # a writer waits so long for another one, which may be compacting
_TELL_S = 10.0
_LOOK_S = 0.002


class Lock:
    """Two files in a folder: who has the first one writes, who has the second one is next.

    A writer that comes back at once queues behind the one that waits, so that nobody starves. The system takes both from a
    process that dies. They do not depend on the index, which may be lost or replaced.

    Parameters
    ----------
    folder : Path
        Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep all other writers out, threads of this process included."""
        patience = self._patience()
        with ExitStack() as stack:
            with self._locked("lock.next", patience):
                turn = stack.enter_context(self._locked("lock", patience))
            with contextlib.suppress(OSError):  # a full disk has no room for the name, which is for others to read
                os.ftruncate(turn, 0)
                os.lseek(turn, 0, os.SEEK_SET)
                os.write(turn, f"process {os.getpid()} on {socket.gethostname()}".encode())
            yield

    @contextmanager
    def _locked(self, name: str, patience: Iterator[None]) -> Iterator[int]:
        path = self.folder / name
        while True:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
            try:
                while not _try_lock(fd):
                    next(patience)
                if path.exists() and os.path.samestat(os.fstat(fd), os.stat(path)):  # else deleted while we waited
                    yield fd
                    return
            finally:
                _unlock(fd)
                os.close(fd)

    def _patience(self) -> Iterator[None]:
        """Wait a little at each step; say after a while for whom, and in the end give up."""
        start, told = time.monotonic(), False
        while True:
            waited = time.monotonic() - start
            if waited > _TELL_S and not told:
                told = True
                msg = f"waiting for the cache {os.fspath(self.folder)!r}: {self._holder()} is writing to it, {waited:.0f} s so far"
                warnings.warn(msg, stacklevel=2)
            if waited > _WAIT_S:
                msg = (
                    f"the cache {os.fspath(self.folder)!r} is locked: {self._holder()} has been writing for {waited / 60:.0f} "
                    "minutes. Wait for it or end it, or name another folder with cache= or MMTOOLKIT_CACHE"
                )
                raise CacheError(msg)
            time.sleep(_LOOK_S)
            yield

    def _holder(self) -> str:
        try:
            return (self.folder / "lock").read_text(errors="replace")[:200] or "another process"
        except OSError:
            return "another process"


if sys.platform == "win32":
    import msvcrt

    _FAR = 1 << 30  # a locked byte cannot be read

    def _try_lock(fd: int) -> bool:
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(fd: int) -> None:
        os.lseek(fd, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
        except OSError:  # not locked
            return

else:
    import fcntl

    def _try_lock(fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)  # also of children that were forked meanwhile
