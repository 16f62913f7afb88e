"""Single flipped bits in every kind of file: nothing changes, or one clear error; never another result."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

from .subjects import subjects
from .tally import Tally

TRIALS = 2000


def attack(trials: int = TRIALS, seed: int = 0) -> dict[str, Any]:
    """Flip one bit a trial, in each file in turn; every second one in its last quarter, where files describe themselves."""
    rng, all_, by_kind = random.Random(seed), Tally(), {}
    with tempfile.TemporaryDirectory() as home:
        made = subjects(Path(home))
        for subject in made:
            content, sound, tally = subject.path.read_bytes(), subject.look(), Tally()
            for _ in range(trials // len(made)):
                bit = rng.randrange(rng.choice([0, 6 * len(content)]), 8 * len(content))
                damaged = bytearray(content)
                damaged[bit // 8] ^= 1 << bit % 8
                subject.path.write_bytes(damaged)
                tally.trial(f"{subject.name}, bit {bit}", subject.look, sound, subject.same)
            subject.path.write_bytes(content)
            by_kind[subject.name] = dict(tally.counts)
            all_.counts += tally.counts
            all_.examples |= tally.examples
    return all_.done(by_kind=by_kind)
