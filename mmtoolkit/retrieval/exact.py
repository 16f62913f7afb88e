"""Exact nearest neighbours by blocked matrix products: float32 finds the candidates, float64 ranks them.

The bytes of a BLAS product depend on threads and shapes. Its error is bounded, so every row that could belong to the
result is kept and scored again, one pair at a time: the result depends on the vectors alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cosines", "product_error", "top_k"]

_CELLS = 4_000_000  # of one product
_ITEMS = 8192  # rows of X per product, at least
_QUERIES = 256
_PAIRS = 65536  # scored again at a time


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
        Whether the rows have length 1, as do the queries; False for any lengths.

    Returns
    -------
    rows, scores : ndarrays of shape (n_queries, k)
        Row numbers of `X`, and dot products in float64: cosines of unit rows.

    Raises
    ------
    ValueError
        If a searched row holds NaN; the message names the first.
    """
    scale = 1.0 if unit else _longest(Q) * _longest(X)
    margin = np.float32(2 * scale * product_error(X.shape[1]))
    found = [_top_k(Q[start : start + _QUERIES], X, k, rows, margin) for start in range(0, len(Q), _QUERIES)]
    return np.concatenate([f[0] for f in found]), np.concatenate([f[1] for f in found])


def _top_k(
    Q: NDArray[np.float32], X: NDArray[np.float32], k: int, rows: NDArray[np.intp] | None, margin: np.float32
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    n = len(X) if rows is None else len(rows)
    step = max(_ITEMS, _CELLS // len(Q))
    floor = np.full(len(Q), -np.inf, dtype=np.float32)  # at least k rows of each query reach this
    kept = _Kept(k)
    for start in range(0, n, step):
        stop = min(start + step, n)
        S = Q @ (X[start:stop] if rows is None else X[rows[start:stop]]).T
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


def _longest(X: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.einsum("ij,ij->i", X, X).max()))


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
        self.query = np.concatenate([self.query, query])
        self.item = np.concatenate([self.item, item])
        self.score = np.concatenate([self.score, score])

    def prune(self, floor: NDArray[np.float32], margin: np.float32) -> NDArray[np.float32]:
        """Drop what can no longer be among the k best, and return each query's k-th best score."""
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
