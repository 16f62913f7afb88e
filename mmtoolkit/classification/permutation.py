"""A permutation test against chance: every permutation is fitted anew, in closed form.

Permuting classes against predictions that stay is no test of them: the predictions have seen the classes of the other
folds. So each permutation trains again. Classes move only inside a fold, from one whole group to another of the same
size: then all permutations are equally probable when the vectors say nothing, whatever belongs together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from mmtoolkit._blocks import in_order
from mmtoolkit.classification.variance import Sample
from mmtoolkit.words import say

__all__ = ["ChanceTest", "better_than_chance"]

_PERMUTATIONS, _FEW_PERMUTATIONS = 999, 199
_MANY_ROWS = 2000
_MOST_SCORES = 30_000_000
_MOST_CLASSES, _FEW_CLASSES = 32, 10  # of few rows; of many
_LEAST_ARRANGEMENTS = 200
_CHUNK = 300_000  # numbers: small enough for the cache


@dataclass(frozen=True)
class ChanceTest:
    """What the test found.

    Attributes
    ----------
    p_value : float
        NaN where there are too few groups to exchange.
    words : str
        What the p is of, or why there is none; a part of a sentence.
    """

    p_value: float
    words: str


def better_than_chance(sample: Sample, fold: NDArray[np.intp], random_state: int) -> ChanceTest:
    """Test whether the vectors tell the classes apart at all.

    Parameters
    ----------
    sample : Sample
        Rows with their classes and with what belongs together; no group is in two folds.
    fold : ndarray of shape (n_items,), int
        Fold that holds a row out, of all rows that the sample is of; -1 for rows that only train.
    random_state : int
        Seed.

    Returns
    -------
    ChanceTest
        The statistic is the mean area under the ROC curve, of each class against the rest, of held-out ridge scores.

    References
    ----------
    Ojala and Garriga (2010), Permutation tests for studying classifier performance.
    """
    codes, fold = sample.codes, fold[sample.rows]
    held = fold >= 0
    sizes = np.bincount(codes[held])
    most = _FEW_CLASSES if sample.of > _MANY_ROWS else _MOST_CLASSES
    ks = np.sort(np.argsort(-sizes, kind="stable")[:most])
    ks = ks[(sizes[ks] > 0) & (sizes[ks] < held.sum())]
    if not len(ks):
        return ChanceTest(float("nan"), "all scored items are of one class")
    strata = _strata(sample.groups, fold)
    n_ways = sum(_log_arrangements(codes[members]) for members in strata)
    if n_ways < np.log(_LEAST_ARRANGEMENTS):
        return ChanceTest(
            float("nan"),
            say(
                "too few groups can be exchanged for a test: classes can be dealt to groups of one size inside the folds in one "
                "way, {needed} are needed",
                "too few groups can be exchanged for a test: classes can be dealt to groups of one size inside the folds in {n} "
                "ways, {needed} are needed",
                n=round(float(np.exp(n_ways))),
                needed=_LEAST_ARRANGEMENTS,
            ),
        )
    if len(sizes) == 2:
        ks = ks[-1:]  # the other's area is the same
    large = sample.of > _MANY_ROWS or int(held.sum()) * len(ks) * _PERMUTATIONS > _MOST_SCORES
    n = _FEW_PERMUTATIONS if large else _PERMUTATIONS
    labels = _permuted(codes, strata, n, random_state)
    areas = _areas(sample.Z, labels, fold, ks)
    area = (
        areas[0] + _areas(sample.Z, labels[:1], fold, ks, own_first=False)[0]
    ) / 2  # of equal scores none comes first
    p = (1 + int((areas[1:] >= areas[0] - 1e-9).sum())) / (n + 1)
    if len(ks) == len(sizes) or len(sizes) == 2:
        statistic = say("mean area under the ROC curve, each class against the rest")
    else:
        statistic = say("mean area under the ROC curve, each class against the rest (of {n} classes)", n=len(ks))
    words = say(
        "{statistic}, {area:.3f} for held-out scores of a ridge classifier on the main axes of the vectors (64 at most); {n} "
        "permutations of the classes inside the folds, each fitted anew",
        statistic=statistic,
        area=area,
        n=n,
    )
    return ChanceTest(p, words)


def _strata(groups: NDArray[np.intp], fold: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Return arrays of rows (n_groups, size), one for the groups of each size in each fold."""
    size = np.bincount(groups)[groups]
    order = np.lexsort((groups, size, fold))
    starts = np.flatnonzero((np.diff(fold[order]) != 0) | (np.diff(size[order]) != 0)) + 1
    return [part.reshape(-1, size[part[0]]) for part in np.split(order, starts)]


def _log_arrangements(classes: NDArray[np.intp]) -> float:
    """Return the log of the number of different ways to deal the classes of groups (n_groups, size) to these groups."""
    _, counts = np.unique(classes, axis=0, return_counts=True)
    return float(gammaln(len(classes) + 1) - gammaln(counts + 1).sum())


def _permuted(codes: NDArray[np.intp], strata: list[NDArray[np.intp]], n: int, random_state: int) -> NDArray[np.int32]:
    """Return the classes, then n permutations of them: (1 + n, n_items)."""
    rng = np.random.default_rng([random_state, n])
    found = np.tile(codes.astype(np.int32), (1 + n, 1))
    for members in strata:
        dealt = rng.permuted(np.tile(np.arange(len(members)), (n, 1)), axis=1)
        found[1:, members.ravel()] = codes[members][dealt].reshape(n, -1)
    return found


def _areas(
    Z: NDArray[np.float64],
    labels: NDArray[np.int32],
    fold: NDArray[np.intp],
    ks: NDArray[np.intp],
    *,
    own_first: bool = True,
) -> NDArray[np.float64]:
    """Return the mean area of every row of labels; the classes of a fold have the same sizes in all of them."""
    order = np.argsort(fold, kind="stable")
    Z, labels, fold = Z[order], labels[:, order], fold[order]
    place = {part: slice(*np.searchsorted(fold, [part, part + 1])) for part in np.unique(fold).tolist()}
    n_own = {part: (labels[0, rows, None] == ks).sum(axis=0) for part, rows in place.items()}
    apart, solvers = place.pop(-1, None), []
    for part, rows in place.items():
        train = [other for other in place if other != part] if apart is None else [-1]
        mean, inverse = _solver(Z, fold, train)
        solvers.append(
            (rows, train, sum(n_own[other] for other in train), mean, inverse, (Z[rows] - mean).astype(np.float32))
        )
    Z, n_held = Z.astype(np.float32), int((fold >= 0).sum())
    step = max(1, _CHUNK // (len(fold) * len(ks)))

    def of_some(start: int) -> NDArray[np.float64]:
        own = (labels[start : start + step, None, :] == ks[:, None]).reshape(-1, len(fold))
        Y, n_rows = own.astype(np.float32), len(own) // len(ks)
        sums = {part: Y[:, rows] @ Z[rows] for part, rows in (place if apart is None else {-1: apart}).items()}
        scores = np.empty_like(Y)
        for rows, train, n_train, mean, inverse, Z_own in solvers:
            of_class = np.tile(n_train, n_rows)[:, None].astype(np.float32)
            coef = (sum(sums[other] for other in train) - of_class * mean) @ inverse
            scores[:, rows] = coef @ Z_own.T + of_class / np.isin(fold, train).sum()
        areas = _auc(scores[:, -n_held:], own[:, -n_held:], own_first=own_first)
        return np.asarray(areas.reshape(-1, len(ks)).mean(axis=1))

    return np.concatenate(list(in_order(of_some, range(0, len(labels), step))))


def _solver(
    Z: NDArray[np.float64], fold: NDArray[np.intp], parts: list[int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the mean of the rows of some folds, and the inverse of their penalised Gram matrix."""
    train = Z[np.isin(fold, parts)]
    mean = train.mean(axis=0)
    gram = (train - mean).T @ (train - mean)
    penalty = max(np.trace(gram) / max(len(gram), 1), np.finfo(np.float32).tiny)
    return mean.astype(np.float32), np.linalg.inv(gram + penalty * np.eye(len(gram))).astype(np.float32)


def _auc(scores: NDArray[np.float32], own: NDArray[np.bool_], *, own_first: bool = True) -> NDArray[np.float64]:
    """Return the areas under the ROC curves of rows of scores; of equal scores those of the class come first, or last."""
    # the last bit of a score says whether its item is of the class: so sorting keeps both together, at the speed of plain sorting
    bits = (scores + np.float32(0.0)).view(np.int32)  # no -0.0
    flag = own ^ (bits < 0) ^ (not own_first)  # the last bit makes negative numbers smaller
    bits = np.sort(((bits & ~np.int32(1)) | flag).view(np.float32), axis=1).view(np.int32)
    bits = (bits & 1) ^ (bits < 0) ^ (not own_first)
    n, n_own = own.shape[1], own.sum(axis=1)
    ranks = bits @ np.arange(1, n + 1, dtype=np.int64)
    return np.asarray((ranks - n_own * (n_own + 1) / 2) / (n_own * (n - n_own)))
