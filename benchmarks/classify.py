"""Tuned cross-validation beside scikit-learn's LogisticRegressionCV, and the whole ``classify`` on 50,000 items.

    python benchmarks/classify.py tuned [--items 20000] [--features 1024] [--classes 20]
    python benchmarks/classify.py whole [--items 50000] [--features 1024] [--classes 20]

Prints a Markdown table and JSON. CPU seconds, not wall time. The data are simulated unit rows with the decaying
spectrum that embeddings have; classes overlap, and 3 % of the labels are random.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import warnings

import numpy as np

import mmtoolkit as mm
from mmtoolkit.classification.folds import stratified_folds
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.provenance import one_thread
from mmtoolkit.vectors import unit_rows

CS = tuple(float(C) for C in np.logspace(0, 3, 10))


def simulate(n_items: int, n_features: int, n_classes: int, *, random_state: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(random_state)
    y = rng.integers(n_classes, size=n_items)
    scale = (1.0 + np.arange(n_features)) ** -0.5
    centers = rng.normal(size=(n_classes, n_features)) * scale * 4.5 / np.sqrt(2 * n_features)
    X = np.empty((n_items, n_features), dtype=np.float32)
    for start in range(0, n_items, 4096):
        rows = slice(start, start + 4096)
        X[rows] = centers[y[rows]] + rng.normal(size=(len(y[rows]), n_features)) * scale
    wrong = rng.random(n_items) < 0.03
    return unit_rows(X), np.where(wrong, rng.integers(n_classes, size=n_items), y)


def ours(X: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    start = time.process_time()
    model = LogisticClassifier(CS, cv=5, calibrate=False).fit(X, y)
    return time.process_time() - start, min(model.path_.values()), model.C_


def sklearn_cv(X: np.ndarray, y: np.ndarray, **options: object) -> tuple[float, float, float]:
    from sklearn.linear_model import LogisticRegressionCV

    fold = stratified_folds(y, np.arange(len(y)), 5, 0)
    splits = [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(5)]
    start = time.process_time()
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegressionCV(
            Cs=list(CS), cv=splits, scoring="neg_log_loss", use_legacy_attributes=False, **options
        ).fit(X, y)
    took = time.process_time() - start
    share = np.bincount(fold) / len(fold)
    loss = -np.asarray(model.scores_)
    loss = loss.reshape(5, -1) if loss.shape[0] == 5 else loss.reshape(-1, 5).T
    return took, float((share @ loss).min()), float(np.ravel(model.C_)[0])


def tuned(X: np.ndarray, y: np.ndarray) -> dict[str, object]:
    rows = {
        "mmtoolkit LogisticClassifier": ours(X, y),
        "LogisticRegressionCV, float32": sklearn_cv(X, y),
        "LogisticRegressionCV, float64": sklearn_cv(X.astype(np.float64), y),
    }
    base = rows["mmtoolkit LogisticClassifier"][0]
    print("| 10 values of C x 5 folds | CPU s | ratio | mean log-loss | C |\n| --- | --- | --- | --- | --- |")
    for name, (cpu, loss, C) in rows.items():
        print(f"| {name} | {cpu:.1f} | {cpu / base:.1f} | {loss:.5f} | {C:.4g} |", flush=True)
    return {
        name: {"cpu_s": cpu, "ratio": cpu / base, "log_loss": loss, "C": C} for name, (cpu, loss, C) in rows.items()
    }


def whole(X: np.ndarray, y: np.ndarray) -> dict[str, object]:
    before, start = time.process_time(), time.perf_counter()
    result = mm.classify(X, y)
    cpu, wall = time.process_time() - before, time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print("| whole classify | CPU s | wall s | peak GiB | accuracy |\n| --- | --- | --- | --- | --- |")
    accuracy = float(result.metrics.loc["accuracy", "value"])
    print(
        f"| {len(X)} x {X.shape[1]}, {len(result.classes)} classes | {cpu:.0f} | {wall:.0f} | {peak:.2f} | {accuracy:.4f} |"
    )
    return {"cpu_s": cpu, "wall_s": wall, "peak_gib": peak, "accuracy": accuracy}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tuned", "whole"])
    parser.add_argument("--items", type=int)
    parser.add_argument("--features", type=int, default=1024)
    parser.add_argument("--classes", type=int, default=20)
    given = parser.parse_args()
    n_items = given.items or {"tuned": 20_000, "whole": 50_000}[given.what]
    X, y = simulate(n_items, given.features, given.classes)
    found = {"tuned": tuned, "whole": whole}[given.what](X, y)
    print(json.dumps({"items": n_items, "features": given.features, "classes": given.classes, given.what: found}))


if __name__ == "__main__":
    main()
