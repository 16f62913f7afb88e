"""A selection: rows in order, each with the way it was chosen; selections are combined, never edited."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._anyframe import any_frame
from mmtoolkit._arguments import check_choice

__all__ = ["Chosen", "Mode", "rows_of"]

Mode = Literal["replace", "add", "remove"]


@dataclass(frozen=True, eq=False)
class Chosen:
    """Rows in the order they are shown, and how each of them was chosen.

    Parameters
    ----------
    rows : ndarray of shape (n,), int
        Unique row numbers.
    how : ndarray of shape (n,), object
        One str per row: "lasso", "box", "search: a red bird", "audit", …
    """

    rows: NDArray[np.intp]
    how: NDArray[np.object_]

    @classmethod
    def of(cls, rows: Any, how: str) -> Chosen:
        """Return a selection of `rows` (their first mention counts), all chosen in the same way."""
        rows = np.asarray(rows, dtype=np.intp)
        _, first = np.unique(rows, return_index=True)
        rows = rows[np.sort(first)]
        return cls(rows, np.full(len(rows), how, dtype=object))

    def __len__(self) -> int:
        return len(self.rows)

    def combined(self, other: Chosen, mode: Mode) -> Chosen:
        """Return this selection replaced by, enlarged by, or without another.

        Parameters
        ----------
        other : Chosen
            What was just chosen.
        mode : {"replace", "add", "remove"}
            A row that is added twice keeps its place and the way it was chosen first.

        Returns
        -------
        Chosen
            A new one.
        """
        check_choice("mode", mode, get_args(Mode))
        if mode == "replace":
            return other
        if mode == "add":
            fresh = ~np.isin(other.rows, self.rows)
            return Chosen(np.r_[self.rows, other.rows[fresh]], np.r_[self.how, other.how[fresh]])
        kept = ~np.isin(self.rows, other.rows)
        return Chosen(self.rows[kept], self.how[kept])

    def inverted(self, n_items: int) -> Chosen:
        """Return all rows that are not selected, chosen by "invert"."""
        return Chosen.of(np.setdiff1d(np.arange(n_items), self.rows), "invert")


def rows_of(wanted: Any, ids: NDArray[np.str_]) -> NDArray[np.intp]:
    """Turn whatever a user calls a selection into row numbers.

    Parameters
    ----------
    wanted : None, str, int, table with ids, boolean mask, or sequence, set or iterator of ids or row numbers
        A table (of any library, or of a result such as a search) is read by its column or index ``id``, whatever its order;
        a set has none and comes in the order of the map.
    ids : ndarray of shape (n_items,), str
        All ids.

    Returns
    -------
    ndarray of int
        Row numbers, in the order given.

    Raises
    ------
    ValueError
        If an id is unknown, a row number out of range or a mask of the wrong length.
    TypeError
        If it is nothing of the kind.
    """
    if wanted is None:
        return np.empty(0, dtype=np.intp)
    if isinstance(wanted, Set | Iterator):
        rows = rows_of(list(wanted), ids)
        return np.sort(rows) if isinstance(wanted, Set) else rows
    if hasattr(wanted := getattr(wanted, "table", wanted), "columns"):
        frame = any_frame(wanted)
        frame = frame if "id" in frame.columns or frame.index.name != "id" else frame.reset_index()
        if "id" not in frame.columns:
            msg = f"a frame of items needs a column 'id'; its columns are {', '.join(map(str, frame.columns))}"
            raise ValueError(msg)
        wanted = frame["id"].astype(str)
    values = np.atleast_1d(np.asarray(wanted))
    if values.ndim != 1:
        msg = f"expected ids or row numbers in one dimension, got shape {values.shape}"
        raise ValueError(msg)
    if values.size == 0:
        return np.empty(0, dtype=np.intp)
    if values.dtype == bool:
        if len(values) != len(ids):
            msg = f"the mask has {len(values)} values for {len(ids)} items"
            raise ValueError(msg)
        return np.flatnonzero(values)
    if values.dtype.kind in "iu":
        wrong = (values < -len(ids)) | (values >= len(ids))
        if wrong.any():
            msg = f"there is no row {int(values[wrong][0])}; rows run from 0 to {len(ids) - 1}"
            raise ValueError(msg)
        return np.asarray(values % len(ids), dtype=np.intp)
    if values.dtype.kind not in "UO":
        msg = f"select items by ids, row numbers, a mask or a frame with a column 'id', got {values.dtype} values"
        raise TypeError(msg)
    place = {name: row for row, name in enumerate(ids.tolist())}
    names = [str(value) for value in values.tolist()]
    unknown = [name for name in names if name not in place]
    if unknown:
        msg = f"{len(unknown)} of {len(names)} ids are not in the map, first: {unknown[0]!r}"
        raise ValueError(msg)
    return np.array([place[name] for name in names], dtype=np.intp)
