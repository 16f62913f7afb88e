"""Damage of the kinds that strangers' files have: flipped, lost, repeated, swapped and foreign bytes."""

from __future__ import annotations

import numpy as np

__all__ = ["mutated"]

_NUMBERS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xff\xff", b"\x80\0\0\0", b"\x01\0\0\0"]


def mutated(data: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Return the file with one to six damages; headers are hit more often than the rest."""
    found = bytearray(data)
    for _ in range(int(rng.integers(1, 7))):
        size = max(len(found), 8)
        at = int(size * rng.random() ** 3) if rng.random() < 0.7 else int(rng.integers(size))
        kind = int(rng.integers(7))
        if kind == 0:
            found[at : at + 1] = bytes([int(rng.integers(256))])
        elif kind == 1:
            found[at : at + 1] = bytes([(found[at] if at < len(found) else 0) ^ 1 << int(rng.integers(8))])
        elif kind == 2:
            found[at : at + 4] = _NUMBERS[int(rng.integers(len(_NUMBERS)))]
        elif kind == 3:
            del found[at : at + int(rng.integers(1, 64))]
        elif kind == 4:
            found[at:at] = found[at : at + int(rng.integers(1, 64))]
        elif kind == 5:
            other = others[int(rng.integers(len(others)))]
            start = int(rng.integers(len(other)))
            found[at : at + 32] = other[start : start + 32]
        elif rng.random() < 0.2:
            del found[at:]
    return bytes(found)
