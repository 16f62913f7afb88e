"""Read JSON that others wrote: size, depth and numbers are checked before anything is built from it."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from mmtoolkit._encodings import decoded
from mmtoolkit._opening import read_whole

__all__ = ["read_json", "read_json_file", "utf_8"]

_MAX_BYTES = 256 * 1024**2
_MAX_DEPTH = 64
_MAX_VALUES = 5_000_000  # a value of three bytes takes up to 72 in memory
_LONG = re.compile(rb"[0-9]{41}")  # no number that anybody writes has more than 40 digits in a row
_HUGE = re.compile(rb"[eE]\+?[0-9]{3}")  # the only ones that may be too large
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def read_json(raw: bytes | str) -> Any:
    """Return the content of a JSON text.

    Parameters
    ----------
    raw : bytes or str
        In UTF-8, with a byte order mark or without one.

    Returns
    -------
    object
        Plain data.

    Raises
    ------
    ValueError
        If it is no JSON or in another encoding, larger than 256 MiB, deeper than 64 levels, of more than 5 million values, or has a number
        that is not finite or of more than 40 digits.

    Examples
    --------
    >>> from mmtoolkit._json import read_json
    >>> read_json(b'{"a": [1, 2.5]}')
    {'a': [1, 2.5]}
    >>> read_json("[" * 100_000)
    Traceback (most recent call last):
    ...
    ValueError: it has 100,000 levels of nesting, at most 64 are read
    """
    _refuse_more("bytes", len(raw), _MAX_BYTES)
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    bare = _STRING.sub(b"", data)
    _refuse_more("values", bare.count(b",") + bare.count(b"[") + bare.count(b"{"), _MAX_VALUES)
    _refuse_more("levels of nesting", _depth(bare), _MAX_DEPTH)
    if _LONG.search(bare):
        msg = "it has a number of more than 40 digits"
        raise ValueError(msg)
    text = raw if isinstance(raw, str) else utf_8(raw)
    return json.loads(text, parse_constant=_refused, parse_float=_finite if _HUGE.search(bare) else None)


def read_json_file(path: Path) -> Any:
    """Return the content of a JSON file; a file that is too large is not opened.

    Raises
    ------
    OSError
        If there is no file, it may not be read, or is too large.
    ValueError
        As `read_json`.
    """
    return read_json(read_whole(path, _MAX_BYTES))


def utf_8(raw: bytes) -> str:
    """Return the text of a file that this package wrote, and an editor perhaps; raise ValueError for another encoding, by name."""
    text, encoding = decoded(raw)
    if encoding:
        msg = f"it is in {encoding}; save it as UTF-8"
        raise ValueError(msg)
    return text


def _refuse_more(what: str, got: int, most: int) -> None:
    if got > most:
        msg = f"it has {got:,} {what}, at most {most:,} are read"
        raise ValueError(msg)


def _depth(bare: bytes) -> int:
    """Return the largest number of brackets that are open at once."""
    import numpy as np

    marks = np.frombuffer(bare.translate(None, _NO_BRACKETS), dtype=np.uint8)
    steps = np.full(len(marks), -1, dtype=np.int8)
    steps[(marks == ord("[")) | (marks == ord("{"))] = 1
    return int(steps.cumsum(dtype=np.int32).max(initial=0))


def _refused(name: str) -> None:
    msg = f"{name} is not a number of JSON"
    raise ValueError(msg)


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        msg = f"the number {digits} is too large"
        raise ValueError(msg)
    return value
