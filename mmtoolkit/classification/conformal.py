"""Sets of classes that hold the truth in a promised share of cases: cross-conformal prediction on held-out probabilities."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_share
from mmtoolkit.classification.estimators import proba_of
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.vectors import has_vectors, ids_of

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["HeldOutTruths", "predict_set", "set_sizes"]

_ASKED = (0.8, 0.9, 0.95)
_ROUNDING = 1e-9


def predict_set(result: Classification, new: Any, coverage: float, *, by_class: bool) -> pd.DataFrame:
    """Return the table behind ``Classification.predict_set``."""
    check_share("coverage", coverage)
    X = result._rows(new)
    fold = result.fold[result.fold >= 0]
    said = ((proba_of(model, X, result.classes), fold == f) for f, model in enumerate(result.fold_estimators))
    inside = HeldOutTruths.of(result).sets(said, coverage, by_class=by_class)
    empty = int((~inside.any(axis=1)).sum())
    if empty:
        msg = (
            f"{empty:,} of {len(inside):,} sets are empty: no class of these items is as probable as the true class is in "
            f"{100 * coverage:g} % of the held-out items. Ask for more than the accuracy to have a class in every set"
        )
        warnings.warn(msg, stacklevel=3)
    index = pd.Index(ids_of(new), name="id", dtype=object) if has_vectors(new) else None
    columns = pd.Index(result.classes.tolist(), dtype=object, name="class")
    return pd.DataFrame(inside, index=index, columns=columns)


def set_sizes(result: Classification) -> pd.DataFrame:
    """Return the table behind ``Classification.set_sizes``."""
    held, proba = HeldOutTruths.of(result), result.y_proba[result.fold >= 0]
    found = []
    for asked in _ASKED:
        sizes = held.sets([(proba, np.ones(len(proba), dtype=bool))], asked, by_class=False).sum(axis=1)
        found.append((sizes.mean(), (sizes == 1).mean(), (sizes == 0).mean()))
    return pd.DataFrame(found, columns=["size", "single", "empty"], index=pd.Index(_ASKED, name="asked"))


@dataclass(frozen=True, eq=False)
class HeldOutTruths:
    """How probable the true classes of the held-out items are.

    Attributes
    ----------
    proba : ndarray of shape (n_items,)
        Held-out probabilities of the true classes.
    codes : ndarray of shape (n_items,), int
        True classes.
    weight : ndarray of shape (n_items,)
        Items of a group count as one.
    """

    proba: NDArray[np.float64]
    codes: NDArray[np.intp]
    weight: NDArray[np.float64]

    @classmethod
    def of(cls, result: Classification) -> HeldOutTruths:
        """Return those of a result."""
        held = HeldOutItems(result)
        return cls(result.y_proba[held.rows, held.true], held.true, 1.0 / np.bincount(held.groups)[held.groups])

    def sets(
        self, said: Iterable[tuple[NDArray[np.float64], NDArray[np.bool_]]], coverage: float, *, by_class: bool
    ) -> NDArray[np.bool_]:
        """Return which classes belong into the sets of other items.

        Parameters
        ----------
        said : iterable of (proba, held)
            The probabilities, (n, n_classes), that a classifier gives the other items, and which items it did not see, (n_items,).
        coverage : float
            Share of the sets that is to hold the truth.
        by_class : bool
            Whether it is to do so for the items of every class.

        Returns
        -------
        ndarray of shape (n, n_classes), bool
            Where more than a share of 1 - coverage of the items (the other one is counted among them) has a true class that
            is no more probable; everywhere where there are too few items.
        """
        reached: Any = 0.0
        for proba, held in said:
            parts = [held & (self.codes == k) for k in range(proba.shape[1])] if by_class else [held]
            columns = proba.T if by_class else proba[None]
            found = [self._up_to(levels, part) for levels, part in zip(columns, parts, strict=True)]
            reached = reached + (np.stack(found, axis=1) if by_class else found[0])
        total: Any = self.weight.sum()
        if by_class:
            total = np.bincount(self.codes, weights=self.weight, minlength=reached.shape[1])
        return np.asarray(reached + 1.0 > (1.0 - coverage) * (total + 1.0) + _ROUNDING)

    def _up_to(self, levels: NDArray[np.float64], part: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return how many of some held-out items have a true class that is no more probable than these levels, by weight."""
        order = np.argsort(self.proba[part], kind="stable")
        counted = np.concatenate([[0.0], np.cumsum(self.weight[part][order])])
        return np.asarray(counted[np.searchsorted(self.proba[part][order], levels, side="right")])
