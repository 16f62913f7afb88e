"""Check vectors before they are stored, and read rows of a segment; a process compares each row with its checksum once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.cache.records import join_keys, matching
from mmtoolkit.errors import CacheError

if TYPE_CHECKING:
    from mmtoolkit.space import Space

__all__ = ["accepted", "gather", "intact", "refuse", "usable"]

_BLOCK_BYTES = 512 * 1024  # stays in the processor's cache between copying and checking
_LARGE_BYTES = 8 * 1024 * 1024  # from here on threads share the work


def usable(X: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which rows are finite and not zero."""
    with np.errstate(all="ignore"):
        squares = np.einsum("ij,ij->i", X, X)
        ok: NDArray[np.bool_] = np.isfinite(squares) & (squares > 0)
    for row in np.flatnonzero(~ok).tolist():  # very large or very small values are not wrong
        ok[row] = bool(np.isfinite(X[row]).all() and X[row].any())
    return ok


def accepted(
    keys: Sequence[bytes], X: NDArray[np.float32], space: Space
) -> tuple[NDArray[np.uint64], NDArray[np.float32], NDArray[np.bool_]]:
    """Return keys as numbers, vectors in one piece, and which are usable; a `ValueError` where the shapes do not fit."""
    words, X = join_keys(keys), np.ascontiguousarray(X, dtype="<f4")
    if X.shape != (len(keys), space.dimension):
        msg = f"expected vectors of shape {(len(keys), space.dimension)}, got {X.shape}"
        raise ValueError(msg)
    return words, X, usable(X)


def refuse(ok: NDArray[np.bool_]) -> None:
    """Raise a `CacheError` that names the first unusable vector; the others are kept before."""
    if not ok.all():
        row = int(np.flatnonzero(~ok)[0])
        msg = f"{(~ok).sum()} of {len(ok)} vectors were not kept: row {row} is zero or not finite"
        raise CacheError(msg)


def intact(records: NDArray[np.uint64], view: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which rows of a segment match their checksums, even if that was checked before."""
    ok = rows < len(view)

    def compare(at: NDArray[np.int64]) -> None:
        ok[at] = matching(records[rows[at]], view[rows[at]])

    _in_blocks(view, np.flatnonzero(ok), compare)
    return ok


def gather(
    records: NDArray[np.uint64], view: NDArray[np.float32], checked: NDArray[np.bool_], rows: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return rows of a segment, and which of them are as they were written.

    Parameters
    ----------
    records : ndarray of shape (n_rows, 6)
        Of all its rows.
    view, checked : ndarray of shape (n_rows, n_features), of shape (n_rows,)
        Its vectors, and which of them were looked at before; added to.
    rows : ndarray of shape (n,), int64
        Row numbers; -1 where nothing was found.

    Returns
    -------
    ok : ndarray of shape (n,), bool
        False where nothing was found or the vector is cut off or not what its checksum says.
    X : ndarray of shape (n, n_features), float32
        A read-only view of the file when the rows follow one another and all are intact; else a copy, NaN where not ok.
    """
    n = len(rows)
    ok = (rows >= 0) & (rows < len(view))
    if ok.all() and n and np.array_equal(rows, np.arange(rows[0], rows[0] + n)):
        unread = rows[~checked[rows]]
        checked[unread] = intact(records, view, unread)
        if checked[rows].all():
            return ok, view[rows[0] : rows[0] + n]
    X = np.empty((n, view.shape[1]), dtype=np.float32)
    wanted = np.flatnonzero(ok)

    def copy(at: NDArray[np.int64]) -> None:
        X[at] = block = view[rows[at]]
        if not checked[rows[at]].all():
            ok[at] = checked[rows[at]] = matching(records[rows[at]], block)

    _in_blocks(
        view, wanted[np.argsort(rows[wanted], kind="stable")], copy
    )  # read in the file's order, scatter in memory
    X[~ok] = np.nan
    return ok, X


def _in_blocks(view: NDArray[np.float32], wanted: NDArray[np.int64], work: Callable[[NDArray[np.int64]], None]) -> None:
    """Call a function with some rows at a time; many rows are shared by all cores."""
    step = max(_BLOCK_BYTES // (4 * view.shape[1]), 1)

    def share(part: NDArray[np.int64]) -> None:
        for start in range(0, len(part), step):
            work(part[start : start + step])

    cores = min(os.cpu_count() or 1, 16) if len(wanted) * (4 * view.shape[1]) >= _LARGE_BYTES else 1
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(share, np.array_split(wanted, cores)))
