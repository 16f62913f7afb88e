"""Folds that keep class shares and never split a group."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["class_sizes", "effective_size", "merge_groups", "stratified_folds"]


def merge_groups(*groupings: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the finest grouping in which rows that share a group in any of the given ones stay together.

    Parameters
    ----------
    *groupings : ndarrays of shape (n_items,), int
        Group numbers from 0.

    Returns
    -------
    ndarray of shape (n_items,), int
        Group numbers from 0 without gaps.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    merged = np.unique(groupings[0], return_inverse=True)[1]
    for other in groupings[1:]:
        codes = np.unique(other, return_inverse=True)[1]
        a, b = int(merged.max()) + 1, int(codes.max()) + 1
        links = coo_array((np.ones(len(merged), dtype=bool), (merged, codes + a)), shape=(a + b, a + b))
        merged = connected_components(links, directed=False)[1][merged]
        merged = np.unique(merged, return_inverse=True)[1]
    return np.asarray(merged, dtype=np.intp)


def class_sizes(codes: NDArray[np.intp], groups: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return how many groups and how many rows every class has."""
    width = int(groups.max(initial=0)) + 1
    return np.bincount(np.unique(codes * width + groups) // width), np.bincount(codes)


def effective_size(groups: NDArray[np.intp]) -> float:
    """Return how many independent items rows amount to that belong together in groups (Kish): all of them where each is alone."""
    sizes = np.unique(groups, return_counts=True)[1].astype(np.float64)
    return float(len(groups) ** 2 / (sizes**2).sum())


def stratified_folds(
    codes: NDArray[np.intp], groups: NDArray[np.intp], n_splits: int, random_state: int
) -> NDArray[np.intp]:
    """Deal rows to folds so that every fold has each class in its share and no group is split.

    Groups of several rows go first, the largest first, each to the fold where it unbalances the classes least; then
    single rows fill up. Linear in the number of rows (scikit-learn's StratifiedGroupKFold, which has the same aim,
    tries every fold for every single row in Python).

    Parameters
    ----------
    codes : ndarray of shape (n_items,), int
        Class of every row, from 0.
    groups : ndarray of shape (n_items,), int
        Group of every row, from 0 without gaps.
    n_splits : int
        Number of folds.
    random_state : int
        Seed of the order in which equals are dealt.

    Returns
    -------
    ndarray of shape (n_items,), int
        Fold of every row, 0 to n_splits - 1.
    """
    rng = np.random.default_rng(random_state)
    n_classes = int(codes.max()) + 1
    share = np.maximum(np.bincount(codes, minlength=n_classes), 1) / n_splits
    filled = np.zeros((n_splits, n_classes))
    fold = np.full(len(codes), -1, dtype=np.intp)
    sizes = np.bincount(groups)
    several = rng.permutation(np.flatnonzero(sizes > 1))
    members, ends = np.argsort(groups, kind="stable"), np.cumsum(sizes)
    for group in several[np.argsort(-sizes[several], kind="stable")]:
        rows = members[ends[group] - sizes[group] : ends[group]]
        content = np.bincount(codes[rows], minlength=n_classes)
        cost = (((filled + content) / share) ** 2 - (filled / share) ** 2).sum(axis=1)
        best = int(np.argmin(cost))
        filled[best] += content
        fold[rows] = best
    start, free = 0, np.flatnonzero(fold < 0)
    free = free[np.argsort(codes[free], kind="stable")]
    for k, of_class in enumerate(np.split(free, np.searchsorted(codes[free], np.arange(1, n_classes)))):
        rows = rng.permutation(of_class)
        room, start = _room(filled[:, k].astype(np.intp), len(rows), start)
        fold[rows] = np.repeat(np.arange(n_splits), room)
    return fold


def _room(filled: NDArray[np.intp], n: int, start: int) -> tuple[NDArray[np.intp], int]:
    """Return how many of n rows each fold takes so that all have nearly equal sizes, and the fold to go on with."""
    if filled.min() == filled.max():
        room = np.full(len(filled), n // len(filled))
        room[(start + np.arange(n % len(filled))) % len(filled)] += 1
        return room, (start + n) % len(filled)
    level = filled.copy()
    order = np.roll(np.arange(len(filled)), -start)
    while n:
        low = order[level[order] == level.min()]
        above = level[level > level.min()]
        step = min(int(above.min() - level.min()), n // len(low)) if len(above) else n // len(low)
        if step == 0:
            level[low[:n]] += 1
            return level - filled, (int(low[n - 1]) + 1) % len(filled)
        level[low] += step
        n -= step * len(low)
    return level - filled, start
