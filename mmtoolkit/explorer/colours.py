"""Colours of the points: by groups or by numbers, in one trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit.figures.groups import GroupedPoints, groups_of
from mmtoolkit.figures.style import PALETTE, SEQUENTIAL

__all__ = ["Look", "look_of", "usable_columns"]

_SYMBOLS = {"circle": 0, "square": 1, "diamond": 2, "triangle-up": 5, "circle-open": 100, "x-thin-open": 133}
_MOST_GROUPS = 200
_LARGEST = float(np.finfo(np.float32).max) / 4  # of which a difference is a float32, too


@dataclass(frozen=True, eq=False)
class Look:
    """How points are coloured.

    Parameters
    ----------
    name : str
        What the colour means.
    groups : list of GroupedPoints
        Empty when the colour is a number.
    values : ndarray of shape (n_items,) or None
        The numbers, when it is one.
    opacity : ndarray of shape (n_items,) or None
        0 to 1, where points fade; None is the same for all.
    """

    name: str
    groups: list[GroupedPoints] = field(default_factory=list)
    values: NDArray[np.float32] | None = None
    opacity: NDArray[np.float32] | None = None

    def marker(self, n_items: int) -> dict[str, Any]:
        """Return Plotly's marker settings for one trace of all items; arrays, so that they travel as bytes."""
        if self.values is not None:
            scale = [[i / (len(SEQUENTIAL) - 1), color] for i, color in enumerate(SEQUENTIAL)]
            known = self.values[np.isfinite(self.values)]
            low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
            return {
                "color": self.values,
                "colorscale": scale,
                "cmin": low,
                "cmax": high,
                "showscale": True,
                "symbol": 0,
            }
        codes = np.zeros(n_items, dtype=np.float32)
        symbols = np.zeros(n_items, dtype=np.int16)
        for code, group in enumerate(self.groups):
            codes[group.rows], symbols[group.rows] = code, _SYMBOLS[group.symbol]
        colors = [group.color for group in self.groups] or [PALETTE[0]]
        top = max(len(colors) - 1, 1)
        scale = [[i / top, color] for i, color in enumerate(colors)]
        scale += [[1.0, colors[0]]] if len(colors) == 1 else []
        symbol: Any = symbols if symbols.any() else 0
        return {"color": codes, "colorscale": scale, "cmin": 0, "cmax": top, "showscale": False, "symbol": symbol}


def look_of(name: str, values: Any, names: Mapping[Any, str] | None = None) -> Look:
    """Return the look of one value per item.

    Parameters
    ----------
    name : str
        What the colour means.
    values : array-like of shape (n_items,) or None
        Floats are numbers, anything else is a category; None is one plain colour.
    names : mapping or None, default=None
        What to call a category.

    Returns
    -------
    Look
        Ready to draw.
    """
    if values is None:
        return Look(name)
    values = np.asarray(values)
    if values.dtype.kind == "f":
        held = np.where(np.isfinite(values), np.clip(values, -_LARGEST, _LARGEST), np.nan)
        return Look(name, values=held.astype(np.float32))
    return Look(name, groups=groups_of(values, names))


def usable_columns(items: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return the columns of an items frame by which points can be coloured.

    Parameters
    ----------
    items : DataFrame
        Any frame.

    Returns
    -------
    dict of str to ndarray
        Columns of numbers as floats, of at most 200 different texts or flags as objects; ids, pictures, free texts and
        columns with one value only are left out.
    """
    found: dict[str, NDArray[Any]] = {}
    for name in items.columns:
        column = items[name]
        if name in ("id", "image", "video") or column.isna().all():
            continue
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            if column.nunique() > 1:
                found[str(name)] = column.to_numpy(dtype=np.float64, na_value=np.nan)
            continue
        values = column.to_numpy(dtype=object)
        plain = [value for value in values if isinstance(value, str | bool | int | np.generic)]
        if len(plain) == int(column.notna().sum()) and 1 < len(set(plain)) <= min(_MOST_GROUPS, len(items) / 2):
            found[str(name)] = np.where(column.isna().to_numpy(), np.array(None), values)
    return found
