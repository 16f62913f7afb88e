"""Texts for people, in English or Chinese: `say` makes a text, `speaking` sets the language, a catalogue holds the Chinese."""

from mmtoolkit.words.catalogue import LANGUAGES, PAGE_TAGS, Language, entries
from mmtoolkit.words.phrases import aside, between, day, joined, listed, percent, points, quoted, recalled
from mmtoolkit.words.saying import Said, chosen_language, filled, language, say, speaking, title, word

__all__ = [
    "LANGUAGES",
    "PAGE_TAGS",
    "Language",
    "Said",
    "aside",
    "between",
    "chosen_language",
    "day",
    "entries",
    "filled",
    "joined",
    "language",
    "listed",
    "percent",
    "points",
    "quoted",
    "recalled",
    "say",
    "speaking",
    "title",
    "word",
]
