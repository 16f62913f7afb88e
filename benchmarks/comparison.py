"""Level, power and equivalence of `mm.compare`: simulated sets on which two embeddings are equally good, or not.

    OMP_NUM_THREADS=1 python benchmarks/comparison.py run [--sets 1000] [--only "n 60"] [--seconds 900]
    python benchmarks/comparison.py write

``run`` keeps what it found in out/comparison.json and goes on there; ``write`` puts the table into docs/report.md. The linear
discriminant in closed form stands for the default classifier. McNemar's exact test is given the level that ours has on the
equal sets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import binom
from simulated import command, put, share, table

from mmtoolkit.classification import discriminant
from mmtoolkit.classification.folds import stratified_folds
from mmtoolkit.classification.metrics import METRICS
from mmtoolkit.classification.paired import LEVEL, PairedDifference, differences

D, CV = 16, 5
CELLS = {  # rows, classes, distance of the means, how much further the first embedding has them, rows per group
    "60 x 2": (60, 2, 2.0, 1.2, 1),
    "300 x 5": (300, 5, 3.0, 0.5, 1),
    "300 x 2, groups of 5": (300, 2, 2.0, 1.0, 5),
}
HEADS = (
    "items x classes",
    "sets",
    "level: says there is a difference where there is none",
    "power: finds one of",
    "power of McNemar at that level",
    "ratio",
    "wrongly equivalent at a margin of that difference",
)


def compared(cell: tuple[int, int, float, float, int], further: float, rng: np.random.Generator) -> list[float]:
    """Return the difference, its error, and the p-values of ours and of McNemar's test."""
    n, n_classes, apart, _, size = cell
    group = np.repeat(np.arange(n // size), size)
    y = (np.arange(n // size) % n_classes)[group]
    rows = {}
    for name, distance in (("first", apart + further), ("second", apart)):
        noise = rng.normal(size=(n, D))
        if size > 1:
            noise = (noise + rng.normal(size=(n // size, D))[group]) / np.sqrt(2)
        rows[name] = (distance / np.sqrt(2) * np.eye(n_classes, D)[y] + noise).astype(np.float32)
    fold = stratified_folds(y, group, CV, 0)
    each = [discriminant.components(X) for X in rows.values()]
    predicted = [discriminant.held_out(Z, y, n_classes, fold)[0] for Z in each]
    found = differences(rows, predicted, y, group, n_classes, METRICS["accuracy"], cv=CV, random_state=0)[0]
    right = [p == y for p in predicted]
    one, other = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    mcnemar = min(2 * float(binom.cdf(min(one, other), one + other, 0.5)), 1.0)
    return [found.value, found.error, found.p_value, mcnemar]


def trial(name: str) -> Callable[[int, int], list[list[float]]]:
    """Return what simulates a set with equal embeddings, and one with a difference."""
    cell = CELLS[name]
    return lambda family, number: [
        compared(cell, further, np.random.default_rng([family, number, part]))
        for part, further in enumerate((0.0, cell[3]))
    ]


def _power_at(level: float, equal: np.ndarray, apart: np.ndarray) -> float:
    """Return the power of a test at a level that its discrete p-values may not have: between the nearest that they have."""
    critical = np.concatenate([[-1.0], np.unique(equal)])
    levels, powers = ((p[None, :] <= critical[:, None]).mean(axis=1) for p in (equal, apart))
    return float(np.interp(level, levels, powers))


def row(name: str, sets: list[Any]) -> list[str]:
    """Return a row of the table."""
    equal, apart = np.swapaxes(np.array(sets, dtype=float), 0, 1).transpose(0, 2, 1)
    ours = [
        [
            PairedDifference(value, error, CELLS[name][0] // CELLS[name][4])
            for value, error in zip(*kind[:2], strict=True)
        ]
        for kind in (equal, apart)
    ]
    level, power = (np.array([one.p_value < LEVEL for one in kind]) for kind in ours)
    rival = _power_at(float(level.mean()), equal[3], apart[3])
    margin = abs(float(apart[0].mean()))  # the true difference, but for its own error
    wrong = np.array([one.equivalent(margin) for one in ours[1]])
    return [
        name,
        str(len(sets)),
        share(level),
        f"{margin:.3f}: {share(power)}",
        f"{rival:.3f}",
        f"{power.mean() / rival:.2f}" if rival else "",
        share(wrong),
    ]


def write(kept: dict[str, list[Any]]) -> None:
    """Put the table into the page."""
    put("comparison", ["", *table(HEADS, [row(name, sets) for name, sets in kept.items()]), ""])


if __name__ == "__main__":
    command("comparison", __doc__, {name: trial(name) for name in CELLS}, write)
