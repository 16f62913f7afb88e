"""Which texts are in a language that the offline model does not know; it knows English and Chinese."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["is_foreign"]

_LETTERS = re.compile(r"[^\W\d_]")
_KNOWN = re.compile("[a-z\u00c0-\u024f\u3400-\u9fff\uf900-\ufaff]")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa]")
_LONGEST = 2000  # characters that are looked at
_ENGLISH_WORDS = (
    "the of and to in is a that it for with on as are this by from an be at or not i you we my do no so was"
)
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_OTHER_WORDS = (  # common words of German, French, Spanish, Portuguese, Italian, Dutch, Swedish, Polish, Turkish, Indonesian
    "der das und ist nicht ein eine einen auf mit für von zu dem den ich sie wir im les des du une est dans pour avec "
    "qui sur pas je et le la el los las una que por para del uno um uma não com da em il che della sono gli un het een van "
    "niet dat zijn och att det som på är inte jag nie się jest bir bu için yang dengan untuk ini adalah"
)
_OTHERS = frozenset(_OTHER_WORDS.split())


def is_foreign(text: str) -> bool:
    """Return whether `text` looks like another language: by its letters, else by the commonest words.

    Examples
    --------
    >>> [is_foreign(text) for text in ("a red bird", "一只红色的鸟", "птица", "赤い鳥です", "un oiseau dans le jardin")]
    [False, False, True, True, True]
    """
    text = text[:_LONGEST].lower()
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        letters = len(_LETTERS.findall(text))
        if 2 * len(_KNOWN.findall(text)) < letters or 5 * len(_KANA.findall(text)) > letters > 0:
            return True
    words = set(text.split())
    others = len(words & _OTHERS)
    return others >= 2 and others > len(words & _ENGLISH)
