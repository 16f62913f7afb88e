"""Coverage and size of `r.predict_set()`: splits of stamps, glosses and digits, trained on 400 items and measured on others.

"theory" is the share of splits below the promise minus four points where sets are calibrated on as many exchangeable items as here: of
a Beta distribution, and with the count of the new items on top of it (beta-binomial). "size, plain" is the mean size of sets by plain 1 - p
scores: the final classifier's probabilities against one limit, found on all held-out ones. "size, oracle" is that of the smallest such sets
that cover as asked on the very items they are measured on.

    python benchmarks/prediction_sets.py run [--sets N] [--seconds S] [--development]
    python benchmarks/prediction_sets.py write
"""

from __future__ import annotations

import functools
import warnings

import numpy as np
from scipy.stats import beta, betabinom
from simulated import command, put, table
from sklearn.datasets import load_digits

import mmtoolkit as mm
from mmtoolkit.classification.conformal import HeldOutTruths
from mmtoolkit.classification.targets import codes_of

TRAIN, ASKED, BELOW = 400, (0.8, 0.9, 0.95), 0.04
SETS = ("digits", "stamps", "glosses")


@functools.cache
def vectors(name):
    """Return rows and classes."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return X.astype(np.float32), y.astype(str)
    frame = mm.load_dataset(name)
    return mm.embed(frame, model="local", progress=False).vectors, frame["label"].to_numpy(dtype=str)


def trial(name, family, number):
    """Return for every share asked: coverage, size, empty sets, size of the oracle's and the plain ones, number of items on both sides."""
    X, y = vectors(name)
    order = np.random.default_rng([family, SETS.index(name), number]).permutation(len(y))
    train, new = order[:TRAIN], order[TRAIN : 3 * TRAIN]
    train = train[np.isin(y[train], [c for c in set(y[train]) if (y[train] == c).sum() >= 5])]
    new = new[np.isin(y[new], list(set(y[train])))]
    r = mm.classify(X[train], y[train], inference=False, duplicates="ignore")
    truth, proba = codes_of(y[new].astype(object), r.classes), r.predict_proba(X[new])
    found, held, all_held = [], HeldOutTruths.of(r), np.ones(len(train), dtype=bool)
    for asked in ASKED:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # empty sets are counted
            sets = r.predict_set(X[new], coverage=asked).to_numpy()
        limit = np.sort(proba[np.arange(len(new)), truth])[::-1][int(np.ceil(asked * len(new))) - 1]
        sizes = sets.sum(axis=1)
        covered = sets[np.arange(len(new)), truth].mean()
        oracle = (proba >= limit).sum(axis=1).mean()
        plain = held.sets([(proba, all_held)], asked, by_class=False).sum(axis=1).mean()
        found.append([covered, sizes.mean(), int((sizes == 0).sum()), oracle, plain, len(train), len(new)])
    return found


def with_error(values):
    """Return a mean and its Monte-Carlo standard error."""
    return f"{values.mean():.3f} ± {values.std() / np.sqrt(len(values)):.3f}"


def write(kept):
    """Write the table."""
    rows = []
    for name, done in kept.items():
        for column, asked in enumerate(ASKED):
            covered, size, empty, oracle, plain, n, n_new = np.array([one[column] for one in done], dtype=float).T
            k = np.ceil(asked * (n + 1))
            alone = beta.cdf(asked - BELOW, k, n + 1 - k).mean()
            counted = betabinom.cdf(np.ceil((asked - BELOW) * n_new) - 1, n_new, k, n + 1 - k).mean()
            rows.append(
                [
                    name,
                    str(len(done)),
                    f"{asked:g}",
                    with_error(covered),
                    with_error(covered < asked - BELOW),
                    f"{alone:.3f} / {counted:.3f}",
                    f"{size.mean():.2f}",
                    f"{plain.mean():.2f}",
                    f"{size.mean() / plain.mean():.2f}",
                    f"{oracle.mean():.2f}",
                    f"{100 * empty.sum() / n_new.sum():.1f} %",
                ]
            )
    heads = [
        "set",
        "splits",
        "asked",
        "coverage",
        "splits 4 points below",
        "theory",
        "size",
        "size, plain",
        "ratio",
        "size, oracle",
        "empty",
    ]
    put("prediction_sets", table(heads, rows))


TRIALS = {name: functools.partial(trial, name) for name in SETS}

if __name__ == "__main__":
    command("prediction_sets", __doc__, TRIALS, write)
