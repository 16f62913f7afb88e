"""Build what the offline model adds to its network: word vectors, word pieces, and the maps of pictures.

    apt-get update                                  # Debian 12 (bookworm); npm and dpkg-deb are needed, too
    pip install --editable . resvg_py==0.5.0
    python benchmarks/build_local/build.py --work /tmp/offline-model

Downloads the packages named in sources.py (about 230 MB), joins word vectors with those of a teacher (teaching.py), fits the
heads of heads.py, and writes word_vectors.npz, word_pieces.txt, english_words.txt, chinese_common.txt and picture_maps.npz into
mmtoolkit/providers/local/weights. One run after another writes the same bytes
on one machine; another kind of processor may differ in last digits. The network itself comes from
convert_efficientnet_lite.py.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the order of sums must not depend on the machine's load

import argparse
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import heads
import numpy as np
import sources
import teaching

import mmtoolkit as mm
from mmtoolkit.provenance import one_thread
from mmtoolkit.providers.local.loading import WEIGHTS
from mmtoolkit.providers.local.pictures import class_names, shares, sight
from mmtoolkit.providers.local.pieces import Vocabulary, WordPieces
from mmtoolkit.providers.local.texts import WordVectors

TOO_NEAR = 0.75  # cosine of centred features from which a picture may be one of the stamps
LOOKS = 256
KEYWORDS = 12
FITS = 4  # whose mean is taken
LEVELS = 31  # of a number, on either side of zero: six bits, and deflate leaves no more of them


def seen(pictures: Sequence[Callable[[], object]], store: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and features of all pictures; kept in `store`, because they take most of the time."""
    if not store.exists():
        see = sight()
        with one_thread(), ThreadPoolExecutor() as pool:
            found = list(pool.map(lambda draw: see(draw()), pictures))
        np.savez(store, probabilities=np.stack([p for p, _ in found]), features=np.stack([f for _, f in found]))
    with np.load(store) as arrays:
        return arrays["probabilities"], arrays["features"]


def kinds_of(name: str, known: dict[str, list[str]]) -> tuple[str, ...]:
    """Return the nearest kinds of what a picture is called, by its whole name or its last words."""
    words = re.sub(r"[^a-z ]", " ", name.lower()).split()
    for part in (" ".join(words), " ".join(words[-2:]), " ".join(words[-1:])):
        for form in (part, part.removesuffix("s")):
            if known.get(form):
                return tuple(known[form][:4])
    return ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for packages and intermediate results")
    work = parser.parse_args().work
    packages = sources.fetch(work)
    pieces, table = sources.word_table(packages)
    taught = teaching.taught(packages, pieces, table)
    (WEIGHTS / "word_pieces.txt").write_text("\n".join(pieces), "utf-8", newline="\n")
    (WEIGHTS / "english_words.txt").write_text("\n".join([*taught.english, ""]), "utf-8", newline="\n")
    (WEIGHTS / "chinese_common.txt").write_text("\n".join([*taught.chinese, ""]), "utf-8", newline="\n")
    vocabulary = Vocabulary(WordPieces(pieces), taught.english, taught.chinese)
    raw = WordVectors(vocabulary, taught.rows, np.ones(len(taught.rows), np.float32))
    named = [*sources.emoji(packages), *sources.clip_art(packages)]
    probabilities, features = seen([picture.draw for picture in named], work / "seen.npz")

    stamps = [mm.Image(path).parts[0].open for path in mm.load_dataset("stamps")["image"]]
    _, evaluated = seen(stamps, work / "stamps.npz")
    center = evaluated.mean(axis=0)
    near = (heads.unit(features - center) @ heads.unit(evaluated - center).T).max(axis=1) >= TOO_NEAR
    print(f"{len(named)} pictures; {near.sum()} look too much like one of the stamps and are left out")
    kept = np.flatnonzero(~near)

    nouns = sources.nouns(packages)
    known = {word.lower(): noun.kinds for noun in reversed(nouns) for word in noun.words}
    pictures = []
    for picture in map(named.__getitem__, kept):
        words = tuple(word for word in picture.keywords if word != picture.name)[:KEYWORDS]
        pictures.append(
            heads.Pair((picture.name,), words, kinds_of(picture.name, known), picture.groups, picture.chinese)
        )
    shown = np.stack([shares(row) for row in probabilities[kept]])
    weights = np.array([1.5 if named[n].source == "openclipart" else 1.0 for n in kept])
    meanings = [heads.Pair(tuple(n.words), (n.definition,) if n.definition else (), tuple(n.kinds)) for n in nouns]

    def fit(seed: int) -> heads.Heads:
        return heads.fit(
            raw, class_names(), features[kept], shown, pictures, weights, meanings, random_state=seed,
        )  # fmt: skip

    with ThreadPoolExecutor() as pool:
        several = list(pool.map(fit, range(FITS)))
    fitted = heads.mean(several)
    X = heads.unit(features[kept].astype(np.float64) - fitted.center)
    _, _, directions = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    rows = taught.rows @ fitted.text
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    digits = [pieces.index(digit) for digit in "0123456789"]
    rows[digits] *= np.median(lengths[len(pieces) :]) / lengths[digits]  # a digit says as much as a word
    scales = np.abs(rows).max(axis=1) / LEVELS
    np.savez_compressed(
        WEIGHTS / "word_vectors.npz",
        rows=np.round(rows / np.maximum(scales, 1e-30)[:, None]).astype(np.int8),
        scales=scales.astype(np.float32),
    )
    np.savez_compressed(
        WEIGHTS / "picture_maps.npz",
        meaning=fitted.picture.astype(np.float16),
        looks=directions[:LOOKS].T.astype(np.float16),
        center=fitted.center.astype(np.float32),
    )


if __name__ == "__main__":
    main()
