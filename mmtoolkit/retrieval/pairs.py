"""Compare all pairs of rows, block by block: the nearest row of each, the pairs above the cut, those next to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._duplicates import equal_rows, joined
from mmtoolkit._nearest import cosines, for_pairs, product_error

__all__ = ["PairScan", "Pairs", "scan_pairs"]

_BLOCK = 2048
_BELOW = 0.05  # how far under the cut sample pairs are looked for
_SAMPLES = 6  # pairs kept on either side of the cut


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of rows.

    Parameters
    ----------
    rows : ndarray of shape (n_pairs, 2), int
        The two row numbers.
    similarity : ndarray of shape (n_pairs,), float64
        Cosine.
    above : ndarray of shape (n_pairs,), bool
        Whether the pair reaches the cut or is equal.
    """

    rows: NDArray[np.intp]
    similarity: NDArray[np.float64]
    above: NDArray[np.bool_]

    def nearest_to_cut(self, more: Pairs) -> Pairs:
        """Return the few pairs of both sets that are nearest to the cut, on either side."""
        rows = np.concatenate([self.rows, more.rows])
        value = np.concatenate([self.similarity, more.similarity])
        above = np.concatenate([self.above, more.above])
        order = np.lexsort((rows[:, 1], rows[:, 0], np.where(above, value, -value), above))
        n_below = int((~above).sum())
        keep = np.concatenate([order[:n_below][:_SAMPLES], order[n_below:][:_SAMPLES]])
        return Pairs(rows[keep], value[keep], above[keep])


@dataclass(frozen=True, eq=False)
class PairScan:
    """Result of a look at all pairs.

    Parameters
    ----------
    groups : ndarray of shape (n_items,), int
        Row number of the first item of each item's group.
    nearest : ndarray of shape (n_items,), float64
        Cosine to the most similar other row; -1 for a row that is alone.
    n_pairs : int
        Pairs at or above the cut, or equal.
    sample : Pairs
        The pairs nearest to the cut from both sides.
    """

    groups: NDArray[np.intp]
    nearest: NDArray[np.float64]
    n_pairs: int
    sample: Pairs


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
    near = np.full(len(unit), -1.0, dtype=np.float32)
    sample = Pairs(np.empty((0, 2), dtype=np.intp), np.empty(0), np.empty(0, dtype=bool))
    zeros = int((~unit.any(axis=1)).sum())  # equal, but without any direction: no product finds them
    groups, n_pairs = equal_rows(unit), zeros * (zeros - 1) // 2

    def look(rows: slice, columns: slice, S: NDArray[np.float32]) -> tuple[Any, ...]:
        if rows == columns:
            S[np.tril_indices(len(S))] = -1.0  # each pair once, no row with itself
        most = S.max(axis=1)
        return rows, most, columns, S.max(axis=0), *_close_pairs(unit, cut, S, rows.start, columns.start, most)

    for rows, most_of_row, columns, most_of_column, reached, some in for_pairs(look, unit, _BLOCK):
        np.maximum(near[rows], most_of_row, out=near[rows])
        np.maximum(near[columns], most_of_column, out=near[columns])
        n_pairs += len(reached)
        groups = joined(groups, reached[:, 0], reached[:, 1])
        sample = sample.nearest_to_cut(some)
    return PairScan(groups, near.astype(np.float64), n_pairs, sample)


def _close_pairs(
    unit: NDArray[np.float32],
    cut: NDArray[np.float64],
    S: NDArray[np.float32],
    top: int,
    left: int,
    most: NDArray[np.float32],
) -> tuple[NDArray[np.intp], Pairs]:
    """Return the pairs of one block that reach the cut, (n, 2), and some next to it on either side."""
    error = product_error(unit.shape[1])
    lowest = float(cut[top : top + S.shape[0]].min())
    some = np.flatnonzero(most >= lowest - _BELOW)
    need = np.maximum(cut[top + some, None], cut[None, left : left + S.shape[1]]).astype(np.float32)
    part = S[some]
    r, c = np.nonzero(part >= need - np.float32(_BELOW))
    over = part[r, c].astype(np.float64) - need[r, c]
    rows = np.column_stack([top + some[r], left + c])
    clear, under = np.flatnonzero(over > 2 * error), np.flatnonzero(over < -2 * error)
    unsure = np.flatnonzero(np.abs(over) <= 2 * error)  # the product cannot tell: decided in float64
    look = rows[np.concatenate([unsure, clear[_smallest(over[clear])], under[_smallest(-over[under])]])]
    value = cosines(unit, look[:, 0], unit, look[:, 1])
    above = value >= cut[look].max(axis=1)
    equal = unit[rows[unsure, 0]] == unit[rows[unsure, 1]]
    above[: len(unsure)] |= equal.all(axis=1)  # rounding keeps their cosine off 1
    return rows[np.concatenate([clear, unsure[above[: len(unsure)]]])], Pairs(look, value, above)


def _smallest(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the positions of the few smallest values."""
    if len(values) <= _SAMPLES:
        return np.arange(len(values))
    return np.argpartition(values, _SAMPLES)[:_SAMPLES]
