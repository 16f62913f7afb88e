"""Digests of local files: hashed in parallel, and not again while a file is unchanged."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

__all__ = ["Stamped", "digest_files"]

Stamped = tuple[str, str, bytes]  # path, stamp, digest

_WORKERS = 8
_SMALL = 1024**2  # bytes
_AT_ONCE = 16  # files that a worker takes: small ones are read faster than handed out
_TICK_NS = 50_000_000  # a file changed so short ago may change again without a newer time
_COARSE_NS = 2_000_000_000  # the same where times are whole seconds


def _stamp(path: str) -> tuple[str, bool] | None:
    """Return what changes when the file does, and whether it can be relied on; None where there is no file."""
    try:
        s = os.stat(path)
    except (OSError, ValueError):
        return None
    age = time.time_ns() - max(s.st_ctime_ns, s.st_mtime_ns)
    settled = age > (_COARSE_NS if s.st_mtime_ns % 1_000_000_000 == 0 else _TICK_NS)  # a clock set back settles nothing
    return f"{s.st_size} {s.st_mtime_ns} {s.st_ctime_ns} {s.st_dev} {s.st_ino}", settled


def _digest(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size <= _SMALL:  # no buffer of its own for each of many small files
                return hashlib.sha256(file.read()).digest()
            return hashlib.file_digest(file, "sha256").digest()
    except (OSError, ValueError):
        return None


def _digests(paths: Sequence[str]) -> list[bytes | None]:
    return [_digest(path) for path in paths]


def digest_files(
    paths: Sequence[str], known: Callable[[list[str]], dict[str, tuple[str, bytes]]]
) -> tuple[list[bytes | None], list[Stamped]]:
    """Return each file's SHA-256, and what is worth remembering.

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
    stamps = {path: _stamp(path) for path in distinct}
    remembered = known([path for path, stamp in stamps.items() if stamp is not None])
    digests: dict[str, bytes | None] = {}
    for path, stamp in stamps.items():
        if stamp is None:
            digests[path] = None
        elif path in remembered and remembered[path][0] == stamp[0]:
            digests[path] = remembered[path][1]
    unread = [path for path in distinct if path not in digests]
    if unread:
        parts = [unread[start : start + _AT_ONCE] for start in range(0, len(unread), _AT_ONCE)]
        with ThreadPoolExecutor(_WORKERS) as pool:
            for part, read in zip(parts, pool.map(_digests, parts), strict=True):
                digests.update(zip(part, read, strict=True))
    learned: list[Stamped] = []
    for path in unread:
        before, digest = stamps[path], digests[path]
        if before is not None and digest is not None and before[1] and _stamp(path) == before:
            learned.append((path, before[0], digest))
    return [digests[path] for path in paths], learned
