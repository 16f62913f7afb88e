"""What a reader sees of pages, figures and Markdown, and the results that the tests of the words look at."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd

import mmtoolkit as mm

# What stays Latin in every language: products, methods, measures; and what is typed: options, files, parts of report.json.
NAMES = {
    "mmtoolkit",
    "Embeddings",
    "Explorer",
    "Spark",
    "SHA",
    "UMAP",
    "PCA",
    "ROC",
    "MTEB",
    "V-measure",
    "ARI",
    "NMI",
    "AMI",
    "Jaccard",
    "Davies-Bouldin",
    "Calinski-Harabasz",
    "Holm",
    "kmeans",
    "LogisticClassifier",
    "NaN",
    "id",
    "emb",
    "token",
    "verify",
    "recipe",
    "items",
    "results",
    "environment",
    "left",
    "train",
    "test",
}
_CODE = re.compile(r"'[^']*'|\S*[_=@][\w.\"]+=?|\w+\.(?:json|html|md)|min_class_size=|(?<!\w)[0-9a-f]{16}(?!\w)")
_WORD = re.compile(r"[A-Za-z][A-Za-z-]*[A-Za-z]")


class _Seen(HTMLParser):
    """Collect texts, and the attributes that a screen reader or a tooltip tells; code is not read."""

    def __init__(self) -> None:
        super().__init__()
        self.found, self.inside = [], []

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "img", "input", "br", "link"):
            self.inside.append(tag)
        self.found += [
            value for name, value in attrs if name in ("alt", "title", "aria-label", "placeholder") and value
        ]

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"script", "style", "pre", "code", "kbd"} & set(self.inside) and data.strip():
            self.found.append(data.strip())


def texts_of(page):
    """Return every text of a page that a person sees or is read."""
    seen = _Seen()
    seen.feed(page)
    return seen.found


def texts_of_figure(fig):
    """Return every text of a figure: titles, axes, legend, notes, names on hover."""
    found = []

    def walk(name, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key not in ("template", "font", "config"):
                    walk(key, inner)
        elif isinstance(value, list):
            for inner in value:
                walk(name, inner)
        elif isinstance(value, str) and name in ("text", "name", "hovertext", "ticktext", "title", "caption", "alt"):
            found.append(re.sub("<[^>]*>|&#?[a-z0-9]+;", " ", value))

    walk("", json.loads(fig.to_json()))
    return found


def foreign(texts, known=frozenset()):
    """Return texts that hold a Latin word that is no name."""
    words = {text: _WORD.findall(_CODE.sub(" ", text.replace("\u2060", ""))) for text in texts}
    return sorted(text for text, found in words.items() if not NAMES.union(known).issuperset(found))


def items(n=90):
    """Return items with Chinese texts, classes and columns, so that any Latin word is one of ours."""
    rng = np.random.default_rng(0)
    kinds = np.array(["鸟", "鱼", "花"])[np.arange(n) % 3]
    frame = pd.DataFrame(
        {
            "id": [str(i) for i in range(n)],
            "text": [f"{kind}{'在水里在天上在地上'[i % 7 : i % 7 + 3]}{i}" for i, kind in enumerate(kinds)],
            "label": kinds,
            "颜色": np.array(["红", "绿"])[rng.integers(2, size=n)],
        }
    )
    means = rng.normal(size=(3, 12))
    X = (means[np.arange(n) % 3] + rng.normal(size=(n, 12))).astype(np.float32)
    X[5] = X[2]
    return frame, X


def embeddings():
    """Return vectors of a function, which embeds texts too."""
    frame, X = items()
    vectors = dict(zip(frame["text"], X, strict=True))

    def embed(texts):
        seeds = [sum(map(ord, text)) for text in texts]
        return np.stack(
            [vectors.get(t, np.random.default_rng(s).normal(size=12)) for t, s in zip(texts, seeds, strict=True)]
        )

    provider = mm.FunctionProvider(embed, name="模型", revision="1", dimension=12, modalities=("text",))
    return mm.embed(mm.items(frame), model=provider, cache=False, progress=False)


def results(emb):
    """Return a result of every verb that a report may hold."""
    r, c = mm.classify(emb), mm.cluster(emb, range(2, 5)).with_names(texts="text")
    return [
        r,
        c,
        mm.project(emb, method="pca"),
        mm.zero_shot(emb, {"鸟": ["鸟在天上"], "鱼": ["鱼在水里"], "花": ["花在地上"]}, y="label"),
        mm.search(emb, "天上的鸟", k=5),
        mm.audit(emb, y="label", split=np.where(np.arange(len(emb)) % 4, "train", "test")),
        mm.compare({"甲": emb, "乙": emb.vectors[:, :3]}, emb.items["label"].to_numpy()),
        mm.near_duplicates(emb),
        mm.similarity(emb, by="label"),
        mm.pick(emb, 4, how="outlier"),
        mm.evaluate_search(emb, ["鸟", "鱼", "花"], [["0", "3"], ["1"], ["2"]]),
        r.learning_curve(n_draws=2),
        r.thresholds(max_risk=0.3),
        c.stability(n_boot=5),
        c.compare("label"),
    ]
