"""Check the columns of a table that becomes the items frame; every wrong row is named."""

from __future__ import annotations

import numbers
import os
from collections.abc import Container, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import pandas as pd

from mmtoolkit._text import shorten
from mmtoolkit._values import missing, text_of, unified
from mmtoolkit.content import in_other_form, is_pil, is_url

__all__ = [
    "absolute",
    "apart",
    "as_texts",
    "cells_of",
    "is_local",
    "is_missing",
    "lacks",
    "modalities_of",
    "none_for_missing",
    "one_kind",
    "refuse_numbers",
    "text_index",
    "unique_ids",
    "unwrapped",
]

_NO_TEXT = (bytes, bytearray, os.PathLike, Mapping, np.ndarray, list, tuple, set)
MODALITIES = ("text", "image", "video", "fused")


def apart(name: Any, taken: Container[Any]) -> Any:
    """Return the name of a column of the items, with a word behind it where a table has a column of its own of that name."""
    return f"{name} (column)" if name in taken else name


def none_for_missing(column: pd.Series) -> pd.Series:
    """Make missing texts None, as in the frame's own columns; numbers keep their type and NaN."""
    if pd.api.types.is_numeric_dtype(column) and column.notna().any():
        return column
    return column.astype(object).where(~missing(column), None)


def is_missing(value: object) -> bool:
    """Return whether a cell holds no value: None, NaN, NA or NaT."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, float | np.floating) and value != value  # noqa: PLR0124 - NaN is the one value unequal to itself


def cells_of(column: pd.Series) -> list[Any]:
    """Return the values of a column; missing ones are None."""
    cells: list[Any] = column.astype(object).where(~missing(column), None).tolist()
    return cells


def unique_ids(values: list[Any]) -> list[str]:
    """Return values as ids; raise ValueError for the first that is missing or occurs twice."""
    names = list(map(text_of, values))
    if None not in values and len(set(names)) == len(names):
        return names
    first: dict[str, int] = {}
    for row, value in enumerate(values):
        if value is None:
            msg = f"row {row} has no id; fill the column, or leave it out and the row numbers are the ids"
            raise ValueError(msg)
        if names[row] in first:
            msg = f"ids must be unique: {shorten(value)!r} stands in row {first[names[row]]} and in row {row}"
            raise ValueError(msg)
        first[names[row]] = row
    return names


def one_kind(values: list[Any], ids: list[str]) -> list[Any]:
    """Return labels of one kind: whole numbers that a gap or a file made floats or texts are ints again; mixtures are refused."""
    known = np.empty(len(values), dtype=object)
    known[:] = values
    values = unified(known).tolist()
    kinds = {kind: _kind_of_label(kind) for kind in set(map(type, values)) if kind is not type(None)}
    if len(set(kinds.values())) > 1:
        rows = [row for row, value in enumerate(values) if value is not None]
        first, other = (
            rows[0],
            next(row for row in rows if kinds[type(values[row])] is not kinds[type(values[rows[0]])]),
        )
        msg = (
            f"labels mix types: row {first} (id {ids[first]!r}) has {values[first]!r}, "
            f"row {other} (id {ids[other]!r}) has {values[other]!r}; make them all strings or all numbers"
        )
        raise ValueError(msg)
    if kinds and None in values and all(issubclass(kind, float) for kind in kinds):
        whole = [value if value is None or not value.is_integer() else int(value) for value in values]
        return whole if all(value is None or isinstance(value, int) for value in whole) else values
    return values


def _kind_of_label(kind: type) -> type:
    if issubclass(kind, bool | np.bool_):
        return bool
    return float if issubclass(kind, numbers.Real) else kind


def refuse_numbers(values: list[Any], role: str, ids: list[str]) -> None:
    """Raise ValueError for the first number in a column of pictures or videos."""
    if not any(issubclass(kind, numbers.Number | np.bool_) for kind in set(map(type, values))):
        return
    for row, value in enumerate(values):
        if isinstance(value, numbers.Number | np.bool_):
            msg = f"row {row}, id {ids[row]!r}: expected a path, a URL or the {role} itself as {role}, got the number {value!s}"
            raise ValueError(msg)


def as_texts(values: list[Any], ids: list[str]) -> list[str | None]:
    """Return a column of texts; numbers and dates are written out, pictures and containers are refused."""
    if set(map(type, values)) <= {str, type(None)}:
        return values
    for row, value in enumerate(values):
        if isinstance(value, _NO_TEXT) or is_pil(value):
            msg = (
                f"row {row}, id {ids[row]!r}: expected a text as text, got {type(value).__name__} of {type(value).__module__}; "
                "pictures and videos belong into a column of their own, named with image= or video="
            )
            raise ValueError(msg)
    return [value if value is None else text_of(value) for value in values]


def unwrapped(value: Any) -> Any:
    """Return a picture as Hugging Face stores it, {"bytes": ..., "path": ...}, as its bytes or else its path."""
    if isinstance(value, dict) and value.keys() == {"bytes", "path"}:
        return value["path"] if value["bytes"] is None else value["bytes"]
    return value


def is_local(value: object) -> bool:
    """Return whether a cell is the path of a file."""
    if isinstance(value, str):
        return value != "" and not is_url(value) and not value.startswith("data:")
    return isinstance(value, os.PathLike)


def absolute(value: Any, root: Path) -> Any:
    """Return a path relative to a folder as an absolute one; a value that is not a path stays as it is."""
    if not is_local(value):
        return value
    text = os.fspath(value)
    path = os.path.normpath(os.path.join(root, os.path.expanduser(text)))
    return in_other_form(path) if os.sep == "\\" or "\\" not in text else _from_windows(text, path, root)


def _from_windows(text: str, path: str, root: Path) -> str:
    """Return a path with backslashes as it is meant: the name of a file, if that exists, else folders as on Windows."""
    if PureWindowsPath(text).is_absolute():
        return text  # no folder of this machine leads there
    here = os.path.normpath(os.path.join(root, text.replace("\\", "/")))
    return here if os.path.exists(here) and not os.path.exists(path) else path


def modalities_of(ids: list[str], given: list[Any], columns: Mapping[str, list[Any]], otherwise: str) -> list[str]:
    """Return the modality of every row; each combination of given modality and filled columns is looked up once."""
    kinds = [value if value is None or isinstance(value, str) else repr(value) for value in given]
    there = [[value is not None for value in columns[role]] for role in ("text", "image", "video")]
    rows = list(zip(kinds, *there, strict=True))
    first = {combination: row for row, combination in reversed(list(enumerate(rows)))}
    found = {
        combination: row_modality(
            row, ids[row], combination[0], {role: columns[role][row] for role in columns}, otherwise
        )
        for combination, row in sorted(first.items(), key=lambda pair: pair[1])
    }
    return [found[combination] for combination in rows]


def row_modality(row: int, item_id: str, given: Any, values: dict[str, Any], otherwise: str) -> str:
    """Return the modality of a row: the given one, else the one of the columns it fills; `otherwise` where it fills none."""
    present = [role for role in ("video", "image", "text") if values[role] is not None]
    modality = (present[0] if present else otherwise) if is_missing(given) else given
    if modality not in MODALITIES:
        msg = f"row {row}, id {item_id!r}: modality must be one of {', '.join(MODALITIES)}, got {modality!r}"
        raise ValueError(msg)
    return str(modality)


def lacks(modality: str, values: dict[str, Any]) -> str:
    """Return why a row cannot be embedded as its modality says; "" where it can."""
    present = [role for role in ("video", "image", "text") if not is_missing(values[role])]
    if modality in present or modality not in MODALITIES or (modality == "fused" and len(present) > 1):
        return ""
    return f"there is nothing to embed as {modality}; the row has {', '.join(present) or 'nothing'}"


def text_index(index: pd.Index) -> bool:
    """Return whether an index can be the ids: unique texts. Numbers cannot, because they are old row numbers."""
    return index.nlevels == 1 and bool(index.is_unique) and all(isinstance(label, str) for label in index)
