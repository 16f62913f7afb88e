"""From a text to the numbers of its word pieces (byte-pair encoding over a vocabulary in order of rank) and of its words."""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from functools import lru_cache

__all__ = ["Vocabulary", "WordPieces"]

_SPACE = "▁"  # stands for a space; pieces have it only at their beginning, so that words are cut one by one
_SPACED = re.compile(f"{_SPACE}+[^{_SPACE}]*")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_REMEMBERED = 50_000  # words whose pieces are kept
_LONGEST_REMEMBERED = 40  # characters


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
        self._pieces = pieces
        self._numbers = {piece: number for number, piece in enumerate(pieces)}
        self._remembered = lru_cache(_REMEMBERED)(self._cut)

    def __len__(self) -> int:
        return len(self._pieces)

    def __call__(self, text: str) -> list[int]:
        """Return the numbers of the pieces of `text`."""
        numbers: list[int] = []
        if not text:
            return numbers
        for word in _SPACED.findall(_SPACE + text.replace(" ", _SPACE)):
            numbers += self._remembered(word) if len(word) <= _LONGEST_REMEMBERED else self._cut(word)
        return numbers

    def _cut(self, word: str) -> list[int]:
        """Return the pieces of one word; n characters take time n log n."""
        left = [number for character in word for number in self._character(character)]
        after = [*range(1, len(left)), -1]
        before = [*range(-1, len(left) - 1)]
        waiting = [pair for place in range(len(left) - 1) if (pair := self._pair(left, place, place + 1))]
        heapq.heapify(waiting)
        while waiting:
            number, first, second, place = heapq.heappop(waiting)
            other = after[place]
            if other < 0 or left[place] != first or left[other] != second:
                continue  # one of them is part of another piece by now
            left[place], left[other] = number, -1
            after[place] = after[other]
            if after[place] >= 0:
                before[after[place]] = place
            for start, end in ((before[place], place), (place, after[place])):
                if min(start, end) >= 0 and (pair := self._pair(left, start, end)):
                    heapq.heappush(waiting, pair)
        return [number for number in left if number >= 0]

    def _character(self, character: str) -> list[int]:
        """Return the number of a character, or those of its bytes."""
        if character in self._numbers:
            return [self._numbers[character]]
        return [self._numbers[f"<0x{byte:02X}>"] for byte in character.encode("utf-8", "replace")]

    def _pair(self, left: Sequence[int], start: int, end: int) -> tuple[int, int, int, int] | None:
        """Return the piece that two neighbours become, the neighbours, and their place; None when they are no piece."""
        first, second = left[start], left[end]
        number = self._numbers.get(self._pieces[first] + self._pieces[second])
        return None if number is None else (number, first, second, start)
