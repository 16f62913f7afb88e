"""MTEB's clustering protocols on scikit-learn's digits, beside the published-source golden value.

python benchmarks/mteb_clustering.py
"""

from __future__ import annotations

import json

from sklearn.datasets import load_digits

import mmtoolkit as mm

GOLDEN_V = 0.718968  # the protocol's own code, scikit-learn 1.9.1, numpy 2.4.6


def main():
    X, y = load_digits(return_X_y=True)
    current = mm.protocols.mteb_clustering(X.astype("float32"), y)
    legacy = mm.protocols.mteb_clustering(X.astype("float32"), y, legacy=True)
    summary = {
        "current_v_measure": current.mean["v_measure"],
        "current_std": current.std["v_measure"],
        "difference_from_golden": current.mean["v_measure"] - GOLDEN_V,
        "current_ami": current.mean["ami"],
        "legacy_nmi": legacy.mean["nmi"],
        "legacy_v_measure": legacy.mean["v_measure"],
        "legacy_accuracy": legacy.mean["accuracy"],
    }
    print(json.dumps({"benchmark": "mteb_clustering", **summary}))
    print("\n| figure | value |\n| --- | --- |")
    print("\n".join(f"| {name} | {value:.6f} |" for name, value in summary.items()))


if __name__ == "__main__":
    main()
