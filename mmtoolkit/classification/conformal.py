"""Sets of classes that hold the truth in a promised share of cases: cross-conformal prediction on held-out probabilities."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmtoolkit._arguments import is_number
from mmtoolkit.classification.targets import codes_of
from mmtoolkit.vectors import has_vectors, ids_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.classification.result import Classification

__all__ = ["limits_of", "predict_set", "set_sizes"]

_ASKED = (0.8, 0.9, 0.95)


def predict_set(result: Classification, new: Any, coverage: float, *, by_class: bool) -> pd.DataFrame:
    """Return the table behind ``Classification.predict_set``."""
    if not (is_number(coverage) and 0.0 < coverage < 1.0):
        msg = f"coverage must lie between 0 and 1, both excluded, got {coverage!r}"
        raise ValueError(msg)
    rows = np.flatnonzero(result.fold >= 0)
    codes = codes_of(result.y_true[rows], result.classes)
    least = limits_of(result.y_proba[rows], codes, result.together[rows], coverage, by_class=by_class)
    found = result.predict_proba(new)
    inside = found >= least
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
    rows = np.flatnonzero(result.fold >= 0)
    proba, codes = result.y_proba[rows], codes_of(result.y_true[rows], result.classes)
    found = []
    for asked in _ASKED:
        sizes = (proba >= limits_of(proba, codes, result.together[rows], asked, by_class=False)).sum(axis=1)
        found.append((sizes.mean(), (sizes == 1).mean(), (sizes == 0).mean()))
    return pd.DataFrame(found, columns=["size", "single", "empty"], index=pd.Index(_ASKED, name="asked"))


def limits_of(
    proba: NDArray[np.float64], codes: NDArray[np.intp], groups: NDArray[np.intp], coverage: float, *, by_class: bool
) -> NDArray[np.float64]:
    """Return the probability from which on a class belongs into a set.

    Parameters
    ----------
    proba : ndarray of shape (n_items, n_classes)
        Held-out probabilities.
    codes, groups : ndarrays of shape (n_items,), int
        True classes, and groups of items that count as one.
    coverage : float
        Share of the sets that is to hold the truth.
    by_class : bool
        Whether it is to do so for the items of every class.

    Returns
    -------
    ndarray of shape (n_classes,)
        0 where there are too few items: the class is in every set.
    """
    of_truth = proba[np.arange(len(codes)), codes]
    weight = 1.0 / np.bincount(groups)[groups]
    parts = [codes == k for k in range(proba.shape[1])] if by_class else [np.ones(len(codes), dtype=bool)]
    limits = [_lowest(of_truth[part], weight[part], coverage) for part in parts]
    return np.array(limits) if by_class else np.repeat(limits, proba.shape[1])


def _lowest(values: NDArray[np.float64], weight: NDArray[np.float64], coverage: float) -> float:
    """Return the largest value that at least ``coverage`` of the items and one more reach, by weight."""
    order = np.argsort(-values, kind="stable")
    reached = np.cumsum(weight[order])
    at = int(np.searchsorted(reached, coverage * (weight.sum() + 1.0) - 1e-9))
    return float(values[order[at]]) if at < len(order) else 0.0
