"""How often intervals hold the truth, and tests their level: simulated sets of which the truth is known.

    OMP_NUM_THREADS=1 python benchmarks/truth.py run [--sets 1000] [--only "60 x 2"] [--seconds 900]
    python benchmarks/truth.py write

``run`` simulates cell after cell and keeps what it found in out/truth.json; a cell that has enough sets is done, so
it can be stopped and goes on. ``write`` puts the table into docs/report.md. The truth of a cell with folds is the expected
score, on fresh items, of models trained on four fifths of a set; with ``test=`` it is the score of this model on fresh
items. Cells of ``mm.classify`` use the default classifier, the others the linear discriminant in closed form.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from simulated import command, put, share, table

import mmtoolkit as mm
from mmtoolkit.classification import discriminant, score_tables
from mmtoolkit.classification.folds import stratified_folds
from mmtoolkit.classification.gradients import Axes
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.permutation import better_than_chance
from mmtoolkit.classification.spread import HeldOutScores
from mmtoolkit.classification.variance import Sample
from mmtoolkit.classification.weighted import WeightedScores

SCORES = ("accuracy", "f1_macro", "balanced_accuracy", "log_loss", "roc_auc", "average_precision")
POWER_SETS = 100  # sets of each kind on which the test is run where there is something to find


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
        """Return items, classes and groups; equal classes have equal sizes, a rare class as many items as come, at least ten."""
        share = np.array(self.shares) / sum(self.shares)
        sizes = np.round(share * (n // group)).astype(int)
        if np.ptp(share) > 0:
            rare = max(10, rng.binomial(n // group, share[-1]))
            sizes = np.array([n // group - rare, rare])
        y = np.repeat(np.arange(len(share)), sizes)
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
    "2,020 x 2, 100:1": Cell(2020, ONE_TO_HUNDRED, 16, 2.5),
    "2,020 x 2, 100:1, nearly perfect": Cell(2020, ONE_TO_HUNDRED, 16, 5.0),
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
NULL, ALONE = [name for name in CLOSED if "random labels" in name], ", the test alone"
CELLS = {**CLOSED, **{f"{name}, mm.classify": dataclasses.replace(CLOSED[name], real=True) for name in REAL}}


def scored(codes: np.ndarray, predicted: np.ndarray, proba: np.ndarray) -> list[float]:
    """Return `SCORES`; areas are of the last class."""
    K = proba.shape[1]
    scores = WeightedScores(codes, predicted[None], proba[None], np.arange(K) == K - 1)
    row = scores(np.ones((1, len(codes))))[0]
    return [*(row[scores.overall.index(name)] for name in SCORES[:4]), row[-K - 1], row[-1]]


def one_set(cell: Cell, rng: np.random.Generator, *, chance: bool) -> dict[str, list[float]]:
    """Return value, low, high and truth of every score in one set, and the p-value where it is wanted."""
    X, y, groups = cell.sample(cell.n, rng, cell.group)
    fold = stratified_folds(y, groups, 5, int(rng.integers(2**31)))
    test = stratified_folds(y, groups, 3, int(rng.integers(2**31))) == 0
    train = ~test if cell.test else fold != 0
    fresh = 20_000 if min(cell.shares) / sum(cell.shares) < 0.02 else 4000
    A, b = (part[:: cell.group] for part in cell.sample(fresh * cell.group, rng, cell.group)[:2])  # one of a group
    K = len(cell.shares)
    rows = test if cell.test else np.ones(len(y), dtype=bool)
    if cell.real:
        options = {"duplicates": "ignore", "normalize": False, "inference": False, "class_weight": cell.weight}
        r = mm.classify(X, y, groups=groups, test=test if cell.test else None, **options)
        said, part, groups = (r.y_pred[rows].astype(np.intp), r.y_proba[rows]), r.fold, r.together
        model = LogisticClassifier(class_weight=cell.weight).fit(X[train], y[train], groups[train])
        true = scored(b, model.predict(A), model.predict_proba(A))
    else:
        axes, part = Axes(X), np.where(test, 0, -1) if cell.test else fold
        Z = axes.rows[:, :64].astype(np.float64)
        model = discriminant.Discriminants(Z, y, K, train.astype(np.intp), np.array([[False, True]]), cell.weight)
        true = scored(b, *model.predict(0, (A - axes.mean) @ axes.basis[:, :64].astype(np.float64)))
        said = model.predict(0, Z[test]) if cell.test else discriminant.held_out(Z, y, K, fold, cell.weight)
    inside = np.unique(groups[rows], return_inverse=True)[1]
    weighted = cell.weight is not None and not cell.test
    held = HeldOutScores(y[rows], said[0][None], said[1][None], inside, weighted)
    value = held.values()
    sample = Sample.drawn(X[rows], y[rows], inside, 0)
    variance = held.variances(sample, cv=None if cell.test else 5, class_weight=cell.weight, random_state=0)
    overall = score_tables.metric_table(held, value, variance)
    classes = score_tables.class_table(held, np.arange(K), value, variance)
    p_value = better_than_chance(Sample.drawn(X, y, groups, 0), part, 0).p_value if chance else np.nan
    rows = [overall.loc[name, ["value", "low", "high"]] for name in SCORES[:4]]
    rows += [classes.iloc[-1][[name, f"{name}_low", f"{name}_high"]] for name in SCORES[4:]]
    found = np.column_stack([np.array([np.asarray(row, dtype=float) for row in rows]), true])
    return {**dict(zip(SCORES, found.tolist(), strict=True)), "p_value": [float(p_value)]}


def test_alone(cell: Cell, rng: np.random.Generator) -> dict[str, list[float]]:
    """Return the p-value that `one_set` finds with these random numbers, and nothing else."""
    X, y, groups = cell.sample(cell.n, rng, cell.group)
    fold = stratified_folds(y, groups, 5, int(rng.integers(2**31)))
    return {"p_value": [better_than_chance(Sample.drawn(X, y, groups, 0), fold, 0).p_value]}


def column(sets: list[dict[str, list[float]]], name: str) -> np.ndarray:
    return np.array([one[name] for one in sets], dtype=float)


def coverage(cell: Cell, sets: list[dict[str, list[float]]], name: str) -> tuple[str, str]:
    """Return coverage, and mean width over 3.92 true standard deviations; how many sets have an interval where some have none."""
    value, low, high, true = column(sets, name).T
    kept = np.isfinite(low)
    if not kept.any():
        return "too few", ""
    true = true if cell.test else np.full(len(true), true[kept].mean())  # of sets that have an interval
    off = (value - true)[kept] if cell.test else value[kept]
    wide = f"{(high - low)[kept].mean() / (3.92 * off.std()):.2f}" if off.std() > 1e-4 else "the score does not move"
    wide += "" if kept.all() else f"; {kept.sum()} sets"
    return share((low <= true)[kept] & (true <= high)[kept]), wide


def row_of_intervals(name: str, cell: Cell, sets: list[Any]) -> list[str]:
    found = [coverage(cell, sets, score) for score in SCORES]
    return [name, str(len(sets)), *(f"{held}; {wide}" if wide else held for held, wide in found)]


def row_of_test(name: str, cell: Cell, sets: list[Any]) -> list[str]:
    p = column(sets, "p_value")[:, 0]
    above = column(sets, "accuracy")[:, 1] > max(cell.shares) / sum(cell.shares)
    p = p[np.isfinite(p)]
    return [name, str(len(p)), share(p <= 0.05) if len(p) else "none", str(len(above)), share(above)]


def write(kept: dict[str, list[Any]]) -> None:
    """Put the tables into the page."""
    alone = {name.removesuffix(ALONE): kept.pop(name) for name in list(kept) if name.endswith(ALONE)}
    null = {name: sets for name, sets in kept.items() if CELLS[name].apart == 0}
    power = {name: s for name, s in kept.items() if name not in null and np.isfinite(column(s, "p_value")).any()}
    tests = ("items x classes", "sets", "p <= 0.05", "sets", "interval above the largest class")

    def rows(row: Callable[..., list[str]], cells: dict[str, list[Any]]) -> list[list[str]]:
        return [row(name, CELLS[name], sets) for name, sets in cells.items()]

    lines = [
        "Coverage of 95 % intervals (99 % Monte-Carlo limits); mean width over 3.92 true standard deviations of the score:",
        "", *table(["items x classes", "sets", *(name.replace("_", " ") for name in SCORES)], rows(row_of_intervals, kept)), "",
        "Random labels: how often the test and the interval claim something (level):",
        "", *table(tests, rows(row_of_test, null)), "",
        "The same sets and more, the test alone:", "",
        *table(["items x classes", "sets", "p <= 0.05"],
               [[name, str(len(sets)), share(column(sets, "p_value")[:, 0] <= 0.05)] for name, sets in alone.items()]), "",
        "Classes that can be told apart: how often they find it (power):",
        "", *table(tests, rows(row_of_test, power)), "",
    ]  # fmt: skip
    put("truth", lines)


def trial(name: str) -> Callable[[int, int], dict[str, list[float]]]:
    """Return what simulates a set of a cell."""
    of = name.removesuffix(ALONE)
    seed, cell = int.from_bytes(of.encode(), "big") % 2**61, CELLS[of]

    def one(family: int, number: int) -> dict[str, list[float]]:
        if name.endswith(ALONE):
            return test_alone(cell, np.random.default_rng([family, seed, number]))
        chance = cell.n <= 300 and (cell.apart == 0 or number < POWER_SETS)
        return one_set(cell, np.random.default_rng([family, seed, number]), chance=chance)

    return one


if __name__ == "__main__":
    command("truth", __doc__, {name: trial(name) for name in [*CELLS, *(name + ALONE for name in NULL)]}, write)
