"""The parts of a cross-validation beside the classifier: folds, and the baseline of the nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._blocks import evenly
from mmtoolkit._nearest import most_similar
from mmtoolkit._text import shorten
from mmtoolkit.classification.estimators import fit, make_estimator
from mmtoolkit.classification.folds import class_sizes, stratified_folds
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.targets import TooFewError, codes_of
from mmtoolkit.vectors import vectors_of
from mmtoolkit.words import Said, joined, listed, say

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["chosen", "deal", "fitted_again", "neighbour_votes", "splits_of"]

_NAMED = 5
_NEIGHBOURS = 5
_REFERENCE = 10_000
_TOGETHER = 256  # asked at once: enough parts for all cores


def deal(
    codes: NDArray[np.intp], groups: NDArray[np.intp], cv: int, random_state: int, classes: NDArray[Any]
) -> NDArray[np.intp]:
    """Deal labelled rows to folds; raise ValueError with the reason where that is not possible.

    Raises
    ------
    TooFewError
        If classes span fewer groups than there are folds; all of them are named.
    """
    n_groups, n_rows = class_sizes(codes, groups)
    small = np.flatnonzero(n_groups < cv)
    if len(small):
        names = [shorten(repr(classes[k].item())) for k in small[:_NAMED]]
        sizes = [
            say("class {name} has {size}", name=name, size=_size(n_rows[k], n_groups[k]))
            for name, k in zip(names, small[:_NAMED], strict=True)
        ]
        more = say("and {n} more class", "and {n} more classes", n=len(small) - _NAMED) if len(small) > _NAMED else ""
        fewest = int(n_groups[small].min())
        most = f"use cv={fewest} or less, " if fewest > 1 else ""
        leave = f"leave the class out (y.where(y != {names[0]}))" if len(small) == 1 else "leave these classes out"
        reason = say("{sizes}, too few for cv={cv}", sizes=joined(listed(sizes), more), cv=cv)
        advice = (
            f"{most}add items, or {leave}; groups that are no real duplicates can be loosened with duplicates='ignore' or "
            "duplicate_threshold=0.99"
        )
        if ((n_groups[small] == 1) & (n_rows[small] > 1)).any():
            advice += (
                "; those of groups= only by finer groups: a class that is one group cannot be told from that group"
            )
        raise TooFewError(reason, advice)
    return stratified_folds(codes, groups, cv, random_state)


def _size(n_rows: int, n_groups: int) -> Said:
    items = say("{n} item", "{n} items", n=n_rows)
    if n_rows == n_groups:
        return items
    return say(
        "{items} in {n} group of duplicates or of groups=",
        "{items} in {n} groups of duplicates or of groups=",
        items=items,
        n=n_groups,
    )


def chosen(model: Any) -> dict[str, float]:
    """Return the numbers that a fitted classifier chose by itself."""
    names = {"C_": "C", "temperature_": "temperature", "best_params_": "best"}
    if isinstance(model, LogisticClassifier):
        if len(model.path_) < 2:
            del names["C_"]  # one to choose from, or no inner fold
        if not (model.path_ and model.calibrate):
            del names["temperature_"]
    found: dict[str, float] = {}
    for attribute, name in names.items():
        value = getattr(model, attribute, None)
        if isinstance(value, dict):
            found |= {str(key): inner for key, inner in value.items()}
        elif isinstance(value, int | float | np.number):
            found[name] = float(value)
    return found


def splits_of(result: Classification) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return training and test rows of the splits that a result was scored with."""
    known = codes_of(result.y_true, result.classes) >= 0
    tests = [np.flatnonzero(result.fold == f) for f in range(int(result.fold.max()) + 1)]
    return [
        (np.flatnonzero(known & (result.fold != f) & ~np.isin(result.together, result.together[test])), test)
        for f, test in enumerate(tests)
    ]


def fitted_again(result: Classification) -> list[Any]:
    """Return the classifiers of the splits, fitted once more."""
    X = vectors_of(result.source, normalize=bool(result.recipe.params["normalize"]))
    y = result.classes[codes_of(result.y_true, result.classes)]  # rows that train have a class
    groups, splits = result.together, splits_of(result)
    return [fit(make_estimator(result.estimator), X, y[train], groups[train], train) for train, _ in splits]


def neighbour_votes(
    X: NDArray[np.float32], codes: NDArray[np.intp], n_classes: int, train: NDArray[np.intp], asked: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Predict by the five most similar training rows: the baseline that needs no training.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Unit rows.
    codes : ndarray of shape (n_items,), int
        Classes.
    n_classes : int
        Number of classes.
    train : ndarray of int
        Rows whose class counts; of more than 10,000 an evenly spaced 10,000 are used.
    asked : ndarray of int
        Rows to predict.

    Returns
    -------
    ndarray of shape (n_asked,), int
        Winner of the vote, ties to the closer neighbours.
    """
    known = train[evenly(len(train), _REFERENCE)]
    k = min(_NEIGHBOURS, len(known))
    near, _ = most_similar(X[asked], X[known], k, block=_TOGETHER)
    votes = np.zeros((len(asked), n_classes))
    np.add.at(
        votes, (np.arange(len(asked))[:, None], codes[known[near]]), 1.0 + np.linspace(1e-3, 0.0, _NEIGHBOURS)[:k]
    )
    return np.asarray(votes.argmax(axis=1))
