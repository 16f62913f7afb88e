"""Files cut, zeroed, lengthened, shuffled and overwritten: nothing changes, or one clear error; never another result."""

from __future__ import annotations

import random
from typing import Any

from .subjects import each

TRIALS = 2000


def attack(trials: int = TRIALS, seed: int = 0) -> dict[str, Any]:
    """Damage each file in turn."""
    return each(trials, seed, damage)


def damage(content: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Return what was done, and what is left."""
    start, end = sorted((rng.randrange(len(content)), rng.randrange(len(content) + 1)))
    length = min(end - start, 2 ** rng.randrange(1, 12))
    end = start + length
    done = {
        "cut at the end": content[:start],
        "cut at the start": content[start:],
        "hole": content[:start] + content[end:],
        "zeros": content[:start] + bytes(length) + content[end:],
        "ones": content[:start] + b"\xff" * length + content[end:],
        "noise": content[:start] + rng.randbytes(length) + content[end:],
        "twice": content[:end] + content[start:],
        "longer": content + content[start:end],
        "backwards": content[:start] + content[start:end][::-1] + content[end:],
        "number": content[:start] + rng.choice([b"\xff\xff\xff\x7f", b"\x80\x80\x80\x80\x08", b"9" * 30, b"-1", b"1e999", b"null"]) + content[start + 4 :],
    }  # fmt: skip
    name = rng.choice(list(done))
    return f"{name} {start}:{end}", done[name]
