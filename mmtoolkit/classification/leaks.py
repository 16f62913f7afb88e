"""What splits are called, and what leaks between them add to a score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mmtoolkit._text import shorten
from mmtoolkit.classification.classifying import classify
from mmtoolkit.classification.intervals import wilson

if TYPE_CHECKING:
    from mmtoolkit.classification.findings import Subject

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
        return empty, f"no {'classes (y=)' if subject.splits is not None else 'splits (split=)'} were given"
    if not len(leaks):
        return empty, "no item has a duplicate in another split"
    roles, codes = subject.roles[subject.rows], subject.target.codes[subject.rows]
    known, names = codes >= 0, sorted(set(roles) - {None})
    scored = next((role for role in ("test", "validation") if role in names), None)
    if scored is None:
        said = shorten(", ".join(map(repr, names)), 120)
        return empty, f"none of the splits {said} is called test or validation; call one of them 'test'"
    training = "train" if "train" in names else next((n for n in names if n not in ("test", "validation")), None)
    others = [name for name in names if name not in ("train", "test", "validation")]
    if training is None or (training != "train" and len(others) > 1):
        said = shorten(", ".join(map(repr, names)), 120)
        return empty, f"which of the splits {said} is for training is not said; call it 'train'"
    test, train = known & (roles == scored), known & (roles == training)
    leaked = train & np.isin(subject.groups, subject.groups[roles == scored])
    if not leaked.any():
        return empty, f"no {training} item with a class has a duplicate among the {scored} items"
    found = {}
    for name, rows in (("all", train), ("without leaks", train & ~leaked)):
        if not test.any() or len(np.unique(codes[rows])) < 2:
            lacking = f"the {scored} items have no class" if not test.any() else "training needs items of two classes"
            return empty, lacking + (" that are no duplicates" if test.any() and name != "all" else "")
        values = np.where(test | rows, subject.target.values[subject.rows], np.array(None))
        r = classify(subject.kept, values, test=test, duplicates="ignore", inference=False, **options)
        hits, n = int((r.y_pred[test] == r.y_true[test]).sum()), int(test.sum())
        low, high = wilson(hits, n)
        found[name] = (hits / n, float(low), float(high), n)
    return pd.DataFrame.from_dict(found, orient="index", columns=_COLUMNS).rename_axis(index="training rows"), ""
