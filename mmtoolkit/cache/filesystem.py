"""What the folder's file system allows."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["is_network", "may_write", "write_all"]

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "9p",
    "afs",
    "ceph",
    "gpfs",
    "lustre",
    "beegfs",
    "glusterfs",
    "fuse.",
    "virtiofs",
    "davfs",
)


def is_network(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Tell whether `path` may be shared by machines, where SQLite's write-ahead log must not be used.

    Parameters
    ----------
    path : Path
        Any path; its parents are looked up where it does not exist yet.
    mounts : Path, default=/proc/self/mountinfo
        The kernel's list of mounts; a system without one counts as local.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return False
    real = os.path.realpath(path)
    best = ("", "")
    for line in lines:
        left, _, right = line.partition(" - ")
        point = left.split(" ")[4].encode().decode("unicode_escape")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):  # the last of equal ones lies on top
            best = (point, right.split(" ")[0])
    return best[1].startswith(_NETWORK)


def may_write(*paths: Path) -> bool:
    """Tell whether this user may write to all `paths`, read-only mounts included."""
    return all(os.access(path, os.W_OK) for path in paths)


def write_all(fd: int, data: memoryview, offset: int) -> None:
    """Write all of `data` at `offset`; a short write goes on where it stopped."""
    data = data.cast("B")
    os.lseek(fd, offset, os.SEEK_SET)
    while len(data):
        data = data[os.write(fd, data) :]
