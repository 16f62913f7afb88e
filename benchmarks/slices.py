"""False alarms and power of `r.slices()`: random and planted slices of the stamps.

Errors are dealt out anew in every set: each class keeps its own share of errors, items of a planted slice have 35 %
where the others have 20 % on average. The oracle is a one-sided z-test of two shares that looks at
the planted slices alone, at the level divided by the number of slices.

    python benchmarks/slices.py [sets] [first seed]
"""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
from scipy.special import ndtri

import mmtoolkit as mm

N, INSIDE, OUTSIDE, LEVEL = 100, 0.35, 0.20, 0.05


def with_errors(r, shares, rng):
    """Return the classification with errors that are drawn with these shares."""
    wrong = rng.random(len(shares)) < shares
    other = np.array([r.classes[(list(r.classes).index(y) + 1) % len(r.classes)] for y in r.y_true], dtype=object)
    return dataclasses.replace(r, y_pred=np.where(wrong, other, r.y_true))


def alarms(r, sets, seed, n_columns, n_values):
    """Share of sets with any find where columns are drawn at random, and errors are as they are."""
    rng, hits = np.random.default_rng(seed), 0
    for _ in range(sets):
        columns = {f"c{i}": rng.integers(n_values, size=len(r.y_true)).astype(str) for i in range(n_columns)}
        hits += not r.slices([], derived=columns).found.empty
    return hits / sets


def planted(r, sets, seed, n_slices, n_planted=1):
    """Power, the oracle's power, and the mean share of false finds: one column for each slice, `n_planted` of them planted."""
    rng = np.random.default_rng(seed)
    classes = np.unique(r.y_true.astype(str), return_inverse=True)[1]
    power = oracle = false = 0.0
    for _ in range(sets):
        members = [
            np.isin(np.arange(len(classes)), rng.choice(len(classes), N, replace=False)) for _ in range(n_slices)
        ]
        base = np.clip(OUTSIDE + rng.uniform(-0.1, 0.1, classes.max() + 1), 0.02, 1.0)[classes]
        bad = np.any(members[:n_planted], axis=0)
        one = with_errors(r, np.where(bad, base + INSIDE - OUTSIDE, base), rng)
        columns = {f"c{i}": np.where(m, "in", "out") for i, m in enumerate(members)}
        found = one.slices([], derived=columns).found
        hit = found[(found["slice"] == "in")]["family"].isin([f"c{i}" for i in range(n_planted)]).sum()
        power += hit / n_planted
        false += (len(found) - hit) / max(len(found), 1)
        wrong = one.y_pred != one.y_true
        z = ndtri(1.0 - LEVEL / n_slices)
        for m in members[:n_planted]:
            share = wrong.mean()
            spread = np.sqrt(share * (1.0 - share) * (1.0 / m.sum() + 1.0 / (~m).sum()))
            oracle += float((wrong[m].mean() - wrong[~m].mean()) / spread > z) / n_planted
    return power / sets, oracle / sets, false / sets


def main() -> None:
    sets, seed = (int(sys.argv[1]) if len(sys.argv) > 1 else 1000), (int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    emb = mm.embed(mm.load_dataset("stamps"), model="local", progress=False)
    r = mm.classify(emb, "label", inference=False)
    print("| random columns | values each | any find | limit of error (99 %) |")
    print("| --- | --- | --- | --- |")
    for n_columns, n_values in ((1, 2), (1, 8), (5, 3), (20, 2)):
        share = alarms(r, sets, seed, n_columns, n_values)
        print(
            f"| {n_columns} | {n_values} | {share:.3f} | ± {2.58 * np.sqrt(max(share * (1 - share), 1e-4) / sets):.3f} |",
            flush=True,
        )
    print("\n| slices (planted) | power | oracle | ratio | false finds |")
    print("| --- | --- | --- | --- | --- |")
    for n_slices, n_planted in ((1, 1), (5, 1), (20, 1), (20, 2)):
        power, oracle, false = planted(r, sets, seed + 1, n_slices, n_planted)
        print(
            f"| {n_slices} ({n_planted}) | {power:.3f} | {oracle:.3f} | {power / oracle:.2f} | {false:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
