"""Check the columns of a table that is to become the items frame; every wrong row is named."""

from __future__ import annotations

import numbers
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._text import shorten
from mmtoolkit.content import is_url

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "absolute",
    "is_local",
    "is_missing",
    "lacks",
    "none_for_missing",
    "one_kind",
    "refuse_numbers",
    "row_modality",
    "unique_ids",
]

MODALITIES = ("text", "image", "video", "fused")


def none_for_missing(column: pd.Series) -> pd.Series:
    """Make missing texts None, as in the frame's own columns; numbers keep their type and NaN."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column) and column.notna().any():
        return column
    return column.astype(object).where(column.notna(), None)


def is_missing(value: object) -> bool:
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float) and value != value  # noqa: PLR0124 - NaN is the one value unequal to itself


def unique_ids(values: list[Any]) -> list[str]:
    first: dict[str, int] = {}
    for row, value in enumerate(values):
        if value is None:
            msg = f"row {row} has no id"
            raise ValueError(msg)
        if str(value) in first:
            msg = f"ids must be unique: {shorten(value)!r} stands in row {first[str(value)]} and in row {row}"
            raise ValueError(msg)
        first[str(value)] = row
    return list(first)


def one_kind(values: list[Any], ids: list[str]) -> list[Any]:
    rows = [row for row, value in enumerate(values) if value is not None]
    for row in rows:
        if _kind_of_label(values[row]) is not _kind_of_label(values[rows[0]]):
            msg = (
                f"labels mix types: row {rows[0]} (id {ids[rows[0]]!r}) has {values[rows[0]]!r}, "
                f"row {row} (id {ids[row]!r}) has {values[row]!r}; make them all strings or all numbers"
            )
            raise ValueError(msg)
    if len(rows) < len(values) and all(isinstance(values[row], float) and values[row].is_integer() for row in rows):
        return [None if value is None else int(value) for value in values]  # whole numbers became floats for the gaps
    return values


def _kind_of_label(value: object) -> type:
    if isinstance(value, bool | np.bool_):
        return bool
    return float if isinstance(value, numbers.Real) else type(value)


def refuse_numbers(values: list[Any], role: str, ids: list[str]) -> None:
    for row, value in enumerate(values):
        if isinstance(value, numbers.Number | np.bool_):
            msg = f"row {row}, id {ids[row]!r}: expected a path, a URL or the {role} itself as {role}, got the number {value!s}"
            raise ValueError(msg)


def is_local(value: object) -> bool:
    """Tell whether a cell is the path of a file."""
    if isinstance(value, os.PathLike):
        return True
    return isinstance(value, str) and value != "" and not is_url(value) and not value.startswith("data:")


def absolute(value: Any, root: Path) -> Any:
    """Return a path as it is seen from a folder, absolute; whatever is no path stays as it is."""
    if not is_local(value):
        return value
    return os.path.normpath(os.path.join(root, os.path.expanduser(value)))


def row_modality(row: int, item_id: str, given: Any, values: dict[str, Any], otherwise: str) -> str:
    """Return what is embedded of a row: as given, else what it holds; `otherwise` where it holds nothing."""
    present = [role for role in ("video", "image", "text") if values[role] is not None]
    modality = (present[0] if present else otherwise) if is_missing(given) else given
    if modality not in MODALITIES:
        msg = f"row {row}, id {item_id!r}: modality must be one of {', '.join(MODALITIES)}, got {modality!r}"
        raise ValueError(msg)
    return str(modality)


def lacks(modality: str, values: dict[str, Any]) -> str:
    """Return why a row cannot be embedded as its modality says, "" where it can."""
    present = [role for role in ("video", "image", "text") if not is_missing(values[role])]
    if modality in present or modality not in MODALITIES or (modality == "fused" and len(present) > 1):
        return ""
    return f"there is nothing to embed as {modality}; the row has {', '.join(present) or 'nothing'}"
