"""How much memory is available: what the machine has free, and the limits of control groups and of the process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["check_memory", "room"]

_SMALL = 2**26  # bytes: less is not worth a look
_NONE = 2**60  # what control groups write where there is no limit is above
_GIB = 2**30


def check_memory(verb: str, vectors: Any, beyond: float) -> None:
    """Raise MemoryError before a verb starts if its results do not fit into memory.

    Parameters
    ----------
    verb : str
        Name.
    vectors : Embeddings or array of shape (n_items, n_features)
        Anything else is not looked at.
    beyond : float
        How many times the vectors it takes, at least.
    """
    shape: tuple[int, ...] = getattr(vectors, "shape", ())
    if len(shape) != 2:
        return
    size = 4 * shape[0] * shape[1]
    needed = size * (beyond + (getattr(vectors, "dtype", np.float32) != np.float32))
    if needed < _SMALL:
        return
    free, limit = room()
    if needed > free:
        msg = (
            f"{verb} of {shape[0]:,} x {shape[1]:,} vectors ({size / _GIB:.2f} GiB) needs at least {needed / _GIB:.2f} GiB more, and "
            f"{max(free, 0) / _GIB:.2f} GiB can be had ({limit}); give it fewer items or a smaller dimension, free memory, or "
            "raise the limit"
        )
        raise MemoryError(msg)


def room(system: Path = Path("/")) -> tuple[float, str]:
    """Return how many more bytes this process can use, and the name of that limit; infinite where no limit can be read."""
    found = [(float("inf"), "no limit is known"), *_of_machine(system), *_of_groups(system), *_of_process(system)]
    return min(found)


def _of_machine(system: Path) -> list[tuple[float, str]]:
    lines = _text(system / "proc/meminfo").splitlines()
    kept = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines) if rest}
    if "MemAvailable" not in kept:
        return []
    return [(float(kept["MemAvailable"] + kept.get("SwapFree", 0)), "free memory of the machine")]


def _of_groups(system: Path) -> list[tuple[float, str]]:
    """Return the limits of the process's control groups and of all groups above them, in both versions of Linux."""
    found = []
    for line in _text(system / "proc/self/cgroup").splitlines():
        _, controllers, own = line.split(":", 2)
        if controllers == "":
            base, most, used, cache = system / "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            base, most = system / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
            used, cache = "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        parts = [part for part in own.split("/") if part not in ("", "..")]
        for depth in range(len(parts) + 1):
            place = base.joinpath(*parts[:depth])
            limit, taken = _text(place / most).strip(), _text(place / used).strip()
            if limit.isdecimal() and taken.isdecimal() and int(limit) < _NONE:
                stat = dict(
                    pair for pair in map(str.split, _text(place / "memory.stat").splitlines()) if len(pair) == 2
                )
                found.append((float(int(limit) - int(taken) + int(stat.get(cache, 0))), "limit of the control group"))
    return found


def _of_process(system: Path) -> list[tuple[float, str]]:
    try:
        import resource
    except ImportError:  # Windows
        return []
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    pages = _text(system / "proc/self/statm").split()
    if limit == resource.RLIM_INFINITY or not pages:
        return []
    return [(float(limit - int(pages[0]) * resource.getpagesize()), "limit of the process, ulimit -v")]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:  # not this kind of system
        return ""
