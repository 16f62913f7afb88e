"""The offline model's way from texts to vectors: the mean of vectors of word pieces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.providers.local.chinese import HAN, dictionary, dictionary_files
from mmtoolkit.providers.local.loading import WEIGHTS, once
from mmtoolkit.providers.local.pieces import WordPieces
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WordVectors", "plain", "text_files", "word_vectors"]

_AT_ONCE = 4096  # pieces
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]+")
_MODIFIERS = re.compile("[\ufe00-\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]")
_SIGN = re.compile("[\u2600-\u27bf\U0001f000-\U0001faff]")


def text_files() -> tuple[Path, ...]:
    """Return the files that text vectors depend on."""
    return (WEIGHTS / "word_vectors.npy", WEIGHTS / "word_pieces.txt", *dictionary_files())


def plain(text: str) -> str:
    """Return `text` in English: emoji by their names, Chinese by glosses, other ways to write one character as one."""
    if text.isascii():
        return " ".join(text.split())
    text = _MODIFIERS.sub("", _FLAG.sub(" flag ", text))
    text = _SIGN.sub(lambda sign: f" {unicodedata.name(sign[0], sign[0]).lower()} ", text)
    text = unicodedata.normalize("NFKC", text)
    return " ".join((dictionary().gloss(text) if HAN.search(text) else text).split())


class WordVectors:
    """Mean of word-piece vectors, one text at a time.

    Parameters
    ----------
    pieces : callable
        From a text to the numbers of its pieces.
    table : ndarray of shape (n_pieces, 256), float32
        Their vectors.
    """

    def __init__(self, pieces: Callable[[str], Sequence[int]], table: NDArray[np.float32]) -> None:
        self._pieces, self._table = pieces, table

    def __call__(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of an English or Chinese text, (256,); zeros when nothing in it is known."""
        numbers = np.asarray(self._pieces(plain(text)), dtype=np.intp)
        total = np.zeros(self._table.shape[1])
        for start in range(0, len(numbers), _AT_ONCE):
            total += self._table[numbers[start : start + _AT_ONCE]].sum(axis=0, dtype=np.float64)
        return unit_rows(total[None]).ravel()


@once
def word_vectors() -> WordVectors:
    """Load pieces and vectors, once per process."""
    vectors, pieces, *_ = text_files()
    table = np.load(vectors, allow_pickle=False).astype(np.float32)
    return WordVectors(WordPieces(pieces.read_text("utf-8").split("\n")), table)
