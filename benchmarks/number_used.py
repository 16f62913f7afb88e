"""Is the number of clusters of use where classes are known? Random subsets of the classes of four real sets.

    python benchmarks/number_used.py [--sets 200] [--first-seed 0]

The sets take turns: emoji, stamps, glosses (by the offline model) and scikit-learn's digits. Of each 2 to 12 classes are
drawn; every eighth subset of the pictures has 30 to 77 of the finer classes. At most 2,000 items. Scored is the adjusted
mutual information of clusters and classes at the number used, as a share of the best over the sweep; beside it, the same for
the best constant number and for the square root of half the items. Clusters are those of the sweep, on 64 components.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache

import numpy as np

NAMES = ("emoji", "stamps", "glosses", "digits")
CONSTANTS = range(2, 41)


@lru_cache
def real(name):
    """Return unit rows, classes, and finer classes where there are."""
    if name == "digits":
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        return X / np.linalg.norm(X, axis=1, keepdims=True), y.astype(str), None
    import mmtoolkit as mm

    emb = mm.embed(mm.load_dataset(name), model="local", progress=False)
    fine = emb.items["sublabel"].fillna("").to_numpy(str) if name in ("emoji", "stamps") else None
    return emb.unit, emb.items["label"].to_numpy(str), fine


def draw(seed):
    """Return rows, their classes, and the facts of the subset."""
    rng = np.random.default_rng(seed)
    name = NAMES[seed % len(NAMES)]
    X, y, fine = real(name)
    many = fine is not None and rng.random() < 1 / 8
    y = fine if many else y
    classes = np.setdiff1d(y, [""])
    low, high = (30, 77) if many else (2, 12)
    k = int(rng.integers(low, min(high, len(classes)) + 1))
    rows = np.flatnonzero(np.isin(y, rng.choice(classes, k, replace=False)))
    rows = rng.permutation(rows)[:2000]
    return X[rows].astype(np.float32), y[rows], {"set": name, "k": k, "n": len(rows)}


def one(seed):
    from sklearn.metrics import adjusted_mutual_info_score

    import mmtoolkit as mm
    from mmtoolkit.clustering.refinement import partitions, principal_axes
    from mmtoolkit.derived import bypass
    from mmtoolkit.provenance import one_thread

    X, y, facts = draw(seed)
    with bypass(), one_thread():
        found = mm.cluster(X)
        ks = found.sweep.index.tolist()
        made = partitions(np.ascontiguousarray(X @ principal_axes(X)), ks, np.random.default_rng(seed))
        ami = np.array([adjusted_mutual_info_score(y, labels) for labels, _ in made])

    def share(k):
        return float(ami[int(np.argmin(np.abs(np.array(ks) - k)))] / ami.max())

    return {
        "seed": seed,
        **facts,
        "used": found.n_clusters,
        "range": list(found.plausible_n_clusters),
        "by": found.chosen_by,
        "share": share(found.n_clusters),
        "constants": [share(k) for k in CONSTANTS],
        "root": share(np.sqrt(len(X) / 2)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers) as pool:
        rows = list(pool.map(one, range(options.first_seed, options.first_seed + options.sets)))
    shares = {"used": np.array([row["share"] for row in rows]), "root of half": np.array([row["root"] for row in rows])}
    constants = np.array([row.pop("constants") for row in rows])
    best = int(np.median(constants, axis=0).argmax())
    shares[f"always {CONSTANTS[best]}, the best constant"] = constants[:, best]
    ratio = float(np.median([row["used"] / row["k"] for row in rows]))
    summary = {
        name: {"median": float(np.median(s)), "tenth": float(np.quantile(s, 0.1)), "mean": float(s.mean())}
        for name, s in shares.items()
    }
    worst = sorted(rows, key=lambda row: row["share"])[:20]
    print(json.dumps({"benchmark": "number_used", "sets": len(rows), **summary, "ratio": ratio, "worst": worst}))
    print("\n| number | median share | 10th percentile | mean |\n| --- | --- | --- | --- |")
    print(
        "\n".join(f"| {name} | {s['median']:.3f} | {s['tenth']:.3f} | {s['mean']:.3f} |" for name, s in summary.items())
    )
    print(f"\nnumber used / classes, median: {ratio:.2f}")


if __name__ == "__main__":
    main()
