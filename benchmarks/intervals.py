"""Do 95 % intervals cover the truth in 95 %? Simulated sets with a known expected score.

    python benchmarks/intervals.py [--sets 2000] [--items 300] [--groups] [--default]

Every set is a fresh sample of unequal, overlapping Gaussian classes. The truth is the expected score of the same
procedure at the same training size (four fifths of a set): the mean over independent training sets, each tested on
20,000 fresh items. ``--groups`` doubles a third of the items (near duplicates with the same class), ``--default``
uses the toolkit's own classifier instead of a linear discriminant (slower). Prints a Markdown table and JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import accuracy_score, f1_score

import mmtoolkit as mm
from mmtoolkit.classification import LogisticClassifier

SHARES = np.array([0.4, 0.3, 0.2, 0.1])
N_FEATURES = 16
N_TRUTH, N_FRESH = 200, 20_000
METRICS = {"accuracy": accuracy_score, "f1_macro": lambda a, b: f1_score(a, b, average="macro")}


class World:
    """Where items come from: four Gaussian classes in 16 dimensions."""

    def __init__(self) -> None:
        self.centers = np.random.default_rng(0).normal(size=(len(SHARES), N_FEATURES)) * 0.45

    def sample(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return independent items."""
        y = np.repeat(np.arange(len(SHARES)), rng.multinomial(n, SHARES))
        return self.centers[y] + rng.normal(size=(n, N_FEATURES)), y

    def with_copies(self, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return items of which a third has a copy, and the groups they form."""
        X, y = self.sample(n, rng)
        doubled = np.flatnonzero(rng.random(n) < 1 / 3)
        rows = np.concatenate([np.arange(n), doubled])
        jitter = np.where(np.arange(len(rows)) < n, 0.0, 1e-3)[:, None] * rng.normal(size=(len(rows), N_FEATURES))
        return X[rows] + jitter, y[rows], rows


def truth(world: World, n: int, estimator: Any, *, copies: bool) -> dict[str, float]:
    scores: dict[str, list[float]] = {name: [] for name in METRICS}
    for number in range(N_TRUTH):
        rng = np.random.default_rng([1, number])
        X, y, _ = world.with_copies(n, rng) if copies else (*world.sample(n, rng), None)
        model = estimator().fit(X.astype(np.float32), y)
        fresh, true = world.sample(N_FRESH, rng)
        said = model.predict(fresh.astype(np.float32))
        for name, score in METRICS.items():
            scores[name].append(float(score(true, said)))
    return {name: float(np.mean(values)) for name, values in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--groups", action="store_true")
    parser.add_argument("--default", action="store_true")
    given = parser.parse_args()
    world, start = World(), time.process_time()
    estimator = LogisticClassifier if given.default else LinearDiscriminantAnalysis
    expected = truth(world, int(given.items * 0.8), estimator, copies=given.groups)
    covered: dict[str, list[tuple[bool, float]]] = {name: [] for name in METRICS}
    for number in range(given.sets):
        rng = np.random.default_rng([2, number])
        X, y, groups = world.with_copies(given.items, rng) if given.groups else (*world.sample(given.items, rng), None)
        order = rng.permutation(len(y))
        result = mm.classify(
            X[order],
            y[order],
            estimator=None if given.default else LinearDiscriminantAnalysis(),
            groups=None if groups is None else groups[order],
            duplicates="ignore",
            normalize=False,
        )
        for name in METRICS:
            low, high = result.metrics.loc[name, ["low", "high"]]
            covered[name].append((low <= expected[name] <= high, high - low))
    found = {
        name: {
            "truth": expected[name],
            "covered": float(np.mean([inside for inside, _ in values])),
            "width": float(np.mean([width for _, width in values])),
        }
        for name, values in covered.items()
    }
    print("| metric | expected score | covered | mean width |\n| --- | --- | --- | --- |")
    for name, row in found.items():
        print(f"| {name} | {row['truth']:.4f} | {row['covered']:.1%} | {row['width']:.3f} |")
    print(json.dumps(vars(given) | {"cpu_s": time.process_time() - start, "intervals": found}))


if __name__ == "__main__":
    main()
