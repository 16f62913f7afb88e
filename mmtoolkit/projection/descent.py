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
from mmtoolkit._compiled import compiled
from mmtoolkit._nearest import nearest_rows, squared_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ENOUGH", "descend"]

_LEAF = 1024
_BLOCK = 1024
_ROWS = 128  # of a leaf that are compared at once
_PAIRS = 2**19  # that one block may find
_OWNERS = 8  # parts of the lists that are written at once
_TOGETHER = 64  # neighbours of a row that are brought together at once
_STRIDE = 64  # axes that are looked at before a pair is given up
_SAMPLE, _SAMPLE_BLOCK = 512, 64
ENOUGH = 0.993  # of the sample's neighbours: 0.99 of all, with room for chance
_ROUNDS = 20
_WORTH = 0.01  # of the neighbours: while a tree brings so many, another brings more than joining the lists
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
        Which share of the true neighbours was found, for a sample of 512 rows; the search ends at 99.3 %, or after
        20 trees.

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

    def found() -> float:
        return float((np.sqrt(_chosen(X, order, lists, k, at)[1]) <= reach[:, None] * (1 + 1e-5) + 1e-6).mean())

    for _ in range(_ROUNDS):
        _met(Z, rest, lists, _leaves(Z, k, rng))
        before, recall = recall, found()
        if recall - before < _WORTH:
            _joined(Z, rest, lists, k)
            recall = found()
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
    along, first = np.empty(len(leaf), dtype=np.float32), np.zeros(len(leaf), dtype=bool)
    _project(Z, leaf, Z[ends[0]] - Z[ends[1]], along)
    middle = len(leaf) // 2
    first[np.argpartition(along, middle)[:middle]] = True
    return leaf[first], leaf[~first]


def _met(Z: NDArray[np.float32], rest: NDArray[np.float32], lists: _Lists, leaves: list[NDArray[np.intp]]) -> None:
    """Put the nearest rows of every row's leaf into its list."""

    def look(leaf: NDArray[np.intp]) -> None:
        rows = Z[leaf]
        own, room = squared_lengths(rows) + rest[leaf], np.empty(_ROWS * len(leaf), np.float32)
        for part in blocks(len(leaf), _ROWS):  # with those before them: half of all pairs, and they stay in the cache
            products = room[: (part.stop - part.start) * part.stop].reshape(-1, part.stop)
            np.matmul(rows[part], rows[: part.stop].T, out=products)
            _meet(*lists, leaf, own, products, part.start)

    deque(in_order(look, leaves), maxlen=0)


def _joined(Z: NDArray[np.float32], rest: NDArray[np.float32], lists: _Lists, k: int) -> None:
    """Bring together the neighbours of every row, and those that have it as a neighbour, two by two, one of them fresh."""
    m, shape = min(k, _TOGETHER), (len(Z), min(k, _TOGETHER))
    back = np.full(shape, -1, dtype=np.int32), np.zeros(shape, dtype=bool)
    _reverse(lists.near, lists.fresh, k, *back)

    def bring(rows: slice) -> tuple[NDArray[Any], ...]:
        most = (rows.stop - rows.start) * m * (2 * m + 1)
        pairs = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.float32)
        count = _pair(Z, rest, *lists, *back, k, *pairs, rows.start, rows.stop)
        return tuple(part[:count].copy() for part in pairs)

    found = list(in_order(bring, blocks(len(Z), max(1, _PAIRS // (m * (2 * m + 1))))))
    fresh = lists.fresh[:, :k]
    fresh &= fresh.cumsum(axis=1) > m

    def take(rows: slice) -> None:
        for p, q, d2 in found:
            _take(*lists, p, q, d2, rows.start, rows.stop)

    deque(in_order(take, blocks(len(Z), -(-len(Z) // _OWNERS))), maxlen=0)


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
def _project(Z: Any, rows: Any, way: Any, along: Any) -> None:
    for i in range(len(rows)):
        total = np.float32(0)
        for f in range(len(way)):
            total += Z[rows[i], f] * way[f]
        along[i] = total


@compiled
def _meet(near: Any, dist: Any, fresh: Any, rows: Any, own: Any, products: Any, first: int) -> None:
    """Put some rows, from the `first` on, and those before them into each other's lists."""
    last = near.shape[1] - 1
    reach, d2 = dist[rows[: first + len(products)], last], np.empty(products.shape[1], np.float32)
    for a in range(first, first + len(products)):
        for b in range(a):
            d2[b] = own[a] + own[b] - 2 * products[a - first, b]
        for b in range(a):
            if d2[b] < reach[a]:
                _put(near, dist, fresh, rows[a], rows[b], d2[b])
                reach[a] = dist[rows[a], last]
            if d2[b] < reach[b]:
                _put(near, dist, fresh, rows[b], rows[a], d2[b])
                reach[b] = dist[rows[b], last]


@compiled
def _reverse(near: Any, fresh: Any, k: int, back: Any, back_fresh: Any) -> None:
    """Write rows that have a row among their nearest `k`, those first that are fresh there, as many as there is room for."""
    count = np.zeros(len(near), np.int64)
    for wanted in (True, False):
        for i in range(len(near)):
            for place in range(k):
                j = near[i, place]
                if j >= 0 and fresh[i, place] == wanted and count[j] < back.shape[1]:
                    back[j, count[j]], back_fresh[j, count[j]] = i, wanted
                    count[j] += 1


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
    end, d, count, m = near.shape[1] - 1, Z.shape[1], 0, back.shape[1]
    rows, new, tile = np.empty(2 * m + 1, np.int32), np.empty(2 * m + 1, np.bool_), np.empty((2 * m + 1, d), np.float32)
    for i in range(first, last):
        rows[0], new[0], many, some = i, False, 1, False
        for wanted in (True, False):  # those that have not met the others come first
            for place in range(k):
                if many <= m and near[i, place] >= 0 and fresh[i, place] == wanted:
                    rows[many], new[many] = near[i, place], wanted
                    some |= wanted
                    many += 1
        own = many
        for place in range(m):
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
                d2, most = rest[rows[a]] + rest[rows[b]], max(dist[rows[a], end], dist[rows[b], end])
                for start in range(0, d, _STRIDE):
                    if d2 >= most:
                        break
                    for f in range(start, min(start + _STRIDE, d)):
                        difference = tile[a, f] - tile[b, f]
                        d2 += difference * difference
                if d2 < most:
                    p[count], q[count], apart[count] = rows[a], rows[b], d2
                    count += 1
    return count
