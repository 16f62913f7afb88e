"""Which labels are probably wrong: confident learning on held-out, duplicate-safe probabilities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._blocks import evenly
from mmtoolkit._nearest import nearest_others
from mmtoolkit._text import shorten
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.vectors import items_of, vectors_of
from mmtoolkit.words import say, speaking

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["confident_learning", "expected_of_clean", "find"]

_NEIGHBOURS = 10
_DRAWS = 20
_DRAWN_ROWS = 5_000


def confident_learning(
    codes: NDArray[np.intp], proba: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
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
    return others.argmax(axis=1), likely


def expected_of_clean(result: Classification) -> float:
    """Return how many likely issues labels without mistakes would give: labels drawn by the held-out probabilities.

    Such labels hold no mistakes, only the difficulty that the probabilities tell of: items between classes. Means over 20
    draws, of at most 5,000 evenly spaced rows.

    Parameters
    ----------
    result : Classification
        Of `classify`.

    Returns
    -------
    float
        To be compared with the length of ``result.label_issues()``.
    """
    rows = HeldOutItems(result).rows
    some = rows[evenly(len(rows), _DRAWN_ROWS)]
    proba, rng = result.y_proba[some], np.random.default_rng(0)
    below = proba.cumsum(axis=1)[:, :-1]
    draws = ((rng.random((len(some), 1)) > below).sum(axis=1) for _ in range(_DRAWS))
    found = [int(confident_learning(drawn, proba)[1].sum()) for drawn in draws]
    return float(np.mean(found)) * len(rows) / len(some)


def find(result: Classification, *, all_items: bool = False) -> pd.DataFrame:
    """Return the table behind ``Classification.label_issues``.

    The rank is the held-out probability of the label times the share of the nearest items that carry it. The second
    does not depend on the classifier.
    """
    held = HeldOutItems(result)
    rows, codes, groups = held.rows, held.true, held.groups
    suggested, likely = confident_learning(codes, held.proba)
    near, _ = nearest_others(
        vectors_of(result.source)[rows], groups, np.arange(len(rows)), min(_NEIGHBOURS, len(rows) - 1)
    )
    apart = groups[near] != groups[:, None]
    n_near = apart.sum(axis=1)
    same, other = (((codes[near] == wanted[:, None]) & apart).sum(axis=1) for wanted in (codes, suggested))
    floor = 0.5 / max(near.shape[1], 1)
    agree = np.where(
        n_near > 0, same / np.maximum(n_near, 1), 1.0
    )  # no item of another group is near: the probability alone
    quality = result.y_proba[rows, codes] * (agree + floor) / (1.0 + floor)
    order = np.argsort(quality, kind="stable")
    order = order if all_items else order[likely[order]]
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
    told = zip(
        frame["p_suggested"],
        frame["p_label"],
        frame["suggested"],
        frame["label"],
        n_near[order],
        other[order],
        same[order],
        strict=True,
    )
    with speaking("en"):  # the frame is the same whoever asks; who shows it writes it in the reader's language
        frame["evidence"] = pd.Series([_evidence(*row) for row in told], index=frame.index, dtype=object)
    return frame


def _evidence(there: float, here: float, name: object, own: object, n: int, n_name: int, n_own: int) -> str:
    """Say what speaks for a suggested class."""
    return say(
        "held-out probability {there:.2f} for {name}, {here:.2f} for {own}; of its {n} nearest items {n_name} are {name}, {n_own} are {own}",
        there=there,
        here=here,
        name=shorten(name, 40),
        own=shorten(own, 40),
        n=n,
        n_name=n_name,
        n_own=n_own,
    )


def _short(items: pd.DataFrame, row: int) -> str:
    """Return a file name or the start of a text."""
    for name in ("text", "image", "video"):
        value = items[name].iloc[row] if name in items.columns else None
        if isinstance(value, str) and value:
            return shorten(value if name == "text" else value.replace("\\", "/").rsplit("/", 1)[-1], 80)
    return ""
