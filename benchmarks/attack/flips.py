"""Single flipped bits in every kind of file: nothing changes, or one clear error; never another result."""

from __future__ import annotations

import random
from typing import Any

from .subjects import each

TRIALS = 2000


def attack(trials: int = TRIALS, seed: int = 0) -> dict[str, Any]:
    """Flip one bit a trial, in each file in turn; every second one in its last quarter, where files describe themselves."""
    return each(trials, seed, flip)


def flip(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Return which bit was flipped, and what is left."""
    bit = rng.randrange(rng.choice([0, 6 * len(content)]), 8 * len(content))
    damaged = bytearray(content)
    damaged[bit // 8] ^= 1 << bit % 8
    return f"bit {bit}", bytes(damaged)
