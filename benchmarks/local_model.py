"""The offline model on the stamps: classification, neighbours, zero-shot, clusters, and how fast it is.

    python benchmarks/local_model.py [--seeds 5]

Prints JSON and a Markdown table. Means over seeds of the folds; C is tuned inside the training folds. Duplicates are treated
as `mm.classify` does ("ignore" here, to be comparable with plain 5-fold figures elsewhere; the grouped score stands beside).
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from sklearn.metrics import accuracy_score, v_measure_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import mmtoolkit as mm

PROMPTS = {
    "animals": ["an animal", "a bird", "a fish", "an insect", "a mammal"],
    "buildings": ["a building", "a house", "a church", "a castle"],
    "clothes": ["clothes", "a hat", "a shirt", "shoes"],
    "food": ["food", "a fruit", "a vegetable", "a dessert"],
    "hobbies_sports": ["sports equipment", "a ball", "a game", "a hobby"],
    "holidays": ["a holiday", "Christmas", "Halloween", "Easter"],
    "household": ["a household item", "furniture", "a tool", "a kitchen utensil"],
    "money": ["money", "a coin", "a banknote"],
    "music": ["a musical instrument", "a musical note"],
    "people": ["a person", "a face", "a body part"],
    "plants": ["a plant", "a flower", "a tree", "a leaf"],
    "signs": ["a traffic sign", "a flag", "a road sign"],
    "space": ["outer space", "a planet", "a rocket", "an astronaut"],
    "vehicles": ["a vehicle", "a car", "a train", "a ship", "an airplane"],
}


def speed(frame: object) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    mm.embed(frame, model="local", cache=False, progress=False)
    return {"wall_s": round(time.perf_counter() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}


def neighbours(emb: mm.Embeddings, y: np.ndarray, seed: int) -> float:
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return float(cross_val_score(KNeighborsClassifier(5, metric="cosine"), emb.unit, y, cv=folds).mean())


def logistic(emb: mm.Embeddings, seed: int, duplicates: str) -> float:
    return float(mm.classify(emb, "label", duplicates=duplicates, random_state=seed).metrics.loc["accuracy", "value"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    seeds = range(parser.parse_args().seeds)
    frame = mm.load_dataset("stamps")
    took = speed(frame)
    emb = mm.embed(frame, model="local", progress=False)
    y = frame["label"].to_numpy(dtype=str)
    zero = mm.zero_shot(emb, PROMPTS, y="label")
    rows = {
        "logistic regression, 5-fold, C tuned": [logistic(emb, seed, "ignore") for seed in seeds],
        "the same, duplicates grouped": [logistic(emb, seed, "group") for seed in seeds],
        "5-NN": [neighbours(emb, y, seed) for seed in seeds],
        "zero-shot, English": [float(accuracy_score(y, np.asarray(zero.y_pred, dtype=str)))],
        "V-measure, k-means, k = 14": [
            float(v_measure_score(y, mm.cluster(emb, n_clusters=14, random_state=seed).labels)) for seed in seeds
        ],
    }
    aims = {
        "logistic regression, 5-fold, C tuned": 0.75,
        "5-NN": 0.72,
        "zero-shot, English": 0.39,
        "V-measure, k-means, k = 14": 0.43,
    }
    print(json.dumps({"speed of 756 pictures": took, "scores": rows}, indent=2))
    print("\n| stamps, offline model | mean | lowest | highest | aim |\n| --- | --- | --- | --- | --- |")
    for name, values in rows.items():
        aim = f">= {aims[name]:.2f}" if name in aims else ""
        print(f"| {name} | {np.mean(values):.3f} | {min(values):.3f} | {max(values):.3f} | {aim} |")
    print(f"| 756 pictures | {took['wall_s']} s wall, {took['cpu_s']} s CPU | | | 10-15 s on two idle cores |")


if __name__ == "__main__":
    main()
