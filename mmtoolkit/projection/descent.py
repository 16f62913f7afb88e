"""Neighbours of many rows: leaves of random trees, then neighbours of neighbours, until a sample of exact lists is found.

Most of the work is to compare rows that are about as near as the neighbours found so far. Coordinates on main axes do it:
what is left of two rows points in unrelated directions, so its squared lengths add up. Lists hold more rows than asked for,
and the full vectors choose among them at the end.

The rows of a block read the lists of the last round; what they find is put into the lists in the order of the blocks, and
each list by one thread. So threads change nothing.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mmtoolkit._blocks import blocks, in_order
from mmtoolkit._nearest import nearest_rows, squared_lengths
from mmtoolkit.projection.forces import compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ENOUGH", "descend"]

_LEAF = 1024
_BLOCK = 1024
_PAIRS = 2**19  # that one block may find
_OWNERS = 8  # parts of the lists that are written at once
_SAMPLE, _SAMPLE_BLOCK = 512, 64
ENOUGH = 0.993  # of the sample's neighbours: 0.99 of all, with room for chance
_TREES, _ROUNDS = 4, 10  # trees before the lists are first joined
_AXES, _AXES_FROM = 256, 4096  # main axes, and the rows that they are taken from
_SPARE = 2  # rows in a list, per neighbour asked for


class _Lists(NamedTuple):
    near: NDArray[np.int32]
    dist: NDArray[np.float32]  # squared, as the main axes see it
    fresh: NDArray[np.bool_]  # has not been brought together with the others


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
        Which share of the true neighbours was found, for a sample of 512 rows; the search ends at 99.3 %, or after ten
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
    Z, rest = _on_main_axes(X, rng)
    order = np.concatenate(_leaves(Z, k, rng))  # what is near in space lies near in memory
    place = np.empty(n, dtype=np.int32)
    place[order] = np.arange(n, dtype=np.int32)
    Z, rest, at = Z[order], rest[order], place[sample]
    shape = n, min(_SPARE * k, n - 1)
    lists = _Lists(np.full(shape, -1, np.int32), np.full(shape, np.inf, np.float32), np.zeros(shape, bool))
    recall = 0.0
    for round_ in range(_ROUNDS):
        for _ in range(1 if round_ else _TREES):
            _met(Z, rest, lists, _leaves(Z, k, rng))
        _joined(Z, rest, lists, k)
        recall = float((np.sqrt(_chosen(X, order, lists, k, at)[1]) <= reach[:, None] * (1 + 1e-5) + 1e-6).mean())
        if recall >= ENOUGH:
            break
    chosen = list(
        in_order(
            lambda rows: _chosen(X, order, lists, k, np.arange(rows.start, rows.stop, dtype=np.int32)),
            blocks(n, _BLOCK),
        )
    )
    near, dist = (np.concatenate(part)[place] for part in zip(*chosen, strict=True))
    return order.astype(np.int32)[near], dist, recall


def _on_main_axes(X: NDArray[np.float32], rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return coordinates on at most 256 main axes, and the squared length of what is left."""
    n, d = X.shape
    if d <= _AXES:
        return X - X.mean(axis=0), np.zeros(n, dtype=np.float32)
    some = X[np.sort(rng.choice(n, min(_AXES_FROM, n), replace=False))]
    mean = some.mean(axis=0)
    some = some - mean
    axes = rng.normal(size=(d, _AXES)).astype(np.float32)
    for _ in range(3):  # subspace iteration
        axes = np.linalg.qr(some.T @ (some @ axes))[0]

    def seen(rows: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        block = X[rows] - mean
        Z = block @ axes
        return Z, np.maximum(squared_lengths(block) - squared_lengths(Z), 0)

    parts = list(in_order(seen, blocks(n, _BLOCK)))
    return np.concatenate([Z for Z, _ in parts]), np.concatenate([rest for _, rest in parts])


def _leaves(Z: NDArray[np.float32], k: int, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Cut the rows in halves, at the median between two of them, until few are left together, but enough to fill a list."""
    leaves = [np.arange(len(Z))]
    while len(leaves[0]) > max(_LEAF, 2 * _SPARE * k + 2):
        ends = [rng.choice(leaf, 2, replace=False) for leaf in leaves]
        cuts = list(zip(leaves, ends, strict=True))
        leaves = [half for pair in in_order(lambda at: _halves(Z, *at), cuts) for half in pair]
    return leaves


def _halves(
    Z: NDArray[np.float32], leaf: NDArray[np.intp], ends: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    order = np.argsort(Z[leaf] @ (Z[ends[0]] - Z[ends[1]]), kind="stable")
    middle = len(leaf) // 2
    return np.sort(leaf[order[:middle]]), np.sort(leaf[order[middle:]])


def _met(Z: NDArray[np.float32], rest: NDArray[np.float32], lists: _Lists, leaves: list[NDArray[np.intp]]) -> None:
    """Put the nearest rows of every row's leaf into its list."""

    def look(leaf: NDArray[np.intp]) -> None:
        own = squared_lengths(Z[leaf]) + rest[leaf]
        d2 = own - 2 * (Z[leaf] @ Z[leaf].T) + own[:, None]
        np.fill_diagonal(d2, np.inf)
        few = min(lists.near.shape[1], len(leaf) - 1)
        nearest = np.argpartition(d2, few - 1, axis=1)[:, :few]
        _put_all(*lists, leaf, leaf[nearest], np.take_along_axis(d2, nearest, axis=1))

    deque(in_order(look, leaves), maxlen=0)


def _joined(Z: NDArray[np.float32], rest: NDArray[np.float32], lists: _Lists, k: int) -> None:
    """Bring together the neighbours of every row, and those that have it as a neighbour, two by two, one of them fresh."""
    back = _reverse(lists, k)

    def bring(rows: slice) -> tuple[NDArray[Any], ...]:
        most = (rows.stop - rows.start) * k * (2 * k + 1)
        pairs = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.float32)
        count = _pair(Z, rest, *lists, *back, k, *pairs, rows.start, rows.stop)
        return tuple(part[:count].copy() for part in pairs)

    found = list(in_order(bring, blocks(len(Z), max(1, _PAIRS // (k * (2 * k + 1))))))
    lists.fresh[:, :k] = False

    def take(rows: slice) -> None:
        for p, q, d2 in found:
            _take(*lists, p, q, d2, rows.start, rows.stop)

    deque(in_order(take, blocks(len(Z), -(-len(Z) // _OWNERS))), maxlen=0)


def _reverse(lists: _Lists, k: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Return up to `k` rows that have a row among their nearest `k`, -1 where there are fewer, and whether it is fresh there."""
    near, n = lists.near[:, :k], len(lists.near)
    order = np.argsort(near, axis=None, kind="stable")
    whose = near.ravel()[order]
    place = np.arange(n * near.shape[1]) - np.searchsorted(whose, whose)
    rows, fresh = np.full((n, k), -1, dtype=np.int32), np.zeros((n, k), dtype=bool)
    few = (place < k) & (whose >= 0)
    rows[whose[few], place[few]] = (order // near.shape[1])[few]
    fresh[whose[few], place[few]] = lists.fresh[:, :k].ravel()[order][few]
    return rows, fresh


def _chosen(
    X: NDArray[np.float32], order: NDArray[np.intp], lists: _Lists, k: int, rows: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the `k` nearest of what is in the lists of some rows, and their squared distances."""
    near, dist = np.full((len(rows), k), -1, dtype=np.int32), np.full((len(rows), k), np.inf, dtype=np.float32)
    _choose(X, order, lists.near, rows, near, dist, np.zeros((len(rows), k), dtype=np.bool_))
    return near, dist


@compiled
def _has(near: Any, i: int, j: int) -> Any:
    found = False
    for place in range(near.shape[1]):
        found |= near[i, place] == j
    return found


@compiled
def _put(near: Any, dist: Any, fresh: Any, i: int, j: int, d2: Any) -> None:
    last = near.shape[1] - 1
    if d2 >= dist[i, last] or _has(near, i, j):
        return
    place = last
    while place > 0 and dist[i, place - 1] > d2:
        near[i, place], dist[i, place], fresh[i, place] = near[i, place - 1], dist[i, place - 1], fresh[i, place - 1]
        place -= 1
    near[i, place], dist[i, place], fresh[i, place] = j, d2, True


@compiled
def _put_all(near: Any, dist: Any, fresh: Any, rows: Any, others: Any, d2: Any) -> None:
    for i in range(len(rows)):
        for t in range(others.shape[1]):
            _put(near, dist, fresh, rows[i], others[i, t], d2[i, t])


@compiled
def _choose(X: Any, order: Any, lists: Any, rows: Any, near: Any, dist: Any, fresh: Any) -> None:
    for i in range(len(rows)):
        for t in range(lists.shape[1]):
            j, d2 = lists[rows[i], t], np.float32(0)
            if j >= 0:
                for f in range(X.shape[1]):
                    difference = X[order[rows[i]], f] - X[order[j], f]
                    d2 += difference * difference
                _put(near, dist, fresh, i, j, d2)


@compiled
def _take(near: Any, dist: Any, fresh: Any, p: Any, q: Any, d2: Any, first: int, last: int) -> None:
    """Put pairs into the lists of rows `first` to `last`."""
    for pair in range(len(p)):
        if first <= p[pair] < last:
            _put(near, dist, fresh, p[pair], q[pair], d2[pair])
        if first <= q[pair] < last:
            _put(near, dist, fresh, q[pair], p[pair], d2[pair])


@compiled
def _pair(
    Z: Any, rest: Any, near: Any, dist: Any, fresh: Any, back: Any, back_fresh: Any, k: int,
    p: Any, q: Any, apart: Any, first: int, last: int,
) -> Any:  # fmt: skip
    """Write pairs that at least one of both lists has room for, and their squared distances; return how many."""
    end, d, count = near.shape[1] - 1, Z.shape[1], 0
    rows, new, tile = np.empty(2 * k + 1, np.int32), np.empty(2 * k + 1, np.bool_), np.empty((2 * k + 1, d), np.float32)
    for i in range(first, last):
        rows[0], new[0], many, some = i, False, 1, False
        for place in range(k):
            if near[i, place] >= 0:
                rows[many], new[many] = near[i, place], fresh[i, place]
                some |= fresh[i, place]
                many += 1
        own = many
        for place in range(k):
            j, known = back[i, place], False
            for t in range(own):
                known |= rows[t] == j
            if j >= 0 and not known:
                rows[many], new[many] = j, back_fresh[i, place]
                some |= back_fresh[i, place]
                many += 1
        if not some:
            continue
        for a in range(many):
            for f in range(d):
                tile[a, f] = Z[rows[a], f]
        for a in range(many):
            for b in range(a):
                if not (new[a] or new[b]):
                    continue
                d2 = rest[rows[a]] + rest[rows[b]]
                for f in range(d):
                    difference = tile[a, f] - tile[b, f]
                    d2 += difference * difference
                if d2 < dist[rows[a], end] or d2 < dist[rows[b], end]:
                    p[count], q[count], apart[count] = rows[a], rows[b], d2
                    count += 1
    return count
