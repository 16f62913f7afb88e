"""A segment on disk: all vectors of one model and dimension, row after row, with their keys beside them.

``<stem>.f32`` holds the vectors and nothing else, so that rows can be handed out as a view of the file. ``<stem>.keys``
holds one record per row: six little-endian 64-bit words, four of key, one of space and time, one of checksums. The index
alone says which rows count; the records answer large questions in one go, and the index can be rebuilt from them.
``<stem>.json`` says in words what the numbers of model and space mean. No row is ever written twice once it counts.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import re
import secrets
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._files import replaced, sync_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "KEY_BYTES",
    "Segment",
    "checksums",
    "created_of",
    "hashes",
    "join_keys",
    "new_stem",
    "pack",
    "sound",
    "spaces_of",
    "sums_of",
]

KEY_BYTES = 32
_WORDS = 6
_TICK_NS = 100_000_000  # a file changed so short ago may change again without a newer time
_ODD = np.array(
    [
        0x9E3779B97F4A7C15,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0xD6E8FEB86659FD93,
        0xA0761D6478BD642F,
        0xE7037ED1A0B428DB,
    ],
    dtype=np.uint64,
)
_SPACE_SHIFT = np.uint64(40)
_LOW = np.uint64(0xFFFFFFFF)
_TIME = np.uint64((1 << 40) - 1)


def new_stem(model: str, dimension: int) -> str:
    """Return a file name that no other segment has, whatever the model is called."""
    slug = re.sub(r"[^A-Za-z0-9-]+", "_", model)[:40].strip("_") or "model"
    return f"{slug}_{dimension}_{secrets.token_hex(6)}"


def join_keys(keys: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the keys as an array of shape (n_keys, 4)."""
    if not set(map(len, keys)) <= {KEY_BYTES}:
        row = next(i for i, key in enumerate(keys) if len(key) != KEY_BYTES)
        msg = f"keys must have {KEY_BYTES} bytes, key {row} has {len(keys[row])}"
        raise ValueError(msg)
    return np.frombuffer(b"".join(keys), dtype="<u8").reshape(len(keys), 4)


def hashes(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return one 64-bit number per key."""
    return np.asarray(words[:, 0] * _ODD[0] + words[:, 1] * _ODD[1] + words[:, 2] * _ODD[2] + words[:, 3] * _ODD[3])


def checksums(keys: Sequence[bytes], X: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return the CRC-32 of each key and its vector."""
    sums = (zlib.crc32(x, zlib.crc32(key)) for key, x in zip(keys, X, strict=True))
    return np.fromiter(sums, dtype=np.uint64, count=len(keys))


def _fold(records: NDArray[np.uint64], words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.asarray((words + records[:, 4] * _ODD[4] + (records[:, 5] & _LOW) * _ODD[5]) >> np.uint64(32))


def pack(keys: NDArray[np.uint64], space: Any, created: Any, sums: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the records of rows.

    Parameters
    ----------
    keys : ndarray of shape (n, 4)
        From `join_keys`.
    space, created : int or ndarray of shape (n,)
        Number of the space; seconds since 1970.
    sums : ndarray of shape (n,)
        From `checksums`.

    Returns
    -------
    ndarray of shape (n, 6), uint64
    """
    records = np.empty((len(keys), _WORDS), dtype="<u8")
    records[:, :4] = keys
    records[:, 4] = np.asarray(created, dtype=np.uint64) | (np.asarray(space, dtype=np.uint64) << _SPACE_SHIFT)
    records[:, 5] = sums
    records[:, 5] |= _fold(records, hashes(records)) << np.uint64(32)
    return records


def sound(records: NDArray[np.uint64], words: NDArray[np.uint64] | None = None) -> NDArray[np.bool_]:
    """Tell which records are as they were written (`words`: their `hashes`, if at hand)."""
    words = hashes(records) if words is None else words
    return np.asarray((_fold(records, words) == records[:, 5] >> np.uint64(32)) & (records[:, 4] != 0))


def spaces_of(records: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the number of each record's space."""
    return np.asarray(records[:, 4] >> _SPACE_SHIFT)


def created_of(records: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return when each row was written, in seconds since 1970."""
    return np.asarray(records[:, 4] & _TIME)


def sums_of(records: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return each row's checksum."""
    return np.asarray(records[:, 5] & _LOW)


def _write(path: Path, data: NDArray[Any], offset: int, *, sync: bool) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    try:
        left = np.ascontiguousarray(data).data.cast("B")
        os.lseek(fd, offset, os.SEEK_SET)
        while len(left):  # a short write goes on where it stopped
            left = left[os.write(fd, left) :]
        if sync:
            getattr(os, "fdatasync", os.fsync)(fd)
    finally:
        os.close(fd)


def _check(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Segment:
    """The files of one segment.

    Parameters
    ----------
    folder : Path
        Where segments lie.
    stem : str
        File name without ending.
    dimension : int
        Number of features.
    """

    def __init__(self, folder: Path, stem: str, dimension: int) -> None:
        self.folder, self.stem, self.dimension = folder, stem, dimension
        self.vectors, self.keys, self.note = (folder / f"{stem}{ending}" for ending in (".f32", ".keys", ".json"))
        self.row_bytes = 4 * dimension
        self._map: NDArray[np.float32] | None = None
        self._seen: tuple[tuple[int, ...], NDArray[np.bool_]] = ((), np.zeros(0, dtype=bool))

    def write(self, row: int, X: NDArray[np.float32]) -> None:
        """Write vectors from `row` on, over whatever a process that died has left there; on disk when this returns."""
        new = not self.vectors.exists()
        self.folder.mkdir(exist_ok=True)
        _write(self.vectors, X, row * self.row_bytes, sync=True)
        if new:
            sync_folder(self.folder)

    def write_records(self, row: int, records: NDArray[np.uint64]) -> None:
        """Write records from `row` on; not synced, for they could be written again from the index."""
        self.folder.mkdir(exist_ok=True)
        _write(self.keys, records, row * 8 * _WORDS, sync=False)

    def describe(self, model: str, spaces: Mapping[int, tuple[str, str]]) -> None:
        """Write down what the numbers of model and spaces mean, for people and for a rebuild of the index."""
        self.folder.mkdir(exist_ok=True)
        named = {str(number): {"revision": r, "params": p} for number, (r, p) in sorted(spaces.items())}
        content = {"model": model, "dimension": self.dimension, "spaces": named}
        with replaced(self.note) as part:
            part.write_text(json.dumps({**content, "check": _check(content)}, indent=1), encoding="utf-8")

    def described(self) -> tuple[str, int, dict[int, tuple[str, str]]] | None:
        """Return model, dimension and spaces as written down; None where that is lost or damaged."""
        try:
            content = json.loads(self.note.read_text(encoding="utf-8"))
            check = content.pop("check")
            spaces = {int(number): (s["revision"], s["params"]) for number, s in content["spaces"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return (content["model"], content["dimension"], spaces) if check == _check(content) else None

    def map(self, rows: int) -> NDArray[np.float32]:
        """Return a read-only view of the first `rows` rows, fewer where the file is shorter."""
        if self._map is None or len(self._map) < rows:
            self._map = self._mapped()
        return self._map[:rows]

    def _mapped(self) -> NDArray[np.float32]:
        with self.vectors.open("rb") as file:
            rows = os.fstat(file.fileno()).st_size // self.row_bytes
            if rows == 0:
                return np.empty((0, self.dimension), dtype=np.float32)
            view = mmap.mmap(file.fileno(), rows * self.row_bytes, access=mmap.ACCESS_READ)
        return np.frombuffer(view, dtype="<f4").reshape(rows, self.dimension)

    def looked_over(self, rows: int) -> NDArray[np.bool_]:
        """Return a mask of the rows that were seen to be usable, to be added to; all False once the file has changed."""
        s = os.stat(self.vectors)
        stamp = (s.st_mtime_ns, s.st_size, s.st_ino)
        if self._seen[0] != stamp or len(self._seen[1]) < rows or time.time_ns() - s.st_mtime_ns < _TICK_NS:
            self._seen = (stamp, np.zeros(rows, dtype=bool))
        return self._seen[1][:rows]

    def records(self, rows: int) -> NDArray[np.uint64]:
        """Return the first `rows` records, zeros where the file is shorter."""
        with self.keys.open("rb") as file:
            found = np.fromfile(file, dtype="<u8", count=rows * _WORDS)
        whole = found[: len(found) // _WORDS * _WORDS].reshape(-1, _WORDS)
        if len(whole) == rows:
            return whole
        return np.concatenate([whole, np.zeros((rows - len(whole), _WORDS), dtype=np.uint64)])

    def remove(self) -> None:
        """Delete the files; views that were handed out stay valid."""
        for path in (self.vectors, self.keys, self.note):
            path.unlink(missing_ok=True)
