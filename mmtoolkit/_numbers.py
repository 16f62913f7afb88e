"""Turn tables of numbers into arrays of shape (n, d): frames of any library, Series of vectors, arrays."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._anyframe import any_frame, column_of, is_frame, is_of_spark, is_series, object_cells
from mmtoolkit._text import shorten
from mmtoolkit._values import missing

__all__ = ["LabelledRows", "array_of", "as_numbers", "check_columns", "feature_names", "matrix", "numbers_of"]

_MEDIA = ("text", "image", "video")
_TELLING = ("id", "label", "Unnamed: 0")  # the last is the index of a frame that pandas wrote as CSV


class LabelledRows(np.ndarray[Any, Any]):
    """Rows of numbers with the index of the frame that they came from, by which classes are aligned, and its column names."""

    index: pd.Index | None = None
    columns: tuple[str, ...] = ()


def numbers_of(X: Any) -> Any:
    """Return frames of numbers, Series of vectors, masked arrays and tensors as arrays; everything else comes back as it is.

    Tables of Spark come back too: there are verbs for them.

    Raises
    ------
    TypeError
        If it is sparse, or a column of the frame holds no numbers; the message names it.
    ValueError
        If vectors of a Series differ in length.
    """
    from scipy.sparse import issparse

    if issparse(X):
        msg = f"expected an array of shape (n_items, n_features), got a sparse one of shape {X.shape}; X.toarray() makes one"
        raise TypeError(msg)
    if isinstance(X, np.ma.MaskedArray):
        return np.where(np.ma.getmaskarray(X), np.nan, X.data) if X.dtype.kind in "fiu" else X
    if isinstance(X, np.ndarray) and X.dtype.names is None and not (X.dtype == object and X.ndim == 1):
        return X
    if is_series(X) or (isinstance(X, np.ndarray) and X.dtype.names is None):
        column = column_of(X)
        return _labelled(_stacked(column), column.index) if _holds_vectors(column) else X
    if is_frame(X):
        return X if is_of_spark(X) else _of_frame(any_frame(X))
    return np.asarray(X) if hasattr(X, "__array__") and not hasattr(X, "encode") else X  # a tensor is not Embeddings


def as_numbers(value: Any) -> NDArray[Any] | None:
    """Return vectors in any form as an array; None for items, which are to be embedded."""
    if isinstance(value, list | tuple) and not is_frame(value):
        first = value[0] if value else None
        return matrix(value) if _is_vector(first) else None
    if is_frame(value):
        table = any_frame(value)
        named = any(name in table.columns for name in _MEDIA)
        vectors = table.shape[1] == 1 and _holds_vectors(table.iloc[:, 0])
        if named or not (vectors or all(_is_numeric(column) for _, column in table.items())):
            return None
    found = numbers_of(value)
    return found if isinstance(found, np.ndarray) and found.dtype.kind in "fiu" else None


def feature_names(X: Any) -> tuple[str, ...]:
    """Return the names of the columns that rows or Embeddings were made of, as texts; none where there were none."""
    names = X.columns if isinstance(X, LabelledRows) else getattr(X, "feature_names", ())
    return names if isinstance(names, tuple) else ()


def check_columns(trained: tuple[str, ...], new: Any) -> None:
    """Raise for a table whose columns are not those of the table before, in their order; arrays have no names.

    Raises
    ------
    ValueError
        The message names the first column that differs.
    """
    names = feature_names(new)
    if not (trained and names) or trained == names:
        return
    if any(one == tuple(map(str, range(len(one)))) for one in (trained, names)) and set(trained) != set(names):
        return  # pandas counts the columns of an array: no names
    if len(trained) != len(names):
        msg = f"expected the {len(trained)} columns {shorten(', '.join(trained))}, got {len(names)}: {shorten(', '.join(names))}"
        raise ValueError(msg)
    place = next(i for i, (a, b) in enumerate(zip(trained, names, strict=True)) if a != b)
    order = sorted(trained) == sorted(names)
    msg = (
        f"the columns are {'in another order' if order else 'others'} than before: column {place} was {trained[place]!r} and is "
        f"{names[place]!r}; pass them in the order {shorten(', '.join(trained))}"
        + ("" if order else ", or X.to_numpy() if only the names are others")
    )
    raise ValueError(msg)


def array_of(X: Any) -> NDArray[Any]:
    """Return a list or an array as an array."""
    try:
        return np.asarray(X)
    except ValueError as error:
        if isinstance(X, list | tuple) and any(map(_is_vector, X)):
            return _stacked(object_cells(list(X)))  # names the row that differs
        msg = f"expected rows of equal length, got {type(X).__name__} that is no table ({error})"
        raise ValueError(msg) from error


def matrix(X: Any) -> NDArray[Any]:
    """Return a plain array after checking that it is a table of numbers; rows may hold NaN.

    Raises
    ------
    TypeError, ValueError
        If it is not numeric, or not two-dimensional.
    """
    X = numbers_of(X)
    raw = array_of(X)
    if raw.dtype.kind not in "fiu":
        msg = f"expected Embeddings or a numeric array of shape (n_items, n_features), got {type(X).__name__} of {raw.dtype}"
        first = raw.flat[0] if raw.size else None
        if isinstance(first, str):
            msg += f", the first is {shorten(repr(str(first)), 40)}; make numbers of the texts, e.g. X.astype(float), or X.map(json.loads) of vectors"
        raise TypeError(msg)
    if raw.ndim != 2:
        msg = f"expected an array of shape (n_items, n_features), got shape {raw.shape}"
        raise ValueError(msg)
    return raw


def _is_vector(value: Any) -> bool:
    """Return whether a value is one vector, not a picture, a text or another item."""
    if isinstance(value, list | tuple):
        return len(value) > 0 and all(isinstance(v, numbers.Real) for v in value)
    return isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "fiu"


def _holds_vectors(column: pd.Series) -> bool:
    known = column[~missing(column)] if column.dtype == object else column.iloc[:0]
    return len(known) > 0 and _is_vector(known.iloc[0])


def _stacked(column: pd.Series) -> NDArray[Any]:
    """Return a Series of vectors as rows; missing ones are rows of NaN."""
    cells = column.tolist()
    first = next(row for row, cell in enumerate(cells) if _is_vector(cell))
    width = len(cells[first])
    out = np.full((len(cells), width), np.nan, dtype=np.result_type(np.asarray(cells[first]).dtype, np.float32))
    for row, cell in enumerate(cells):
        if cell is None or (isinstance(cell, float) and np.isnan(cell)):
            continue
        if not _is_vector(cell) or len(cell) != width:
            got = f"{len(cell)} numbers" if _is_vector(cell) else shorten(repr(cell))
            msg = f"row {row} holds {got}, row {first} a vector of {width} numbers; expected vectors of one length"
            raise ValueError(msg)
        out[row] = cell
    return out


def _is_numeric(column: pd.Series) -> bool:
    if column.dtype == object:
        return all(isinstance(v, numbers.Real) and not isinstance(v, bool) for v in column[~missing(column)])
    kinds = pd.api.types
    plain = kinds.is_numeric_dtype(column) and not kinds.is_bool_dtype(column)
    return bool(plain and not kinds.is_complex_dtype(column))


def _of_frame(frame: pd.DataFrame) -> NDArray[Any]:
    if frame.shape[1] == 1 and _holds_vectors(frame.iloc[:, 0]):
        return _labelled(_stacked(frame.iloc[:, 0]), frame.index)
    told = next((name for name in _TELLING if name in frame.columns), None)
    if told is not None and frame.shape[1] > 1:
        msg = (
            f"the column {told!r} says what a row is, and would be a feature of it; drop it, or make it the index "
            f"(X.set_index({told!r}))"
        )
        raise TypeError(msg)
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        if not _is_numeric(column):
            shown = shorten(repr(column.iloc[0])) if len(column) else f"no number but {column.dtype}"
            msg = (
                f"expected a table of numbers, the column {name!r} holds {shown}; drop it, make it the index "
                f"(X.set_index({name!r})), or embed items with mm.embed first"
            )
            raise TypeError(msg)
    kinds = {dtype.str if isinstance(dtype, np.dtype) else "O" for dtype in frame.dtypes}
    one = len(kinds) == 1 and "O" not in "".join(kinds)  # a large table is not copied in double precision
    raw = frame.to_numpy() if one else frame.to_numpy(np.float64, na_value=np.nan)
    return _labelled(raw, frame.index, frame.columns.tolist())


def _labelled(rows: NDArray[Any], index: pd.Index, columns: list[Any] | None = None) -> LabelledRows:
    made = rows.view(LabelledRows)
    made.index = index
    made.columns = tuple(map(str, columns or ()))
    return made
