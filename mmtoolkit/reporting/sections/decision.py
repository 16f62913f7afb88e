"""Answers of the classifier alone: how many, how many are wrong, what that costs, and sets of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.reporting.blocks import Block, Key, Table, Words
from mmtoolkit.reporting.sections.base import Contribution
from mmtoolkit.words import joined, percent, say

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["alone_or_shown", "part"]


def alone_or_shown(result: Any) -> list[Block]:
    """Return the tables of answers alone and of sets; none for a classification that has no held-out probabilities here."""
    if not hasattr(result, "answering"):
        return []
    sets = result.set_sizes
    return [
        _shares(result.answering, result.n_scored),
        Table(
            sets.set_axis(sets.index.map(lambda asked: percent(asked, 0)).rename("asked")),
            joined(
                say(
                    "Sets of classes instead of one answer (predict_set): their mean number of classes when they are to hold the "
                    "truth as often as asked, and how many hold one class or none."
                ),
                _promise(result),
            ),
            shares=("single", "empty"),
        ),
    ]


def _promise(result: Any) -> str:
    params = result.recipe["params"]
    if params["test"] is None and params.get("test_after") is None:
        return say(
            "In practice they do; the theory promises only 1 - 2a where 1 - a is asked for, because each fold has a model of its own."
        )
    return say("The theory promises that for other items like those that were scored.")


def _shares(table: Any, n: int) -> Table:
    """Return what happens when a tenth, two tenths, ... of the items are answered and a person sees the others."""
    columns = {
        "answered": table["coverage"],
        "shown_to_a_person": (n * (1 - table["coverage"])).round().astype(int),
        "wrong": table["risk"],
        "at_most_wrong": table["upper"],
        **({"cost": table["cost"]} if "cost" in table else {}),
    }
    least = np.floor(table["confidence"] * 1e4) / 1e4  # a rounded one would answer fewer items than the row says
    return Table(
        table.assign(**columns)[list(columns)].set_axis(least.map("{:.4f}".format).rename("from confidence")),
        say(
            "Answer alone, or show to a person: by the least confidence, the share of items that is answered, how many of the held-out "
            "items a person sees, the share of the answers that is wrong, and its upper limit on other items (95 %, for all rows at once)."
        ),
        shares=("answered", "wrong", "at_most_wrong"),
    )


def part(name: str, result: Any, named: Named) -> Contribution:  # noqa: ARG001 - every room has this signature
    """Return the contribution of thresholds to a report; parameters as in every section."""
    heading = say("When to answer")
    if not len(result.costs):
        sentence = f"{result._summary().rstrip('.')}."
        return Contribution(heading, [Words(sentence)], [sentence])
    if result.reason:
        sentence = say("At these costs no answer is worth its risk: show all items to a person.")
    else:
        sentence = say(
            "At these costs it pays to answer from a confidence of {least:.3f} on: {share} of the items, {wrong:,} of {n:,} of them wrong. "
            "That costs {cost:.3f} per item, measured on items that the threshold was not chosen on.",
            least=result.min_confidence,
            share=percent(result.coverage),
            wrong=result.n_wrong,
            n=result.n_answers,
            cost=result.cost,
        )
    table = _shares(result.costs, result.n_scored)
    return Contribution(
        heading,
        [Words(sentence), table],
        [sentence],
        [
            Key(
                say("cost per item"),
                f"{result.cost:.3f}",
                say("answers from a confidence of {least:.3f} on", least=result.min_confidence),
            )
        ],
    )
