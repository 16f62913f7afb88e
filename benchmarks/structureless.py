"""How often are groups found where there is nothing to find? 400 sets without groups.

    python benchmarks/structureless.py [--sets 400] [--first-seed 0]

The kinds take turns: one round cloud, one with an axis 2, 3 or 6 times longer, a uniform cube, t with 3 degrees of freedom
(each feature on its own, or far out in any direction), and Gaussian clouds with the covariance of scikit-learn's digits and
of the glosses. All but the last two have 2, 8, 32 or 256 features; 200 to 1,500 items; unit rows, as `mm.cluster` uses.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache

import numpy as np

KINDS = ("round", "axis 2", "axis 3", "axis 6", "cube", "t3", "t3 rows", "digits", "glosses")


@lru_cache
def real(name):
    """Return the mean of a real set and a root of its covariance."""
    if name == "digits":
        from sklearn.datasets import load_digits

        X = load_digits().data
    else:
        import mmtoolkit as mm

        X = mm.embed(mm.load_dataset(name), model="local", progress=False).vectors.astype(np.float64)
    _, lengths, axes = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    return X.mean(axis=0), lengths[:, None] / np.sqrt(len(X)) * axes


def simulate(seed):
    """Return rows without groups, and what they are."""
    rng = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    n, d = int(rng.integers(200, 1501)), int(rng.choice([2, 8, 32, 256]))
    X = rng.standard_normal((n, d))
    if kind.startswith("axis"):
        X[:, 0] *= int(kind[-1])
    elif kind == "cube":
        X = rng.random((n, d)) - 0.5
    elif kind == "t3":
        X = rng.standard_t(3, (n, d))
    elif kind == "t3 rows":
        X /= np.sqrt(rng.chisquare(3, (n, 1)) / 3)
    elif kind in ("digits", "glosses"):
        mean, root = real(kind)
        X = mean + rng.standard_normal((n, len(root))) @ root
    return X.astype(np.float32), {"kind": kind, "n": n, "d": X.shape[1]}


def one(seed):
    import mmtoolkit as mm
    from mmtoolkit.derived import bypass

    X, facts = simulate(seed)
    with bypass():
        found = mm.cluster(X)
    return {"seed": seed, **facts, "used": found.n_clusters, "found": found.chosen_by != "no elbow"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=400)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers) as pool:
        rows = list(pool.map(one, range(options.first_seed, options.first_seed + options.sets)))
    share = {kind: float(np.mean([row["found"] for row in rows if row["kind"] == kind] or [0.0])) for kind in KINDS}
    summary = {"sets": len(rows), "found_share": float(np.mean([row["found"] for row in rows])), "by_kind": share}
    print(
        json.dumps({"benchmark": "structureless", **summary, "sets_with_groups": [row for row in rows if row["found"]]})
    )
    print("\n| kind | groups in |\n| --- | --- |")
    print("\n".join(f"| {name} | {value:.1%} |" for name, value in {**share, "all": summary["found_share"]}.items()))


if __name__ == "__main__":
    main()
