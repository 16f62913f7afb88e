"""Which labels are probably wrong: confident learning on held-out, duplicate-safe probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._text import shorten
from mmtoolkit.classification.targets import codes_of
from mmtoolkit.vectors import items_of, vectors_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.classification.result import Classification

__all__ = ["confident_learning", "find"]

_NEIGHBOURS = 10
_BLOCK = 2048


def confident_learning(
    codes: NDArray[np.intp], proba: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.bool_]]:
    """Judge labels by held-out probabilities.

    A class counts as confidently predicted for an item when its probability reaches the mean that the class has
    among the items labelled so. An item whose most probable confident class is not its label is a likely issue.

    Parameters
    ----------
    codes : ndarray of shape (n_items,), int
        Given labels.
    proba : ndarray of shape (n_items, n_classes)
        Held-out probabilities.

    Returns
    -------
    quality : ndarray of shape (n_items,)
        Between 0 and 1: (1 + probability of the label - probability of the best other class) / 2; low is suspicious.
    suggested : ndarray of shape (n_items,), int
        The best other class.
    likely : ndarray of shape (n_items,), bool
        Likely issues.

    References
    ----------
    Northcutt, Jiang and Chuang (2021), Confident learning: estimating uncertainty in dataset labels.
    """
    n, n_classes = proba.shape
    at = np.arange(n)
    threshold = np.array([proba[codes == k, k].mean() if (codes == k).any() else 1.0 for k in range(n_classes)])
    confident = np.where(proba >= threshold - 1e-12, proba, -1.0)
    pick = confident.argmax(axis=1)
    likely = (confident[at, pick] >= 0) & (pick != codes)
    others = proba.copy()
    others[at, codes] = -1.0
    suggested = others.argmax(axis=1)
    quality = (1.0 + proba[at, codes] - others[at, suggested]) / 2.0
    return quality, suggested, likely


def find(result: Classification, *, all_items: bool = False) -> pd.DataFrame:
    """Return the table behind ``Classification.label_issues``."""
    import pandas as pd

    rows = np.flatnonzero(result.fold >= 0)
    codes = codes_of(result.y_true[rows], result.classes)
    quality, suggested, likely = confident_learning(codes, result.y_proba[rows])
    order = np.lexsort((quality, ~likely))
    order = order if all_items else order[likely[order]]
    X = vectors_of(result.source)[rows]
    share = _agreement(X, result.duplicate_groups[rows], codes, suggested, order)
    at = rows[order]
    names = np.array(result.classes.tolist(), dtype=object)
    items = items_of(result.source)
    frame = pd.DataFrame(
        {
            "row": at,
            "id": result.ids[at],
            "item": [""] * len(at) if items is None else [_short(items, int(row)) for row in at],
            "label": result.y_true[at],
            "suggested": names[suggested[order]],
            "quality": quality[order],
            "p_label": result.y_proba[at, codes[order]],
            "p_suggested": result.y_proba[at, suggested[order]],
            "likely": likely[order],
        }
    )
    frame["evidence"] = [
        f"held-out probability {there:.2f} for {shorten(other, 40)}, {here:.2f} for {shorten(own, 40)}; {round(s * _NEIGHBOURS)} "
        f"of its {_NEIGHBOURS} nearest items are {shorten(other, 40)}"
        for there, here, own, other, s in zip(
            frame["p_suggested"], frame["p_label"], frame["label"], frame["suggested"], share, strict=True
        )
    ]
    return frame


def _agreement(
    X: NDArray[np.float32],
    groups: NDArray[np.intp],
    codes: NDArray[np.intp],
    suggested: NDArray[np.intp],
    order: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Return the share of the nearest items, duplicates aside, that carry the suggested label."""
    share = np.zeros(len(order))
    k = min(_NEIGHBOURS, len(X) - 1)
    for start in range(0, len(order), _BLOCK):
        at = order[start : start + _BLOCK]
        cosine = X[at] @ X.T
        cosine[groups[at][:, None] == groups[None, :]] = -2.0
        near = np.argpartition(-cosine, k - 1, axis=1)[:, :k]
        share[start : start + _BLOCK] = (codes[near] == suggested[at][:, None]).mean(axis=1)
    return share


def _short(items: pd.DataFrame, row: int) -> str:
    """Return a file name or the start of a text."""
    for name in ("text", "image", "video"):
        value = items[name].iloc[row] if name in items.columns else None
        if isinstance(value, str) and value:
            return shorten(value if name == "text" else value.replace("\\", "/").rsplit("/", 1)[-1], 80)
    return ""
