"""One run of ``classify``: splits, held-out predictions of every repeat, rivals, and the final fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import call
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._blocks import in_order
from mmtoolkit.classification.crossval import chosen, deal, neighbour_votes
from mmtoolkit.classification.estimators import decide, fit, make_estimator, shares_nothing
from mmtoolkit.classification.folds import merge_groups
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.targets import Target

__all__ = ["Trial", "TrialResult"]

Splits = list[tuple["NDArray[np.intp]", "NDArray[np.intp]"]]
Job = tuple["NDArray[np.intp]", "NDArray[np.intp]", "NDArray[np.intp]"]  # groups, rows to fit on, rows to predict
Fitted = tuple[Any, "NDArray[np.intp]", "NDArray[np.float64]"]  # classifier, its choices, probabilities

_ASKED = 4000  # rows whose neighbours vote, of more than 6,000: their share of right votes is known to a percent
_TOGETHER = 2**25  # numbers in the rows: above, folds side by side take too much memory


@dataclass(frozen=True, eq=False)
class HeldOut:
    """The outcome of one cross-validation.

    Attributes
    ----------
    fold : ndarray of shape (n_items,), int
        Fold that held the row out; -1 where it was not held out.
    proba : ndarray of shape (n_items, n_classes)
        Held-out probabilities; NaN where not held out.
    predicted : ndarray of shape (n_items,), int
        The classifier's own choice; -1 where not held out.
    choices : list of dict
        Parameters that the classifier chose for itself, per fold.
    kept : list of LogisticClassifier
        The classifiers of the folds where they are the default one, which is small; empty where they are another.
    """

    fold: NDArray[np.intp]
    proba: NDArray[np.float64]
    predicted: NDArray[np.intp]
    choices: list[dict[str, float]]
    kept: list[LogisticClassifier]


@dataclass(frozen=True, eq=False)
class TrialResult:
    """The outcome of a trial.

    Attributes
    ----------
    rounds : list of HeldOut
        One per repeat.
    votes : ndarray of shape (n_items,), int
        Predictions of the five nearest neighbours in the first repeat; -1 where not scored or not asked.
    shares : ndarray of shape (n_items, n_classes)
        Class shares among the training rows of the row's fold.
    estimator : fitted classifier
        Fitted on everything that may train.
    choices : list of dict
        What it chose per fold of the first repeat, then in the final fit.
    unseen : ndarray of shape (n_items, n_classes)
        The final classifier's probabilities for rows without a class; NaN elsewhere.
    assigned : ndarray of shape (n_items,), int
        Its choice for rows without a class; -1 elsewhere.
    same, together : ndarrays of shape (n_items,), int
        Duplicate groups; these merged with the user's groups.
    ungrouped_accuracy : float or None
        Accuracy when duplicates may stand on both sides.
    dropped : int
        Training rows left out because a test row is their duplicate or of their group.
    """

    rounds: list[HeldOut]
    votes: NDArray[np.intp]
    shares: NDArray[np.float64]
    estimator: Any
    choices: list[dict[str, float]]
    unseen: NDArray[np.float64]
    assigned: NDArray[np.intp]
    same: NDArray[np.intp]
    together: NDArray[np.intp]
    ungrouped_accuracy: float | None
    dropped: int


@dataclass(frozen=True, eq=False)
class Trial:
    """The data and settings of one run of ``classify``.

    Attributes
    ----------
    X, unit : ndarray of shape (n_items, n_features), float32
        Rows for the classifier; unit rows for neighbours.
    target : Target
        Classes.
    estimator : object
        As `make_estimator` takes it.
    options : dict
        Further arguments of `make_estimator`.
    cv : int
        Number of folds.
    test : ndarray of shape (n_items,), bool, or None
        Fixed test rows.
    """

    X: NDArray[np.float32]
    unit: NDArray[np.float32]
    target: Target
    estimator: Any
    options: dict[str, Any]
    cv: int
    test: NDArray[np.bool_] | None

    def splits(self, groups: NDArray[np.intp], random_state: int) -> Splits:
        """Return training and test rows; rows without a class stand in neither."""
        codes, known = self.target.codes, np.flatnonzero(self.target.known)
        if self.test is None:
            inside = np.unique(groups[known], return_inverse=True)[1]
            fold = deal(codes[known], inside, self.cv, random_state, self.target.classes)
            return [(known[fold != f], known[fold == f]) for f in range(self.cv)]
        train, test = known[~self.test[known]], known[self.test[known]]
        dropped = np.isin(groups[train], groups[test])
        left_out = ""
        if dropped.any():
            left_out = (
                f"; {dropped.sum()} of {len(train)} training rows were left out because a test row is their duplicate or of their "
                "group: split so that whole groups are on one side, give finer groups=, or pass duplicates='ignore'"
            )
        train = train[~dropped]
        for rows, name in ((train, "training"), (test, "test")):
            if len(rows) == 0:
                msg = f"no row with a class is left for the {name} side of the split{left_out if name == 'training' else ''}"
                raise ValueError(msg)
        if len(np.unique(codes[train])) < 2:
            msg = f"the training side of the split holds only one class{left_out}"
            raise ValueError(msg)
        return [(train, test)]

    def _held_out(self, splits: Splits, fitted: Iterator[Fitted]) -> HeldOut:
        """Collect the predictions of the next classifiers for the test rows of their splits."""
        fold, predicted = np.full((2, len(self.X)), -1, dtype=np.intp)
        proba, choices, kept = np.full((len(self.X), len(self.target.classes)), np.nan), [], []
        for number, (_, test) in enumerate(splits):
            model, predicted[test], proba[test] = next(fitted)
            fold[test] = number
            choices.append(chosen(model))
            kept += [model] if isinstance(model, LogisticClassifier) else []
        return HeldOut(fold, proba, predicted, choices, kept)

    def _fitted(self, job: Job) -> Fitted:
        """Return the classifier of a job and its predictions."""
        groups, train, rows = job
        model, classes = self.fit(groups, train), self.target.classes
        if not len(rows):
            return model, np.empty(0, dtype=np.intp), np.empty((0, len(classes)))
        return model, *decide(model, self.X[rows], classes)

    def _side_by_side(self, tasks: Sequence[Callable[[], Any]]) -> Iterator[Any]:
        """Yield what every task gives; in parallel where that is safe and memory allows."""
        ours = self.estimator is None  # reads its rows block by block
        together = (ours or self.X.size <= _TOGETHER) and shares_nothing(self.estimator)
        return in_order(call, tasks) if together else map(call, tasks)

    def fit(self, groups: NDArray[np.intp], train: NDArray[np.intp]) -> Any:
        """Return a new classifier fitted on some rows."""
        model = make_estimator(self.estimator, **self.options)
        return fit(model, self.X, self.target.classes[self.target.codes[train]], groups[train], train)

    def run(self, given: NDArray[np.intp], same: NDArray[np.intp], *, repeats: int, random_state: int) -> TrialResult:
        """Run all repeats, the rivals, the comparison without duplicate groups, and the final fit.

        Parameters
        ----------
        given : ndarray of shape (n_items,), int
            The user's groups.
        same : ndarray of shape (n_items,), int
            Duplicate groups.
        repeats : int
            Number of cross-validations; a fixed split has one.
        random_state : int
            Seed of the first; the others count on.

        Returns
        -------
        TrialResult
            Predictions, rivals and the final classifier.
        """
        codes, classes, known = self.target.codes, self.target.classes, self.target.known
        together = merge_groups(given, same)
        dealt = [self.splits(together, random_state + r) for r in range(1 if self.test is not None else repeats)]
        first = dealt[0]
        train = np.flatnonzero(known) if self.test is None else first[0][0]
        several = len(np.unique(same[known])) < int(known.sum())
        loose = self.splits(given, random_state) if several else []
        jobs: list[Job] = [(together, train, np.flatnonzero(~known))]  # the longest first
        jobs += [(together, *split) for splits in dealt for split in splits]
        jobs += [(given, *split) for split in loose]
        step = max(1, round(sum(len(test) for _, test in first) / _ASKED))
        asked = [test[::step] for _, test in first]
        by_neighbours = partial(neighbour_votes, self.unit, codes, len(classes))
        voting = [partial(by_neighbours, train, rows) for (train, _), rows in zip(first, asked, strict=True)]
        fitted = self._side_by_side([*(partial(self._fitted, job) for job in jobs), *voting])
        model, assigned_unseen, proba_unseen = next(fitted)
        rounds = [self._held_out(splits, fitted) for splits in dealt]
        shares = np.full((len(codes), len(classes)), np.nan)
        for train, test in first:
            shares[test] = np.bincount(codes[train], minlength=len(classes)) / len(train)
        ungrouped = None
        if several:
            scattered = self._held_out(loose, fitted)
            scored = scattered.fold >= 0
            ungrouped = float((scattered.predicted[scored] == codes[scored]).mean())
        votes = np.full(len(codes), -1, dtype=np.intp)
        for rows, winners in zip(asked, fitted, strict=True):
            votes[rows] = winners
        dropped = 0 if self.test is None else int((known & ~self.test).sum()) - len(train)
        unseen, assigned = np.full((len(codes), len(classes)), np.nan), np.full(len(codes), -1, dtype=np.intp)
        assigned[~known], unseen[~known] = assigned_unseen, proba_unseen
        return TrialResult(
            rounds=rounds,
            votes=votes,
            shares=shares,
            estimator=model,
            choices=[*rounds[0].choices, chosen(model)],
            unseen=unseen,
            assigned=assigned,
            same=same,
            together=together,
            ungrouped_accuracy=ungrouped,
            dropped=dropped,
        )
