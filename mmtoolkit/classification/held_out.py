"""The items of a classification that were held out and scored, as arrays of their own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmtoolkit.classification.targets import codes_of

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["HeldOutItems"]


@dataclass(frozen=True, eq=False)
class HeldOutItems:
    """What is known of the items that were scored; all arrays have one row for each of them, in the order of the items.

    Parameters
    ----------
    result : Classification
        Of `classify`.
    """

    result: Classification

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """Their row numbers."""
        return np.flatnonzero(self.result.fold >= 0)

    @cached_property
    def true(self) -> NDArray[np.intp]:
        """Places of their classes among the classes of the result."""
        return codes_of(self.result.y_true[self.rows], self.result.classes)

    @cached_property
    def predicted(self) -> NDArray[np.intp]:
        """Places of the classes that were predicted."""
        return codes_of(self.result.y_pred[self.rows], self.result.classes)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Whether the prediction is wrong."""
        return np.asarray(self.true != self.predicted)

    @cached_property
    def proba(self) -> NDArray[np.float64]:
        """Probabilities of all classes, (n_scored, n_classes)."""
        return self.result.y_proba[self.rows]

    @cached_property
    def sure(self) -> NDArray[np.float64]:
        """Probability of the class that was predicted."""
        return self.result.y_proba[self.rows, self.predicted]

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """Numbers from 0; items of one number belong together."""
        return np.unique(self.result.together[self.rows], return_inverse=True)[1]
