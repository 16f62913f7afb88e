"""Who shares a look on a map: names with counts, colours, markers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._text import shorten
from mmtoolkit.figures.style import GREY, PALETTE

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Group", "groups_of"]

_SHAPES = ("circle", "diamond", "square", "triangle-up")
_MAX_GROUPS = len(PALETTE) * len(_SHAPES)


@dataclass(frozen=True, eq=False)
class Group:
    """The points that share a look: their rows, name, colour and marker."""

    rows: NDArray[np.intp]
    name: str
    color: str
    symbol: str


def groups_of(values: ArrayLike, names: Mapping[Any, str] | None = None) -> list[Group]:
    """Give every category of `values` a name with its count, a colour and a marker.

    Parameters
    ----------
    values : array-like of shape (n,)
        Categories. None and NaN become "(none)"; the integer -1 (noise) and "(none)" are grey and come last.
    names : mapping or None, default=None
        What to call a category instead of itself.

    Returns
    -------
    list of Group
        Integers in their order, all else largest first. Twelve colours, then the next marker; what comes after 48
        looks is one grey group.
    """
    import pandas as pd

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

    def group(rows: NDArray[np.intp], name: str, color: str, symbol: str = "circle") -> Group:
        return Group(rows, f"{shorten(name, 40)} ({len(rows):,})", color, symbol)

    out = [
        group(np.flatnonzero(codes == i), called.get(found[i], str(found[i])), *_look(r)) for r, i in enumerate(shown)
    ]
    rest = set(order) - set(shown)
    if rest:
        out.append(group(np.flatnonzero(np.isin(codes, list(rest))), f"{len(rest)} smaller groups", GREY, "circle"))
    out += [group(np.flatnonzero(codes == i), called.get(-1, "noise"), GREY, "x-thin-open") for i in grey]
    if (codes < 0).any():
        out.append(group(np.flatnonzero(codes < 0), "(none)", GREY, "circle"))
    return out


def _look(rank: int) -> tuple[str, str]:
    return PALETTE[rank % len(PALETTE)], _SHAPES[rank // len(PALETTE)]
