"""The catalogue: every English text with its translation."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal, TypeAlias, get_args

__all__ = ["LANGUAGES", "PAGE_TAGS", "Language", "entries"]

Language: TypeAlias = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
PAGE_TAGS: dict[Language, str] = {"en": "en", "zh": "zh-CN"}  # what a browser calls them


@functools.cache
def entries(language: Language) -> Mapping[str, str]:
    """Return the texts of a language by their English; the English catalogue has names of ours that their spelling does not tell.

    Parameters
    ----------
    language : {"en", "zh"}
        Of the texts.

    Returns
    -------
    mapping of str to str
        Templates with the same placeholders, in any order.
    """
    text = resources.files("mmtoolkit.words").joinpath(f"{language}.toml").read_text("utf-8")
    rooms: dict[str, Any] = tomllib.loads(text)
    return {english: other for room in rooms.values() for english, other in room.items()}
