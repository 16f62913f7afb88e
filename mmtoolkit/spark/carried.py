"""A fitted classifier on its way to the workers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.classification.prediction import Predictor

__all__ = ["Carried"]


@dataclass(frozen=True, eq=False)
class Carried:
    """What a prediction needs of a classifier, without the items and the vectors that it was trained on.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Fitted.
    classes : ndarray of shape (n_classes,)
        Sorted classes.
    normalize : bool
        Whether it was trained on unit rows.
    """

    estimator: Any
    classes: NDArray[Any]
    normalize: bool

    @classmethod
    def of(cls, model: Predictor) -> Carried:
        """Return what to send along of a result or of a loaded classifier."""
        return cls(model.estimator, np.array(model.classes), bool(model.recipe.params["normalize"]))

    def choose(self, X: NDArray[np.float32]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the number of every row's class, (n_rows,), and all probabilities, (n_rows, n_classes)."""
        from mmtoolkit.classification.estimators import decide

        best, proba = decide(self.estimator, unit_rows(X) if self.normalize else X, self.classes)
        return best.astype(np.int32), proba
