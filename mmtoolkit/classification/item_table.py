"""The table of a classification with one row per item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._nearest import nearest_others
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.classification.label_issues import confident_learning
from mmtoolkit.classification.targets import codes_of
from mmtoolkit.vectors import vectors_of

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["per_item"]


def per_item(result: Classification) -> pd.DataFrame:
    """Return the table behind ``Classification.per_item``."""
    held, n = HeldOutItems(result), len(result.fold)
    suggested: NDArray[np.object_] = np.full(n, None, dtype=object)
    best, likely = confident_learning(held.true, held.proba)
    suggested[held.rows[likely]] = np.array(result.classes.tolist(), dtype=object)[best[likely]]
    predicted = np.array([value is not None for value in result.y_pred])
    probability = np.full(n, np.nan)
    at = np.flatnonzero(predicted)
    probability[at] = result.y_proba[at, codes_of(result.y_pred[at], result.classes)]
    right = result.y_pred == result.y_true
    columns = {
        "y_true": result.y_true,
        "y_pred": result.y_pred,
        "probability": probability,
        "fold": result.fold,
        "correct": pd.Series(right, dtype="boolean").where(result.fold >= 0).array,
        "suggested": suggested,
        "nearest": _nearest(result),
    }
    if any(value is not None for value in result.left_out):
        columns["left_out"] = result.left_out
    return pd.DataFrame(columns, index=pd.Index(result.ids, name="id", dtype=object))


def _nearest(result: Classification) -> NDArray[np.object_]:
    """Return the id of the most similar item that has a class and is of another group; None where there is none."""
    known = np.flatnonzero([value is not None for value in result.y_true])
    near = nearest_others(vectors_of(result.source), result.together, known, 1)[0][:, 0]
    ids = result.ids.astype(object)[near]
    ids[result.together[near] == result.together] = None
    return np.asarray(ids)
