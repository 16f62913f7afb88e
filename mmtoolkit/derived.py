"""Results that are cheap to lose and slow to compute: neighbour graphs, maps, sweeps, thumbnails, kept on disk."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.provenance import versions

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bypass", "remember"]

logger = logging.getLogger(__name__)

_MAX_BYTES = 2 * 1024**3
_bypassed: ContextVar[bool] = ContextVar("bypassed", default=False)


@contextmanager
def bypass() -> Iterator[None]:
    """Compute everything anew inside this context: nothing derived is read or written."""
    token = _bypassed.set(True)
    try:
        yield
    finally:
        _bypassed.reset(token)


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
    """
    if _bypassed.get():
        return dict(compute())
    path = _folder() / kind / f"{_key(kind, parts, step, libraries)}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
        os.utime(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        logger.warning("derived result %s cannot be read (%s); computing it again", path, error)
    else:
        return found
    arrays = {name: np.asarray(array) for name, array in compute().items()}
    _save(path, arrays)
    return arrays


def _folder() -> Path:
    from mmtoolkit.cache import default_path

    return default_path() / "derived"


def _key(kind: str, parts: Mapping[str, Any], step: int, libraries: Sequence[str]) -> str:
    text = json.dumps([kind, dict(parts), step, versions(tuple(sorted(libraries)))], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _save(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    part = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
            part = file.name
            np.savez(file, allow_pickle=False, **arrays)
        os.replace(part, path)
    except OSError as error:
        if part is not None:
            Path(part).unlink(missing_ok=True)
        logger.warning("derived result cannot be kept in %s (%s)", path, error)
