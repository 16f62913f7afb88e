"""The small phrases that many texts are made of: shares, names, lists, dates, sentences after one another."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from mmtoolkit._text import shorten
from mmtoolkit.words.saying import Said, say, word

__all__ = ["aside", "between", "day", "joined", "listed", "percent", "points", "quoted", "recalled"]


def percent(value: float, digits: int = 1) -> Said:
    """Return a share as people read it: 0.7634 is "76.3 %"."""
    return say("unknown") if value != value else say("{share} %", share=f"{100 * value:.{digits}f}")  # noqa: PLR0124 - NaN


def points(value: float) -> Said:
    """Return a difference of shares: 0.021 is "2.1 points"."""
    return say("{points:.1f} points", points=100 * value)


def quoted(name: object, limit: int = 40) -> str:
    """Return a name between quotation marks, shortened, its own marks left as they are."""
    return f"“{shorten(name, limit)}”"


def day(when: datetime.date) -> Said:
    """Return a date: "28 Nov 2026"."""
    return say("{day} {month} {year}", day=when.day, month=_MONTHS[when.month - 1], year=when.year)


def between(low: object, high: object) -> Said:
    """Return the ends of an interval: "60.0 % to 70.0 %"."""
    return say("{low} to {high}", low=low, high=high)


def listed(names: Iterable[object]) -> str:
    """Return names after one another, with the comma of the language."""
    return _chained(lambda a, b: say("{a}, {b}", a=a, b=b), names)


def joined(*sentences: str) -> str:
    """Return sentences after one another, empty ones left out; Chinese has no space between them."""
    return _chained(lambda a, b: say("{a} {b}", a=a, b=b), filter(None, sentences))


def aside(*remarks: str) -> str:
    """Return short remarks after one another, empty ones left out: "a; b"."""
    return _chained(lambda a, b: say("{a}; {b}", a=a, b=b), filter(None, remarks))


_MONTHS = (
    word("Jan"),
    word("Feb"),
    word("Mar"),
    word("Apr"),
    word("May"),
    word("Jun"),
    word("Jul"),
    word("Aug"),
    word("Sep"),
    word("Oct"),
    word("Nov"),
    word("Dec"),
)


def recalled(text: str, among: Iterable[str]) -> str:
    """Return the one of some texts that is equal to `text`, as it was said; columns of frames hold plain texts only."""
    return next((known for known in among if known == text), text)


def _chained(put: Callable[[Any, Any], Said], parts: Iterable[Any]) -> str:
    """Return parts put after one another, a single one as it is, "" for none."""
    some = list(parts)
    return reduce(put, some[1:], some[0]) if some else ""
