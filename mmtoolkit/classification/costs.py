"""Choose the threshold with the least cost of wrong answers and of items without an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import is_number
from mmtoolkit._text import shorten
from mmtoolkit.classification.answering import Thresholds, tenths
from mmtoolkit.classification.folds import stratified_folds
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.classification.targets import places_of

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["cheapest", "cost_table"]

_DIGITS = 9  # of sums of costs: what ties must not part by the last bit
_PARTS = 5  # of held-out items of a fixed split, which has no folds


def cost_table(given: Any, classes: NDArray[Any]) -> tuple[NDArray[np.float64], float, dict[Any, float]]:
    """Return the cost of each (true, predicted) pair, of silence, and the checked costs by name."""
    if not isinstance(given, Mapping) or not given:
        msg = f"costs must be a mapping such as {{('spam', 'ham'): 5, None: 1}} of (true, predicted) to a cost, got {shorten(repr(given))}"
        raise ValueError(msg)
    table = 1.0 - np.eye(len(classes))
    checked: dict[Any, float] = {}
    for pair, cost in given.items():
        if not (is_number(cost) and 0.0 <= cost < np.inf):
            msg = f"the cost of {pair!r} must be a number from 0 on, got {cost!r}"
            raise ValueError(msg)
        if pair is None:
            checked[None] = float(cost)
            continue
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            msg = f"costs have pairs (true, predicted) or None, which is no answer, got {shorten(repr(pair))}"
            raise ValueError(msg)
        places = places_of(pair, classes, "costs name")
        if places[0] == places[1]:
            msg = f"costs name {pair!r}: a right answer costs nothing"
            raise ValueError(msg)
        table[places[0], places[1]] = cost
        checked[tuple(classes[places].tolist())] = float(cost)
    if None not in checked:
        msg = "costs lack None, the cost of no answer, such as what a person costs who looks: {('spam', 'ham'): 5, None: 1}"
        raise ValueError(msg)
    return table, checked[None], checked


def cheapest(result: Classification, table: NDArray[np.float64], silence: float) -> Thresholds:
    """Return the threshold with the least mean cost, and what choosing so costs on items that it was not chosen on."""
    held = HeldOutItems(result)
    n_scored, groups = len(held.rows), held.groups
    sure, saved = held.sure, silence - table[held.true, held.predicted]
    part = result.fold[held.rows]
    if part.max() == 0:
        part = stratified_folds(np.zeros(n_scored, dtype=np.intp), groups, min(_PARTS, int(groups.max()) + 1), 0)
    cost = np.full(n_scored, silence)
    for fold in np.unique(part):
        own = part == fold
        least = _least(sure[~own], saved[~own]) if (~own).any() else np.inf
        cost[own] -= np.where(sure[own] >= least, saved[own], 0.0)
    least = _least(sure, saved)
    answered, wrong = sure >= least, held.wrong
    shares = tenths(result)
    answers = sure[:, None] >= shares["confidence"].to_numpy()
    n = int(answered.sum())
    return Thresholds(
        min_confidence=least,
        max_risk=float("nan"),
        confidence=float("nan"),
        coverage=n / n_scored,
        risk=float(wrong[answered].mean()) if n else float("nan"),
        n_answers=n,
        n_wrong=int(wrong[answered].sum()),
        n_needed=0,
        n_scored=n_scored,
        reason="" if n else f"no answer is worth its risk where silence costs {silence:g}",
        cost=float(cost.mean()),
        costs=shares.assign(cost=silence - (answers * saved[:, None]).mean(axis=0)),
    )


def _least(sure: NDArray[np.float64], saved: NDArray[np.float64]) -> float:
    """Return the confidence from which on answers save most; infinite where none does, the lowest where they tie."""
    order = np.argsort(-sure, kind="stable")
    total = np.cumsum(saved[order]).round(_DIGITS)
    last = np.append(sure[order][1:] != sure[order][:-1], True)
    total, confidence = total[last], sure[order][last]
    best = len(total) - 1 - int(np.argmax(total[::-1]))
    return float(confidence[best]) if total[best] >= 0.0 else float("inf")
