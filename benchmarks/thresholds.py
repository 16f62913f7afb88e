"""How often `r.thresholds(max_risk=)` breaks its promise, measured on new items with the refitted model; and what it answers.

    OMP_NUM_THREADS=1 python benchmarks/thresholds.py run [--sets 1000] [--only "2 %"] [--seconds 900]
    python benchmarks/thresholds.py write

``run`` keeps what it found in out/thresholds.json and goes on there; ``write`` puts the table into docs/report.md: per cell the
share of sets in which more of the answers are wrong than was promised, the mean share answered, and the share that the oracle
answers, who knows the risk of every threshold of the refitted model.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from simulated import command, put, share, table
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from mmtoolkit.classification import LogisticClassifier
from mmtoolkit.classification.answering import curve, find_threshold
from mmtoolkit.classification.folds import stratified_folds

NEW, D, CV = 8_000, 16, 5
CELLS = {  # rows, classes, distance of the means, promise, rows per group, classifier
    "300 x 2, 10 %": (300, 2, 2.0, 0.10, 1, None),
    "600 x 2, 5 %": (600, 2, 2.0, 0.05, 1, None),
    "600 x 5, 5 %": (600, 5, 3.0, 0.05, 1, None),
    "2,000 x 2, 2 %": (2000, 2, 2.0, 0.02, 1, None),
    "3,000 x 2, groups of 5, 5 %": (3000, 2, 2.0, 0.05, 5, None),
    "600 x 2, 5 %, the default classifier": (600, 2, 2.0, 0.05, 1, LogisticClassifier()),
}
HEADS = (
    "items x classes, promise",
    "sets",
    "promise broken",
    "answered",
    "by the oracle",
    "ratio",
    "limit of the curve below the truth anywhere",
    "promise broken by looking at the curve",
)


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


def one_set(cell: tuple[Any, ...], rng: np.random.Generator) -> list[float]:
    """Return whether the promise is broken, what is answered, what the oracle answers, and the same for the curve.

    The curve is broken when its limit lies below the risk of the refitted model anywhere; and a reader who takes the largest
    coverage whose limit keeps the promise is deceived when that breaks it.
    """
    n, n_classes, apart, max_risk, size, given = cell
    model = LogisticRegression(solver="newton-cholesky") if given is None else given
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
    limits = curve(result)
    limits = limits[limits["coverage"] >= 0.05]  # fewer than 400 of the new items say little of a risk
    at = np.maximum(np.searchsorted(-sure, -limits["confidence"].to_numpy(), side="right") - 1, 0)
    passed = np.flatnonzero(limits["upper"].to_numpy() <= max_risk)
    looked = bool(len(passed)) and risk[at[passed[-1]]] > max_risk
    broken = n_answers > 0 and risk[n_answers - 1] > max_risk
    return [float(broken), n_answers / NEW, best, float((risk[at] > limits["upper"]).any()), float(looked)]


def trial(name: str) -> Callable[[int, int], list[float]]:
    """Return what simulates a set of a cell."""
    return lambda family, number: one_set(CELLS[name], np.random.default_rng([family, number]))


def row(name: str, sets: list[Any]) -> list[str]:
    """Return a row of the table."""
    broken, answered, oracle, below, looked = np.array(sets, dtype=float).T
    said, best = answered.mean(), oracle.mean()
    return [
        name,
        str(len(sets)),
        share(broken),
        f"{said:.3f}",
        f"{best:.3f}",
        f"{said / best:.2f}" if best else "",
        share(below),
        share(looked),
    ]


def write(kept: dict[str, list[Any]]) -> None:
    """Put the table into the page."""
    put("thresholds", ["", *table(HEADS, [row(name, sets) for name, sets in kept.items()]), ""])


if __name__ == "__main__":
    command("thresholds", __doc__, {name: trial(name) for name in CELLS}, write)
