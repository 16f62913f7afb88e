"""How often is a name right? Clusters of pictures, named from captions and from the shipped vocabulary.

    python benchmarks/names.py [--halves 10] [--seeds 3]

captions: names are made from the captions of a random half of the items; a name is right when at least 25 % of the other
half's captions of that cluster hold one of its words, and at most half as many of the other half's captions elsewhere.
`learned` is the share of clusters for which the words that cover the first half best would be right, as many of the first five as
serve best: no rule that shows some of them can be more. `ceiling` is the same for words chosen from the other half itself.
hidden: names from the vocabulary, captions unseen; a name is right when it stands in what is
written about at least 10 % of the cluster's items (caption, label, sublabel, tags) and at most half as often elsewhere.
The offline model has seen the emoji, not the stamps.
"""

from __future__ import annotations

import argparse
import json
import re

import numpy as np

import mmtoolkit as mm
from mmtoolkit.clustering.names import UNNAMED
from mmtoolkit.clustering.tfidf import _folded, tokens

SETS = ("stamps", "emoji")
NUMBERS = (10, 40)
COLUMNS = {"stamps": ("text", "text_zh"), "emoji": ("text", "text+tags_en", "text_zh", "text_zh+tags_zh")}
WRITTEN = ("text", "label", "sublabel", "tags_en")


def written(frame, columns):
    """Return what columns say about every item, in one text."""
    return [
        " ".join(str(v).replace("|", " ").replace("_", " ") for v in row if v)
        for row in frame[columns].fillna("").to_numpy()
    ]


def stands(name, texts):
    """Tell which texts hold one of a name's words, in the singular or plural."""
    forms = []
    for word in name.lower().split(", "):
        stem = re.escape(word.removesuffix("s"))
        forms.append(
            rf"\b(?:{re.escape(word)}|{stem})(?:s|es)?\b|\b{re.escape(word[:-1])}ies\b"
            if word.isascii()
            else re.escape(word)
        )
    pattern = re.compile("|".join(forms))
    return np.array([bool(pattern.search(text.lower())) for text in texts])


def right(held, mine, others, least):
    inside, outside = held[mine].mean() if mine.any() else 0.0, held[others].mean()
    return bool(inside >= least and inside >= 2 * outside)


def attainable(held, half, mine, others):
    """Tell whether some of the up to five words that cover the captions of a half best would be right for `mine`."""
    if not (half[0].any() and mine.any()):
        return False
    inside, outside = held[half[0]], held[half[1]].mean(axis=0)
    words = np.flatnonzero((inside.mean(axis=0) >= 2 * outside) & inside.any(axis=0))
    chosen, without = [], np.ones(len(inside), dtype=bool)
    while len(chosen) < min(5, len(words)) and without.any():
        chosen.append(words[inside[without][:, words].sum(axis=0).argmax()])
        without &= ~inside[:, chosen[-1]]
        if right(held[:, chosen].any(axis=1), mine, others, 0.25):
            return True
    return False


def from_captions(c, texts, halves):
    documents = _folded([tokens(text) for text in texts])
    vocabulary, codes = np.unique([word for words in documents for word in words], return_inverse=True)
    held = np.zeros((len(texts), len(vocabulary)), dtype=bool)
    held[np.repeat(np.arange(len(texts)), list(map(len, documents))), codes] = True
    has = np.array([bool(text.strip()) for text in texts])
    found = {"named": [], "right": [], "learned": [], "ceiling": []}
    for seed in range(halves):
        first = np.random.default_rng(seed).permutation(len(texts)) < len(texts) // 2
        names = c.with_names(texts=[text if half else "" for text, half in zip(texts, first, strict=True)]).names
        second = has & ~first
        for cluster, name in enumerate(names["name"]):
            mine, others = second & (c.labels == cluster), second & (c.labels != cluster)
            found["named"].append(name != UNNAMED)
            known = has & first & (c.labels == cluster), has & first & (c.labels != cluster)
            found["learned"].append(attainable(held, known, mine, others))
            found["ceiling"].append(attainable(held, (mine, others), mine, others))
            if name != UNNAMED:
                found["right"].append(right(stands(name, texts), mine, others, 0.25))
    return found


def hidden(c, frame):
    texts = written(frame, [name for name in WRITTEN if name in frame])
    names = c.with_names(vocabulary="nouns").names["name"]
    shown = [name != UNNAMED for name in names]
    mine = [c.labels == cluster for cluster in range(c.n_clusters)]
    good = [right(stands(names[k], texts), mine[k], ~mine[k], 0.1) for k, s in enumerate(shown) if s]
    return {"named": shown, "right": good}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--halves", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    rows, pooled = [], {}
    for name in SETS:
        emb = mm.embed(mm.load_dataset(name), model="local", progress=False)
        for k in NUMBERS:
            for seed in range(options.seeds):
                c = mm.cluster(emb, k, random_state=seed)
                found = {"hidden": hidden(c, emb.items)}
                for columns in COLUMNS[name]:
                    found[columns] = from_captions(c, written(emb.items, columns.split("+")), options.halves)
                for source, figures in found.items():
                    whole = pooled.setdefault((name, k, source), {})
                    for figure, values in figures.items():
                        whole.setdefault(figure, []).extend(values)
    for (name, k, source), figures in pooled.items():
        row = {"set": name, "k": k, "source": source}
        rows.append({**row, **{figure: round(float(np.mean(v)), 3) if v else None for figure, v in figures.items()}})
    print(json.dumps({"benchmark": "names", "rows": rows}))
    print(
        "\n| set | k | names from | named | of these right | learned | ceiling |\n| --- | --- | --- | --- | --- | --- | --- |"
    )
    for row in rows:
        print(
            "| "
            + " | ".join(str(row.get(c, "")) for c in ("set", "k", "source", "named", "right", "learned", "ceiling"))
            + " |"
        )


if __name__ == "__main__":
    main()
