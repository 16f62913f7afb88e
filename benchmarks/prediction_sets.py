"""Coverage and size of `r.predict_set()`: random halves of stamps, glosses and digits, trained on one and measured on the other.

python benchmarks/prediction_sets.py [splits] [first seed]
"""

from __future__ import annotations

import sys
import warnings

import numpy as np
from sklearn.datasets import load_digits

import mmtoolkit as mm
from mmtoolkit.classification.targets import codes_of

TRAIN = 400


def sets_of(X, y, splits, seed):
    """Yield for each split and share asked the share, coverage, size, and the number of empty ones."""
    rng = np.random.default_rng(seed)
    for _ in range(splits):
        order = rng.permutation(len(y))
        train, new = order[:TRAIN], order[TRAIN : 3 * TRAIN]
        keep = np.isin(y[train], [c for c in set(y[train]) if (y[train] == c).sum() >= 5])
        train = train[keep]
        new = new[np.isin(y[new], list(set(y[train])))]
        r = mm.classify(X[train], y[train], inference=False, duplicates="ignore")
        truth = codes_of(y[new].astype(object), r.classes)
        for asked in (0.8, 0.9, 0.95):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # empty sets are counted
                found = r.predict_set(X[new], coverage=asked).to_numpy()
            yield (
                asked,
                found[np.arange(len(new)), truth].mean(),
                found.sum(axis=1).mean(),
                (found.sum(axis=1) == 0).sum(),
            )


def main() -> None:
    splits, seed = (int(sys.argv[1]) if len(sys.argv) > 1 else 100), (int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    digits = load_digits(return_X_y=True)
    data = {"digits": (digits[0].astype(np.float32), digits[1].astype(str))}
    for name in ("stamps", "glosses"):
        frame = mm.load_dataset(name)
        data[name] = mm.embed(frame, model="local", progress=False).vectors, frame["label"].to_numpy(dtype=str)
    print("| set | asked | mean coverage | splits below asked - 4 points | size | empty |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, (X, y) in data.items():
        rows = np.array(list(sets_of(X, y, splits, seed)), dtype=float)
        for asked in (0.8, 0.9, 0.95):
            some = rows[rows[:, 0] == asked]
            low = (some[:, 1] < asked - 0.04).mean()
            print(
                f"| {name} | {asked:g} | {some[:, 1].mean():.3f} | {low:.3f} | {some[:, 2].mean():.2f} | {int(some[:, 3].sum())} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
