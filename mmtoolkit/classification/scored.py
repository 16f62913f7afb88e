"""The common part of classifiers that were scored here or on Spark: scores with intervals, and the final classifier."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmtoolkit.classification.prediction import Predictor
from mmtoolkit.results import plain
from mmtoolkit.words import listed, say

if TYPE_CHECKING:
    from mmtoolkit.classification.answering import Thresholds

__all__ = ["Scored"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Scored(Predictor):
    """Scores of a classifier on held-out items, and the classifier.

    Attributes
    ----------
    metrics : DataFrame
        Index metric; columns value, low, high (95 % interval) and baseline (always the most frequent class).
    per_class : DataFrame
        Index class; precision, recall, f1 with _low and _high, support, roc_auc, average_precision (NaN where they were
        not computed).
    confusion : DataFrame
        Counts; true classes in rows, predicted in columns.
    choices : DataFrame
        What the classifier chose for itself, per fold and for the final fit.
    n_scored, n_unlabelled : int
        Rows that were held out and scored; rows without a class.
    notes : tuple of str
        What a reader should know, in plain sentences.
    classes, estimator, recipe, source
        As every `Predictor` has them.
    """

    metrics: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    choices: pd.DataFrame
    n_scored: int
    n_unlabelled: int
    notes: tuple[str, ...]

    def _chance(self) -> list[str]:
        """Return the outcome of the test against chance; empty without a test."""
        return []

    def _summary(self) -> str:
        row = self.metrics.loc["accuracy"]
        between = "" if np.isnan(row["low"]) else f" [{row['low']:.3f}, {row['high']:.3f}]"
        return listed(
            [
                say("accuracy {value:.3f}{between}", value=row["value"], between=between),
                say("baseline {value:.3f}", value=row["baseline"]),
                *self._chance(),
                say("{n} class", "{n} classes", n=len(self.classes)),
                say("{n} item scored", "{n} items scored", n=self.n_scored),
            ]
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {"scores": self.metrics, "classes": self.per_class[["precision", "recall", "f1", "support"]]}

    def _figures(self) -> Mapping[str, Any]:
        from mmtoolkit.classification import drawings

        return {"confusion": lambda: drawings.confusion(self), "per_class": lambda: drawings.per_class(self)}

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return what a report stores: classes, counts and notes exactly, scores rounded."""
        exact = ("classes", "n_scored", "n_unlabelled", "notes")
        rounded = ("metrics", "per_class", "confusion", "choices")
        return {
            "exact": {name: plain(getattr(self, name)) for name in exact},
            "rounded": {name: plain(getattr(self, name)) for name in rounded},
            "map": {},
        }

    def save(self, directory: str | os.PathLike[str], *, thresholds: Thresholds | None = None) -> None:
        """Write the final classifier as arrays and a JSON manifest; `load_classifier` reads it.

        Parameters
        ----------
        directory : path
            Created; an older classifier there is replaced.
        thresholds : Thresholds or None, default=None
            From ``r.thresholds(max_risk=...)``: kept with the classifier, and ``predict`` of what `load_classifier` returns
            answers only where it is that sure.

        Raises
        ------
        TypeError
            If the estimator is not the default one: others could only be pickled, which is not safe to load. If `thresholds`
            is something else.
        ValueError
            If `thresholds` are of another classifier.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
        >>> folder = tempfile.mkdtemp()
        >>> r.save(folder)
        >>> mm.load_classifier(folder).predict(np.array([[1.0, 0.0]])).tolist()
        ['a']
        """
        from mmtoolkit.classification.saved import save

        save(self, directory, thresholds)
