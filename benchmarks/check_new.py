"""What `mm.check_new` says of pairs of old and new data whose truth is known: 400 old items, 200 new ones, real vectors.

New items are drawn from what is left of digits, stamps and glosses (offline model): as they are, with another mix of classes, with
other items of the same classes (three kinds: noise on the vectors, few items of one side of the main axis, for the stamps drawings
after bitmaps), with 30 % of a class that the classifier has not seen, and with 30 % of the rows noisy. Calibration is called broken where,
on all items that new ones are drawn from, the mean confidence is above the accuracy by more than 0.05, or the calibration error (ten bins,
less what counting alone gives) is above 0.05. A number is called too high where it is above the accuracy on all those items by more.

    python benchmarks/check_new.py run [--sets N] [--seconds S] [--development]
    python benchmarks/check_new.py write
"""

from __future__ import annotations

import functools
import warnings

import numpy as np
from simulated import command, put, share, table
from sklearn.datasets import load_digits

import mmtoolkit as mm
from mmtoolkit.vectors import unit_rows

N_OLD, N_NEW, PART, NOISE = 400, 200, 0.3, 0.7
SETS = ("digits", "stamps", "glosses")
KINDS = ("same", "class mix", "covariate", "new class", "30 % replaced")


@functools.cache
def vectors(name):
    """Return unit rows, classes, and what else parts the items."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return unit_rows(X.astype(np.float32)), y.astype(str), None
    frame = mm.load_dataset(name)
    X = unit_rows(mm.embed(frame, model="local", progress=False).vectors)
    return X, frame["label"].to_numpy(dtype=str), frame["kind"].to_numpy(dtype=str) if "kind" in frame else None


def noisy(X, rng):
    """Return unit rows with as much noise as rows of this length take."""
    return unit_rows(X + NOISE * rng.normal(size=X.shape) / np.sqrt(X.shape[1]))


def drawn(kind, number, X, y, part, rng):
    """Return old rows and classes, and the pool of new ones with its classes and weights."""
    order = rng.permutation(len(y))
    old, rest = order[:N_OLD], order[N_OLD:]
    weight = np.ones(len(rest))
    if kind == "class mix":
        of_class = dict(zip(np.unique(y), rng.dirichlet(np.ones(len(np.unique(y)))), strict=True))
        weight = np.array([of_class[c] / (y[rest] == c).sum() for c in y[rest]])
    elif kind == "new class":
        large = [c for c in np.unique(y) if (y == c).sum() >= PART * N_NEW]
        held = rng.choice(large)
        rest = np.concatenate([rest, old[y[old] == held]])
        old, new = old[y[old] != held], y[rest] == held
        weight = np.where(new, PART / new.sum(), (1 - PART) / (~new).sum())
    elif kind == "covariate" and number // 3 % 3 == 1:  # of the main axis mostly one side, then mostly the other
        centred = X - X.mean(axis=0)
        high = (side := centred @ np.linalg.svd(centred, full_matrices=False)[2][0]) > np.median(side)
        odds = np.where(high, 9.0, 1.0)
        old = rng.choice(len(y), N_OLD, replace=False, p=odds / odds.sum())
        rest = np.setdiff1d(np.arange(len(y)), old)
        weight = 1.0 / odds[rest]
    elif kind == "covariate" and number // 3 % 3 == 2 and part is not None:
        common = part == max(set(part), key=list(part).count)
        inside = rng.permutation(np.flatnonzero(common))[:N_OLD]
        old, rest = inside, np.flatnonzero(~common)
        weight = np.ones(len(rest))
    return old, rest, weight / weight.sum()


def trial(kind, family, number):
    """One pair: what is said, and what is true."""
    rng = np.random.default_rng([family, KINDS.index(kind), number])
    X, y, part = vectors(SETS[number % 3])
    old, rest, weight = drawn(kind, number, X, y, part, rng)
    known = [c for c in np.unique(y[old]) if (y[old] == c).sum() >= 5]
    old = old[np.isin(y[old], known)]
    kept = np.isin(y[rest], known) | (kind == "new class")
    rest, weight = rest[kept], weight[kept] / weight[kept].sum()
    pool = X[rest]
    chosen = rng.choice(len(rest), min(N_NEW, int((weight > 0).sum())), replace=False, p=weight)
    if kind == "covariate" and (number // 3 % 3 == 0 or (number // 3 % 3 == 2 and part is None)):
        pool = noisy(pool, rng)
    new = pool[chosen]
    if kind == "30 % replaced":
        some = rng.permutation(len(new)) < PART * len(new)
        new = np.where(some[:, None], noisy(new, rng), new)
    r = mm.classify(X[old], y[old], inference=False, duplicates="ignore")
    found = mm.check_new(r, new)
    proba = r.predict_proba(pool)
    right = r.classes[proba.argmax(axis=1)] == y[rest]
    sure, truth = proba.max(axis=1), float((r.predict(new) == y[rest][chosen]).mean())
    value, low, high = found.expected.loc["accuracy"].tolist()
    return {
        "alarm": found.alarm,
        "said": not found.reason,
        "width": high - low if not found.reason else None,
        "holds": low <= truth <= high if not found.reason else None,
        "too high": bool(value - weight @ right > 0.05) if not found.reason else None,
        "truth": truth,
        "naive": float(sure[chosen].mean()),
        "broken": bool(weight @ (sure - right) > 0.05 or calibration_error(sure, right, weight) > 0.05),
    }


def calibration_error(sure, right, weight):
    """Weighted error of ten bins, less what counting alone gives."""
    total = 0.0
    for rows in np.array_split(np.argsort(sure), 10):
        w = weight[rows].sum()
        if w > 0:
            inner = weight[rows] / w
            gap = inner @ (sure[rows] - right[rows])
            alone = (inner**2) @ (sure[rows] * (1 - sure[rows]))
            total += w * max(gap**2 - alone, 0.0)
    return np.sqrt(total)


def write(kept):
    """Write the table."""
    rows = []
    for kind, done in kept.items():
        get = {name: [one[name] for one in done] for name in done[0]}
        said = np.array(get["said"])
        width, holds, high = (
            np.array([v for v in get[n] if v is not None], dtype=float) for n in ("width", "holds", "too high")
        )
        broken = np.array(get["broken"])
        rows.append(
            [
                kind,
                str(len(done)),
                share(np.array(get["alarm"])),
                share(said),
                f"{np.mean(width):.2f}, {(width <= 0.2).mean():.0%} at most 0.2" if len(width) else "-",
                share(holds) if len(holds) else "-",
                share(high) if len(high) else "-",
                f"{share(~said[broken])} of {broken.sum()}" if broken.any() else "-",
                f"{np.mean(get['naive']):.3f} / {np.mean(get['truth']):.3f}",
            ]
        )
    heads = [
        "pairs",
        "sets",
        "alarm",
        "a number",
        "its width",
        "it holds",
        "it is 5 points too high",
        "refused where calibration broke",
        "mean confidence / accuracy",
    ]
    put("check_new", table(heads, rows))


TRIALS = {kind: functools.partial(trial, kind) for kind in KINDS}

if __name__ == "__main__":
    warnings.simplefilter("ignore", UserWarning)
    command("check_new", __doc__, TRIALS, write)
