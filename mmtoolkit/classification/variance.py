"""The variance of a score from sample to sample, training included.

Resampling the held-out items alone leaves out that other training items would have given another classifier, and that
the folds share their training items. Paired disjoint halves have both: two halves of the groups share nothing, each is
cross-validated by itself, and half the mean square of the difference of their scores is the variance at half the size
(Nadeau and Bengio 2003, the conservative Z).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._blocks import in_order
from mmtoolkit.classification import discriminant
from mmtoolkit.classification.folds import stratified_folds
from mmtoolkit.classification.intervals import resamples

if TYPE_CHECKING:
    from mmtoolkit.classification.weighted import WeightedScores

__all__ = [
    "MOST_ROWS",
    "SPLITS",
    "Sample",
    "halves",
    "held_out_by_halves",
    "resampled",
    "resampled_items",
    "some_rows",
    "variance_of",
    "with_training",
]

SPLITS = 10
MOST_ROWS = 1500
_FEW_RESAMPLES = 16

Scores = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]


def some_rows(codes: NDArray[np.intp], groups: NDArray[np.intp], random_state: int) -> NDArray[np.intp]:
    """Return about 1,500 rows: whole groups, classes in their shares; all rows where there are fewer than 2,250.

    Parameters
    ----------
    codes, groups : ndarrays of shape (n_items,), int
        Classes; groups from 0 without gaps.
    random_state : int
        Seed.

    Returns
    -------
    ndarray of int
        Ascending.
    """
    parts = round(len(codes) / MOST_ROWS)
    if parts <= 1:
        return np.arange(len(codes))
    seed = int(np.random.SeedSequence([random_state, parts]).generate_state(1)[0])  # not that of the folds
    return np.flatnonzero(stratified_folds(codes, groups, parts, seed) == 0)


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows on which classifiers in closed form are fitted, as `some_rows` takes them.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), float32
        Rows.
    rows, codes, groups : ndarrays of shape (n_rows,), int
        Which rows of all; classes; groups from 0 without gaps.
    of : int
        How many rows there were.
    """

    X: NDArray[np.float32]
    rows: NDArray[np.intp]
    codes: NDArray[np.intp]
    groups: NDArray[np.intp]
    of: int

    @classmethod
    def drawn(
        cls,
        X: NDArray[np.float32],
        codes: NDArray[np.intp],
        groups: NDArray[np.intp],
        random_state: int,
        *,
        among: NDArray[np.intp] | None = None,
    ) -> Sample:
        """Return a sample of rows; of those that `among` numbers, if it is given: then classes and groups are theirs."""
        rows = some_rows(codes, groups, random_state)
        inside = np.unique(groups[rows], return_inverse=True)[1]
        return cls(X[rows if among is None else among[rows]], rows, codes[rows], inside, len(codes))

    @cached_property
    def Z(self) -> NDArray[np.float64]:
        """The rows in their main axes, (n_rows, n_components): computed once for all who fit on them."""
        return discriminant.components(self.X)


def halves(
    codes: NDArray[np.intp], groups: NDArray[np.intp], random_state: int, *, n_splits: int = SPLITS
) -> NDArray[np.bool_]:
    """Split groups into two halves of equal classes, several times.

    Parameters
    ----------
    codes, groups : ndarrays of shape (n_items,), int
        Classes; groups from 0 without gaps.
    random_state : int
        Seed.
    n_splits : int, default=10
        Number of splits.

    Returns
    -------
    ndarray of shape (n_splits, n_items), bool
        Which rows are of the first half.

    Examples
    --------
    >>> import numpy as np
    >>> halves(np.array([0, 0, 1, 1]), np.arange(4), 0, n_splits=2).sum(axis=1).tolist()
    [2, 2]
    """
    return np.stack([_half(codes, groups, random_state, n_splits, number) for number in range(n_splits)])


def _half(
    codes: NDArray[np.intp], groups: NDArray[np.intp], random_state: int, n_splits: int, number: int
) -> NDArray[np.bool_]:
    """Return which rows are of the first half of one of several splits."""
    seeds = np.random.SeedSequence([random_state, n_splits]).generate_state(n_splits)
    return np.asarray(stratified_folds(codes, groups, 2, int(seeds[number])) == 0)


def variance_of(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance of a score of all items, from scores of paired halves.

    Parameters
    ----------
    first, second : ndarrays of shape (n_splits, ...)
        Scores of the two halves; or differences of two classifiers' scores, for the variance of the difference.

    Returns
    -------
    ndarray of shape (...)
        Mean over the splits, those without a score left out; NaN where there is none.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error.
    """
    square = (first - second) ** 2 / 4.0  # half of it at half the size, half of that at the whole
    n = np.isfinite(square).sum(axis=0)
    return np.asarray(np.where(n > 0, np.nansum(square, axis=0) / np.maximum(n, 1), np.nan))


def held_out_by_halves(
    Z: NDArray[np.float64],
    codes: NDArray[np.intp],
    groups: NDArray[np.intp],
    n_classes: int,
    first: NDArray[np.bool_],
    random_state: int,
    *,
    cv: int,
    class_weight: Any = None,
    many: bool = False,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return held-out predictions of the closed-form classifier, each half of the rows cross-validated by itself.

    Parameters
    ----------
    Z : ndarray of shape (n_items, n_components)
        Rows, as `discriminant.components` gives them.
    codes, groups : ndarrays of shape (n_items,), int
        Classes; groups.
    n_classes : int
        Number of classes.
    first : ndarray of shape (n_items,), bool
        A row of what `halves` gives; equal ones for several embeddings make their differences paired.
    random_state : int
        Seed of the folds.
    cv : int
        Number of folds.
    class_weight : None, "balanced" or mapping of codes to weights, default=None
        As in scikit-learn.
    many : bool, default=False
        As `discriminant.held_out` takes it.

    Returns
    -------
    predicted : ndarray of shape (n_items,), int
        Classes.
    proba : ndarray of shape (n_items, n_classes)
        Probabilities.
    """
    fold = np.empty(len(codes), dtype=np.intp)
    for half in (first, ~first):  # every fold holds rows of both
        inside = np.unique(groups[half], return_inverse=True)[1]
        fold[half] = stratified_folds(codes[half], inside, cv, random_state)
    return discriminant.held_out(Z, codes, n_classes, fold, class_weight, half=first, many=many)


def resampled(scores: Scores, groups: NDArray[np.intp], drawn: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the variance of scores when groups are drawn anew and predictions stay as they are.

    Parameters
    ----------
    scores : callable
        From weights of shape (m, n_items) to scores of shape (m, n_scores).
    groups : ndarray of shape (n_items,), int
        Groups from 0 without gaps.
    drawn : iterable of ndarrays of shape (n_resamples, n_groups)
        How often each group is drawn, as `intervals.resamples` gives it.

    Returns
    -------
    ndarray of shape (n_scores,)
        Variances; NaN where fewer than two resamples have a score.
    """
    found = np.concatenate(list(in_order(lambda W: scores(W[:, groups]), drawn)))
    enough, n_groups = np.isfinite(found).sum(axis=0) > 1, int(groups.max()) + 1
    variance = np.full(found.shape[1], np.nan)
    variance[enough] = np.nanvar(found[:, enough], axis=0, ddof=1) * (n_groups / max(n_groups - 1, 1))
    return variance


def resampled_items(
    scores: WeightedScores, groups: NDArray[np.intp], drawn: Iterable[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return the variances of all scores when groups are drawn anew: areas by their slopes, the others by `resampled`."""
    found = resampled(partial(scores, areas=False), groups, drawn)
    areas = scores.area_variances(groups)
    found[len(found) - len(areas) :] = areas
    return found


def with_training(
    scores_of: Callable[[NDArray[np.intp], NDArray[np.float64]], WeightedScores],
    Z: NDArray[np.float64],
    codes: NDArray[np.intp],
    groups: NDArray[np.intp],
    n_classes: int,
    *,
    cv: int,
    class_weight: Any,
    many: bool,
    random_state: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the variances of scores of the closed-form classifier: with other training items, and without.

    Parameters
    ----------
    scores_of : callable
        From predictions (n_items,) and probabilities (n_items, n_classes) to their scores.
    Z, codes, groups, n_classes, cv, class_weight, many
        As `held_out_by_halves` takes them.
    random_state : int
        Seed.

    Returns
    -------
    whole, alone : ndarrays of shape (n_scores,)
        From paired halves; from resampled groups.
    """
    drawn = list(resamples(int(groups.max()) + 1, _FEW_RESAMPLES, random_state))

    def of_split(number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        first = _half(codes, groups, random_state, SPLITS, number)
        options = {"cv": cv, "class_weight": class_weight, "many": many}
        scores = scores_of(*held_out_by_halves(Z, codes, groups, n_classes, first, number, **options))
        return scores(np.stack([first, ~first]).astype(np.float64)), resampled_items(scores, groups, drawn)

    pairs, single = zip(*in_order(of_split, range(SPLITS)), strict=True)
    alone = np.stack(single)
    first_half, second_half = np.stack(pairs, axis=1)
    n = np.isfinite(alone).sum(axis=0)
    return variance_of(first_half, second_half), np.where(n > 0, np.nansum(alone, axis=0) / np.maximum(n, 1), np.nan)
