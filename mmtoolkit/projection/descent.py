"""Neighbours of many rows: leaves of random trees, then neighbours of neighbours, until a sample of exact lists is found.

Every row reads the lists of the last round and writes only its own, so threads change nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._nearest import nearest_rows, relative_squares
from mmtoolkit.projection.forces import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ENOUGH", "descend"]

_LEAF = 512
_BLOCK = 2048
_SAMPLE, _SAMPLE_BLOCK = 512, 64
ENOUGH = 0.995  # of the sample's neighbours: 0.99 of all, with room for chance
_ROUNDS = 8


def descend(X: NDArray[np.float32], k: int, random_state: int) -> tuple[NDArray[np.int32], NDArray[np.float32], float]:
    """Find about the `k` nearest other rows of every row.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows.
    k : int
        Without the row itself.
    random_state : int
        Seed of the trees and of the sample.

    Returns
    -------
    rows, squares : ndarrays of shape (n_items, k), int32 and float32
        Row numbers and squared distances, nearest first.
    recall : float
        Which share of the true neighbours was found, for a sample of 512 rows; the search ends at 99.5 %, or after eight
        rounds.

    References
    ----------
    Dong, Moses and Li (2011), Efficient k-nearest neighbor graph construction for generic similarity measures.
    """
    rng = np.random.default_rng(random_state)
    n = len(X)
    sample = np.sort(rng.choice(n, min(_SAMPLE, n), replace=False))
    parts = [sample[part] for part in blocks(len(sample), _SAMPLE_BLOCK)]
    reach = np.concatenate([d[:, -1] for _, d in in_order(lambda rows: nearest_rows(X[rows], X, k + 1), parts)])
    lists = np.full((n, k), -1, dtype=np.int32), np.full((n, k), np.inf, dtype=np.float32)
    recall = 0.0
    for _ in range(_ROUNDS):
        lists = _joined(X, lists, _leaf_mates(X, k, rng))
        lists = _joined(X, lists, np.hstack([lists[0], _reverse(lists[0])]))
        recall = float((np.sqrt(lists[1][sample]) <= reach[:, None] * (1 + 1e-5) + 1e-6).mean())
        if recall >= ENOUGH:
            break
    return *lists, recall


def _leaf_mates(X: NDArray[np.float32], k: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Return every row's `k` nearest rows in its leaf of a tree of random cuts at the median."""
    leaves = [np.arange(len(X))]
    while len(leaves[0]) > max(_LEAF, 2 * k):
        ends = [rng.choice(leaf, 2, replace=False) for leaf in leaves]
        leaves = [
            half for pair in in_order(lambda at: _halves(X, *at), list(zip(leaves, ends, strict=True))) for half in pair
        ]
    mates = np.empty((len(X), k), dtype=np.int32)

    def look(leaf: NDArray[np.intp]) -> None:
        d2 = relative_squares(X[leaf], X[leaf])
        np.fill_diagonal(d2, np.inf)
        mates[leaf] = leaf[np.argpartition(d2, k - 1, axis=1)[:, :k]]

    deque(in_order(look, leaves), maxlen=0)
    return mates


def _halves(
    X: NDArray[np.float32], leaf: NDArray[np.intp], ends: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = np.argsort(X[leaf] @ (X[ends[0]] - X[ends[1]]), kind="stable")
    middle = len(leaf) // 2
    return np.sort(leaf[order[:middle]]), np.sort(leaf[order[middle:]])


def _reverse(near: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return up to k rows in whose lists a row is, (n_items, k); -1 where there are fewer."""
    n, k = near.shape
    order = np.argsort(near, axis=None, kind="stable")
    whose = near.ravel()[order]
    place = np.arange(n * k) - np.searchsorted(whose, whose)
    out = np.full((n, k), -1, dtype=np.int32)
    out[whose[place < k], place[place < k]] = (order // k)[place < k]
    return out


def _joined(
    X: NDArray[np.float32], lists: tuple[NDArray[np.int32], NDArray[np.float32]], through: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the lists after a look at the rows in `through` and at their neighbours."""
    near, dist = lists[0].copy(), lists[1].copy()
    deque(
        in_order(lambda rows: _join(X, lists[0], through, near, dist, rows.start, rows.stop), blocks(len(X), _BLOCK)),
        maxlen=0,
    )
    return near, dist


@compiled
def _join(X: Any, old: Any, through: Any, near: Any, dist: Any, first: int, last: int) -> None:
    k = old.shape[1]
    seen = np.full(len(X), -1, dtype=np.int32)
    for i in range(first, last):
        seen[i] = i
        for place in range(k):
            if near[i, place] >= 0:
                seen[near[i, place]] = i
        for t in range(through.shape[1]):
            j = through[i, t]
            if j < 0:
                continue
            for hop in range(-1, k):
                m = j if hop < 0 else old[j, hop]
                if m < 0 or seen[m] == i:
                    continue
                seen[m] = i
                d2 = np.float32(0)
                for f in range(X.shape[1]):
                    difference = X[i, f] - X[m, f]
                    d2 += difference * difference
                if d2 >= dist[i, k - 1]:
                    continue
                place = k - 1
                while place > 0 and dist[i, place - 1] > d2:
                    near[i, place], dist[i, place] = near[i, place - 1], dist[i, place - 1]
                    place -= 1
                near[i, place], dist[i, place] = m, d2
