"""Find errors of a data set before training: duplicates, leaks, outliers, imbalance, captions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import column
from mmtoolkit._duplicates import duplicate_groups
from mmtoolkit._numbers import matrix
from mmtoolkit.classification.audit_checks import CHECKS, NOT_LOOKED_FOR, Subject
from mmtoolkit.classification.classifying import thresholds_of
from mmtoolkit.classification.leaks import leak_scores
from mmtoolkit.classification.targets import make_target, recordable
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import HasVectors, has_vectors, vectors_of
from mmtoolkit.words import aside, joined, percent, say, title

__all__ = ["Audit", "audit"]


@dataclass(frozen=True, eq=False, repr=False)
class Audit(Result):
    """Findings about a data set.

    Attributes
    ----------
    findings : DataFrame
        Index check; columns items (how many), share (of all) and what (a sentence).
    duplicates : DataFrame
        Columns group, row, id, label; the members of every group of duplicates.
    leaks : DataFrame
        Columns row, id, split, other_split: items that stand in several splits; empty without `split`.
    leak_scores : DataFrame
        Index training rows ("all", "without leaks": those that have no duplicate among the scored items); accuracy, low, high,
        n_items, both on the same items. Empty where there is nothing to compare: `leak_reason` says why.
    outliers : DataFrame
        Columns row, id, distance, score: items far from everything, the farthest first.
    imbalance : DataFrame
        Index class; columns items and share; empty without y.
    unreadable : DataFrame
        Columns row, id, reason.
    captions : DataFrame
        Columns row, id, caption, cosine, rank: pictures whose own caption fits worse than nine in ten captions of others.
    leak_reason : str
        Why there are no `leak_scores`; "" where there are.
    recipe : Step
        Verb and parameters, to run it again.
    source : Embeddings or array
        What it was made from.
    """

    findings: pd.DataFrame
    duplicates: pd.DataFrame
    leaks: pd.DataFrame
    leak_scores: pd.DataFrame
    outliers: pd.DataFrame
    imbalance: pd.DataFrame
    unreadable: pd.DataFrame
    captions: pd.DataFrame
    leak_reason: str = ""
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        found = self.findings[self.findings["items"] > 0]
        return aside(*(say("{what}: {told}", what=title(name), told=n) for name, n in found["items"].items())) or say(
            "nothing found"
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        tables = {"findings": self.findings}
        for name in ("leak_scores", "imbalance", *CHECKS):
            if len(found := getattr(self, name)):
                tables[name] = found.set_index("row") if "row" in found else found
        return tables

    def _repr_html_(self) -> str:
        from mmtoolkit._pictured import pictured_result

        return pictured_result(self)

    def _figures(self) -> Mapping[str, Any]:
        return {"findings": self._draw}

    def _draw(self) -> Any:
        from mmtoolkit.figures import bars

        return bars(
            [title(name) for name in self.findings.index],
            self.findings["share"],
            title=say("What to look at before training"),
            x_title=say("share of items"),
            caption=str(joined(*self.findings.loc[self.findings["items"] > 0, "what"]) or say("Nothing was found.")),
        )

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the members of every finding exactly, scores rounded."""
        exact = {name: getattr(self, name)["row"] for name in CHECKS if name != "imbalance"}
        return {"exact": plain(exact), "rounded": plain({"leak_scores": self.leak_scores}), "map": {}}


@verb("audit", columns=("y", "split"))
def audit(
    embeddings: HasVectors | ArrayLike,
    y: ArrayLike | str | None = None,
    split: ArrayLike | str | None = None,
    *,
    duplicate_threshold: float | None = None,
    normalize: bool = True,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Audit:
    """Look for errors in the data that make scores wrong: duplicates, leaks between splits, outliers, imbalance, unreadable items, captions.

    Parameters
    ----------
    embeddings : Embeddings or array of shape (n_items, n_features)
        Vectors; NaN rows count as unreadable.
    y : array-like of shape (n_items,), str or None, default=None
        Classes or a column.
    split : array-like of shape (n_items,), str or None, default=None
        Name of every item's split or a column. Known are train ("Train", "training", "train2", ...), test ("Test", "holdout",
        ...) and validation ("val", "dev", ...); names that mean one split are one. With y, the accuracy on the test items
        (without a test split: on the validation items) is given as it is and as it would be without the leaks.
    duplicate_threshold : float or None, default=None
        Cosine similarity of near duplicates; None takes it from the model's row of the models table.
    normalize : bool, default=True
        Train the classifier behind `leak_scores` on unit rows. Duplicates, outliers and captions go by the angle between
        rows in either case.
    random_state : int, default=0
        Seed of the classifier.
    n_jobs : int or None, default=None
        Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
        result, and is not recorded.

    Returns
    -------
    Audit
        `findings` and one table per check.

    Raises
    ------
    TypeError, ValueError
        If vectors are no table of numbers or empty, or classes are none (as `classify` says it).

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.random.default_rng(0).normal(size=(30, 8))
    >>> X[3] = X[20]
    >>> mm.audit(X).duplicates["row"].tolist()
    [3, 20]
    """
    subject = _subject(embeddings, y, split, duplicate_threshold)
    resolved(y=recordable(embeddings, y), split=recordable(embeddings, split, what="split"))
    tables = {name: check.find(subject) for name, check in CHECKS.items()}
    options = {"normalize": normalize, "random_state": random_state}
    scores, reason = leak_scores(subject, tables["leaks"], options)
    told = {name: check for name, check in CHECKS.items() if check.always or len(tables[name])}
    items = {name: check.count(tables[name]) for name, check in told.items()}
    what = {name: tables[name].attrs.get(NOT_LOOKED_FOR) or check.words(tables[name]) for name, check in told.items()}
    if len(scores):
        as_is, without = scores["accuracy"]
        effect = say(
            "The accuracy is {as_is} with them and {without} without, on the same items.",
            as_is=percent(as_is),
            without=percent(without),
        )
        what["leaks"] = joined(what["leaks"], effect)
    elif len(tables["leaks"]):
        what["leaks"] = joined(what["leaks"], say("What they add to a score is not known: {why}.", why=reason))
    share = {name: n / len(subject.ok) for name, n in items.items()}
    found = pd.DataFrame({"items": items, "share": share, "what": pd.Series(what, dtype=object)}).rename_axis(
        index="check"
    )
    return Audit(findings=found, leak_scores=scores, leak_reason=reason, **tables)  # type: ignore[arg-type]  # every table has its field


def _subject(embeddings: Any, y: Any, split: Any, duplicate_threshold: float | None) -> Subject:
    """Return the items with a vector, their duplicate groups, classes and splits."""
    raw: NDArray[Any] = embeddings.vectors if has_vectors(embeddings) else matrix(embeddings)
    if len(raw) == 0:
        msg = f"there is nothing to look at: got shape {raw.shape}"
        raise ValueError(msg)
    ok = np.isfinite(raw).all(axis=1)
    rows = np.flatnonzero(ok)
    kept: Any = embeddings[rows] if has_vectors(embeddings) else raw[ok]  # type: ignore[index]  # Embeddings take rows
    unit = vectors_of(kept) if len(rows) else np.empty((0, raw.shape[1]), dtype=np.float32)
    return Subject(
        source=embeddings,
        kept=kept,
        rows=rows,
        ok=ok,
        unit=unit,
        groups=duplicate_groups(unit, thresholds_of(kept, unit, duplicate_threshold)),
        target=None if y is None else make_target(embeddings, y),
        splits=None if split is None else column(embeddings, split, what="split"),
    )
