"""``classify``: train, score on held-out items, and keep the facts that a reader needs to judge the score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import column, masked, series_of
from mmtoolkit._arguments import check_choice, check_count, is_number
from mmtoolkit._described import restored
from mmtoolkit._duplicates import duplicate_groups, duplicate_thresholds
from mmtoolkit._text import shorten
from mmtoolkit._values import group_key, unified
from mmtoolkit.classification.dating import later_than
from mmtoolkit.classification.folds import merge_groups
from mmtoolkit.classification.result import Classification
from mmtoolkit.classification.summary import assemble
from mmtoolkit.classification.targets import make_target, places_of, recordable, without_small
from mmtoolkit.classification.trial import Trial
from mmtoolkit.steps import resolved, verb
from mmtoolkit.vectors import HasVectors, ids_of, unit_rows, vectors_of

__all__ = ["check_options", "classify", "test_mask", "thresholds_of", "user_groups"]


@verb("classify", columns=("y", "groups", "test", "test_after"), variable="r", memory=0.5)
def classify(
    embeddings: HasVectors | ArrayLike,
    y: ArrayLike | str = "label",
    *,
    estimator: Any = None,
    cv: int = 5,
    test: ArrayLike | str | None = None,
    test_after: str | date | Sequence[Any] | None = None,
    groups: ArrayLike | str | None = None,
    duplicates: Literal["group", "ignore"] = "group",
    duplicate_threshold: float | None = None,
    class_weight: Literal["balanced"] | Mapping[Any, float] | None = None,
    repeats: int = 1,
    min_class_size: int | None = None,
    inference: bool = True,
    normalize: bool = True,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Classification:
    """Train a classifier and score it on items it has not seen.

    Every item with a class is predicted once by a model that never saw it, nor a duplicate of it. Everything that is
    fitted (C, calibration, class weights) is fitted inside the training folds.

    Parameters
    ----------
    embeddings : Embeddings or array of shape (n_items, n_features)
        Vectors.
    y : array-like of shape (n_items,) or str, default="label"
        Classes or a column of ``emb.items``. Rows without a class are predicted, not scored.
    estimator : scikit-learn classifier or None, default=None
        None is logistic regression with C and calibration chosen inside the folds (`LogisticClassifier`).
    cv : int, default=5
        Number of folds, stratified by class.
    test : array-like or str, optional
        A fixed split instead of folds: a mask of test rows, their row numbers, or a column that holds "test" for them.
    test_after : str, date, or pair of str and either, optional
        A split in time instead: items dated after this day, month or year ("2026-03": from 1 April on) are tested, the others
        train. The column of dates is found where there is one alone; else (column, day).
    groups : array-like of shape (n_items,) or str, optional
        Items of one group (a patient, a page, a scene) never stand on both sides of a split.
    duplicates : {"group", "ignore"}, default="group"
        Keep exact and near duplicates on one side of every split, or let them fall as they may.
    duplicate_threshold : float or None, default=None
        Cosine similarity of near duplicates; None takes it from the model's row of the models table.
    class_weight : None, "balanced" or dict, default=None
        As in scikit-learn.
    repeats : int, default=1
        Cross-validations with other folds; scores are averaged, predictions are those of the first.
    min_class_size : int or None, default=None
        Classes with fewer independent items (those of one group count as one) are left out of scoring and of the final
        classifier; their items are predicted as one of the other classes and marked in `left_out`. None is the number of
        folds, and 1 with ``test=``.
    inference : bool, default=True
        Intervals, and a test whether the vectors tell the classes apart; False leaves both out.
    normalize : bool, default=True
        Use unit rows. Duplicates are judged by the angle between rows in either case: where lengths matter, rows of one
        direction count as duplicates unless ``duplicates="ignore"``.
    random_state : int, default=0
        Seed of folds, bootstrap and estimator; recorded.
    n_jobs : int or None, default=None
        Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
        result, and is not recorded.

    Returns
    -------
    Classification
        `metrics`, `per_class`, `confusion`, `y_pred`, `y_proba`, `fold`, ... and the fitted `estimator`.

    Raises
    ------
    ValueError
        If fewer than two classes are large enough, a class is smaller than the number of folds or spans too few groups
        although `min_class_size` keeps it, classes mix types, or rows hold NaN; the message says what to do.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import StandardScaler
    >>> import mmtoolkit as mm
    >>> X, y = load_wine(return_X_y=True)
    >>> mm.classify(StandardScaler().fit_transform(X), y)
    <Classification: accuracy 0.9... 3 classes, 178 items scored>
    """
    check_options(cv=cv, duplicates=duplicates, repeats=repeats, duplicate_threshold=duplicate_threshold)
    if min_class_size is not None:
        check_count("min_class_size", min_class_size, 1)
    given_inference: object = inference
    if not isinstance(given_inference, bool):
        msg = f"inference must be True or False, got {inference!r}"
        raise ValueError(msg)
    X = vectors_of(embeddings, normalize=normalize)
    if normalize and X.shape[1] == 1:
        msg = "one feature has no direction: as unit rows all items would be 1 or -1; pass normalize=False, and duplicates='ignore'"
        raise ValueError(msg)
    target = make_target(embeddings, y)
    weights = _weights(class_weight, target.classes)
    mask = None if test is None else test_mask(embeddings, test)
    if test_after is not None:
        if test is not None:
            msg = "test and test_after are two ways to say what is tested; give one of them"
            raise ValueError(msg)
        name, day, mask = later_than(embeddings, test_after)
        test_after = [name, day]
    given = user_groups(embeddings, groups)
    resolved(
        y=y if isinstance(y, str) else target.values,
        estimator=restored(estimator),
        test=test if mask is None or test is None or isinstance(test, str) else np.flatnonzero(mask),
        test_after=test_after,
        groups=recordable(embeddings, groups, what="groups"),
        class_weight=[list(pair) for pair in weights.items()] if isinstance(weights, dict) else weights,
    )
    unit = X if normalize else unit_rows(X)
    same = np.arange(len(X))
    if duplicates == "group":
        same = duplicate_groups(unit, thresholds_of(embeddings, unit, duplicate_threshold))
    least = (1 if mask is not None else cv) if min_class_size is None else min_class_size
    target, left_out = without_small(target, merge_groups(given, same), least)
    if isinstance(weights, dict):
        weights = {name: weight for name, weight in weights.items() if name in target.classes.tolist()}
    if isinstance(weights, dict) and all(weight == 1 for weight in weights.values()):
        weights = None  # as many of each as there are: nothing is to be taken out of probabilities and intervals
    options = {"class_weight": weights, "random_state": random_state}
    trial = Trial(X, unit, target, estimator, options, cv, mask)
    outcome = trial.run(given, same, repeats=repeats, random_state=random_state)
    return assemble(
        embeddings, trial, outcome, left_out, grouped=groups is not None, inference=inference, random_state=random_state
    )


def _weights(given: Any, classes: NDArray[Any]) -> Any:
    """Return checked class weights; reports of version 0.1.0 hold them as pairs."""
    if given is None or given == "balanced":
        return given
    pairs = isinstance(given, list) and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in given)
    if not isinstance(given, Mapping) and not pairs:
        msg = f"class_weight must be None, 'balanced' or a mapping of classes to weights, got {shorten(repr(given))}"
        raise ValueError(msg)
    weights = dict(given)
    places = places_of(weights, classes, "class_weight names")
    return {classes[place].item(): weight for place, weight in zip(places, weights.values(), strict=True)}


def check_options(*, cv: int, duplicates: str, repeats: int = 1, duplicate_threshold: Any = None) -> None:
    """Raise ValueError for options that are wrong for any data."""
    _check_threshold(duplicate_threshold)
    check_count("cv", cv, 2)
    check_count("repeats", repeats, 1)
    check_choice("duplicates", duplicates, ("group", "ignore"))


def _check_threshold(given: Any) -> None:
    if given is not None and not (is_number(given) and 0.0 < given <= 1.0):
        msg = f"duplicate_threshold is a cosine similarity above 0 and at most 1, got {given!r}"
        raise ValueError(msg)


def thresholds_of(
    embeddings: HasVectors | ArrayLike, unit: NDArray[np.float32], threshold: float | None
) -> NDArray[np.float64]:
    """Return the user's duplicate threshold for every row, or the model's."""
    _check_threshold(threshold)
    if threshold is None:
        return duplicate_thresholds(embeddings, unit)
    return np.full(len(unit), float(threshold))


def user_groups(embeddings: HasVectors | ArrayLike, groups: ArrayLike | str | None) -> NDArray[np.intp]:
    """Return the user's groups as numbers; an item without a group is alone."""
    n = len(ids_of(embeddings))
    if groups is None:
        return np.arange(n)
    values = unified(column(embeddings, groups, what="groups"), as_text=True)
    missing = np.array([value is None for value in values])
    first: dict[Any, str] = {}
    names = [first.setdefault(group_key(value), repr(value)) for value in values]
    codes = pd.factorize(np.array(names, dtype=object), sort=True)[0]
    codes[missing] = codes.max() + 1 + np.arange(int(missing.sum()))
    return np.asarray(codes, dtype=np.intp)


def test_mask(embeddings: HasVectors | ArrayLike, test: ArrayLike | str) -> NDArray[np.bool_]:
    """Return which rows are for testing, from a mask, row numbers, or a column that says "test"."""
    n = len(ids_of(embeddings))
    if isinstance(test, str):
        values = column(embeddings, test, what="test")
        mask = np.array([value is True or str(value).strip().casefold() == "test" for value in values])
        if not mask.any():
            seen = ", ".join(sorted({shorten(repr(v)) for v in values.tolist()})[:5])
            msg = f"no row of column {test!r} says 'test' (or True); it holds {seen}"
            raise ValueError(msg)
    else:
        rows = np.asarray(masked(embeddings, series_of(test, "test"), "test"))
        if rows.dtype == bool and rows.shape != (n,):
            msg = f"test is a mask of {rows.size} rows for {n} items"
            raise ValueError(msg)
        if rows.dtype != bool and (rows.dtype.kind not in "iu" or rows.size == 0 or rows.min() < 0 or rows.max() >= n):
            msg = f"test must be a mask of {n} rows or row numbers from 0 to {n - 1}, got {shorten(repr(test))}"
            raise ValueError(msg)
        mask = np.zeros(n, dtype=bool)
        mask[rows] = True
        if rows.dtype != bool and mask.sum() < rows.size:
            twice = int(np.flatnonzero(np.bincount(rows.ravel()) > 1)[0])
            msg = f"test names row {twice} more than once"
            raise ValueError(msg)
    if not mask.any() or mask.all():
        msg = f"test holds {int(mask.sum())} of {n} rows; some must be left for training and some for testing"
        raise ValueError(msg)
    return mask
