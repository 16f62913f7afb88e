"""All cores, same bytes: work is cut into parts of fixed size, and results come in the order of the parts.

A part is computed with one BLAS thread, by as many worker threads as there are cores. Which thread computes which part
changes nothing, so results do not depend on the machine's cores.
"""

from __future__ import annotations

import numbers
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from threading import Event
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.provenance import one_openmp_thread, one_thread

__all__ = ["blocks", "evenly", "in_order", "jobs", "n_workers"]

_Part = TypeVar("_Part")
_Value = TypeVar("_Value")

_VARIABLE = "MMTOOLKIT_NUM_THREADS"
_AHEAD = 2  # parts per worker that are begun before the first result is taken: memory stays bounded
_PATIENCE_S = 1.0  # for parts under way that nobody wants any more
_STOP: ContextVar[Event | None] = ContextVar("stop", default=None)  # set inside a worker
_JOBS: ContextVar[int | None] = ContextVar("jobs", default=None)  # what the running verb was asked for
_pools: dict[int, ThreadPoolExecutor] = {}


class _StoppedError(RuntimeError):
    """The caller has stopped, so the rest of the work is not needed."""


def n_workers() -> int:
    """Return the number of threads: that of `jobs`, else ``MMTOOLKIT_NUM_THREADS``, else the number of usable cores.

    Raises
    ------
    ValueError
        If the variable is not a whole number of at least 1; -1 is all cores.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = _JOBS.get()
    if asked is not None:
        return cores if asked == -1 else asked
    named = os.environ.get(_VARIABLE, "").strip()
    if named in ("", "-1"):
        return cores
    if not named.isdecimal() or int(named) < 1:
        msg = f"{_VARIABLE} must be a number of threads of at least 1, or -1 for all cores, got {named!r}"
        raise ValueError(msg)
    return int(named)


@contextmanager
def jobs(n_jobs: int | None) -> Iterator[None]:
    """Use this number of threads for the work inside the context.

    Parameters
    ----------
    n_jobs : int or None
        -1 is all cores; None leaves it as it is.

    Raises
    ------
    ValueError
        If it is anything else than a whole number of at least 1.
    """
    given: Any = n_jobs
    whole = isinstance(given, numbers.Integral) and not isinstance(given, bool)
    if given is not None and not (whole and (given == -1 or given >= 1)):
        msg = f"n_jobs must be a number of threads of at least 1, or -1 or None for all cores, got {n_jobs!r}"
        raise ValueError(msg)
    token = _JOBS.set(_JOBS.get() if n_jobs is None else int(n_jobs))
    try:
        yield
    finally:
        _JOBS.reset(token)


def blocks(n: int, size: int) -> list[slice]:
    """Cut `n` rows into slices of `size`; the last may be shorter."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


def evenly(n: int, most: int) -> NDArray[np.intp]:
    """Choose at most `most` of `n` rows, spread evenly from the first to the last; all where there are no more."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).astype(np.intp))


def in_order(function: Callable[[_Part], _Value], parts: Iterable[_Part]) -> Iterator[_Value]:
    """Yield what a function gives for every part, in order, computed by all cores.

    Inside a worker, where the cores are busy already, the parts are computed one after another. The function runs in a
    copy of the caller's context. Where the caller stops (an error, Ctrl-C), parts that wait are dropped and those under
    way end at their next part.

    Parameters
    ----------
    function : callable
        Takes a part; does not write to what another part's call reads.
    parts : iterable
        Its arguments; taken as they are needed.

    Yields
    ------
    object
        One result per part.
    """
    outer, workers = _STOP.get(), n_workers()
    if outer is not None or workers == 1 or (isinstance(parts, Sized) and len(parts) < 2):
        with one_thread() if outer is None else nullcontext():  # a worker is inside of one already
            for part in parts:
                if outer is not None and outer.is_set():
                    raise _StoppedError
                yield function(part)
        return
    stop, waiting = Event(), deque[Future[_Value]]()

    def work(part: _Part) -> _Value:
        _STOP.set(stop)
        one_openmp_thread()
        return function(part)

    with one_thread():
        try:
            for part in parts:
                if len(waiting) == _AHEAD * workers:
                    yield waiting.popleft().result()
                waiting.append(_pool(workers).submit(copy_context().run, work, part))
            while waiting:
                yield waiting.popleft().result()
        finally:
            stop.set()
            wait([future for future in waiting if not future.cancel()], _PATIENCE_S)


def _pool(workers: int) -> ThreadPoolExecutor:
    if workers not in _pools:
        _pools[workers] = ThreadPoolExecutor(workers, thread_name_prefix="mmtoolkit")
    return _pools[workers]


if hasattr(os, "register_at_fork"):  # threads do not live on in the copy
    os.register_at_fork(after_in_child=_pools.clear)
