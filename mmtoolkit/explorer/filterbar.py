"""The bar of filters: a chip for every value of a column of few, and two fields for a range, with what passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mmtoolkit._html import Html, escape, tag, void
from mmtoolkit._text import shorten
from mmtoolkit.explorer.cards import button
from mmtoolkit.explorer.facets import Choices, Range
from mmtoolkit.explorer.filtering import Filter
from mmtoolkit.words import say

__all__ = ["bar"]

_MOST_COLUMNS, _MOST_CHIPS = 12, 12
_ROOM = 9  # letters of a number in its field


def bar(filter_: Filter, *, opened: bool) -> str:
    """Return the filters of the first twelve columns, or only the line above them.

    Parameters
    ----------
    filter_ : Filter
        What can be filtered by, and what is.
    opened : bool
        Whether chips and fields are shown.
    """
    if not (filter_.facets or filter_):
        return ""
    n, shown = len(filter_.shown), int(filter_.shown.sum())
    toggle = button(say("filter") + (" ▾" if opened else " ▸"), "filters", kind="mmx-link", expanded=opened)
    told = tag("span", say("{shown:,} of {n:,} items shown", shown=shown, n=n)) if filter_ else Html()
    clear = button(say("show all"), "show-all") if filter_ else Html()
    head = tag("div", toggle, told, clear, class_="mmx-row")
    if not opened:
        return str(head)
    facets = enumerate(filter_.facets[:_MOST_COLUMNS])
    lines = [
        _chips(filter_, place, facet) if isinstance(facet, Choices) else _fields(filter_, place, facet)
        for place, facet in facets
    ]
    left = len(filter_.facets) - _MOST_COLUMNS
    if left > 0:
        code = say("and {n} more column: {code}", "and {n} more columns: {code}", n=left, code="ex.where = {...}")
        lines.append(tag("span", code, class_="mmx-empty"))
    return str(head + tag("div", *lines, class_="mmx-filters"))


def _chips(filter_: Filter, place: int, facet: Choices) -> Html:
    counts, chosen = facet.counts(filter_.others(facet.name)), filter_.chosen(facet)
    pressed = [any(value is other or value == other for other in chosen) for value in facet.values]
    shown = [i for i in range(len(facet.values)) if i < _MOST_CHIPS or pressed[i]]
    chips = [
        button(
            f"<bdi>{escape(_name(facet.values[i]), 24)}</bdi> <small>{counts[i]:,}</small>",
            "filter",
            f"{place}:{i}",
            title=str(_name(facet.values[i])),
            kind="mmx-chip",
            pressed=pressed[i],
        )
        for i in shown
    ]
    left = len(facet.values) - len(shown)
    more = tag("span", say("and {n} more value", "and {n} more values", n=left)) if left else Html()
    return _line(facet.name, *chips, more)


def _fields(filter_: Filter, place: int, facet: Range) -> Html:
    ends, limits = filter_.ends(facet), facet.limits
    words = (say("{name}: from", name=facet.name), say("{name}: to", name=facet.name))
    fields = [
        void(
            "input",
            class_="mmx-in mmx-end",
            type="date" if facet.is_time else "number",
            step=None if facet.is_time else "any",
            value="" if end is None else _written(facet, end),
            placeholder=_short(facet, limit),
            min=facet.shown(limits[0]) if facet.is_time else None,
            max=facet.shown(limits[1]) if facet.is_time else None,
            aria_label=escape(word, 80),
            data_mm="range",
            data_value=f"{place}:{side}",
            data_key=f"range:{place}:{side}",
        )
        for side, end, limit, word in zip(("low", "high"), ends, limits, words, strict=True)
    ]
    among = filter_.others(facet.name)
    bars = _bars(facet.bars(among), facet.bars(filter_.shown))
    return _line(facet.name, fields[0], bars, fields[1])


def _short(facet: Range, limit: float) -> str:
    """Return an end of the values as the field has room for."""
    text = facet.shown(limit)
    return text if facet.is_time or len(text) <= _ROOM else f"{limit:.3g}"


def _written(facet: Range, end: Any) -> str:
    return str(pd.Timestamp(end).date()) if facet.is_time else facet.shown(float(end))


def _bars(among: np.ndarray[Any, Any], passing: np.ndarray[Any, Any]) -> Html:
    """Draw how many items lie where in the range: all that the other filters let pass, and those that pass this one."""
    top = max(int(among.max(initial=0)), 1)

    def drawn(counts: np.ndarray[Any, Any]) -> str:
        return "".join(f"M{i} 20V{20 - 18 * count / top:.1f}h.8V20z" for i, count in enumerate(counts) if count)

    paths = "".join(f'<path d="{drawn(counts)}"/>' for counts in (among, passing))
    return Html(
        f'<svg class="mmx-bars" viewBox="0 0 {len(among)} 20" preserveAspectRatio="none" aria-hidden="true">{paths}</svg>'
    )


def _line(name: str, *inner: Html) -> Html:
    shown = escape(shorten(name, 30, tail=10))
    return tag("div", tag("i", shown, title=name), *inner, class_="mmx-row", role="group", aria_label=shown)


def _name(value: object) -> object:
    return say("(none)") if value is None else value
