"""Does the plausible range contain the true number of clusters? 200 simulated sets with known k.

    python benchmarks/true_k.py [--sets 200] [--first-seed 0] [--kind plain]

Every set is a mixture of k = 5..40 groups: centres drawn in a space of 8 to 32 dimensions, group spreads that differ
(log-normal, 25 %), sizes that differ (Dirichlet, at least 15 items), noise in all 64 to 256 features, a common offset
as real embeddings have, unit rows. The closest two groups lie 4 to 7 standard deviations apart: closer than that, and
nobody could say whether they are two.

Other kinds change one thing: "shapes" (each group has a covariance of its own, axes up to three times longer), "tails" (t
with 3 degrees of freedom), "hierarchy" (4 groups of 4: 4 or 16 is right), "sizes" (the largest has 50 times the items of the
smallest), "noise" (30 % of the rows belong to no group).
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np

KINDS = ("plain", "shapes", "tails", "hierarchy", "sizes", "noise")


def simulate(seed, kind="plain"):
    """Return unit rows (n_items, n_features), the group of every row, and the facts of the set."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(5, 41))
    d = int(rng.choice([64, 128, 256]))
    rank = int(rng.integers(8, 33))
    apart = float(rng.uniform(4.0, 7.0))
    sizes = 15 + rng.multinomial(int(rng.integers(20, 80)) * k, rng.dirichlet(np.full(k, 2.0)))
    if kind == "hierarchy":
        k, sizes = 16, 15 + rng.multinomial(50 * 16, rng.dirichlet(np.full(16, 2.0)))
    elif kind == "sizes":
        sizes = np.geomspace(10, 500, k).astype(int)
    centers = rng.standard_normal((k, rank))
    if kind == "hierarchy":
        centers += 3 * np.repeat(rng.standard_normal((4, rank)), 4, axis=0)
    spread = rng.lognormal(0.0, 0.25, k)
    gaps = np.linalg.norm(centers[:, None] - centers, axis=2) / (0.5 * (spread[:, None] + spread))
    centers *= apart / gaps[np.triu_indices(k, 1)].min()
    basis = np.linalg.qr(rng.standard_normal((d, rank)))[0]
    y = np.repeat(np.arange(k), sizes)
    around = rng.standard_normal((len(y), d))
    if kind == "shapes":
        around *= rng.uniform(1, 3, (k, d))[y] / 2
    elif kind == "tails":
        around /= np.sqrt(rng.chisquare(3, (len(y), 1)))
    X = centers[y] @ basis.T + spread[y][:, None] * around
    if kind == "noise":
        stray = np.flatnonzero(rng.random(len(y)) < 0.3)
        X[stray] = rng.standard_normal((len(stray), d)) * X.std(axis=0) + X.mean(axis=0)
    X += rng.uniform(0.5, 1.5) * np.linalg.norm(X, axis=1).mean() * rng.standard_normal(d) / np.sqrt(d)
    order = rng.permutation(len(y))
    X = X[order] / np.linalg.norm(X[order], axis=1, keepdims=True)
    return X.astype(np.float32), y[order], {"k": k, "d": d, "rank": rank, "n": len(y), "apart": round(apart, 2)}


def one(seed, kind="plain"):
    import mmtoolkit as mm
    from mmtoolkit.derived import bypass

    X, _, facts = simulate(seed, kind)
    start = time.process_time()
    with bypass():
        found = mm.cluster(X)
    low, high = found.plausible_n_clusters
    right = (4, 16) if kind == "hierarchy" else (facts["k"],)
    return {
        "seed": seed,
        **facts,
        "used": found.n_clusters,
        "low": low,
        "high": high,
        "by": found.chosen_by,
        "inside": any(low <= k <= high for k in right),
        "near": any(abs(found.n_clusters - k) <= 0.25 * k for k in right),
        "width": (high - low) / facts["k"],
        "cpu_s": round(time.process_time() - start, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, default="plain")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers) as pool:
        seeds = range(options.first_seed, options.first_seed + options.sets)
        rows = list(pool.map(partial(one, kind=options.kind), seeds))
    inside = sum(row["inside"] for row in rows)
    summary = {
        "kind": options.kind,
        "sets": len(rows),
        "inside_share": inside / len(rows),
        "median_width_share": float(np.median([row["width"] for row in rows])),
        "used_within_quarter_share": float(np.mean([row["near"] for row in rows])),
        "used_equals_true_share": float(np.mean([row["used"] == row["k"] for row in rows])),
        "median_absolute_error": float(np.median([abs(row["used"] - row["k"]) for row in rows])),
        "median_cpu_s": float(np.median([row["cpu_s"] for row in rows])),
    }
    print(json.dumps({"benchmark": "true_k", **summary, "missed": [row for row in rows if not row["inside"]]}))
    print("\n| figure | value |\n| --- | --- |")
    print(
        "\n".join(
            f"| {name} | {value if isinstance(value, str) else f'{value:.3g}'} |" for name, value in summary.items()
        )
    )


if __name__ == "__main__":
    main()
