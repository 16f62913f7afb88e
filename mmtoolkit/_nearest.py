"""Nearest rows by blocked matrix products: the one place where sets of vectors are compared with each other.

The bytes of a BLAS product depend on threads and shapes. Therefore blocks have fixed sizes, and each is computed with one
BLAS thread. Where an answer must depend on the vectors alone, float32 finds candidates and float64 ranks them, one pair
at a time (`top_k`, `nearest_rows`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mmtoolkit._blocks import blocks, evenly, in_order
from mmtoolkit.provenance import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "cosines",
    "for_pairs",
    "most_similar",
    "nearest_others",
    "nearest_rows",
    "product_error",
    "products",
    "relative_squares",
    "squared_lengths",
    "squares",
    "top_k",
]

_Value = TypeVar("_Value")

_CELLS = 4_000_000  # of one product
_LEAST = 64  # queries of one product of `most_similar`
_ITEMS, _MOST_ITEMS = 8192, 65_536  # rows of X per product
_QUERIES = 256
_PAIRS = 65536  # scored again at a time
_SET = 16  # columns
_GATHERED = 2**18  # numbers: they stay in the cache
_REFERENCE = 10_000  # rows that others may be near to
_SPARE = 8  # candidates of `nearest_rows` beyond those asked for


def products(A: NDArray[np.float32], B: NDArray[np.float32], block: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield ``A[rows] @ B.T`` and the rows, `block` rows at a time."""
    return in_order(lambda rows: (rows, A[rows] @ B.T), blocks(len(A), block))


def for_pairs(
    function: Callable[[slice, slice, NDArray[np.float32]], _Value], X: NDArray[np.float32], block: int
) -> Iterator[_Value]:
    """Yield a function's value of ``X[rows] @ X[columns].T`` for every pair of blocks; `columns` are never before `rows`."""
    cuts = blocks(len(X), block)
    pairs = [(rows, columns) for number, rows in enumerate(cuts) for columns in cuts[number:]]
    return in_order(lambda pair: function(*pair, X[pair[0]] @ X[pair[1]].T), pairs)


def squared_lengths(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the squared length of every row, (n_items,)."""
    return np.asarray(np.einsum("ij,ij->i", X, X))


def relative_squares(
    Q: NDArray[np.float32], X: NDArray[np.float32], out: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Return squared distances short of the query's own length, which changes no order, (n_queries, n_items)."""
    left, right = (-2 * Q, X) if len(Q) < len(X) else (Q, -2 * X)
    d2 = np.matmul(left, right.T, out=out)
    d2 += squared_lengths(X)  # in place: among many items, fresh memory costs as much as the product
    return np.asarray(d2)


def squares(X: NDArray[np.float32], Y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return squared distances, (n_x, n_y); those of equal rows may come out a little below 0."""
    lengths = np.einsum("ij,ij->i", X, X, dtype=np.float64)[:, None] + np.einsum("ij,ij->i", Y, Y, dtype=np.float64)
    return np.asarray(lengths - 2.0 * (X @ Y.T))


def most_similar(
    Q: NDArray[np.float32],
    X: NDArray[np.float32],
    k: int,
    *,
    apart: tuple[NDArray[np.intp], NDArray[np.intp]] | None = None,
    block: int = 2048,
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Find the `k` rows of `X` of highest cosine to each query, as float32 sees them.

    Parameters
    ----------
    Q : ndarray of shape (n_queries, n_features), float32
        Unit rows.
    X : ndarray of shape (n_items, n_features), float32
        Unit rows.
    k : int
        At most n_items.
    apart : tuple of ndarray or None, default=None
        Groups of the queries and of the items; an item of the query's own group is no neighbour and has cosine -2.
    block : int, default=2048
        Queries per product, fewer among very many items: a product holds up to 4,000,000 numbers, or 64 queries.

    Returns
    -------
    rows, cosines : ndarrays of shape (n_queries, k)
        The most similar first.
    """
    near, values = np.empty((len(Q), k), dtype=np.intp), np.empty((len(Q), k), dtype=np.float32)

    def look(rows: slice) -> None:
        cosine = Q[rows] @ X.T
        if apart is not None:
            cosine[apart[0][rows][:, None] == apart[1][None, :]] = -2.0
        found = _largest(cosine, k)
        order = np.argsort(-np.take_along_axis(cosine, found, axis=1), axis=1, kind="stable")
        near[rows] = np.take_along_axis(found, order, axis=1)
        values[rows] = np.take_along_axis(cosine, near[rows], axis=1)

    deque(in_order(look, blocks(len(Q), min(block, max(_LEAST, _CELLS // len(X))))), maxlen=0)
    return near, values


def nearest_others(
    X: NDArray[np.float32], groups: NDArray[np.intp], among: NDArray[np.intp], k: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Find the `k` most similar rows of other groups to each row, among at most 10,000 of some rows.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Unit rows.
    groups : ndarray of shape (n_items,), int
        Rows of one group are no neighbours; where too few others are there, they have a cosine of -2.
    among : ndarray of int
        Rows that may be neighbours; of more than 10,000 an even choice.
    k : int
        At most the number of rows in `among`.

    Returns
    -------
    rows, cosines : ndarrays of shape (n_items, k)
        The most similar first.
    """
    some = among[evenly(len(among), _REFERENCE)]
    near, cosine = most_similar(X, X[some], k, apart=(groups, groups[some]))
    return some[near], cosine


def _largest(S: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Return the columns of the `k` largest numbers of every row, in no order, (n_rows, k)."""
    # the `k` largest numbers lie in the `k` sets of 16 columns with the largest maxima, and maxima cost a tenth of a partition
    n_sets = S.shape[1] // _SET
    if k == 0 or n_sets < 4 * k:
        return np.argpartition(-S, max(k - 1, 0), axis=1)[:, :k]
    rest = np.arange(n_sets * _SET, S.shape[1])
    most = S[:, : n_sets * _SET].reshape(len(S), _SET, n_sets).max(axis=1)
    sets = np.argpartition(-most, k - 1, axis=1)[:, :k]
    inside = (sets[:, :, None] + n_sets * np.arange(_SET)).reshape(len(S), -1)
    columns = np.hstack([inside, np.broadcast_to(rest, (len(S), len(rest)))])
    best = np.argpartition(-np.take_along_axis(S, columns, axis=1), k - 1, axis=1)[:, :k]
    return np.take_along_axis(columns, best, axis=1)


def nearest_rows(
    Q: NDArray[np.float32], X: NDArray[np.float32], k: int, *, own: int | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Find the `k` rows of `X` at the smallest distance of each row of `Q`, nearest first, ties by row number.

    A float32 matrix product proposes a few more candidates than asked; their distances are then computed one by one in
    float64, so that equal rows are at distance 0 and the answer for a row does not depend on the other rows.

    Parameters
    ----------
    Q : ndarray of shape (n_queries, n_features), float32
        Not too many rows at once: the product has shape (n_queries, n_items).
    X : ndarray of shape (n_items, n_features), float32
        Where to look.
    k : int
        At most n_items.
    own : int or None, default=None
        If the queries are rows of `X` from this row on: each then comes first in its own list.

    Returns
    -------
    tuple of ndarray
        Row numbers (n_queries, k), int32, and Euclidean distances (n_queries, k), float32.
    """
    with one_thread():
        d2 = relative_squares(Q, X)
    mine = None if own is None else np.arange(own, own + len(Q))
    if mine is not None:
        d2[np.arange(len(Q)), mine] = -np.inf
    m = min(k + _SPARE, len(X))
    found = _largest(np.negative(d2, out=d2), m) if m < len(X) else np.tile(np.arange(len(X)), (len(Q), 1))
    found.sort(axis=1)
    dist = np.empty(found.shape, dtype=np.float64)
    for part in blocks(len(Q), max(1, _GATHERED // (m * X.shape[1]))):
        difference = X[found[part]] - Q[part, None].astype(np.float64)
        dist[part] = np.einsum("ijk,ijk->ij", difference, difference)
    rank = dist if mine is None else np.where(found == mine[:, None], -1.0, dist)
    order = np.argsort(rank, axis=1, kind="stable")[:, :k]
    rows = np.arange(len(Q))[:, None]
    return found[rows, order].astype(np.int32), np.sqrt(dist[rows, order]).astype(np.float32)


def product_error(n_features: int) -> float:
    """Return how far a float32 product of two unit rows can be from their cosine (Higham's bound)."""
    return 2.0 * n_features * 2.0**-24


def cosines(
    A: NDArray[np.float32], i: NDArray[np.intp], B: NDArray[np.float32], j: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the cosine of ``A[i]`` and ``B[j]``, pair by pair, in float64; no BLAS, so the same bytes everywhere."""
    out = np.empty(len(i))
    step = max(1, _PAIRS * 256 // max(A.shape[1], 1))
    for start in range(0, len(i), step):
        part = slice(start, start + step)
        out[part] = np.einsum("ij,ij->i", A[i[part]], B[j[part]], dtype=np.float64)
    return out


def top_k(
    Q: NDArray[np.float32],
    X: NDArray[np.float32],
    k: int,
    rows: NDArray[np.intp] | None = None,
    *,
    unit: bool = True,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the `k` rows of `X` nearest to each query, nearest first, equals in order of their rows.

    Parameters
    ----------
    Q : ndarray of shape (n_queries, n_features), float32
        Queries.
    X : ndarray of shape (n_items, n_features), float32
        Items.
    k : int
        At most the number of rows searched.
    rows : ndarray of int or None, default=None
        Rows of `X` to look among, ascending; None is all.
    unit : bool, default=True
        Whether all rows have length 1; False for any lengths.

    Returns
    -------
    rows, scores : ndarrays of shape (n_queries, k)
        Row numbers of `X`, and dot products in float64: cosines of unit rows.

    Raises
    ------
    ValueError
        If a searched row holds NaN; the message names the first.
    """
    scale = 1.0 if unit else float(np.sqrt(squared_lengths(Q).max() * squared_lengths(X).max()))
    margin = np.float32(2 * scale * product_error(X.shape[1]))
    found = [_top_k(Q[start : start + _QUERIES], X, k, rows, margin) for start in range(0, len(Q), _QUERIES)]
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _top_k(
    Q: NDArray[np.float32], X: NDArray[np.float32], k: int, rows: NDArray[np.intp] | None, margin: np.float32
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    n = len(X) if rows is None else len(rows)
    parts = blocks(n, min(max(_ITEMS, _CELLS // len(Q)), _MOST_ITEMS))
    floor = np.full(len(Q), -np.inf, dtype=np.float32)  # at least k rows of each query reach this
    kept = _Kept(k)

    def scores_of(part: slice) -> NDArray[np.float32]:
        return np.asarray(Q @ (X[part] if rows is None else X[rows[part]]).T)

    for part, S in zip(parts, in_order(scores_of, parts), strict=True):
        start, stop = part.start, part.stop
        if not np.isfinite(S).all():
            _refuse(S, start, rows)
        if stop - start >= k:  # a block's own k-th best is a floor for the whole
            floor = np.maximum(floor, _kth_largest(S, k, floor))
        query, column = np.divmod(np.flatnonzero(floor[:, None] - margin <= S), S.shape[1])
        kept.add(query, column + start, S[query, column])
        floor = np.maximum(floor, kept.prune(floor, margin))
    query, item = kept.query, kept.item if rows is None else rows[kept.item]
    scores = cosines(Q, query, X, item)
    order = np.lexsort((item, -scores, query))
    first = np.searchsorted(query[order], np.arange(len(Q)))
    best = order[first[:, None] + np.arange(k)]
    return item[best], scores[best]


def _kth_largest(S: NDArray[np.float32], k: int, floor: NDArray[np.float32]) -> NDArray[np.float32]:
    out = np.full(len(S), -np.inf, dtype=np.float32)
    for i in np.flatnonzero(np.isneginf(floor)).tolist():  # later blocks are cut by the floor of the first
        out[i] = np.partition(S[i], len(S[i]) - k)[len(S[i]) - k]
    return out


class _Kept:
    """Candidates so far: parallel arrays of query, item and float32 score."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.query = self.item = np.empty(0, dtype=np.intp)
        self.score = np.empty(0, dtype=np.float32)

    def add(self, query: NDArray[np.intp], item: NDArray[np.intp], score: NDArray[np.float32]) -> None:
        """Add candidates."""
        self.query = np.concatenate([self.query, query])
        self.item = np.concatenate([self.item, item])
        self.score = np.concatenate([self.score, score])

    def prune(self, floor: NDArray[np.float32], margin: np.float32) -> NDArray[np.float32]:
        """Drop candidates that cannot be among the k best any more, and return the k-th best score of each query."""
        order = np.lexsort((-self.score, self.query))
        query, score = self.query[order], self.score[order]
        place = np.arange(len(query)) - np.searchsorted(query, query)
        kth = floor.copy()
        at_k = place == self.k - 1
        kth[query[at_k]] = score[at_k]
        order = order[score >= kth[query] - margin]
        self.query, self.item, self.score = self.query[order], self.item[order], self.score[order]
        return kth


def _refuse(S: NDArray[np.float32], start: int, rows: NDArray[np.intp] | None) -> None:
    column = start + int(np.argmin(np.isfinite(S).all(axis=0)))
    row = column if rows is None else int(rows[column])
    msg = f"row {row} holds NaN or infinity; use emb.drop_failed() first, or search with mask=emb.ok"
    raise ValueError(msg)
