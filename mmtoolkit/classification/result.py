"""What ``classify`` returns: scores with intervals, held-out predictions, and the classifier fitted on everything."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._anyframe import handed_on
from mmtoolkit._spreadsheet import write_csv
from mmtoolkit.classification.scored import Scored
from mmtoolkit.results import plain
from mmtoolkit.steps import resolved, verb
from mmtoolkit.vectors import ids_of, items_of
from mmtoolkit.words import aside, say

if TYPE_CHECKING:
    from mmtoolkit.classification.answering import Thresholds
    from mmtoolkit.classification.learning_curve import LearningCurve
    from mmtoolkit.classification.slices import Slices

__all__ = ["Classification"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Classification(Scored):
    """Honest scores of a classifier, and the classifier.

    Attributes
    ----------
    metrics : DataFrame
        Index metric; columns value, low, high (95 % interval, see `interval_of`; none for ece) and baseline (always the
        most frequent class).
    per_class : DataFrame
        Index class; precision, recall, f1, roc_auc and average_precision with _low and _high, support. A class with
        fewer than 20 independent items has no interval; average precision has one from 50 on.
    interval_of : str
        What the intervals are for: with folds "the expected score on new items of models trained on 48 of your 60 items",
        with ``test=`` the score of this model on other items. "" with ``inference=False``.
    p_value : float
        Of the test whether the vectors tell the classes apart better than chance: labels permuted inside the folds, every
        permutation fitted anew. NaN where too few groups can be exchanged, and with ``inference=False``.
    p_value_of : str
        The statistic that the p is of, or why there is none; it is not the accuracy.
    confusion : DataFrame
        Counts (means over repeats); true classes in rows, predicted in columns.
    y_true : ndarray of shape (n_items,), object
        Classes as given; None where missing or left out.
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
        Index metric; columns majority and neighbours (vote of the five nearest; of more than 6,000 scored items about 4,000
        are asked, evenly spaced).
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
    recipe : Step
        Verb and parameters, to run it again.
    source : Embeddings or array
        What it was made from.
    left_out : ndarray of shape (n_items,), object
        The class of items whose class has too few to be scored (see ``min_class_size``); None elsewhere. Such items are
        predicted by the final classifier, as one of the other classes.
    accuracy_bounds : tuple of float, or None
        With ``test=`` where some test items have no class: limits of the accuracy that hold whatever their classes are (95 %
        for other samples of that size). None where all have one.
    together : ndarray of shape (n_items,), int
        Number of the group that no split parted: duplicates, and the user's groups.
    kept : tuple of LogisticClassifier
        The classifiers of the folds where they are the default one; empty where they are another (see `fold_estimators`).
    estimator : scikit-learn classifier
        Fitted on all rows with a class (with ``test=``: on the training rows).

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X, y = np.repeat(np.eye(2), 20, axis=0), ["a"] * 20 + ["b"] * 20
    >>> r = mm.classify(X, y, duplicates="ignore", inference=False)
    >>> r
    <Classification: accuracy 1.000, baseline 0.500, 2 classes, 40 items scored>
    >>> r.ids[:2].tolist(), r.per_item.columns.tolist()
    (['0', '1'], ['y_true', 'y_pred', 'probability', 'fold', 'correct', 'suggested', 'nearest'])
    """

    y_true: NDArray[np.object_]
    y_pred: NDArray[np.object_]
    y_proba: NDArray[np.float64]
    fold: NDArray[np.intp]
    duplicate_groups: NDArray[np.intp]
    baselines: pd.DataFrame
    moves: Mapping[str, float]
    ungrouped_accuracy: float | None
    left_out: NDArray[np.object_]
    together: NDArray[np.intp] = field(repr=False)
    kept: tuple[Any, ...] = field(default=(), repr=False)
    interval_of: str = ""
    p_value: float = float("nan")
    p_value_of: str = ""
    accuracy_bounds: tuple[float, float] | None = None

    @property
    def ids(self) -> NDArray[np.str_]:
        """Item ids, (n_items,)."""
        return ids_of(self.source)

    def _chance(self) -> list[str]:
        return [] if np.isnan(self.p_value) else [f"p {self.p_value:.3f}"]

    def _summary(self) -> str:
        if self.accuracy_bounds is None:
            return super()._summary()
        low, high = self.accuracy_bounds
        known = say("{low:.3f} to {high:.3f} whatever the test items without a class are", low=low, high=high)
        return aside(super()._summary(), known)

    def _figures(self) -> Mapping[str, Any]:
        from mmtoolkit.classification import drawings

        return drawings.of(self)

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what a report stores: folds, labels and counts exactly, scores rounded."""
        found = super().evidence()
        exact = ("y_true", "y_pred", "fold", "duplicate_groups")
        rounded = ("baselines", "moves", "ungrouped_accuracy", "p_value", "answering", "set_sizes")
        return {
            "exact": {
                **{name: plain(getattr(self, name)) for name in exact},
                **found["exact"],
                **({"left_out": plain(self.left_out)} if any(value is not None for value in self.left_out) else {}),
            },  # items are named first
            "rounded": {**found["rounded"], **{name: plain(getattr(self, name)) for name in rounded}},
            "map": {},
        }

    @cached_property
    def per_item(self) -> pd.DataFrame:
        """One row per item, index id: y_true, y_pred, probability (of y_pred), fold, correct, suggested, nearest.

        `correct` is missing and `fold` is -1 where an item was not scored; `suggested` is the class that `label_issues` would
        give instead, None where it finds nothing; `nearest` is the id of the most similar item that has a class and is
        neither a duplicate nor of the same group (among 10,000 evenly spaced ones where there are more). `left_out` is a
        further column where classes were too small.
        """
        from mmtoolkit.classification.item_table import per_item

        return per_item(self)

    def to_frame(self, backend: Literal["pandas", "polars", "pyarrow"] = "pandas") -> Any:
        """Return `per_item` with the ids as its first column.

        Parameters
        ----------
        backend : {"pandas", "polars", "pyarrow"}, default="pandas"
            Whose frame it is.

        Returns
        -------
        DataFrame or Table
            One row per item.

        Raises
        ------
        ValueError
            If the backend is another.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
        >>> r.to_frame("pyarrow").column_names[:3]
        ['id', 'y_true', 'y_pred']
        """
        return handed_on(self.per_item.reset_index(), backend)

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write `per_item` as CSV for spreadsheets: UTF-8 with a byte order mark, and no cell that a spreadsheet would run.

        Parameters
        ----------
        path : path
            Replaced in one step.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
        >>> file = Path(tempfile.mkdtemp()) / "items.csv"
        >>> r.to_csv(file)
        >>> file.read_text("utf-8-sig").splitlines()[0]
        'id,y_true,y_pred,probability,fold,correct,suggested,nearest'
        """
        write_csv(self.per_item, path)

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

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> X = np.repeat(np.eye(2), 20, axis=0) + np.random.default_rng(0).normal(size=(40, 2)) / 50
        >>> r = mm.classify(X, ["b"] + ["a"] * 19 + ["b"] * 20, duplicates="ignore", inference=False)
        >>> r.label_issues()[["row", "label", "suggested"]]
           row label suggested
        0    0     b         a
        """
        from mmtoolkit._pictured import PicturedFrame
        from mmtoolkit.classification.label_issues import find

        shown = ("label", "suggested", "p_suggested", "evidence")
        return PicturedFrame.of(find(self, all_items=all_items), items_of(self.source), shown)

    @verb("classify.learning_curve", method=True)
    def learning_curve(
        self, *, sizes: Sequence[int] | None = None, n_draws: int = 2, n_jobs: int | None = None
    ) -> LearningCurve:
        """Measure how accuracy grows with the number of labels, and foretell twice as many where that can be done.

        Parameters
        ----------
        sizes : sequence of int or None, default=None
            Labels per class; None is 1, 2, 4, ... and all there are.
        n_draws : int, default=2
            Random draws per fold and size.
        n_jobs : int or None, default=None
            Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
            result, and is not recorded.

        Returns
        -------
        LearningCurve
            `points`, `forecast`, `reason`.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
        >>> r.learning_curve(sizes=[1, 4], n_draws=1).points
                          n_train  accuracy       low  high  n_draws
        labels_per_class
        1                     2.0       1.0  0.912378   1.0        5
        4                     8.0       1.0  0.912378   1.0        5
        16                   32.0       1.0  0.912378   1.0        5
        """
        from mmtoolkit.classification.learning_curve import draw_curve

        return draw_curve(self, sizes=sizes, n_draws=n_draws)

    @verb("classify.slices", method=True, columns=("columns",))
    def slices(self, columns: Sequence[str] | None = None, *, derived: bool | Mapping[str, Any] = True) -> Slices:
        """Look for parts of the items that are predicted wrong more often than the rest of the same classes.

        Parameters
        ----------
        columns : sequence of str, str, or None, default=None
            Columns of the items, each a family of slices: its values, its months (quarters, years) where it holds dates, its
            thirds where it holds more than 20 numbers. "characters" is the length of texts. None takes all columns of 2 to 20
            values, all dates, and the length of texts where all items are texts.
        derived : bool or mapping of str to array-like of shape (n_items,), default=True
            Also slice by what is known of any item: its kind, and how near the nearest other item is. A mapping gives families
            of your own instead.

        Returns
        -------
        Slices
            `table` with a row per slice, `found`, `errors(family, slice)`, `notes`.

        Raises
        ------
        ValueError
            If a column does not exist, or has too many values that are neither numbers nor dates.

        Notes
        -----
        The difference is adjusted for class, so that a slice is not blamed for holding hard classes: errors of a class are
        compared within it. Adjusted p-values keep the share of false finds among the found slices of a family at 5 %, and
        the chance of any find at 5 % where nothing differs. Slices below ten scored items are left out.

        References
        ----------
        Mantel and Haenszel (1959), Statistical aspects of the analysis of data from retrospective studies of disease;
        Benjamini and Hochberg (1995), Controlling the false discovery rate.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> y, blurred = np.arange(400) % 2, np.arange(400) % 4 > 1
        >>> X = np.random.default_rng(0).normal(size=(400, 8)) + 4 * np.outer((2 * y - 1) * ~blurred, np.eye(8)[0])
        >>> r = mm.classify(X, y, normalize=False, inference=False)
        >>> r.slices(derived={"blurred": blurred}).found["slice"].tolist()
        ['True']
        """
        from mmtoolkit.classification.slices import find_slices

        return find_slices(self, columns, derived)

    def risk_coverage(self) -> pd.DataFrame:
        """Return what abstaining buys: the share of wrong answers when only the surest items are answered.

        Returns
        -------
        DataFrame
            Columns confidence (answer when at least this sure), coverage (share answered), risk (share of the answers that
            is wrong), upper (95 % limit of that share for other items: it holds for all rows at once, so also for the one
            that is chosen by looking; groups count, not items); one row per distinct confidence of the held-out items, the
            surest first.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
        >>> r.risk_coverage()[["coverage", "risk"]].iloc[-1].to_dict()
        {'coverage': 1.0, 'risk': 0.0}
        """
        from mmtoolkit.classification.answering import curve

        return curve(self)

    @cached_property
    def answering(self) -> pd.DataFrame:
        """What answering only when sure gives, at ten shares of answers: the columns of `risk_coverage`.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> y = np.arange(200) % 2
        >>> X = np.random.default_rng(0).normal(size=(200, 4)) + np.outer(y, np.eye(4)[0])
        >>> r = mm.classify(X, y, normalize=False, inference=False)
        >>> r.answering["coverage"].tolist()
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
        """
        from mmtoolkit.classification.answering import tenths

        return tenths(self)

    @cached_property
    def set_sizes(self) -> pd.DataFrame:
        """Sets of `predict_set` for the held-out items at 80, 90 and 95 %.

        Index asked; columns size (mean number of classes), single and empty (shares of the sets).

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> y = np.arange(200) % 2
        >>> X = np.random.default_rng(0).normal(size=(200, 4)) + np.outer(y, np.eye(4)[0])
        >>> r = mm.classify(X, y, normalize=False, inference=False)
        >>> bool(r.set_sizes["size"].is_monotonic_increasing)
        True
        """
        from mmtoolkit.classification.conformal import set_sizes

        return set_sizes(self)

    @cached_property
    def fold_estimators(self) -> tuple[Any, ...]:
        """The classifiers behind the held-out predictions, one per fold.

        The default ones are kept; others are fitted once more when they are first asked for, because they may be large.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
        >>> [model.predict([[1.0, 0.0]]).item() for model in r.fold_estimators]
        ['a', 'a', 'a', 'a', 'a']
        """
        from mmtoolkit.classification.crossval import fitted_again

        return self.kept or tuple(fitted_again(self))

    def predict_set(self, new: Any, *, coverage: float = 0.9, by_class: bool = False) -> pd.DataFrame:
        """Return for other items all classes that they may well have: sets that hold the truth 9 times in 10.

        Parameters
        ----------
        new : Embeddings, array of shape (n, n_features), items frame, contents or str
            As `predict_proba` takes it.
        coverage : float, default=0.9
            Share of the sets that is to hold the true class.
        by_class : bool, default=False
            Whether this is to hold for the items of every class, not only for all together. A class with too few items for that
            (9 for 0.9) is in every set.

        Returns
        -------
        DataFrame of shape (n, n_classes), bool
            True where a class is in the set; columns are the classes, the index is the ids where `new` has any.

        Warns
        -----
        UserWarning
            If sets are empty: where the accuracy is above `coverage`, some items have no class that is probable enough.

        Raises
        ------
        SpaceError
            If the vectors come from another model, revision or dimension.
        ValueError
            If `coverage` does not lie between 0 and 1.

        Notes
        -----
        A class is in the set when more than a tenth of the held-out items have a true class that is no more probable; groups count
        once. An item is compared with what the classifier of its own fold says of the new one: how sure of itself each of them is,
        and that the final one was trained on more, makes no difference. The theory promises a coverage of 1 - 2a where 1 - a is
        asked for, and in practice 1 - a is met. With ``test=`` there is one classifier, and 1 - a is promised. Either holds for new
        items like those that were scored.

        References
        ----------
        Vovk (2015), Cross-conformal predictors; Barber, Candès, Ramdas and Tibshirani (2021), Predictive inference with the jackknife+;
        Sadinle, Lei and Wasserman (2019), Least ambiguous set-valued classifiers.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> y = np.arange(90) % 3
        >>> X = np.random.default_rng(0).normal(size=(90, 4)) + np.eye(3, 4)[y]
        >>> r = mm.classify(X, y, normalize=False, inference=False)
        >>> r.predict_set(np.array([[3.0, 0, 0, 0], [0.8, 0.8, 0, 0]]))
        class     0      1      2
        0      True  False  False
        1      True   True   True
        """
        from mmtoolkit.classification.conformal import predict_set

        return predict_set(self, new, coverage, by_class=by_class)

    @verb("classify.thresholds", method=True)
    def thresholds(
        self,
        *,
        max_risk: float | None = None,
        confidence: float = 0.95,
        costs: Mapping[tuple[Any, Any] | None, float] | None = None,
    ) -> Thresholds:
        """Find how sure the classifier must be to answer, so that at most a share of the answers is wrong, or costs are least.

        Parameters
        ----------
        max_risk : float or None, default=None
            Largest share of wrong answers, between 0 and 1.
        confidence : float, default=0.95
            In how many of such data sets the promise of `max_risk` holds.
        costs : mapping or None, default=None
            Instead of `max_risk`: what a wrong answer costs by (true, predicted), and under None what no answer costs, such as
            ``{("spam", "ham"): 5, None: 1}``. A wrong answer that is not named costs 1, a right one nothing.

        Returns
        -------
        Thresholds
            `min_confidence` for ``predict(new, min_confidence=...)`` and, with the object, for ``save(directory,
            thresholds=...)``. Where the promise cannot be made it is ``inf``, which answers nothing, and `reason` says why:
            2 % at 95 % takes 149 answers without an error.

        Raises
        ------
        ValueError
            If `max_risk` or `confidence` does not lie between 0 and 1, if both or none of `max_risk` and `costs` are given, or if costs
            name an unknown class or lack None.

        Notes
        -----
        With folds the held-out answers are of models trained on fewer items than the final one, for which the promise is
        made. It is made for items like those that were scored. With costs nothing is promised: `min_confidence` had the least mean
        cost on the held-out items, and `cost` is what it costs when the threshold for each fold is chosen on the others.

        References
        ----------
        Angelopoulos, Bates, Candès, Jordan and Lei (2021), Learn then test: calibrating predictive algorithms to achieve risk
        control; Clopper and Pearson (1934).

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> y = np.arange(200) % 2
        >>> X = np.random.default_rng(0).normal(size=(200, 16)) + 4 * np.outer(y, np.eye(16)[0])
        >>> r = mm.classify(X, y, normalize=False)
        >>> r.thresholds(max_risk=0.05).n_needed
        59
        >>> r.thresholds(max_risk=0.01).reason
        'it takes 299 answers without an error, and 200 items were held out'
        """
        from mmtoolkit.classification.answering import find_threshold
        from mmtoolkit.classification.costs import cheapest, cost_table

        if (max_risk is None) == (costs is None):
            msg = "give either max_risk, the largest share of wrong answers, or costs, what wrong answers and silence cost"
            raise ValueError(msg)
        if max_risk is not None:
            return find_threshold(self, max_risk, confidence)
        table, silence, checked = cost_table(costs, self.classes)
        resolved(costs=checked)
        return cheapest(self, table, silence)
