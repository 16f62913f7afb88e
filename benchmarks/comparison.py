"""Level, power and equivalence of `mm.compare`: simulated sets on which two embeddings are equally good, or not.

Run: python benchmarks/comparison.py [n_sets]     Prints JSON, with standard errors. A classifier in closed form stands for the
default one. McNemar's exact test is given the level that ours has on the equal sets.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from scipy.stats import binom

from mmtoolkit.classification import ridge
from mmtoolkit.classification.folds import stratified_folds
from mmtoolkit.classification.metrics import METRICS
from mmtoolkit.classification.paired import LEVEL, differences
from mmtoolkit.provenance import one_thread

VERDICT = 20261128  # first word of every seed; the procedure was chosen on seeds that begin with 7
D, CV = 16, 5
CELLS = {  # rows, classes, distance of the means, how much further the first embedding has them, rows per group
    "n 60": (60, 2, 2.0, 1.2, 1),
    "n 300": (300, 5, 3.0, 0.5, 1),
    "n 300, groups of 5": (300, 2, 2.0, 1.0, 5),
}


def trial(cell: tuple[int, int, float, float, int], further: float, seed: int) -> tuple[float, float, float, float]:
    """Return the difference, its error, and the p-values of ours and of McNemar's test."""
    n, n_classes, apart, _, size = cell
    rng = np.random.default_rng([VERDICT, seed])
    group = np.repeat(np.arange(n // size), size)
    y = (np.arange(n // size) % n_classes)[group]
    rows = {}
    for name, distance in (("first", apart + further), ("second", apart)):
        noise = rng.normal(size=(n, D))
        if size > 1:
            noise = (noise + rng.normal(size=(n // size, D))[group]) / np.sqrt(2)
        rows[name] = (distance / np.sqrt(2) * np.eye(n_classes, D)[y] + noise).astype(np.float32)
    fold = stratified_folds(y, group, CV, 0)
    predicted = [ridge.held_out(ridge.components(X), y, n_classes, fold).argmax(axis=1) for X in rows.values()]
    found = differences(rows, predicted, y, group, n_classes, METRICS["accuracy"], cv=CV, random_state=0)[0]
    right = [p == y for p in predicted]
    one, other = int((right[0] & ~right[1]).sum()), int((~right[0] & right[1]).sum())
    mcnemar = min(2 * float(binom.cdf(min(one, other), one + other, 0.5)), 1.0)
    return found.value, found.error, found.p_value, mcnemar


def share(values: np.ndarray) -> dict[str, float]:
    """Return a share and its standard error."""
    mean = float(np.mean(values))
    return {"share": round(mean, 4), "standard_error": round(float(np.sqrt(mean * (1 - mean) / len(values))), 4)}


def _power_at(level: float, equal: np.ndarray, apart: np.ndarray) -> float:
    """Return the power of a test at a level that its discrete p-values may not have: between the nearest that they have."""
    critical = np.concatenate([[-1.0], np.unique(equal)])
    levels, powers = ((p[None, :] <= critical[:, None]).mean(axis=1) for p in (equal, apart))
    return float(np.interp(level, levels, powers))


def main(n_sets: int) -> None:
    """Print all cells."""
    found = {}
    for name, cell in CELLS.items():
        equal, apart = (
            np.array([trial(cell, further, seed) for seed in range(n_sets)]).T for further in (0.0, cell[3])
        )
        level = np.mean(equal[2] < LEVEL)
        margin = abs(float(apart[0].mean()))  # the true difference, but for its own error
        shown = np.abs(apart[0]) + 1.6448536 * apart[1] < margin
        power, rival = (apart[2] < LEVEL).mean(), _power_at(level, equal[3], apart[3])
        found[name] = {
            "sets": n_sets,
            "level": share(equal[2] < LEVEL),
            "true_standard_deviation": round(float(equal[0].std()), 4),
            "mean_standard_error": round(float(equal[1].mean()), 4),
            "true_difference": round(margin, 4),
            "power": share(apart[2] < LEVEL),
            "power_of_mcnemar_at_that_level": round(rival, 4),
            "of_mcnemar": round(float(power / rival), 3) if rival else None,
            "equivalent_at_the_margin": share(shown),
        }
        print(name, found[name], file=sys.stderr, flush=True)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    with one_thread():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
