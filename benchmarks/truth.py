"""How often intervals hold the truth, and tests their level: simulated sets of which the truth is known.

    OMP_NUM_THREADS=1 python benchmarks/truth.py run [--sets 1000] [--only "60 x 2"] [--seconds 900]
    python benchmarks/truth.py write

``run`` simulates cell after cell and keeps what it found in out/truth.json; a cell that has enough sets is done, so
it can be stopped and goes on. ``write`` puts the table into docs/report.md. The truth of a cell with folds is the expected
score, on fresh items, of models trained on four fifths of a set; with ``test=`` it is the score of this model on fresh
items. Cells of ``mm.classify`` use the default classifier, the others ridge regression in closed form.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import mmtoolkit as mm
from mmtoolkit.classification import ridge, score_tables
from mmtoolkit.classification.folds import stratified_folds
from mmtoolkit.classification.gradients import Axes
from mmtoolkit.classification.intervals import wilson
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.permutation import better_than_chance
from mmtoolkit.classification.spread import HeldOutScores
from mmtoolkit.classification.weighted import WeightedScores

DEVELOPMENT, VERDICT = (
    7,
    20261128,
)  # first word of every seed: the method was chosen on the one, the table is of the other
SCORES = ("accuracy", "f1_macro", "balanced_accuracy", "log_loss", "roc_auc", "average_precision")
ROOT = Path(__file__).parent.parent
KEPT, PAGE = ROOT / "out" / "truth.json", ROOT / "docs" / "report.md"
START, END = "<!-- truth: written by benchmarks/truth.py -->", "<!-- /truth -->"


@dataclass(frozen=True)
class Cell:
    """One kind of data.

    Attributes
    ----------
    n : int
        Items of a set.
    shares : tuple of float
        Class sizes, relative.
    d : int
        Features.
    apart : float
        Distance of the class centers from their mean, in standard deviations; 0 is random labels.
    group : int
        Items of a group: they have one class and lie close together.
    weight : None or "balanced"
        Class weights.
    test : bool
        A third of the items is held out once, instead of folds.
    real : bool
        With ``mm.classify`` and its default classifier.
    """

    n: int
    shares: tuple[float, ...]
    d: int
    apart: float
    group: int = 1
    weight: str | None = None
    test: bool = False
    real: bool = False

    def sample(self, n: int, rng: np.random.Generator, group: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return items, classes and groups; every set has the same number of each class."""
        share = np.array(self.shares) / sum(self.shares)
        y = np.repeat(np.arange(len(share)), np.round(share * (n // group)).astype(int))
        centers = np.random.default_rng([1, self.d, len(share)]).normal(size=(len(share), self.d))
        X = centers[y] * self.apart / np.sqrt(self.d) + rng.normal(size=(len(y), self.d))
        groups = np.repeat(np.arange(len(y)), group)
        X = X[groups] + (0.5 * rng.normal(size=(len(groups), self.d)) if group > 1 else 0.0)
        return X.astype(np.float32), y[groups], groups


def equal(n: int, K: int, d: int, apart: float, **more: Any) -> Cell:
    return Cell(n, (1.0,) * K, d, apart, **more)


ONE_TO_HUNDRED = (100.0, 1.0)
CLOSED = {
    "60 x 2": equal(60, 2, 16, 1.0),
    "60 x 5": equal(60, 5, 16, 2.0),
    "300 x 2": equal(300, 2, 16, 1.0),
    "300 x 5": equal(300, 5, 16, 1.5),
    "300 x 30": equal(300, 30, 64, 4.0),
    "2,000 x 2": equal(2000, 2, 16, 1.0),
    "2,000 x 5": equal(2000, 5, 16, 1.5),
    "2,000 x 30": equal(2000, 30, 64, 4.0),
    "2,020 x 2, 100:1": Cell(2020, ONE_TO_HUNDRED, 16, 5.0),
    "2,020 x 2, 100:1, balanced": Cell(2020, ONE_TO_HUNDRED, 16, 2.5, weight="balanced"),
    "60 x 2, groups of 5": equal(60, 2, 16, 1.0, group=5),
    "300 x 2, groups of 5": equal(300, 2, 16, 1.0, group=5),
    "300 x 5, groups of 5": equal(300, 5, 16, 1.5, group=5),
    "300 x 2, test=": equal(300, 2, 16, 1.0, test=True),
    "300 x 5, test=": equal(300, 5, 16, 1.5, test=True),
    "60 x 2, random labels": equal(60, 2, 16, 0.0),
    "300 x 5, random labels": equal(300, 5, 16, 0.0),
    "300 x 2, random labels, groups of 5": equal(300, 2, 16, 0.0, group=5),
}
REAL = ("60 x 2", "60 x 5", "300 x 2", "300 x 5", "300 x 30", "300 x 2, groups of 5", "300 x 5, groups of 5",
        "300 x 2, test=", "60 x 2, random labels", "300 x 5, random labels")  # fmt: skip
CELLS = {**CLOSED, **{f"{name}, mm.classify": dataclasses.replace(CLOSED[name], real=True) for name in REAL}}


def scored(codes: np.ndarray, predicted: np.ndarray, proba: np.ndarray) -> list[float]:
    """Return `SCORES`; areas are of the last class."""
    K = proba.shape[1]
    scores = WeightedScores(codes, predicted[None], proba[None], np.arange(K) == K - 1)
    row = scores(np.ones((1, len(codes))))[0]
    return [*(row[scores.overall.index(name)] for name in SCORES[:4]), row[-K - 1], row[-1]]


def one_set(cell: Cell, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return value, low, high and truth of every score in one set, and the p-value."""
    X, y, groups = cell.sample(cell.n, rng, cell.group)
    fold = stratified_folds(y, groups, 5, int(rng.integers(2**31)))
    test = stratified_folds(y, groups, 3, int(rng.integers(2**31))) == 0
    train = ~test if cell.test else fold != 0
    A, b, _ = cell.sample(20_000 if min(cell.shares) / sum(cell.shares) < 0.02 else 4000, rng)
    K, p_value = len(cell.shares), np.nan
    if cell.real:
        options = {"duplicates": "ignore", "normalize": False, "class_weight": cell.weight}
        r = mm.classify(X, y, groups=groups, test=test if cell.test else None, **options)
        overall, classes, p_value = r.metrics, r.per_class, r.p_value
        model = LogisticClassifier(class_weight=cell.weight).fit(X[train], y[train], groups[train])
        true = scored(b, model.predict(A), model.predict_proba(A))
    else:
        axes = Axes(X)
        Z = axes.rows[:, :64].astype(np.float64)
        mean, coef, intercept = ridge._fit(Z[train], y[train], K, cell.weight)
        said = ((A - axes.mean) @ axes.basis[:, :64] - mean) @ coef + intercept
        true = scored(b, said.argmax(axis=1), ridge.probabilities(said, b))
        out = (said_of(Z[test], mean, coef, intercept)) if cell.test else ridge.held_out(Z, y, K, fold, cell.weight)
        rows = test if cell.test else np.ones(len(y), dtype=bool)
        inside = np.unique(groups[rows], return_inverse=True)[1]
        held = HeldOutScores(y[rows], out.argmax(axis=1)[None], ridge.probabilities(out, y[rows])[None], inside)
        value = held.values()
        variance = held.variances(None if cell.test else X, cv=5, class_weight=cell.weight, random_state=0)
        overall = score_tables.metric_table(held, value, variance)
        classes = score_tables.class_table(held, np.arange(K), value, variance)
        if cell.n <= 300:
            part = np.where(test, 0, -1) if cell.test else fold
            p_value = better_than_chance(X, y, groups, part, 0).p_value
    rows = [overall.loc[name, ["value", "low", "high"]] for name in SCORES[:4]]
    rows += [classes.iloc[-1][[name, f"{name}_low", f"{name}_high"]] for name in SCORES[4:]]
    found = np.column_stack([np.array([np.asarray(row, dtype=float) for row in rows]), true])
    return {**dict(zip(SCORES, found.tolist(), strict=True)), "p_value": [float(p_value)]}


def said_of(Z: np.ndarray, mean: np.ndarray, coef: np.ndarray, intercept: np.ndarray) -> np.ndarray:
    return np.asarray((Z - mean) @ coef + intercept)


def run(n_sets: int, only: str, seconds: float, family: int) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    end, kept = time.monotonic() + seconds, json.loads(KEPT.read_text()) if KEPT.exists() else {}
    names = [name for name in CELLS if re.search(only, name)]
    step = 20
    for start in range(0, n_sets, step):  # all cells grow together
        for name in names:
            seed = int.from_bytes(name.encode(), "big") % 2**61
            done = kept.setdefault(name, [])
            while len(done) < min(start + step, n_sets):
                if time.monotonic() > end:
                    KEPT.write_text(json.dumps(kept))
                    return
                done.append(one_set(CELLS[name], np.random.default_rng([family, seed, len(done)])))
        KEPT.write_text(json.dumps(kept))


def share(hits: np.ndarray) -> str:
    """Return a share with its 99 % Monte-Carlo limits."""
    low, high = wilson(hits.sum(), len(hits), level=0.99)
    return f"{hits.mean():.3f} ({low:.3f} to {high:.3f})"


def column(sets: list[dict[str, list[float]]], name: str) -> np.ndarray:
    return np.array([one[name] for one in sets], dtype=float)


def coverage(cell: Cell, sets: list[dict[str, list[float]]], name: str) -> tuple[str, str]:
    """Return coverage, and mean width over 3.92 true standard deviations."""
    value, low, high, true = column(sets, name).T
    kept = np.isfinite(low)
    if not kept.any():
        return "too few", ""
    true = true if cell.test else np.full(len(true), true.mean())
    off = (value - true)[kept] if cell.test else value[kept]
    wide = f"{(high - low)[kept].mean() / (3.92 * off.std()):.2f}" if off.std() > 1e-6 else "the score does not move"
    return share((low <= true)[kept] & (true <= high)[kept]), wide


def table(kept: dict[str, Any], words: dict[str, str], row: Callable[..., list[str]]) -> list[str]:
    lines = [f"| {' | '.join(words.values())} |", f"|{' --- |' * len(words)}"]
    return lines + [f"| {' | '.join(row(name, CELLS[name], sets))} |" for name, sets in kept.items() if sets]


def row_of_intervals(name: str, cell: Cell, sets: list[Any]) -> list[str]:
    found = [coverage(cell, sets, score) for score in SCORES]
    return [name, str(len(sets)), *(f"{held}; {wide}" if wide else held for held, wide in found)]


def row_of_test(name: str, cell: Cell, sets: list[Any]) -> list[str]:
    p = column(sets, "p_value")[:, 0]
    above = column(sets, "accuracy")[:, 1] > max(cell.shares) / sum(cell.shares)
    p = p[np.isfinite(p)]
    return [name, str(len(sets)), share(p <= 0.05) if len(p) else "none", share(above)]


def write() -> None:
    kept = json.loads(KEPT.read_text())
    kept = {name: kept[name] for name in CELLS if kept.get(name)}
    null = {name: sets for name, sets in kept.items() if CELLS[name].apart == 0}
    power = {name: s for name, s in kept.items() if name not in null and np.isfinite(column(s, "p_value")).any()}
    heads = {"cell": "items x classes", "sets": "sets", **{name: name.replace("_", " ") for name in SCORES}}
    tests = {"cell": "items x classes", "sets": "sets", "p": "p <= 0.05", "above": "interval above the largest class"}
    lines = [
        "Coverage of 95 % intervals (99 % Monte-Carlo limits); mean width over 3.92 true standard deviations of the score:",
        "", *table(kept, heads, row_of_intervals), "",
        "Random labels: how often the test and the interval claim something (level):",
        "", *table(null, tests, row_of_test), "",
        "Classes that can be told apart: how often they find it (power):",
        "", *table(power, tests, row_of_test), "",
    ]  # fmt: skip
    page = PAGE.read_text("utf-8")
    before, _, rest = page.partition(START)
    PAGE.write_text("\n".join([before + START, *lines, END]) + rest.partition(END)[2], "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "write"))
    parser.add_argument("--sets", type=int, default=1000)
    parser.add_argument("--only", default="", help="pattern of names of cells")
    parser.add_argument("--seconds", type=float, default=np.inf)
    parser.add_argument("--development", action="store_true", help="the seeds that the method was chosen on")
    given = parser.parse_args()
    if given.what == "write":
        write()
    else:
        run(given.sets, given.only, given.seconds, DEVELOPMENT if given.development else VERDICT)


if __name__ == "__main__":
    main()
