"""What ``classify`` returns: scores with intervals, held-out predictions, and the classifier fitted on everything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.classification import prediction
from mmtoolkit.results import Result, plain
from mmtoolkit.vectors import ids_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.classification.learning_curve import LearningCurve

__all__ = ["Classification"]


@dataclass(frozen=True, eq=False, repr=False)
class Classification(Result):
    """Honest scores of a classifier, and the classifier.

    Attributes
    ----------
    metrics : DataFrame
        Index metric; columns value, low, high (95 % interval for the expected score of this procedure at this training
        size; none for ece) and baseline (always the most frequent class).
    per_class : DataFrame
        Index class; precision, recall, f1 with _low and _high, support, roc_auc, average_precision.
    confusion : DataFrame
        Counts (means over repeats); true classes in rows, predicted in columns.
    y_true : ndarray of shape (n_items,), object
        Classes as given; None where missing.
    y_pred : ndarray of shape (n_items,), object
        Held-out predictions; the final classifier's for rows without a class; None for rows that only trained.
    y_proba : ndarray of shape (n_items, n_classes), float64
        Probabilities behind `y_pred`; NaN for rows that only trained.
    fold : ndarray of shape (n_items,), int
        Fold that held the row out; -1 where it was not scored.
    classes : ndarray of shape (n_classes,)
        Sorted classes, the columns of `y_proba`.
    duplicate_groups : ndarray of shape (n_items,), int
        Row number of the first of its duplicates; its own for an item without any.
    baselines : DataFrame
        Index metric; columns majority and neighbours (vote of the five nearest).
    moves : dict of str to float
        How far another sample of this size would move each metric, typically.
    choices : DataFrame
        What the classifier chose for itself, per fold and for the final fit.
    n_scored, n_unlabelled : int
        Rows that were held out and scored; rows without a class.
    ungrouped_accuracy : float or None
        Accuracy when duplicates may stand on both sides; None without duplicates.
    notes : tuple of str
        What a reader should know, in plain sentences.
    recipe : mapping
        Verb and parameters, to run it again.
    source : Embeddings or array
        What it was made from.
    together : ndarray of shape (n_items,), int
        Number of the group that no split parted: duplicates, and the user's groups.
    estimator : scikit-learn classifier
        Fitted on all rows with a class (with ``test=``: on the training rows).
    """

    metrics: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    y_true: NDArray[np.object_]
    y_pred: NDArray[np.object_]
    y_proba: NDArray[np.float64]
    fold: NDArray[np.intp]
    classes: NDArray[Any]
    duplicate_groups: NDArray[np.intp]
    baselines: pd.DataFrame
    moves: Mapping[str, float]
    choices: pd.DataFrame
    n_scored: int
    n_unlabelled: int
    ungrouped_accuracy: float | None
    notes: tuple[str, ...]
    recipe: Mapping[str, Any]
    source: Any = field(repr=False)
    together: NDArray[np.intp] = field(repr=False)
    estimator: Any = field(repr=False)

    @property
    def ids(self) -> NDArray[np.str_]:
        """Item ids, (n_items,)."""
        return ids_of(self.source)

    def _summary(self) -> str:
        row = self.metrics.loc["accuracy"]
        between = "" if np.isnan(row["low"]) else f" [{row['low']:.3f}, {row['high']:.3f}]"
        return (
            f"accuracy {row['value']:.3f}{between}, baseline {row['baseline']:.3f}, "
            f"{len(self.classes)} classes, {self.n_scored} items scored"
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {"scores": self.metrics, "classes": self.per_class[["precision", "recall", "f1", "support"]]}

    def _figures(self) -> Mapping[str, Any]:
        from mmtoolkit.classification import drawings

        return drawings.of(self)

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what a report stores: folds, labels and counts exactly, scores rounded."""
        exact = {
            "classes": self.classes,
            "y_true": self.y_true,
            "y_pred": self.y_pred,
            "fold": self.fold,
            "duplicate_groups": self.duplicate_groups,
            "n_scored": self.n_scored,
            "n_unlabelled": self.n_unlabelled,
            "notes": self.notes,
        }
        rounded = {
            "metrics": self.metrics,
            "baselines": self.baselines,
            "per_class": self.per_class,
            "confusion": self.confusion,
            "moves": self.moves,
            "choices": self.choices,
            "ungrouped_accuracy": self.ungrouped_accuracy,
        }
        return {"exact": plain(exact), "rounded": plain(rounded), "map": {}}

    def label_issues(self, *, all_items: bool = False) -> pd.DataFrame:
        """List labels that are probably wrong, the most suspicious first.

        Parameters
        ----------
        all_items : bool, default=False
            Rank every scored item, not only likely issues.

        Returns
        -------
        DataFrame
            Columns row, id, item, label, suggested, quality (held-out probability of the label times the share of the
            nearest items that carry it; 0 is surely wrong), p_label, p_suggested, likely and evidence (a sentence).

        References
        ----------
        Northcutt, Jiang and Chuang (2021), Confident learning: estimating uncertainty in dataset labels.
        """
        from mmtoolkit.classification.label_issues import find

        return find(self, all_items=all_items)

    def learning_curve(self, *, sizes: Sequence[int] | None = None, n_draws: int = 2) -> LearningCurve:
        """Measure how accuracy grows with the number of labels, and foretell twice as many where that can be done.

        Parameters
        ----------
        sizes : sequence of int or None, default=None
            Labels per class; None is 1, 2, 4, ... and all there are.
        n_draws : int, default=2
            Random draws per fold and size.

        Returns
        -------
        LearningCurve
            `points`, `forecast`, `reason`.
        """
        from mmtoolkit.classification.learning_curve import draw_curve

        return draw_curve(self, sizes=sizes, n_draws=n_draws)

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Write the final classifier as arrays and a JSON manifest; `load_classifier` reads it.

        Parameters
        ----------
        directory : path
            Created; an older classifier there is replaced.

        Raises
        ------
        TypeError
            If the estimator is not the default one: others could only be pickled, which is not safe to load.
        """
        from mmtoolkit.classification.saved import save

        save(self, directory)

    def risk_coverage(self) -> pd.DataFrame:
        """Return what abstaining buys: the share of wrong answers when only the surest items are answered.

        Returns
        -------
        DataFrame
            Columns confidence (answer when at least this sure), coverage (share answered), risk (share of the answers
            that is wrong); one row per distinct confidence of the held-out items, the surest first.
        """
        return prediction.risk_coverage(self)

    def predict_proba(self, new: Any) -> NDArray[np.float64]:
        """Return the final classifier's probabilities for other items.

        Parameters
        ----------
        new : Embeddings, array of shape (n, n_features), items frame, contents or str
            Items are embedded with the same model; a str is a text.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            Columns in the order of `classes`.

        Raises
        ------
        SpaceError
            If the vectors come from another model, revision or dimension.
        """
        return prediction.proba(self, new)

    def predict(self, new: Any, *, min_confidence: float = 0.0) -> NDArray[np.object_]:
        """Return the final classifier's choice for other items, or None where it is not sure enough.

        Parameters
        ----------
        new : Embeddings, array of shape (n, n_features), items frame, contents or str
            As `predict_proba` takes it.
        min_confidence : float, default=0
            Probability of the choice below which the answer is None; `risk_coverage` tells what to expect of a value.

        Returns
        -------
        ndarray of shape (n,), object
            Classes.
        """
        return prediction.classes(self, new, min_confidence=min_confidence)
