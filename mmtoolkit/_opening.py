"""Open files that strangers made: only files that have an end, because a pipe waits for ever and a device never stops."""

from __future__ import annotations

import errno
import hashlib
import io
import math
import os
import stat

__all__ = ["MAX_BYTES", "digest_of", "opened", "read_head", "read_whole"]

MAX_BYTES = 4 * 1024**3  # of a file that is read whole
_HOW = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY"))
_KINDS = ((stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"))


def opened(path: str | os.PathLike[str], most: float = math.inf) -> tuple[io.FileIO, os.stat_result]:
    """Open a file for reading, unbuffered; never waits for a writer.

    Parameters
    ----------
    path : path
        Links are followed.
    most : float, default=inf
        Bytes that it may have.

    Returns
    -------
    file : io.FileIO
        To be closed.
    status : os.stat_result
        Of the open file.

    Raises
    ------
    OSError
        If it cannot be opened, is a pipe or a device, or is larger.
    """
    file = open(path, "rb", buffering=0, opener=lambda name, _: os.open(name, _HOW))  # noqa: SIM115 - the caller closes it
    try:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            kind = next((words for is_it, words in _KINDS if is_it(status.st_mode)), "something else")
            raise OSError(errno.EINVAL, f"it is {kind}, not a file", os.fspath(path))
        if status.st_size > most:
            said = f"it has {status.st_size:,} bytes, at most {most:,} are read"
            raise OSError(errno.EFBIG, said, os.fspath(path))
    except BaseException:  # raised again; nobody else has the file yet
        file.close()
        raise
    return file, status


def read_whole(path: str | os.PathLike[str], most: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file.

    Parameters
    ----------
    path : path
        Links are followed.
    most : int, default=MAX_BYTES
        Bytes that it may have.

    Returns
    -------
    bytes
        All of them.

    Raises
    ------
    OSError
        As `opened`, and if there is not enough memory.
    """
    file, status = opened(path, most)
    with file:
        try:
            return file.readall()
        except MemoryError as error:
            raise OSError(
                errno.ENOMEM, f"there is not enough memory for its {status.st_size:,} bytes", os.fspath(path)
            ) from error


def read_head(path: str | os.PathLike[str], size: int, most: int = MAX_BYTES) -> bytes:
    """Return the first bytes of a file; raises as `opened`."""
    file, _ = opened(path, most)
    with file:
        return file.read(size)


def digest_of(path: str | os.PathLike[str], most: int = MAX_BYTES) -> bytes:
    """Return SHA-256 of the bytes of a file, of which little is in memory at a time; raises as `opened`."""
    file, _ = opened(path, most)
    with file:
        return hashlib.file_digest(file, "sha256").digest()
