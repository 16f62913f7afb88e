"""One value per item: classes, groups, splits and colours of any library, in the order of the items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._anyframe import any_frame, column_of, is_frame, is_series
from mmtoolkit._arguments import NoColumnError
from mmtoolkit._text import is_unicode, shorten
from mmtoolkit._values import missing, text_of, unified
from mmtoolkit.vectors import HasVectors, has_vectors, ids_of, index_of, items_of

__all__ = ["CHARACTERS", "column", "column_in", "masked", "refuse_other_ids", "refuse_other_order", "series_of"]

CHARACTERS = "characters"  # what items with texts have, whether or not a column says so
_NAMED = 8


def column(embeddings: HasVectors | ArrayLike, y: ArrayLike | str, *, what: str = "y") -> NDArray[np.object_]:
    """Return one value per item, from values of any library or a column name of ``emb.items``.

    Values with an index (a pandas Series, a one-column frame, a mapping of ids) are taken by position where the index is
    that of the items or 0..n-1, brought into the order of the items where it holds the same labels, and refused otherwise.

    Parameters
    ----------
    embeddings : Embeddings or array
        Whose rows the values belong to.
    y : array-like of shape (n_items,) or (n_items, 1), Series or one-column frame of any library, mapping of id to value, or str
        Values, or the name of a column.
    what : str, default="y"
        Name of the argument, for messages.

    Returns
    -------
    ndarray of shape (n_items,), object
        Missing values are None; numbers and the writing of numbers in one column are of one type.

    Raises
    ------
    ValueError
        If the column does not exist, or shape, length or index are not those of the items.
    TypeError
        If it is no column at all.
    """
    given: object = y
    if given is None:
        msg = f"{what} is None; pass one value per item, or the name of a column"
        raise ValueError(msg)
    if isinstance(y, str):
        values = _named(embeddings, y, what)
    else:
        series = series_of(y, what)
        n = len(ids_of(embeddings))
        if len(series) != n:
            msg = f"{what} has {len(series)} values for {n} items{_lacking(series, embeddings)}"
            raise ValueError(msg)
        has_index = isinstance(y, pd.Series | pd.DataFrame | Mapping)
        values = _in_order(series, embeddings, what) if has_index else series.to_numpy(dtype=object)
    out = values.copy()
    out[missing(values)] = None
    for row, value in enumerate(out):
        if isinstance(value, str) and (value.endswith("\0") or not is_unicode(value)):  # NumPy drops a NUL at the end
            why = "ends in NUL" if value.endswith("\0") else "is not valid Unicode"
            msg = f"{what} of row {row}, id {str(ids_of(embeddings)[row])!r}, is {value!r}, which {why}; write it anew"
            raise ValueError(msg)
    return unified(out)


def masked(embeddings: HasVectors | ArrayLike, wanted: Any, what: str = "mask") -> Any:
    """Return a boolean Series as a mask in the order of the items, like `column`; everything else comes back as it is.

    An index of 0..n-1 is that of ``emb.items``: such a mask stays in its order. As many zeros and ones as there are items
    are refused: they would be row numbers.
    """
    wanted = _booleans(embeddings, wanted, what)
    several = isinstance(wanted, list) or (isinstance(wanted, np.ndarray | pd.Series) and wanted.ndim == 1)
    if several and len(wanted) == (n := len(ids_of(embeddings))) > 2:
        numbers = np.asarray(wanted)
        if numbers.dtype.kind in "iu" and numbers.min() >= 0 and numbers.max() <= 1:
            msg = f"{what} holds {n} zeros and ones, which would be row numbers; pass a mask as booleans, e.g. {what}.astype(bool)"
            raise ValueError(msg)
    if not isinstance(wanted, pd.Series) or not pd.api.types.is_bool_dtype(wanted):
        return wanted
    if wanted.index.equals(pd.RangeIndex(len(wanted))):
        return wanted.to_numpy()
    return np.array(column(embeddings, wanted, what=what).tolist())


def _booleans(embeddings: HasVectors | ArrayLike, wanted: Any, what: str) -> Any:
    """Return a column of Python's booleans, or of a type that knows missing ones, as NumPy's; everything else as it is."""
    dtype = getattr(wanted, "dtype", None)
    plain = isinstance(dtype, np.dtype) and dtype.kind != "O"
    if plain or not (isinstance(wanted, list) or getattr(wanted, "ndim", 0) == 1 or is_series(wanted)):
        return wanted
    series = column_of(wanted)
    gone = missing(series)
    kinds = set(map(type, series[~gone]))
    if not kinds or not kinds <= {bool, np.bool_}:
        return wanted
    if gone.any():
        row = int(np.argmax(gone))
        ids = ids_of(embeddings)
        who = f"row {row}, id {str(ids[row])!r}" if len(ids) == len(series) else f"row {row}"
        msg = (
            f"{what} says neither True nor False of {who}, but {series.iloc[row]!r}; fill it, e.g. {what}.fillna(False)"
        )
        raise ValueError(msg)
    made = series.astype(bool)
    return made if isinstance(wanted, pd.Series) else made.to_numpy()


def refuse_other_order(embeddings: HasVectors | ArrayLike, index: pd.Index | None, what: str) -> None:
    """Raise ValueError for the index of a frame that holds the labels or the ids of the items in another order."""
    own = index_of(embeddings)
    if index is None or (own is not None and index.equals(own)):
        return
    _refuse_moved(index, own, what)
    refuse_other_ids(index, ids_of(embeddings), what)


def refuse_other_ids(labels: Any, ids: Any, what: str) -> None:
    """Raise ValueError for labels that are the ids of the vectors in another order, unless either are row numbers."""
    names, known = _written(labels), _written(ids)
    if not any(one.equals(_written(range(len(one)))) for one in (names, known)):
        _refuse_moved(names, known, what)


def _refuse_moved(index: pd.Index, own: pd.Index | None, what: str) -> None:
    if own is not None and not index.equals(own) and _same_labels(index, own):
        row = int(np.argmax(index != own))
        msg = (
            f"{what} is in another order than the vectors: row {row} is {index[row]!r}, the vectors have {own[row]!r}; "
            "bring one into the order of the other, or take the index away from both (.reset_index(drop=True))"
        )
        raise ValueError(msg)


def _written(labels: Any) -> pd.Index:
    return pd.Index(list(map(text_of, labels)), dtype=object)


def column_in(items: pd.DataFrame, name: str) -> pd.Series | None:
    """Return a column of an items frame, or the lengths of its texts as "characters"; None where there is none of that name."""
    if name in items.columns:
        return items[name]
    return items["text"].str.len() if name == CHARACTERS and items["text"].notna().any() else None


def _named(embeddings: HasVectors | ArrayLike, name: str, what: str) -> NDArray[np.object_]:
    items = items_of(embeddings)
    column = None if items is None else column_in(items, name)
    if column is None:
        columns = None if items is None else list(map(str, items.columns))
        raise NoColumnError(what, name, columns, "; pass an array of one value per row instead")
    if column.ndim != 1:
        msg = f"{what}={name!r} names {column.shape[1]} columns of the items; rename one of them"
        raise ValueError(msg)
    values: NDArray[np.object_] = column.to_numpy(dtype=object)
    return values


def series_of(y: Any, what: str) -> pd.Series:
    """Return one column of any library as a Series; a one-column table or array of shape (n, 1) is its column."""
    from scipy.sparse import issparse

    if issparse(y):
        msg = f"{what} is sparse; make one value per item of it, such as {what}.toarray().ravel()"
        raise TypeError(msg)
    if isinstance(y, Mapping) and not is_frame(y):
        return pd.Series(y, dtype=object)  # of id to value
    if is_frame(y):
        table = any_frame(y)
        if table.shape[1] != 1:
            names = ", ".join(map(str, table.columns[:_NAMED]))
            one = _most_like_classes(table) if table.shape[1] else ""
            msg = f"{what} is a table of {table.shape[1]} columns ({names}); pass one of them, such as {what}[{one!r}]"
            raise ValueError(msg)
        return table.iloc[:, 0]
    if isinstance(y, set | frozenset | bytes):
        msg = f"{what} must hold one value per item in their order, got {type(y).__name__}"
        raise TypeError(msg)
    shape = np.shape(y) if isinstance(y, np.ndarray) else getattr(y, "shape", None)
    if shape is not None and len(shape) == 2 and shape[1] == 1:
        y = y.reshape(-1) if hasattr(y, "reshape") else np.asarray(y).reshape(-1)
    elif shape is not None and len(shape) != 1:
        wide = f"; the class of a row with one 1 is {what}.argmax(axis=1)" if len(shape) == 2 else ""
        msg = f"{what} must be one value per item, got shape {tuple(shape)}{wide}"
        raise ValueError(msg)
    try:
        return column_of(y)
    except TypeError as error:
        msg = f"{what} must be one value per item, got {type(y).__name__} ({shorten(error)})"
        raise TypeError(msg) from error


def _most_like_classes(table: pd.DataFrame) -> Any:
    """Return the name of the column to ask for: "label", else that of the fewest different values, but more than one."""
    if "label" in table.columns:
        return "label"
    different = [len(set(map(text_of, table.iloc[:, place]))) for place in range(table.shape[1])]
    return table.columns[min(range(len(different)), key=lambda place: (different[place] < 2, different[place]))]


def _lacking(series: pd.Series, embeddings: Any) -> str:
    """Return a sentence that names the items without a value; the values have ids."""
    ids, names = ids_of(embeddings).tolist(), set(map(text_of, series.index))
    missing = [name for name in ids if name not in names]
    if not missing or len(missing) == len(ids):
        return ""
    return f"; item {missing[0]!r} has none"


def _in_order(series: pd.Series, embeddings: Any, what: str) -> NDArray[np.object_]:
    """Return values in the order of the items; raise ValueError where their index fits in no way or in more than one."""
    index, own, ids = series.index, index_of(embeddings), pd.Index(ids_of(embeddings).tolist(), dtype=object)
    values: NDArray[np.object_] = series.to_numpy(dtype=object)
    names = _written(index)
    counted, rows = pd.RangeIndex(len(index)), _written(range(len(index)))
    numbers = ids.equals(rows) and not all(
        isinstance(label, str) for label in index
    )  # ids are row numbers: no identity
    if (own is not None and index.equals(own)) or (not numbers and names.equals(ids)):
        return values
    readings = {"by position": values} if index.equals(counted) else {}
    if own is not None and _same_labels(index, own):
        readings["by the index"] = values[index.get_indexer(own)]
    if not numbers and _same_labels(names, ids):
        readings["by id"] = values[names.get_indexer(ids)]
    if readings and has_vectors(embeddings) and not index.equals(counted) and _same_labels(index, counted):
        readings["by the rows of emb.items"] = values[index.get_indexer(counted)]  # a column of it, sorted
    unknown = numbers and own is None
    if unknown and not has_vectors(embeddings) and not _same_labels(names, rows):
        return values  # an array has no labels to compare with
    found = list(readings.values())
    if found and all(_equal(found[0], other) for other in found[1:]):
        return found[0]
    raise ValueError(_puzzle(what, list(readings), index, ids, unknown=unknown))


def _same_labels(one: pd.Index, other: pd.Index) -> bool:
    return bool(one.is_unique and other.is_unique and len(one) == len(other) and one.isin(other).all())


def _equal(a: NDArray[np.object_], b: NDArray[np.object_]) -> bool:
    return pd.Series(a, dtype=object).equals(pd.Series(b, dtype=object))


def _puzzle(what: str, readings: list[str], index: Any, ids: Any, *, unknown: bool) -> str:
    """Say why values cannot be brought into the order of the items, and what to do."""
    if readings:
        why = f"fits the items {' and '.join(readings)}, with different values"
    elif unknown and index.is_unique and set(map(text_of, index)) == set(ids.tolist()):
        why = "holds 0..n-1 in another order, and the items came without an index"
    elif not index.is_unique:
        why = f"names {index[index.duplicated()].tolist()[0]!r} more than once"
    else:
        known = set(ids.tolist())
        strange = next((label for label in index.tolist() if text_of(label) not in known), index.tolist()[0])
        why = f"is not that of the items: it has {strange!r}, ids look like {str(ids[0])!r}"
    return (
        f"the index of {what} {why}. Pass {what}.to_numpy() to take the values in their order, or {what}.loc[...] with the "
        "labels of the items in theirs"
    )
