"""What a person reads, in English or Chinese: `say` makes a text, `speaking` names the language, a catalogue holds the Chinese."""

from mmtoolkit.words.catalogue import LANGUAGES, Language, entries
from mmtoolkit.words.phrases import aside, day, joined, listed, percent, points, quoted
from mmtoolkit.words.saying import Said, chosen_language, language, say, speaking, title, word

__all__ = [
    "LANGUAGES",
    "Language",
    "Said",
    "aside",
    "chosen_language",
    "day",
    "entries",
    "joined",
    "language",
    "listed",
    "percent",
    "points",
    "quoted",
    "say",
    "speaking",
    "title",
    "word",
]
