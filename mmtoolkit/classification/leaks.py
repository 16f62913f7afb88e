"""What leaks between splits add to a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmtoolkit._text import shorten
from mmtoolkit.classification.classifying import classify
from mmtoolkit.classification.folds import effective_size
from mmtoolkit.classification.intervals import wilson
from mmtoolkit.words import say

if TYPE_CHECKING:
    from mmtoolkit.classification.audit_checks import Subject

__all__ = ["leak_scores"]

_COLUMNS = ["accuracy", "low", "high", "n_items"]


def leak_scores(subject: Subject, leaks: pd.DataFrame, options: Mapping[str, Any]) -> tuple[pd.DataFrame, str]:
    """Train on the given split twice, with all training rows and without those that leak, and score the same rows.

    Parameters
    ----------
    subject : Subject
        What is looked at.
    leaks : DataFrame
        Items that have a duplicate in another split.
    options : mapping
        Further arguments of `classify`.

    Returns
    -------
    scores : DataFrame
        Index training rows (all, without leaks); accuracy, low, high, n_items. Empty where there is nothing to compare.
    reason : str
        Why it is empty.
    """
    empty = pd.DataFrame(columns=_COLUMNS, dtype=np.float64).rename_axis(index="training rows")
    if subject.target is None or subject.splits is None:
        return empty, say("no splits (split=) were given") if subject.splits is None else say(
            "no classes (y=) were given"
        )
    if not len(leaks):
        return empty, say("no item has a duplicate in another split")
    roles, codes = subject.roles[subject.rows], subject.target.codes[subject.rows]
    known, names = codes >= 0, sorted(set(roles) - {None})
    scored = next((role for role in ("test", "validation") if role in names), None)
    if scored is None:
        said = shorten(", ".join(map(repr, names)), 120)
        return empty, say(
            "none of the splits {names} is called test or validation; call one of them 'test'", names=said
        )
    training = "train" if "train" in names else next((n for n in names if n not in ("test", "validation")), None)
    others = [name for name in names if name not in ("train", "test", "validation")]
    if training is None or (training != "train" and len(others) > 1):
        said = shorten(", ".join(map(repr, names)), 120)
        return empty, say("which of the splits {names} is for training is not said; call it 'train'", names=said)
    test, train = known & (roles == scored), known & (roles == training)
    leaked = train & np.isin(subject.groups, subject.groups[roles == scored])
    if not leaked.any():
        return empty, say(
            "no {training} item with a class has a duplicate among the {scored} items",
            training=training,
            scored=scored,
        )
    found = {}
    for name, rows in (("all", train), ("without leaks", train & ~leaked)):
        if not test.any() or len(np.unique(codes[rows])) < 2:
            if not test.any():
                return empty, say("the {scored} items have no class", scored=scored)
            if name == "all":
                return empty, say("training needs items of two classes")
            return empty, say("training needs items of two classes that are no duplicates")
        values = np.where(test | rows, subject.target.values[subject.rows], np.array(None))
        r = classify(subject.kept, values, test=test, duplicates="ignore", inference=False, **options)
        hits, n = int((r.y_pred[test] == r.y_true[test]).sum()), int(test.sum())
        trials = effective_size(subject.groups[test])
        low, high = wilson(hits / n * trials, trials)
        found[name] = (hits / n, float(low), float(high), n)
    return pd.DataFrame.from_dict(found, orient="index", columns=_COLUMNS).rename_axis(index="training rows"), ""
