"""Answer only when the classifier is sure: the gain, with limits that hold after a look at the whole curve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_share
from mmtoolkit.classification.held_out import HeldOutItems
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step
from mmtoolkit.words import percent, say

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["Thresholds", "curve", "find_threshold", "tenths"]

_LEVEL = 0.95
_STEPS = 20


@dataclass(frozen=True, eq=False, repr=False)
class Thresholds(Result):
    """How sure a classifier must be to answer, so that few answers are wrong.

    Attributes
    ----------
    min_confidence : float
        To be passed to ``predict`` or to ``save``; ``inf``, which answers nothing, where the promise cannot be made.
    max_risk : float
        Largest share of wrong answers that is promised; NaN with costs.
    confidence : float
        In how many of such data sets the promise holds; NaN with costs.
    coverage : float
        Share of the held-out items that is answered.
    risk : float
        Share of these answers that is wrong; NaN without answers.
    n_answers, n_wrong : int
        Held-out items that are answered, and of these the wrong ones.
    n_scored : int
        Held-out items.
    n_needed : int
        Answers without an error that the promise takes at least, of different groups.
    reason : str
        Why nothing is answered; "" where something is.
    cost : float
        With costs: mean per held-out item, where the threshold for each fold was chosen on the other folds; NaN without.
    costs : DataFrame
        With costs: a row for each tenth of the items, as `risk_coverage` has them, with the mean cost per item. Empty without.
    recipe : Step
        Verb and parameters, to run it again.
    source : Embeddings or array
        What the classifier was made from.
    """

    min_confidence: float
    max_risk: float
    confidence: float
    coverage: float
    risk: float
    n_answers: int
    n_wrong: int
    n_needed: int
    n_scored: int
    reason: str = ""
    cost: float = float("nan")
    costs: pd.DataFrame = field(default_factory=pd.DataFrame)
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        if len(self.costs):
            return say(
                "min_confidence {value:.4f}: costs {cost:.3f} per item on held-out items; {share} are answered, {wrong} of {n} wrong",
                value=self.min_confidence,
                cost=self.cost,
                share=percent(self.coverage),
                wrong=self.n_wrong,
                n=self.n_answers,
            )
        promise = say(
            "at most {risk:g} % of the answers wrong, with {confidence:g} % confidence",
            risk=100 * self.max_risk,
            confidence=100 * self.confidence,
        )
        if self.reason:
            return say("no answers: {promise}, cannot be promised; {why}", promise=promise, why=self.reason)
        return say(
            "min_confidence {value:.4f}: {promise}; {share} of the held-out items are answered, {wrong} of {n} wrong",
            value=self.min_confidence,
            promise=promise,
            share=percent(self.coverage),
            wrong=self.n_wrong,
            n=self.n_answers,
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        names = ("min_confidence", "coverage", "risk", "n_answers", "n_wrong", "n_needed")
        values = [float(getattr(self, name)) for name in names]
        found = {"threshold": pd.DataFrame({"value": values}, index=pd.Index(names, name="what"))}
        return {**found, "costs": self.costs} if len(self.costs) else found

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return counts and reason exactly, the threshold rounded."""
        exact = {name: plain(getattr(self, name)) for name in ("n_answers", "n_wrong", "n_needed", "reason")}
        rounded: dict[str, Any] = {"min_confidence": self.min_confidence if np.isfinite(self.min_confidence) else None}
        if len(self.costs):
            rounded |= {"cost": self.cost, "costs": plain(self.costs)}
        return {"exact": exact, "rounded": rounded, "map": {}}


@dataclass(frozen=True, eq=False)
class _Answers:
    """For each distinct confidence, the highest first, the held-out items that are at least as sure; all arrays (n_distinct,)."""

    confidence: NDArray[np.float64]
    n: NDArray[np.intp]  # items answered
    wrong: NDArray[np.intp]  # wrong answers among these
    groups: NDArray[np.intp]  # independent answers among these: Kish's effective number of groups
    doubt: NDArray[np.float64]  # mean probability, by the classifier itself, that an answer is wrong

    @classmethod
    def of(cls, result: Classification) -> _Answers:
        """Return the answers of a result to its held-out items."""
        held = HeldOutItems(result)
        order = np.argsort(-held.sure, kind="stable")
        sure, group = held.sure[order], held.groups[order]
        n = np.arange(1, len(order) + 1)
        before = pd.Series(group).groupby(group).cumcount().to_numpy()
        groups = np.floor(n**2 / np.cumsum(2 * before + 1) + 1e-9).astype(np.intp)
        wrong = np.cumsum(held.wrong[order])
        last = np.append(sure[1:] != sure[:-1], True)
        return cls(sure[last], n[last], wrong[last].astype(np.intp), groups[last], (np.cumsum(1.0 - sure) / n)[last])

    @property
    def risk(self) -> NDArray[np.float64]:
        """Share of wrong answers at each confidence."""
        return self.wrong / self.n

    def upper(self, level: float) -> NDArray[np.float64]:
        """Return the upper limit of the risk of each threshold alone (Clopper and Pearson), groups as trials."""
        from scipy.special import betaincinv

        wrong = np.ceil(self.risk * self.groups - 1e-9)
        whole = wrong >= self.groups
        return np.where(whole, 1.0, betaincinv(wrong + 1.0, np.maximum(self.groups - wrong, 1.0), level))


def curve(result: Classification) -> pd.DataFrame:
    """Return the table behind ``Classification.risk_coverage``."""
    answers = _Answers.of(result)
    total = answers.n[-1]
    grid = np.unique(np.searchsorted(answers.n, np.ceil(np.arange(1, _STEPS + 1) / _STEPS * total)))
    limit = answers.upper(1.0 - (1.0 - _LEVEL) / len(grid))[grid]
    after = np.searchsorted(
        grid, np.arange(len(answers.n))
    )  # fewer answers have no more errors than the next on the grid
    upper = np.minimum(limit[after] * answers.n[grid][after] / answers.n, 1.0)
    columns = {"confidence": answers.confidence, "coverage": answers.n / total, "risk": answers.risk, "upper": upper}
    return pd.DataFrame(columns)


def tenths(result: Classification) -> pd.DataFrame:
    """Return the rows of the curve at which a tenth, two tenths, ... and all of the held-out items are answered."""
    table = curve(result)
    rows = np.searchsorted(table["coverage"].to_numpy(), np.arange(1, 11) / 10 - 1e-9)
    return table.iloc[np.unique(rows)].reset_index(drop=True)


def find_threshold(result: Classification, max_risk: float, confidence: float) -> Thresholds:
    """Return the smallest threshold that keeps a promise, by a fixed sequence of exact tests.

    The sequence starts where the classifier's own probabilities, without a look at the classes, say that the test is passed
    most surely, goes to more and more answers in 20 steps, and ends before the first test that fails. So each has the whole
    level, and the threshold may be chosen on the same items.
    """
    check_share("max_risk", max_risk)
    check_share("confidence", confidence)
    answers = _Answers.of(result)
    needed = int(np.ceil(np.log1p(-confidence) / np.log1p(-max_risk) - 1e-9))
    able = np.flatnonzero(answers.groups >= needed)
    keeps = answers.upper(confidence) <= max_risk
    at, reason = -1, ""
    if not len(able):
        n, most = int(answers.n[-1]), int(answers.groups.max())
        reason = say("it takes {needed} answers without an error, and {n} items were held out", needed=needed, n=n)
        if most != n:
            reason = say(
                "it takes {needed} answers without an error, and {n_items} items in {n} independent group were held out",
                "it takes {needed} answers without an error, and {n_items} items in {n} independent groups were held out",
                needed=needed,
                n_items=n,
                n=most,
            )
    else:
        start = able[_passes(answers.groups[able], answers.doubt[able], max_risk, confidence).argmax()]
        for place in np.unique(np.linspace(start, len(keeps) - 1, _STEPS + 1).astype(np.intp)):
            if not keeps[place]:
                break
            at = int(place)
        if at < 0:
            reason = say(
                "of the {n} surest held-out items {wrong} are predicted wrong",
                n=int(answers.n[start]),
                wrong=int(answers.wrong[start]),
            )
    found = at >= 0
    return Thresholds(
        min_confidence=float(answers.confidence[at]) if found else float("inf"),
        max_risk=float(max_risk),
        confidence=float(confidence),
        coverage=float(answers.n[at] / answers.n[-1]) if found else 0.0,
        risk=float(answers.risk[at]) if found else float("nan"),
        n_answers=int(answers.n[at]) if found else 0,
        n_wrong=int(answers.wrong[at]) if found else 0,
        n_needed=needed,
        n_scored=int(answers.n[-1]),
        reason=reason,
    )


def _passes(
    groups: NDArray[np.intp], doubt: NDArray[np.float64], max_risk: float, confidence: float
) -> NDArray[np.float64]:
    """Return the probability that each test is passed if the classifier's probabilities are right."""
    from scipy.special import bdtrik, betainc

    n = groups.astype(np.float64)
    most = np.clip(np.floor(bdtrik(1.0 - confidence, n, max_risk) + 1e-9), 0.0, n - 1)  # errors that still pass
    return np.asarray(betainc(n - most, most + 1.0, 1.0 - np.clip(doubt, 0.0, 1.0)))
