"""Log-loss on new items of the default classifier at few items, calibrated and not; mean probabilities under class weights.

Run: python benchmarks/calibration.py [n_sets]     Prints JSON: means over sets and their standard errors.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from sklearn.datasets import load_digits

from mmtoolkit.classification import LogisticClassifier

NEW = 4000


def unit(X: np.ndarray) -> np.ndarray:
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def blobs(rng: np.random.Generator, counts: list[int], d: int, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """Return unit rows of Gaussian classes whose means lie `apart` from each other."""
    y = np.repeat(np.arange(len(counts)), counts)
    means = apart / np.sqrt(2) * np.eye(len(counts), d)
    return unit(rng.normal(size=(len(y), d)) + means[y]), y


def log_loss(model: LogisticClassifier, X: np.ndarray, y: np.ndarray) -> float:
    p = model.predict_proba(X)[np.arange(len(X)), np.searchsorted(model.classes_, y)]
    return float(-np.log(np.maximum(p, 1e-300)).mean())


def few(n_sets: int) -> dict[str, dict[str, float]]:
    """Two classes, 60 rows of 16 features; the same model with and without its temperature."""
    found = {}
    for apart in (2.0, 3.0, 4.0, 6.0):
        losses = []
        for seed in range(n_sets):
            rng = np.random.default_rng([17, seed])
            (X, y), (A, b) = blobs(rng, [30, 30], 16, apart), blobs(rng, [NEW // 2] * 2, 16, apart)
            losses.append([log_loss(LogisticClassifier(calibrate=c).fit(X, y), A, b) for c in (True, False)])
        mean, error = np.mean(losses, axis=0), np.std(losses, axis=0) / np.sqrt(n_sets)
        found[f"{apart:g} standard deviations apart"] = {
            "calibrated": mean[0],
            "error": error[0],
            "not": mean[1],
            "ratio": mean[0] / mean.min(),
        }
    return found


def digits(n_sets: int) -> dict[str, dict[str, float]]:
    """Digits 3 against 8 with 30 labels."""
    D, t = load_digits(return_X_y=True)
    rows = np.flatnonzero((t == 3) | (t == 8))
    losses = []
    for seed in range(n_sets):
        order = np.random.default_rng([18, seed]).permutation(rows)
        X, A = unit(D[order[:30]]), unit(D[order[30:]])
        losses.append(
            [log_loss(LogisticClassifier(calibrate=c).fit(X, t[order[:30]]), A, t[order[30:]]) for c in (True, False)]
        )
    return {"digits 3 and 8, 30 labels": dict(zip(("calibrated", "not"), np.mean(losses, axis=0), strict=True))}


def balanced(n_sets: int) -> dict[str, dict[str, float]]:
    """2,000 rows against 40 with balanced weights: mean probability of each class over its share of new rows."""
    found = {}
    for d, apart in ((16, 2.0), (64, 2.0), (64, 3.0), (256, 3.0)):
        ratios = []
        for seed in range(n_sets):
            rng = np.random.default_rng([19, seed])
            (X, y), (A, b) = blobs(rng, [2000, 40], d, apart), blobs(rng, [20_000, 400], d, apart)
            p = LogisticClassifier(class_weight="balanced").fit(X, y).predict_proba(A)
            ratios.append(p.mean(axis=0) / (np.bincount(b) / len(b)))
        mean, error = np.mean(ratios, axis=0), np.std(ratios, axis=0) / np.sqrt(n_sets)
        found[f"2000:40, {d} features, {apart:g} apart"] = {"common": mean[0], "rare": mean[1], "rare_error": error[1]}
    return found


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(json.dumps(few(n) | digits(n) | balanced(max(n // 10, 4)), indent=1))
