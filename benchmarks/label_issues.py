"""Finding flipped labels: average precision of ``label_issues`` beside cleanlab's ranking, on the same probabilities.

    python benchmarks/label_issues.py [--draws 10] [--share 0.1] [--most 5120]

A share of the labels of stamps and of glosses is flipped to another class at random; held-out probabilities come from
``mm.classify`` on the offline model's vectors. Needs cleanlab. Prints a Markdown table and JSON.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score

import mmtoolkit as mm
from mmtoolkit.classification.targets import codes_of


def flip(y: np.ndarray, share: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    names = np.unique(y)
    flipped = np.zeros(len(y), dtype=bool)
    flipped[rng.choice(len(y), round(share * len(y)), replace=False)] = True
    codes = np.searchsorted(names, y)
    other = (codes + rng.integers(1, len(names), size=len(y))) % len(names)
    return np.where(flipped, names[other], y), flipped


def one_draw(emb: mm.Embeddings, y: np.ndarray, share: float, seed: int) -> dict[str, float]:
    noisy, flipped = flip(y, share, np.random.default_rng(seed))
    result = mm.classify(emb, noisy)
    ranked = result.label_issues(all_items=True)
    score = np.empty(len(y))
    score[ranked["row"]] = -np.arange(len(y))
    found = {"mmtoolkit": average_precision_score(flipped, score)}
    codes = codes_of(result.y_true, result.classes)
    for method in ("self_confidence", "normalized_margin"):
        quality = get_label_quality_scores(codes, result.y_proba, method=method)
        found[f"cleanlab {method}"] = average_precision_score(flipped, -quality)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--most", type=int, default=5120, help="largest number of items per data set")
    given = parser.parse_args()
    tables = {}
    print("| data | ranking | average precision | sd over draws |\n| --- | --- | --- | --- |")
    for name in ("stamps", "glosses"):
        frame = mm.load_dataset(name)
        frame = frame.iloc[np.sort(np.random.default_rng(0).permutation(len(frame))[: given.most])].reset_index(
            drop=True
        )
        emb = mm.embed(frame, model="local", progress=False)
        y = frame["label"].to_numpy(dtype=str)
        draws = [one_draw(emb, y, given.share, seed) for seed in range(given.draws)]
        tables[name] = {}
        for method in draws[0]:
            values = np.array([draw[method] for draw in draws])
            tables[name][method] = {
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
            }
            print(f"| {name} | {method} | {values.mean():.4f} | {tables[name][method]['sd']:.4f} |", flush=True)
    print(json.dumps(vars(given) | {"average_precision": tables}))


if __name__ == "__main__":
    main()
