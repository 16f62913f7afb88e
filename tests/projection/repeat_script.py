"""Run by test_repeat.py in processes with different thread settings: prints a fingerprint of every map."""

import json
import sys
import warnings

import numpy as np

from mmtoolkit.derived import bypass
from mmtoolkit.projection import project
from mmtoolkit.provenance import fingerprint


def pieces() -> np.ndarray:
    """Five far groups of 24: the neighbour graph falls into five pieces."""
    rng = np.random.default_rng(5)
    return np.concatenate([rng.normal(size=(24, 6)) + 100 * np.eye(6)[i] for i in range(5)]).astype(np.float32)


def joined(n: int = 300) -> np.ndarray:
    """One cloud, some rows twice."""
    X = np.random.default_rng(6).normal(size=(n, 40)).astype(np.float32)
    X[-20:] = X[:20]
    return X


def many() -> np.ndarray:
    """Rows enough for several parts of a layout."""
    rng = np.random.default_rng(7)
    return (rng.normal(size=(3, 8))[rng.integers(0, 3, 2600)] + rng.normal(size=(2600, 8))).astype(np.float32)


def fingerprints() -> dict[str, str]:
    found = {}
    with bypass():
        for name, X in {"pieces": pieces(), "joined": joined(), "many": many()}.items():
            for method in ("umap", "pca", "tsne") if name == "joined" else ("umap",):
                p = project(X, method=method, normalize=False)
                found[f"{name} {method}"] = fingerprint(p.coords)
                found[f"{name} {method} trust"] = fingerprint(np.append(p.trust, p.trustworthiness))
    return found


if __name__ == "__main__":
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
    json.dump(fingerprints(), sys.stdout)
