"""k-means beside scikit-learn's: CPU seconds and inertia.

    python benchmarks/kmeans.py [--items 100000] [--features 1024] [--clusters 50] [--seeds 5]
    python benchmarks/kmeans.py --vectors emb.parquet [--clusters 50]      # rows saved by Embeddings.save

scikit-learn's default (one k-means++ start) on all features beside ours with its default of five starts; both on one
thread, CPU time.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from sklearn.cluster import KMeans

import mmtoolkit as mm
from mmtoolkit.clustering.partition import kmeans
from mmtoolkit.clustering.silhouettes import inertia
from mmtoolkit.provenance import one_thread
from mmtoolkit.vectors import unit_rows


def simulate(n, d, random_state=0):
    """Return unit rows with the decaying spectrum of embeddings: 80 overlapping groups of unequal size."""
    rng = np.random.default_rng(random_state)
    scale = ((1.0 + np.arange(d)) ** -0.5).astype(np.float32)
    y = rng.choice(80, size=n, p=rng.dirichlet(np.full(80, 2.0)))
    centers = (1.5 * rng.standard_normal((80, d)) * scale).astype(np.float32)
    X = np.empty((n, d), dtype=np.float32)
    for start in range(0, n, 8192):
        rows = slice(start, start + 8192)
        X[rows] = centers[y[rows]] + rng.standard_normal((len(y[rows]), d), dtype=np.float32) * scale
    return unit_rows(X)


def measured(work):
    start = time.process_time()
    labels = work()
    return time.process_time() - start, labels


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=1024)
    parser.add_argument("--clusters", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--vectors")
    options = parser.parse_args()
    X = mm.Embeddings.load(options.vectors).unit if options.vectors else simulate(options.items, options.features)
    k, rows = options.clusters, []
    with one_thread():
        for seed in range(options.seeds):
            theirs_s, theirs = measured(lambda seed=seed: KMeans(k, random_state=seed).fit(X).labels_)
            ours_s, ours = measured(lambda seed=seed: kmeans(X, k, random_state=seed).labels)
            rows.append((theirs_s, ours_s, inertia(X, theirs.astype(np.int64)), inertia(X, ours)))
    theirs_s, ours_s, theirs_inertia, ours_inertia = np.mean(rows, axis=0)
    summary = {
        "items": len(X),
        "features": X.shape[1],
        "clusters": k,
        "seeds": options.seeds,
        "sklearn_cpu_s": theirs_s,
        "ours_cpu_s": ours_s,
        "cpu_ratio": theirs_s / ours_s,
        "sklearn_inertia": theirs_inertia,
        "ours_inertia": ours_inertia,
        "inertia_ratio": ours_inertia / theirs_inertia,
    }
    print(json.dumps({"benchmark": "kmeans", **summary, "per_seed": rows}))
    print("\n| figure | value |\n| --- | --- |")
    print("\n".join(f"| {name} | {value:,.5g} |" for name, value in summary.items()))


if __name__ == "__main__":
    main()
