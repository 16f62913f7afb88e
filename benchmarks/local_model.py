"""The offline model on sets that nothing in it was fitted on, and how fast and how large it is.

    apt-get download fortunes fortunes-min && for f in fortunes*.deb; do dpkg-deb -x $f fortunes; done
    python benchmarks/local_model.py [--seeds 5] [--fortunes fortunes]

Prints JSON and a Markdown table. Sets: stamps (pictures with English and Chinese captions), glosses (definitions), short
descriptions of Debian's packages by section (from `apt-cache`), fortunes by topic, and everyday Chinese (everyday_chinese.tsv: a
sentence, and a pattern of the captions of pictures that it means, or its topic; rows "before" and "development" were looked at
while the model was made, rows "verdict" once, for how they are cut into words). Scores that need folds or starting points are
means over seeds; C is tuned inside the training folds. recall@10: among the ten pictures nearest to a caption is one that has
the same caption.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import mmtoolkit as mm
from mmtoolkit import _cedict
from mmtoolkit.providers.local.loading import WEIGHTS

Encoder = Callable[[list[str]], np.ndarray]

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
SECTIONS = {
    "admin": "system administration", "database": "databases", "editors": "text editors", "education": "education",
    "fonts": "fonts", "games": "games", "graphics": "graphics and pictures", "mail": "electronic mail",
    "math": "mathematics", "science": "science", "shells": "shells", "sound": "sound and music", "video": "video",
    "web": "web applications",
}  # fmt: skip
TOPICS = {
    "computers": "computers", "education": "education", "food": "food and drink", "law": "law", "love": "love",
    "medicine": "medicine", "politics": "politics", "science": "science", "sports": "sports", "work": "work",
    "literature": "literature", "kids": "children", "pets": "pets", "art": "art",
}  # fmt: skip


def scores(texts: Encoder, pictures: np.ndarray, seeds: range, fortunes: Path | None) -> dict[str, list[float]]:
    """Return {row of the table: one score, or one per seed}; `pictures` are the vectors of stamps."""
    stamps = mm.load_dataset("stamps")
    y = stamps["label"].to_numpy(dtype=str)
    names = {label: [label.replace("_", " ")] for label in np.unique(y)}
    chinese = {label: [stamps["label_zh"][y == label].iloc[0]] for label in np.unique(y)}
    found = {
        "stamps, zero-shot, prompts": [zero_shot(texts, pictures, y, PROMPTS)],
        "stamps, zero-shot, names": [zero_shot(texts, pictures, y, names)],
        "stamps, zero-shot, Chinese names": [zero_shot(texts, pictures, y, chinese)],
        "stamps, recall@10, English": [recall(texts, pictures, stamps["text"])],
        "stamps, recall@10, Chinese": [recall(texts, pictures, stamps["text_zh"])],
        **everyday(texts, pictures, stamps),
        "stamps, logistic regression": [logistic(pictures, y, seed) for seed in seeds],
        "stamps, 5-NN": [neighbours(pictures, y, seed) for seed in seeds],
        "stamps, V-measure, k = 14": [v_measure(pictures, y, seed) for seed in seeds],
    }
    sets = {"glosses": glosses(), "descriptions": descriptions()}
    if fortunes is not None:
        sets["fortunes"] = topics(fortunes)
    for name, (frame, prompts) in sets.items():
        X, labels = texts(frame["text"].tolist()), frame["label"].to_numpy(dtype=str)
        found[f"{name}, 5-NN"] = [neighbours(X, labels, seed) for seed in seeds]
        if name == "glosses":
            found["glosses, logistic regression"] = [logistic(X, labels, seed) for seed in seeds]
        found[f"{name}, zero-shot"] = [zero_shot(texts, X, labels, prompts)]
    return found


def zero_shot(texts: Encoder, X: np.ndarray, y: np.ndarray, prompts: dict[str, list[str]]) -> float:
    centers = np.stack([_unit(texts(group)).mean(axis=0) for group in prompts.values()])
    best = (_unit(X) @ _unit(centers).T).argmax(axis=1)
    return float((np.array(list(prompts))[best] == y).mean())


def recall(texts: Encoder, pictures: np.ndarray, captions: pd.Series) -> float:
    captions = captions.fillna("").to_numpy(dtype=str)
    queries = np.unique(captions[captions != ""])
    near = np.argsort(-(_unit(texts(queries.tolist())) @ _unit(pictures).T), axis=1, kind="stable")[:, :10]
    found = {query: query in captions[row] for query, row in zip(queries, near, strict=True)}
    return float(np.mean([found[caption] for caption in captions if caption]))


def everyday(texts: Encoder, pictures: np.ndarray, stamps: pd.DataFrame) -> dict[str, list[float]]:
    """Return how often sentences find a picture, the class of one, and their topic among eight."""
    rows = pd.read_csv(Path(__file__).with_name("everyday_chinese.tsv"), sep="\t", keep_default_na=False)
    captions, y = stamps["text"].fillna("").to_numpy(dtype=str), stamps["label"].to_numpy(dtype=str)
    labels, centers = np.array(list(PROMPTS)), np.stack([_unit(texts(p)).mean(axis=0) for p in PROMPTS.values()])
    found = {}
    for half, of_half in rows.groupby("half"):
        asked, told = of_half[of_half["caption"] != ""], of_half[of_half["topic"] != ""]
        right = np.array(
            [[bool(re.search(rf"\b({words})", c, re.IGNORECASE)) for c in captions] for words in asked["caption"]]
        )
        for language in ("chinese", "english"):
            if (asked[language] == "").any():
                continue
            X = _unit(texts(asked[language].tolist()))
            near = np.argsort(-(X @ _unit(pictures).T), axis=1, kind="stable")[:, :10]
            found[f"everyday {language}, {half}, found@10"] = [
                float(np.take_along_axis(right, near, 1).any(axis=1).mean())
            ]
            classes = labels[(X @ _unit(centers).T).argmax(axis=1)]
            hit = [c in y[row] for c, row in zip(classes, right, strict=True)]
            found[f"everyday {language}, {half}, class"] = [float(np.mean(hit))]
        if len(told):
            X, topics = _unit(texts(told["chinese"].tolist())), told["topic"].to_numpy(dtype=str)
            names = told.drop_duplicates("topic")
            for column in ("topic_zh", "topic"):
                best = (X @ _unit(texts(names[column].tolist())).T).argmax(axis=1)
                found[f"everyday chinese, {half}, {column}"] = [
                    float((names["topic"].to_numpy()[best] == topics).mean())
                ]
    return found


def neighbours(X: np.ndarray, y: np.ndarray, seed: int) -> float:
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return float(cross_val_score(KNeighborsClassifier(5, metric="cosine"), _unit(X), y, cv=folds).mean())


def logistic(X: np.ndarray, y: np.ndarray, seed: int) -> float:
    result = mm.classify(X, y, duplicates="ignore", random_state=seed)
    return float(result.metrics.loc["accuracy", "value"])


def v_measure(X: np.ndarray, y: np.ndarray, seed: int) -> float:
    from sklearn.metrics import v_measure_score

    return float(v_measure_score(y, mm.cluster(X, n_clusters=14, random_state=seed).labels))


def _unit(X: np.ndarray) -> np.ndarray:
    return X / np.linalg.norm(X, axis=1, keepdims=True)


# text sets


def glosses() -> tuple[pd.DataFrame, dict[str, list[str]]]:
    frame = mm.load_dataset("glosses")
    return frame, {label: [label] for label in frame["label"].unique()}


def descriptions(most: int = 400) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return short descriptions of Debian's packages by section, at most 400 of each."""
    listed = subprocess.run(["apt-cache", "dumpavail"], capture_output=True, text=True, check=True).stdout
    rows = {}
    for entry in listed.split("\n\n"):
        fields = dict(re.findall(r"^(Section|Description): (.+)$", entry, re.MULTILINE))
        if fields.get("Section") in SECTIONS and "Description" in fields:
            rows.setdefault(fields["Description"], fields["Section"])
    frame = pd.DataFrame({"text": list(rows), "label": list(rows.values())})
    frame = frame.sample(frac=1, random_state=0).groupby("label").head(most).reset_index(drop=True)
    return frame, {label: [name] for label, name in SECTIONS.items()}


def topics(folder: Path, most: int = 300) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """Return fortunes of 40 to 600 characters by topic, at most 300 of each."""
    rows = []
    for label in TOPICS:
        said = (folder / "usr/share/games/fortunes" / label).read_text("utf-8", errors="replace").split("\n%\n")
        kept = [text for text in (" ".join(text.split()) for text in said) if 40 <= len(text) <= 600]
        rows += [{"text": text, "label": label} for text in kept]
    frame = pd.DataFrame(rows).sample(frac=1, random_state=0).groupby("label").head(most).reset_index(drop=True)
    return frame, {label: [name] for label, name in TOPICS.items()}


# speed and size


def per_cpu_second(items: list) -> float:
    mm.embed(items[:2], model="local", cache=False, progress=False)
    start = time.process_time()
    mm.embed(items, model="local", cache=False, progress=False)
    return len(items) / (time.process_time() - start)


def megabytes() -> float:
    """Return the size of weights and vocabulary and of what dependencies carry, the dictionary, in millions of bytes."""
    files = [*WEIGHTS.iterdir(), _cedict.path()]
    return sum(path.stat().st_size for path in files) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--fortunes", type=Path, help="where the packages fortunes and fortunes-min were unpacked")
    given = parser.parse_args()
    stamps = mm.load_dataset("stamps")
    pictures = [mm.Image(path) for path in stamps["image"]]
    captions = [mm.Text(text) for text in mm.load_dataset("glosses")["text"]]
    measured = {
        "pictures per CPU second": [per_cpu_second(pictures)],
        "texts per CPU second": [per_cpu_second(captions)],
        "weights and what dependencies carry, MB": [megabytes()],
    }

    def texts(items: list[str]) -> np.ndarray:
        return mm.embed_texts(items, model="local", cache=False, progress=False).vectors

    X = mm.embed(stamps, model="local", cache=False, progress=False).vectors
    found = scores(texts, X, range(given.seeds), given.fortunes) | measured
    print(json.dumps(found, indent=2))
    print("\n| offline model | mean | lowest | highest |\n| --- | --- | --- | --- |")
    for name, values in found.items():
        print(f"| {name} | {np.mean(values):.3f} | {min(values):.3f} | {max(values):.3f} |")


if __name__ == "__main__":
    main()
