"""From a text to the numbers of its word pieces (byte-pair encoding over a vocabulary in order of rank) and of its words."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

__all__ = ["Vocabulary", "WordPieces"]

_SPACE = "▁"  # stands for a space; pieces have it only at their beginning, so that words are cut one by one
_CUT = re.compile(f"{_SPACE}{{1,40}}[^{_SPACE}]{{0,40}}|[^{_SPACE}]{{1,40}}")  # what is longer is no word
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_REMEMBERED = 50_000  # words whose pieces are kept


class Vocabulary:
    """The pieces of a text, and beside them the words of it that are known, in any case and also without an s at the end.

    Parameters
    ----------
    pieces : WordPieces
        Cuts texts into pieces.
    words : sequence of str
        In order of their numbers, which follow those of the pieces.
    chinese : sequence of str, default=()
        Words whose numbers follow those of `words`; between spaces they stand for their pieces, too.
    """

    def __init__(self, pieces: WordPieces, words: Sequence[str], chinese: Sequence[str] = ()) -> None:
        self._pieces, self._chinese = pieces, frozenset(chinese)
        self._words = {word: number for number, word in enumerate((*words, *chinese), len(pieces))}

    def __call__(self, text: str) -> list[int]:
        """Return the numbers of the pieces and the words of `text`."""
        rest = text if text.isascii() else " ".join(run for run in text.split(" ") if run not in self._chinese)
        numbers = self._pieces(rest)
        found = self._words.get
        for run in _WORD.findall(text.lower()):
            known = found(run)
            if known is None and run[-1] == "s":
                known = found(run[:-2] if run[-2:-1] in ("'", "’") else run[:-1])
            if known is not None:
                numbers.append(known)
        return numbers


class WordPieces:
    """The pieces of a SentencePiece model with byte fallback.

    Of all neighbours that are a piece together, those whose piece has the lowest number become one first.

    Parameters
    ----------
    pieces : sequence of str
        In order of their numbers; the pieces ``<0x00>`` to ``<0xFF>`` stand for bytes of characters that are no piece.

    References
    ----------
    Sennrich, Haddow, Birch (2016), Neural machine translation of rare words with subword units.
    """

    def __init__(self, pieces: Sequence[str]) -> None:
        self._numbers = {piece: number for number, piece in enumerate(pieces)}
        self._remembered = lru_cache(_REMEMBERED)(self._cut)

    @classmethod
    def read(cls, path: Path) -> WordPieces:
        """Read pieces from a file, one a line; some end in a carriage return, which is part of them."""
        return cls(path.read_bytes().decode("utf-8").split("\n"))

    def __len__(self) -> int:
        return len(self._numbers)

    def __call__(self, text: str) -> list[int]:
        """Return the numbers of the pieces of `text`."""
        numbers: list[int] = []
        if not text:
            return numbers
        for word in _CUT.findall(_SPACE + text.replace(" ", _SPACE)):
            numbers += self._remembered(word)
        return numbers

    def _cut(self, word: str) -> list[int]:
        """Return the pieces of one word."""
        numbers = self._numbers
        find, none = numbers.get, len(numbers)
        left = [part for sign in word for part in ((sign,) if sign in numbers else _bytes_of(sign))]
        pairs = [find(first + second, none) for first, second in itertools.pairwise(left)]
        while pairs and (lowest := min(pairs)) < none:
            place = pairs.index(lowest)
            left[place] += left.pop(place + 1)
            del pairs[place]
            if place:
                pairs[place - 1] = find(left[place - 1] + left[place], none)
            if place < len(pairs):
                pairs[place] = find(left[place] + left[place + 1], none)
        return [numbers[part] for part in left]


def _bytes_of(sign: str) -> list[str]:
    """Return the names of a character's bytes."""
    return [f"<0x{byte:02X}>" for byte in sign.encode("utf-8", "replace")]
