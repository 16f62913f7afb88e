"""One sweep over k beside KMeans + silhouette_score for every k: CPU seconds.

    python benchmarks/sweep.py [--items 20000] [--features 1024] [--low 2] [--high 30] [--theirs 3]

Ours scores every k for five seeds and measures stability on five bootstrap samples; theirs fits one start per k and
scores it once. Theirs is timed for a few k, evenly spread, and multiplied up (--theirs 0 times all).
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from kmeans import simulate
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from mmtoolkit.clustering.silhouettes import silhouette
from mmtoolkit.clustering.sweeping import sweep
from mmtoolkit.provenance import one_thread


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=20_000)
    parser.add_argument("--features", type=int, default=1024)
    parser.add_argument("--low", type=int, default=2)
    parser.add_argument("--high", type=int, default=30)
    parser.add_argument("--theirs", type=int, default=3)
    options = parser.parse_args()
    X = simulate(options.items, options.features)
    ks = list(range(options.low, options.high + 1))
    timed = ks if not options.theirs else [int(k) for k in np.linspace(ks[0], ks[-1], options.theirs).round()]
    with one_thread():
        start = time.process_time()
        sweep(X, ks)
        ours_s = time.process_time() - start
        theirs, differences = [], []
        for k in timed:
            start = time.process_time()
            labels = KMeans(k, random_state=0).fit_predict(X)
            score = silhouette_score(X, labels, metric="cosine")
            theirs.append(time.process_time() - start)
            differences.append(abs(score - silhouette(X, labels.astype(np.int64)).mean()))
    theirs_s = float(np.mean(theirs)) * len(ks)
    summary = {
        "items": len(X),
        "features": X.shape[1],
        "numbers_of_clusters": len(ks),
        "sklearn_cpu_s": theirs_s,
        "sklearn_timed_k": len(timed),
        "ours_cpu_s": ours_s,
        "cpu_ratio": theirs_s / ours_s,
        "largest_silhouette_difference": float(max(differences)),
    }
    print(json.dumps({"benchmark": "sweep", **summary}))
    print("\n| figure | value |\n| --- | --- |")
    print("\n".join(f"| {name} | {value:,.5g} |" for name, value in summary.items()))


if __name__ == "__main__":
    main()
