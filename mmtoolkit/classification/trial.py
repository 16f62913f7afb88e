"""One run of ``classify``: splits, held-out predictions of every repeat, rivals, and the final fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.classification.crossval import HeldOut, chosen, deal, held_out, neighbour_votes
from mmtoolkit.classification.estimators import decide, fit, make_estimator
from mmtoolkit.classification.folds import merge_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.classification.targets import Target

__all__ = ["Trial", "TrialResult"]

Splits = list[tuple["NDArray[np.intp]", "NDArray[np.intp]"]]


@dataclass(frozen=True, eq=False)
class TrialResult:
    """What a trial found.

    Attributes
    ----------
    rounds : list of HeldOut
        One per repeat.
    votes : ndarray of shape (n_items,), int
        Predictions of the five nearest neighbours in the first repeat; -1 where not scored.
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
    """Everything that one run of ``classify`` needs.

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
        train = train[~np.isin(groups[train], groups[test])]
        for rows, name in ((train, "training"), (test, "test")):
            if len(rows) == 0:
                msg = f"no row with a class is left for the {name} side of the split"
                raise ValueError(msg)
        if len(np.unique(codes[train])) < 2:
            msg = "the training side of the split holds only one class"
            raise ValueError(msg)
        return [(train, test)]

    def predict(self, groups: NDArray[np.intp], splits: Splits) -> HeldOut:
        """Return held-out predictions."""
        return held_out(self.X, self.target.codes, self.target.classes, groups, splits, self.estimator, self.options)

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
        rounds = [self.predict(together, splits) for splits in dealt]
        first = dealt[0]
        shares = np.full((len(codes), len(classes)), np.nan)
        for train, test in first:
            shares[test] = np.bincount(codes[train], minlength=len(classes)) / len(train)
        ungrouped = None
        if len(np.unique(same[known])) < int(known.sum()):
            loose = self.predict(given, self.splits(given, random_state))
            scored = loose.fold >= 0
            ungrouped = float((loose.predicted[scored] == codes[scored]).mean())
        train = np.flatnonzero(known) if self.test is None else first[0][0]
        dropped = 0 if self.test is None else int((known & ~self.test).sum()) - len(train)
        model = fit(
            make_estimator(self.estimator, **self.options), self.X[train], classes[codes[train]], together[train]
        )
        unseen, assigned = np.full((len(codes), len(classes)), np.nan), np.full(len(codes), -1, dtype=np.intp)
        if not known.all():
            assigned[~known], unseen[~known] = decide(model, self.X[~known], classes)
        return TrialResult(
            rounds=rounds,
            votes=neighbour_votes(self.unit, codes, len(classes), first),
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
