"""Points of a map in groups that share a look: a name with a count, a colour, a marker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._text import shorten
from mmtoolkit.figures.style import GREY, PALETTE
from mmtoolkit.words import say

__all__ = ["GroupedPoints", "centres", "groups_of"]

_SHAPES = ("circle", "diamond", "square", "triangle-up")
_MAX_GROUPS = len(PALETTE) * len(_SHAPES)


@dataclass(frozen=True, eq=False)
class GroupedPoints:
    """Points that share a look.

    Parameters
    ----------
    rows : ndarray of shape (n_points,), int
        Which points.
    name : str
        For the legend, with the count; "" has no entry.
    color, symbol : str
        As Plotly takes them.
    """

    rows: NDArray[np.intp]
    name: str = ""
    color: str = PALETTE[0]
    symbol: str = "circle"

    def among(self, shown: NDArray[np.bool_]) -> GroupedPoints | None:
        """Return the group with only those of its points that are shown, counted anew; None where none is."""
        rows = self.rows[shown[self.rows]]
        name = f"{self.name.rpartition(' (')[0]} ({len(rows):,})" if self.name else ""
        return replace(self, rows=rows, name=name) if len(rows) else None


def centres(coords: NDArray[np.floating], groups: Sequence[GroupedPoints]) -> list[tuple[str, float, float]]:
    """Return for every group with a name and a colour the name and the point nearest to its median; the largest group first."""
    found = []
    for group in sorted(groups, key=lambda g: -len(g.rows)):
        points = coords[group.rows]
        points = points[np.isfinite(points).all(axis=1)]
        if len(points) and group.name and group.color != GREY:
            x, y = points[((points - np.median(points, axis=0)) ** 2).sum(axis=1).argmin()].tolist()
            found.append((group.name.rpartition(" (")[0], x, y))
    return found


def groups_of(values: ArrayLike, names: Mapping[Any, str] | None = None) -> list[GroupedPoints]:
    """Give every category of `values` a name with its count, a colour and a marker.

    Parameters
    ----------
    values : array-like of shape (n,)
        Categories. None and NaN become "(none)"; the integer -1 (noise) and "(none)" are grey and come last.
    names : mapping or None, default=None
        What to call a category instead of itself.

    Returns
    -------
    list of GroupedPoints
        Integers in their order, each with its own look whatever others there are; all else largest first. Twelve colours,
        then the next marker; what comes after 48 looks is one grey group.
    """
    codes, found = pd.factorize(pd.Series(np.asarray(values, dtype=object)))
    counts = np.bincount(codes[codes >= 0], minlength=len(found))
    numbers = all(isinstance(v, int | np.integer) for v in found)
    grey = [i for i, v in enumerate(found) if numbers and v == -1]
    order = sorted(
        (i for i in range(len(found)) if i not in grey),
        key=lambda i: found[i] if numbers else (-int(counts[i]), str(found[i])),
    )
    shown = order if len(order) <= _MAX_GROUPS else sorted(order, key=lambda i: -int(counts[i]))[: _MAX_GROUPS - 1]
    called = {v: str(n) for v, n in (names or {}).items()}

    rest = [i for i in order if i not in set(shown)]
    looks: list[tuple[list[int], str, str, str]] = [
        ([i], called.get(found[i], str(found[i])), PALETTE[look % len(PALETTE)], _SHAPES[look // len(PALETTE)])
        for i, look in zip(shown, _looks([int(found[i]) for i in shown] if numbers else range(len(shown))), strict=True)
    ]
    looks += [
        (rest, say("{n} smaller group", "{n} smaller groups", n=len(rest)), GREY, "circle"),
        (grey, called.get(-1, say("noise")), GREY, "x-thin-open"),
        ([-1], say("(none)"), GREY, "circle"),
    ]
    out = []
    for members, name, color, symbol in looks:
        rows = np.flatnonzero(np.isin(codes, members))
        if len(rows):
            out.append(GroupedPoints(rows, f"{shorten(name, 40, tail=12)} ({len(rows):,})", color, symbol))
    return out


def _looks(numbers: Sequence[int]) -> list[int]:
    """Return one of 48 looks for every number: its own, or the next that is free."""
    free, found = dict.fromkeys(range(_MAX_GROUPS)), []
    for number in numbers:
        look = next(at % _MAX_GROUPS for at in range(number, number + _MAX_GROUPS) if at % _MAX_GROUPS in free)
        del free[look]
        found.append(look)
    return found
