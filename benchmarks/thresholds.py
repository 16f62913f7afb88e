"""How often `r.thresholds(max_risk=)` breaks its promise, measured on new items with the refitted model; and what it answers.

Run: python benchmarks/thresholds.py [n_sets]     Prints JSON: per cell the share of sets in which more of the answers are
wrong than was promised, with its standard error; the mean share answered; and the share that the oracle answers, who knows the
risk of every threshold of the refitted model. The default classifier runs on a tenth of the sets.
"""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from mmtoolkit.classification import LogisticClassifier
from mmtoolkit.classification.answering import curve, find_threshold
from mmtoolkit.classification.folds import stratified_folds
from mmtoolkit.provenance import one_thread

VERDICT = 20261128  # first word of every seed; the procedure was chosen on seeds that begin with 7
NEW, D, CV = 8_000, 16, 5
CELLS = [  # rows, classes, distance of the means, promise, rows per group
    (300, 2, 2.0, 0.10, 1),
    (600, 2, 2.0, 0.05, 1),
    (600, 5, 3.0, 0.05, 1),
    (2000, 2, 2.0, 0.02, 1),
    (3000, 2, 2.0, 0.05, 5),
]


def blobs(rng: np.random.Generator, means: np.ndarray, n: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Gaussian classes; the rows of a group have one class and share half of their noise."""
    group = np.arange(n) // size
    y = rng.integers(0, len(means), int(group[-1]) + 1)[group]
    noise = rng.normal(size=(n, D))
    if size > 1:
        noise = (noise + rng.normal(size=(int(group[-1]) + 1, D))[group]) / np.sqrt(2)
    return means[y] + noise, y, group


def held_out(model: Any, X: np.ndarray, y: np.ndarray, group: np.ndarray) -> Any:
    """Return what `find_threshold` reads of a result, by the folds of `classify`."""
    fold, proba = stratified_folds(y, group, CV, 0), np.full((len(y), int(y.max()) + 1), np.nan)
    for f in range(CV):
        proba[fold == f] = clone(model).fit(X[fold != f], y[fold != f]).predict_proba(X[fold == f])
    predicted = proba.argmax(axis=1)
    return SimpleNamespace(
        fold=fold,
        y_proba=proba,
        y_true=y.astype(object),
        y_pred=predicted.astype(object),
        classes=np.arange(proba.shape[1]),
        together=group,
    )


def trial(model: Any, cell: tuple[int, int, float, float, int], seed: int) -> tuple[bool, float, float, bool, bool]:
    """Return whether the promise is broken, what is answered, what the oracle answers, and the same for the curve.

    The curve is broken when its limit lies below the risk of the refitted model anywhere; and a reader who takes the largest
    coverage whose limit keeps the promise is deceived when that breaks it.
    """
    n, n_classes, apart, max_risk, size = cell
    rng = np.random.default_rng([VERDICT, seed])
    means = rng.normal(size=(n_classes, D))
    means *= apart / np.linalg.norm(means, axis=1, keepdims=True)
    X, y, group = blobs(rng, means, n, size)
    new, truth, _ = blobs(rng, means, NEW, size)
    result = held_out(model, X, y, group)
    least = find_threshold(result, max_risk, 0.95).min_confidence
    found = clone(model).fit(X, y).predict_proba(new)
    sure, wrong = found.max(axis=1), found.argmax(axis=1) != truth
    order = np.argsort(-sure)
    sure, risk = sure[order], np.cumsum(wrong[order]) / np.arange(1, NEW + 1)
    keeps = np.flatnonzero(risk <= max_risk)
    best = (keeps[-1] + 1) / NEW if len(keeps) else 0.0
    n_answers = int(np.searchsorted(-sure, -least, side="right"))
    table = curve(result)
    table = table[table["coverage"] >= 0.05]  # fewer than 400 of the new items say little of a risk
    at = np.maximum(np.searchsorted(-sure, -table["confidence"].to_numpy(), side="right") - 1, 0)
    passed = np.flatnonzero(table["upper"].to_numpy() <= max_risk)
    looked = bool(len(passed)) and risk[at[passed[-1]]] > max_risk
    broken = n_answers > 0 and risk[n_answers - 1] > max_risk
    return broken, n_answers / NEW, best, bool((risk[at] > table["upper"]).any()), looked


def measured(model: Any, cell: tuple[int, int, float, float, int], n_sets: int) -> dict[str, float]:
    """Return the shares of a cell."""
    broken, answered, oracle, below, looked = np.array(
        [trial(model, cell, seed) for seed in range(n_sets)], dtype=float
    ).T
    return {
        "sets": n_sets,
        "promise_broken": round(float(broken.mean()), 4),
        "standard_error": round(float(np.sqrt(broken.mean() * (1 - broken.mean()) / n_sets)), 4),
        "answered": round(float(answered.mean()), 4),
        "oracle": round(float(oracle.mean()), 4),
        "of_oracle": round(float(answered.mean() / oracle.mean()), 3),
        "curve_below_the_truth_anywhere": round(float(below.mean()), 4),
        "promise_broken_by_looking_at_the_curve": round(float(looked.mean()), 4),
    }


def main(n_sets: int) -> None:
    """Print all cells."""
    found: dict[str, dict[str, float]] = {}
    for cell in CELLS:
        name = "n {} classes {} apart {} promise {} group {}".format(*cell)
        found[name] = measured(LogisticRegression(solver="newton-cholesky"), cell, n_sets)
        print(name, found[name], file=sys.stderr, flush=True)
    found["default classifier"] = measured(LogisticClassifier(), CELLS[1], n_sets // 10)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    with one_thread():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
