"""Results that are cheap to lose and slow to compute: neighbour graphs, maps, sweeps, thumbnails, kept on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._files import ENDING, replaced
from mmtoolkit._npz import read_npz, write_npz
from mmtoolkit._opening import opened
from mmtoolkit.provenance import versions

__all__ = ["bypass", "digest", "remember"]

logger = logging.getLogger(__name__)

_MAX_BYTES = 2 * 1024**3
_BLOCK = 4096  # what a file costs besides its content
_STALE_S = 3600.0
_HASHED = 2**24  # bytes of a block
_bypassed: ContextVar[bool] = ContextVar("bypassed", default=False)


@contextmanager
def bypass() -> Iterator[None]:
    """Compute everything anew inside this context: no derived result is read or written."""
    token = _bypassed.set(True)
    try:
        yield
    finally:
        _bypassed.reset(token)


def digest(X: NDArray[Any]) -> str:
    """Return a name of an array's content, hashed block by block by all cores: for keys of what is kept here.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features)
        Rows.

    Returns
    -------
    str
        SHA-256, in hexadecimal, of dtype, shape and the SHA-256 of every block.
    """
    X = np.ascontiguousarray(X)
    parts = blocks(len(X), max(1, _HASHED // max(X[:1].nbytes, 1)))
    state = hashlib.sha256(f"{X.dtype.str}{X.shape}".encode())
    for one in in_order(lambda part: hashlib.sha256(X[part].reshape(-1).view(np.uint8).data).digest(), parts):
        state.update(one)
    return state.hexdigest()


def remember(
    kind: str,
    parts: Mapping[str, Any],
    compute: Callable[[], Mapping[str, NDArray[Any]]],
    *,
    step: int,
    libraries: Sequence[str] = (),
) -> dict[str, NDArray[Any]]:
    """Return what `compute` returns, from disk if the same was computed before.

    Parameters
    ----------
    kind : str
        Name of the step, such as ``"neighbors"``; a folder name.
    parts : mapping
        Everything the result depends on, JSON values; arrays by their fingerprint.
    compute : callable
        Returns named arrays, none of dtype object.
    step : int
        Version of the step's own code.
    libraries : sequence of str, default=()
        Distributions whose version may change the result.

    Returns
    -------
    dict of str to ndarray
        The arrays. A broken or unwritable store only means that they were computed.

    Notes
    -----
    Results lie in ``derived/<kind>/<sha>.npz`` below the cache folder, without pickles. The folder is kept below 2 GiB by
    deleting what was used longest ago; all of it may be deleted at any time.

    Examples
    --------
    >>> import numpy as np
    >>> from mmtoolkit.derived import remember
    >>> remember("squares", {"n": 3}, lambda: {"values": np.arange(3) ** 2}, step=1)["values"].tolist()
    [0, 1, 4]
    """
    if _bypassed.get():
        return _arrays(compute())
    path = _folder() / kind / f"{_key(kind, parts, step, libraries)}.npz"
    found = _load(path)
    if found is None:
        found = _arrays(compute())
        _save(path, found)
    return found


def _arrays(result: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    return {name: np.asarray(array) for name, array in result.items()}


def _folder() -> Path:
    from mmtoolkit.cache import default_path

    return default_path() / "derived"


def _key(kind: str, parts: Mapping[str, Any], step: int, libraries: Sequence[str]) -> str:
    what = [kind, dict(parts), step, versions(tuple(sorted(libraries)))]
    text = json.dumps(what, sort_keys=True, ensure_ascii=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    msg = f"parts must be JSON values, got {type(value).__name__}; pass an array by its fingerprint"
    raise TypeError(msg)


def _load(path: Path) -> dict[str, NDArray[Any]] | None:
    try:
        file, status = opened(path)
        with file:
            found = read_npz(file, status.st_size)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # a broken archive costs no more than computing
        logger.warning("derived result %s cannot be read (%r); computing it again", path, error)
        return None
    with contextlib.suppress(OSError):  # a read-only folder keeps no account of use
        os.utime(path)
    return found


def _save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path, durable=False) as part, part.open("wb") as file:
            write_npz(file, arrays)
            size = file.tell()
        _room.spend(size, path.parents[1])
    except OSError as error:
        logger.warning("derived result cannot be kept in %s (%s)", path, error)


class _Room:
    """Keeps the folder below a size; it looks at the folder only after many new bytes."""

    def __init__(self) -> None:
        self._spent: dict[Path, int] = {}
        self._lock = threading.Lock()

    def spend(self, size: int, folder: Path) -> None:
        """Count the bytes of a new file; look for old files to delete when many have been written."""
        with self._lock:
            first = folder not in self._spent
            self._spent[folder] = self._spent.get(folder, 0) + size + _BLOCK
            if first or self._spent[folder] > _MAX_BYTES // 50:
                self._spent[folder] = 0
                _evict(folder)


def _evict(folder: Path) -> None:
    """Delete the files that were used longest ago, and those that dead processes left behind."""
    entries = []
    for path in folder.glob("*/*"):
        try:
            s = path.stat()
        except FileNotFoundError:  # another process evicts too
            continue
        if path.suffix == ENDING and time.time() - s.st_mtime > _STALE_S:
            path.unlink(missing_ok=True)
        elif path.suffix == ".npz":
            entries.append((s.st_mtime_ns, s.st_size + _BLOCK, path))
    surplus = sum(size for _, size, _ in entries) - _MAX_BYTES
    if surplus > 0:
        surplus += _MAX_BYTES // 10
    for _, size, path in sorted(entries):
        if surplus <= 0:
            break
        path.unlink(missing_ok=True)
        surplus -= size


_room = _Room()
