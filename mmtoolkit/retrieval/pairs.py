"""Look at all pairs of rows, block by block: who is nearest to whom, which pairs reach the cut, which lie at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._duplicates import equal_rows, joined
from mmtoolkit._nearest import cosines, pair_products, product_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PairScan", "scan_pairs"]

_BLOCK = 2048
_BELOW = 0.05  # how far under the cut sample pairs are looked for
_SAMPLES = 6  # pairs kept on either side of the cut


@dataclass(frozen=True, eq=False)
class PairScan:
    """What a look at all pairs gave.

    Attributes
    ----------
    groups : ndarray of shape (n_items,), int
        Row number of the first item of each item's group.
    nearest : ndarray of shape (n_items,), float64
        Cosine to the most similar other row; -1 for a row that is alone.
    n_pairs : int
        Pairs at or above the cut, or equal.
    i, j, similarity, above : ndarrays
        The pairs nearest to the cut from both sides.
    """

    groups: NDArray[np.intp]
    nearest: NDArray[np.float64]
    n_pairs: int
    i: NDArray[np.intp]
    j: NDArray[np.intp]
    similarity: NDArray[np.float64]
    above: NDArray[np.bool_]


def scan_pairs(unit: NDArray[np.float32], cut: NDArray[np.float64]) -> PairScan:
    """Compare every row with every other in memory that does not grow with the number of pairs of blocks.

    Parameters
    ----------
    unit : ndarray of shape (n_items, n_features), float32
        Unit rows.
    cut : ndarray of shape (n_items,), float64
        A pair must reach the higher of its two cuts or be equal; decided in float64, so it does not depend on BLAS.

    Returns
    -------
    PairScan
        Groups (chains count), nearest similarities, sample pairs.
    """
    n = len(unit)
    near = np.full(n, -1.0, dtype=np.float32)
    sample = _Sample()
    zeros = int((~unit.any(axis=1)).sum())  # equal, but without any direction: no product finds them
    groups, n_pairs = equal_rows(unit), zeros * (zeros - 1) // 2
    for rows, columns, S in pair_products(unit, _BLOCK):
        if rows == columns:
            S[np.tril_indices(len(S))] = -1.0  # each pair once, no row with itself
        np.maximum(near[rows], S.max(axis=1), out=near[rows])
        np.maximum(near[columns], S.max(axis=0), out=near[columns])
        close = _close(unit, cut, S, rows.start, columns.start)
        if close is not None:
            n_pairs += len(close.i)
            groups = joined(groups, close.i, close.j)
            sample.add(*close.sample)
    return PairScan(groups, near.astype(np.float64), n_pairs, *sample.pairs())


_Pairs = tuple["NDArray[np.intp]", "NDArray[np.intp]", "NDArray[np.float64]", "NDArray[np.bool_]"]


@dataclass(frozen=True, eq=False)
class _Close:
    """Pairs of one block that reach the cut, and some next to it on either side."""

    i: NDArray[np.intp]
    j: NDArray[np.intp]
    sample: _Pairs


def _close(
    unit: NDArray[np.float32], cut: NDArray[np.float64], S: NDArray[np.float32], top: int, left: int
) -> _Close | None:
    error = product_error(unit.shape[1])
    lowest = float(cut[top : top + S.shape[0]].min())
    some = np.flatnonzero(S.max(axis=1) >= lowest - _BELOW)
    if not len(some):
        return None
    need = np.maximum(cut[top + some, None], cut[None, left : left + S.shape[1]]).astype(np.float32)
    part = S[some]
    r, c = np.nonzero(part >= need - np.float32(_BELOW))
    over = part[r, c].astype(np.float64) - need[r, c]
    i, j = top + some[r], left + c
    clear, under = np.flatnonzero(over > 2 * error), np.flatnonzero(over < -2 * error)
    unsure = np.flatnonzero(np.abs(over) <= 2 * error)  # the product cannot tell: decided in float64
    look = np.concatenate([unsure, clear[_smallest(over[clear])], under[_smallest(-over[under])]])
    value = cosines(unit, i[look], unit, j[look])
    above = value >= np.maximum(cut[i[look]], cut[j[look]])
    above[: len(unsure)] |= (unit[i[unsure]] == unit[j[unsure]]).all(axis=1)  # rounding keeps their cosine off 1
    reached = np.concatenate([clear, unsure[above[: len(unsure)]]])
    return _Close(i[reached], j[reached], (i[look], j[look], value, above))


def _smallest(values: NDArray[np.float64]) -> NDArray[np.intp]:
    if len(values) <= _SAMPLES:
        return np.arange(len(values))
    return np.argpartition(values, _SAMPLES)[:_SAMPLES]


class _Sample:
    """The pairs nearest to the cut, a few from above and a few from below."""

    def __init__(self) -> None:
        self.rows = np.empty((0, 2), dtype=np.intp)
        self.value = np.empty(0)
        self.above = np.empty(0, dtype=bool)

    def add(
        self, i: NDArray[np.intp], j: NDArray[np.intp], value: NDArray[np.float64], above: NDArray[np.bool_]
    ) -> None:
        rows = np.concatenate([self.rows, np.column_stack([i, j])])
        value = np.concatenate([self.value, value])
        above = np.concatenate([self.above, above])
        order = np.lexsort((rows[:, 1], rows[:, 0], np.where(above, value, -value), above))
        n_below = int((~above).sum())
        keep = np.concatenate([order[:n_below][:_SAMPLES], order[n_below:][:_SAMPLES]])
        self.rows, self.value, self.above = rows[keep], value[keep], above[keep]

    def pairs(self) -> _Pairs:
        """Return i, j, similarity and whether the pair reaches the cut."""
        return self.rows[:, 0], self.rows[:, 1], self.value, self.above
