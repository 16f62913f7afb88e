"""Records: 48 bytes about each row of a segment, stored beside its vector and with a checksum of their own.

Six little-endian 64-bit words: four of key, one of space and time, one of checksums. The low half of the last word is the
CRC-32 of key and vector, the high half guards the record itself. A record of zeros is a row that was given up.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "KEY_BYTES",
    "RECORD_BYTES",
    "checksums",
    "created_of",
    "from_bytes",
    "hashes",
    "join_keys",
    "matching",
    "pack",
    "sound",
    "spaces_of",
]

KEY_BYTES = 32
RECORD_BYTES = 48
_WORDS = RECORD_BYTES // 8
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
_FEW = 16  # rows that are compared one by one


def join_keys(keys: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the keys as an array of shape (n_keys, 4)."""
    if not set(map(len, keys)) <= {KEY_BYTES}:
        row = next(i for i, key in enumerate(keys) if len(key) != KEY_BYTES)
        msg = f"keys must have {KEY_BYTES} bytes, key {row} has {len(keys[row])}"
        raise ValueError(msg)
    return np.frombuffer(b"".join(keys), dtype="<u8").reshape(len(keys), 4)


def from_bytes(data: bytes) -> NDArray[np.uint64]:
    """Return the whole records among some bytes."""
    return np.frombuffer(data, dtype="<u8", count=len(data) // RECORD_BYTES * _WORDS).reshape(-1, _WORDS)


def hashes(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return one 64-bit number per key."""
    return np.asarray(words[:, 0] * _ODD[0] + words[:, 1] * _ODD[1] + words[:, 2] * _ODD[2] + words[:, 3] * _ODD[3])


def checksums(keys: Sequence[bytes], X: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return the CRC-32 of each key and its vector."""
    return np.fromiter(
        (zlib.crc32(x, zlib.crc32(key)) for key, x in zip(keys, X, strict=True)), dtype=np.uint64, count=len(keys)
    )


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
    records[:, 5] = sums & _LOW
    records[:, 5] |= _fold(records, hashes(records)) << np.uint64(32)
    return records


def sound(records: NDArray[np.uint64], words: NDArray[np.uint64] | None = None) -> NDArray[np.bool_]:
    """Return which records are as they were written (`words`: their `hashes`, if at hand); those of zeros are not."""
    words = hashes(records) if words is None else words
    return np.asarray((_fold(records, words) == records[:, 5] >> np.uint64(32)) & (records[:, 4] != 0))


def spaces_of(records: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the number of each record's space."""
    return np.asarray(records[:, 4] >> _SPACE_SHIFT)


def created_of(records: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return when each row was written, in seconds since 1970."""
    return np.asarray(records[:, 4] & _TIME)


def matching(records: NDArray[np.uint64], X: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which vectors are those that their records were made for.

    All are read as one piece, which lets other threads work, and compared with what their checksums say together; only
    when that differs, each is looked at on its own.

    Parameters
    ----------
    records : ndarray of shape (n, 6)
        Sound ones.
    X : ndarray of shape (n, n_features), float32
        Their vectors.

    Returns
    -------
    ndarray of shape (n,), bool
    """
    sums = (records[:, 5] & _LOW).astype(np.uint32)
    lines = np.empty((len(X), KEY_BYTES // 4 + X.shape[1]), dtype="<u4")
    lines[:, : KEY_BYTES // 4] = np.ascontiguousarray(records[:, :4]).view("<u4")
    lines[:, KEY_BYTES // 4 :] = X.view("<u4")
    if len(X) > _FEW and zlib.crc32(lines.data) == _together(sums, lines.shape[1] * 4):
        return np.ones(len(X), dtype=bool)
    return np.asarray(np.fromiter(map(zlib.crc32, lines), dtype=np.uint32, count=len(X)) == sums)


def _together(sums: NDArray[np.uint32], length: int) -> int:
    """Return the CRC-32 of equally long pieces one after another, from the CRC-32 of each piece."""
    level = 0  # a CRC is linear: crc(A + B) = shift(crc(A)) ^ crc(B), and the shift depends on the length of B alone
    while len(sums) > 1:
        if len(sums) % 2:
            sums = np.concatenate([np.zeros(1, dtype=np.uint32), sums])  # an empty piece in front changes nothing
        sums = _shifted(_shift(length, level), sums[::2]) ^ sums[1::2]
        level += 1
    return int(sums[0])


def _shifted(table: NDArray[np.uint32], sums: NDArray[np.uint32]) -> NDArray[np.uint32]:
    each = np.ascontiguousarray(sums, dtype="<u4").view(np.uint8).reshape(*sums.shape, 4)
    return np.asarray(np.bitwise_xor.reduce(table[np.arange(4), each], axis=-1))


@lru_cache(maxsize=512)
def _shift(length: int, level: int) -> NDArray[np.uint32]:
    """Return for each byte of a CRC-32 its value after ``length * 2**level`` further bytes."""
    if level:
        half = _shift(length, level - 1)
        return _shifted(half, half)
    zeros = bytes(length)
    start = zlib.crc32(zeros)
    return np.array([[zlib.crc32(zeros, b << 8 * k) ^ start for b in range(256)] for k in range(4)], dtype=np.uint32)
