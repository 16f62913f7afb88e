"""The part of a classifier that Spark's workers need; for the default one that is numpy and a few arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.classification.multinomial import Linear
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from mmtoolkit.classification.prediction import Predictor

__all__ = ["Carried"]


@dataclass(frozen=True, eq=False)
class Carried:
    """The part of a classifier that predictions need, without its training items and their vectors.

    Parameters
    ----------
    model : Linear or scikit-learn classifier
        Fitted.
    classes : ndarray of shape (n_classes,)
        Sorted classes.
    n_features : int
        What it was trained on.
    normalize : bool
        Whether it was trained on unit rows.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> X, y = np.repeat(np.eye(2, dtype=np.float32), 6, axis=0), np.repeat(["a", "b"], 6)
    >>> r = mm.classify(X, y, cv=2, duplicates="ignore")
    >>> Carried.of(r).choose(X[[0, 6]])[0].tolist()
    [0, 1]
    """

    model: Any
    classes: NDArray[Any]
    n_features: int
    normalize: bool

    @classmethod
    def of(cls, model: Predictor) -> Carried:
        """Return the part of a result or of a loaded classifier to send to the workers."""
        from mmtoolkit.classification.logistic import LogisticClassifier, linear_of

        fitted, classes = model.estimator, np.array(model.classes)
        plain = type(fitted) is LogisticClassifier and len(fitted.classes_) == len(classes)
        held = linear_of(fitted) if plain else fitted
        return cls(held, classes, int(fitted.n_features_in_), bool(model.recipe.params["normalize"]))

    def choose(self, X: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the number of every row's class, (n_rows,), and all probabilities, (n_rows, n_classes)."""
        rows = unit_rows(X) if self.normalize else X
        if isinstance(self.model, Linear):
            best, proba = self.model.decide(rows)
        else:
            from mmtoolkit.classification.estimators import decide

            best, proba = decide(self.model, rows, self.classes)
        return best.astype(np.int32), proba
