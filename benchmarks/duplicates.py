"""Score a set of which half the rows are jittered copies and a fifth of the labels noise, and then truly new data.

    python benchmarks/duplicates.py [--draws 10] [--items 3000]

Prints, per draw and in the mean, the reported accuracy, the one that lets copies stand on both sides, and the accuracy
of the same procedure on 20,000 new items; a Markdown table and JSON.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

import mmtoolkit as mm

N_FEATURES, N_CLASSES, N_NEW = 64, 5, 20_000


def sample(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    centers = np.random.default_rng(11).normal(size=(N_CLASSES, N_FEATURES)) * 0.3
    codes = rng.integers(N_CLASSES, size=n)
    X = centers[codes] + rng.normal(size=(n, N_FEATURES))
    wrong = rng.random(n) < 0.2
    return X.astype(np.float32), np.where(wrong, rng.integers(N_CLASSES, size=n), codes)


def one_draw(n: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    X, y = sample(n // 2, rng)
    copies = (X + 1e-3 * rng.normal(size=X.shape)).astype(np.float32)
    result = mm.classify(np.concatenate([X, copies]), np.tile(y, 2))
    new, true = sample(N_NEW, rng)
    return {
        "reported": float(result.metrics.loc["accuracy", "value"]),
        "ungrouped": float(result.ungrouped_accuracy or np.nan),
        "new data": float((result.predict(new) == true).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--items", type=int, default=3000)
    given = parser.parse_args()
    draws = [one_draw(given.items, seed) for seed in range(given.draws)]
    mean = {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
    print("| draw | reported | copies on both sides | truly new data |\n| --- | --- | --- | --- |")
    for name, row in [*((str(i), draw) for i, draw in enumerate(draws)), ("mean", mean)]:
        print(f"| {name} | {row['reported']:.3f} | {row['ungrouped']:.3f} | {row['new data']:.3f} |")
    print(json.dumps(vars(given) | {"mean": mean, "draws": draws}))


if __name__ == "__main__":
    main()
