"""The offline model's way from texts to vectors: the mean of vectors of word pieces and words."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from mmtoolkit.providers.local.chinese import HAN, dictionary, dictionary_files
from mmtoolkit.providers.local.loading import WEIGHTS, once
from mmtoolkit.providers.local.pieces import Vocabulary, WordPieces
from mmtoolkit.vectors import unit_rows

__all__ = ["WordVectors", "plain", "text_files", "word_vectors"]

_AT_ONCE = 64  # texts
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]+")
_MODIFIERS = re.compile("[\ufe00-\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_SIGN = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff]")


def text_files() -> tuple[Path, ...]:
    """Return the files that text vectors depend on."""
    names = ("word_vectors.npz", "word_pieces.txt", "english_words.txt")
    return (*(WEIGHTS / name for name in names), *dictionary_files())


def plain(text: str, *, keep: bool = False) -> str:
    """Return `text` in English: emoji by their names, Chinese by glosses, other ways to write one character as one.

    With `keep`, common Chinese words stay as they are, simplified and set apart by spaces.
    """
    if text.isascii():
        return " ".join(text.split())
    text = _MODIFIERS.sub("", _FLAG.sub(" flag ", text))
    text = _SIGN.sub(lambda sign: f" {unicodedata.name(sign[0], sign[0]).lower()} ", text)
    text = unicodedata.normalize("NFKC", text)
    return " ".join((dictionary().gloss(text, keep=keep) if HAN.search(text) else text).split())


class WordVectors:
    """Mean of the vectors of word pieces and words, scaled to length one.

    Parameters
    ----------
    vocabulary : callable
        From a text to the numbers of its pieces and words.
    rows : ndarray of shape (n_words, n_features)
        Their vectors; their lengths are their weights in the mean.
    scales : ndarray of shape (n_words,), float32
        What each row is multiplied by.
    """

    def __init__(
        self, vocabulary: Callable[[str], Sequence[int]], rows: NDArray[Any], scales: NDArray[np.float32]
    ) -> None:
        self._vocabulary, self._rows, self._scales = vocabulary, rows, scales

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the unit vectors of English or Chinese texts, (n_texts, n_features); zeros when nothing in one is known."""
        return np.vstack([self._some(texts[start : start + _AT_ONCE]) for start in range(0, len(texts), _AT_ONCE)])

    def _some(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors of a few texts: each a row of weights times the rows of all their words, added up in order."""
        numbers = [self._vocabulary(plain(text, keep=True)) for text in texts]
        ends = np.cumsum([0, *map(len, numbers)])
        together = np.fromiter(itertools.chain.from_iterable(numbers), np.intp, ends[-1])
        words, places = np.unique(together, return_inverse=True)
        weights = csr_array((self._scales[together].astype(np.float64), places, ends), shape=(len(texts), len(words)))
        return unit_rows(weights @ self._rows[words].astype(np.float64))


@once
def word_vectors() -> WordVectors:
    """Load words, pieces and vectors, once per process."""
    vectors, pieces, english, *_, chinese = text_files()
    words = [path.read_text("utf-8").splitlines() for path in (english, chinese)]
    vocabulary = Vocabulary(WordPieces.read(pieces), *words)
    with np.load(vectors, allow_pickle=False) as arrays:
        return WordVectors(vocabulary, arrays["rows"], arrays["scales"])
