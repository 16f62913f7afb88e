"""Digests of local files: hashed in parallel, and not again while a file is unchanged."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from mmtoolkit._opening import MAX_BYTES, opened

__all__ = ["Stamped", "digest_files"]

Stamped = tuple[str, str, bytes]  # path, stamp, digest
_Read = tuple[bytes, str | None]  # digest, stamp

_WORKERS = 8
_SMALL = 1024**2  # bytes
_QUICK_S = 0.0005  # for a small file: threads gain nothing, and wait for one another
_TRIED = 64  # files, read one by one to see
_LATER: _Read = (b"", None)
_TICK_NS = 50_000_000  # a file changed so short ago may change again without a newer time
_COARSE_NS = 2_000_000_000  # the same where times are whole seconds


def _stamp(status: os.stat_result) -> str:
    """Return what changes when the file does."""
    return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_dev} {status.st_ino}"


def _settled(status: os.stat_result) -> bool:
    """Return whether another change of the file would change its stamp; False after the clock was set back."""
    age = time.time_ns() - max(status.st_ctime_ns, status.st_mtime_ns)
    return age > (_COARSE_NS if status.st_mtime_ns % 1_000_000_000 == 0 else _TICK_NS)


def _unchanged(path: str, remembered: dict[str, tuple[str, bytes]]) -> bool:
    try:
        return path in remembered and _stamp(os.stat(path)) == remembered[path][0]
    except (OSError, ValueError):
        return False


def _read(path: str, most: float = math.inf) -> _Read | None:
    """Return a file's SHA-256, and its stamp where it did not change meanwhile; None where it cannot be read."""
    try:
        file, before = opened(path, MAX_BYTES)
        with file:
            if before.st_size > most:
                return _LATER
            if before.st_size <= _SMALL:  # no buffer of its own for each of many small files
                digest = hashlib.sha256(file.read()).digest()
            else:
                digest = hashlib.file_digest(file, "sha256").digest()
            stamp = _stamp(before)
            return digest, stamp if _settled(before) and _stamp(os.fstat(file.fileno())) == stamp else None
    except (OSError, ValueError):
        return None


def digest_files(
    paths: Sequence[str], known: Callable[[list[str]], dict[str, tuple[str, bytes]]]
) -> tuple[list[bytes | None], list[Stamped]]:
    """Return each file's SHA-256, and the digests to remember.

    Parameters
    ----------
    paths : sequence of str
        Absolute paths.
    known : callable
        Takes paths and returns path -> (stamp, digest), as far as they are remembered.

    Returns
    -------
    digests : list of bytes or None
        None where a file cannot be read.
    learned : list of (path, stamp, digest)
        Files that were read and did not change meanwhile.
    """
    distinct = list(dict.fromkeys(paths))
    remembered = known(distinct)
    digests = {path: remembered[path][1] if _unchanged(path, remembered) else None for path in distinct}
    unread = [path for path, digest in digests.items() if digest is None]
    read: dict[str, _Read | None] = {}
    start = time.perf_counter()
    for number, path in enumerate(unread):
        if number == _TRIED and time.perf_counter() - start > _QUICK_S * _TRIED:
            break
        read[path] = _read(path, _SMALL)
    later = [path for path in unread if read.get(path, _LATER) is _LATER]
    with ThreadPoolExecutor(_WORKERS) as pool:
        read.update(zip(later, pool.map(_read, later), strict=True))
    digests |= {path: one[0] for path, one in read.items() if one is not None}
    learned = [(path, one[1], one[0]) for path, one in read.items() if one is not None and one[1] is not None]
    return [digests[path] for path in paths], learned
