"""Fingerprints, versions and thread limits, which make a result repeatable."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

__all__ = [
    "LIBRARIES",
    "MAPS",
    "environment",
    "fingerprint",
    "one_openmp_thread",
    "one_thread",
    "source_digest",
    "stay_on_one_thread",
    "versions",
]

LIBRARIES = ("numpy", "scipy", "scikit-learn", "umap-learn", "pynndescent", "numba", "pandas", "plotly")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MMTOOLKIT_NUM_THREADS")
MAPS = 6  # version of the code that lays maps out: another one gives other coordinates
_turn = threading.Lock()
_own = threading.local()  # what a thread has limited for itself
_open = 0  # threads in contexts of `one_thread`
_found: list[Any] = []  # the limits that they found, in their order


def fingerprint(array: ArrayLike) -> str:
    """Return SHA-256 of an array's dtype, shape and bytes, in hexadecimal."""
    values = np.ascontiguousarray(array)
    if values.dtype == object:
        values = np.array([repr(v) for v in values.ravel().tolist()], dtype=np.str_)
    state = hashlib.sha256(f"{values.dtype.str}{values.shape}".encode())
    if values.size:
        state.update(values.reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def versions(libraries: tuple[str, ...] = LIBRARIES) -> dict[str, str]:
    """Return the installed versions of `libraries`, without importing them."""
    found = {}
    for name in libraries:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def environment() -> dict[str, Any]:
    """Return the versions and the platform that results may depend on."""
    from mmtoolkit import __version__

    return {
        "mmtoolkit": __version__,
        "source": source_digest(),
        "maps": str(MAPS),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "blas": _blas(),
        "libraries": versions(),
    }


@lru_cache(maxsize=1)
def source_digest() -> str:
    """Return twelve hexadecimal digits of SHA-256 over the package's own code: two checkouts of one version may differ."""
    home, state = Path(__file__).parent, hashlib.sha256()
    for path in sorted(home.rglob("*.py")):
        content = path.read_bytes()
        state.update(f"{path.relative_to(home).as_posix()} {len(content)} ".encode() + content)
    return state.hexdigest()[:12]


def _blas() -> str:
    """Return name, version and processor kind of numpy's BLAS: another one rounds differently."""
    from threadpoolctl import threadpool_info

    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas" and "numpy" in pool["filepath"]]
    return (
        " ".join(str(found[0].get(key) or "?") for key in ("internal_api", "version", "architecture")) if found else ""
    )


@contextmanager
def one_thread(*, numpy_only: bool = False) -> Iterator[None]:
    """Use one thread for BLAS and OpenMP inside the context, so that results do not depend on the machine's cores.

    BLAS's limit is the whole process's, so it ends with the last of several contexts that threads are in at the same time.

    Parameters
    ----------
    numpy_only : bool, default=False
        Nothing but numpy computes inside; else scipy and scikit-learn are loaded, since libraries that are loaded inside of
        the context would not be limited.
    """
    if stay_on_one_thread.cache_info().currsize:
        yield
        return
    if not numpy_only:
        import scipy.linalg  # noqa: F401 - brings its own BLAS
        import sklearn.utils  # noqa: F401 - brings its own OpenMP

    global _open
    pools = _pools(len(sys.modules))
    held = _own.__dict__.setdefault("held", {})
    with _turn:
        if pools not in held:  # within another context of this thread there is nothing to do
            _let_go()
            _found.append(pools.limit(limits=1, user_api="blas"))
            _open += 1
            held[pools] = [0, pools.limit(limits=1, user_api="openmp")]  # each thread has its own
        held[pools][0] += 1
    try:
        yield
    finally:
        with _turn:
            held[pools][0] -= 1
            if not held[pools][0]:
                held.pop(pools)[1].restore_original_limits()
                _open -= 1
                _let_go()
                while _found and not _open:
                    _found.pop().restore_original_limits()
                _let_go()


def one_openmp_thread() -> None:
    """Use one thread of OpenMP in this thread from now on: its limit is each thread's own, and new threads begin with all cores."""
    pools = _pools(len(sys.modules))
    if getattr(_own, "limited", None) is not pools:
        pools.limit(limits=1, user_api="openmp")
        _own.limited = pools


def _let_go() -> None:
    """Let any thread set the limit of OpenBLAS; from threadpoolctl 3.8 on the one that set it first is the only one that can."""
    import threadpoolctl

    if hasattr(threadpoolctl.OpenBLASController, "clear_controlling_thread"):
        threadpoolctl.OpenBLASController.clear_controlling_thread(force=True)


def _after_fork() -> None:
    global _turn
    _turn = threading.Lock()  # another thread may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@lru_cache(maxsize=1)
def stay_on_one_thread() -> None:
    """Use one thread for all that is computed in this process from now on: it is one of as many as there are cores.

    `one_thread` has nothing to do then, so that a worker need not load the libraries whose threads it would limit.
    """
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(_THREADS, "1"))  # for libraries that are loaded later
    threadpool_limits(1)


@lru_cache(maxsize=1)
def _pools(_imported: int) -> ThreadpoolController:
    """Return the loaded thread pools; they are looked up again (5 ms) only after another import, which may add one."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
