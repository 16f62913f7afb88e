"""Make the result from the outcome of a trial: tables, and notes in plain sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._text import shorten
from mmtoolkit._values import look_alikes
from mmtoolkit.classification import score_tables
from mmtoolkit.classification.coded import name_of
from mmtoolkit.classification.estimators import splits_untold
from mmtoolkit.classification.folds import effective_size
from mmtoolkit.classification.intervals import wilson
from mmtoolkit.classification.metrics import confusion_of
from mmtoolkit.classification.permutation import ChanceTest, better_than_chance
from mmtoolkit.classification.result import Classification
from mmtoolkit.classification.spread import (
    LEAST_OF_CLASS,
    LEAST_OF_EVERY_CLASS,
    LEAST_WRONG,
    HeldOutScores,
    class_weight_of,
)
from mmtoolkit.classification.variance import Sample
from mmtoolkit.results import Sentences
from mmtoolkit.vectors import ids_of
from mmtoolkit.words import joined, listed, percent, points, say

if TYPE_CHECKING:
    from mmtoolkit.classification.trial import Trial, TrialResult

__all__ = ["assemble"]

_FEW_GROUPS = 30
_LEAST_SHOWN = 5e-4
_LARGE_SHARE = 0.10
_NAMED = 3
_SHOWN = 8
_BETWEEN = re.compile(r"[,;|/+&，；、]")
_MISSING = {"nan", "<NA>", "NaT", "None"}  # what astype(str) makes of missing values


def assemble(
    source: Any,
    trial: Trial,
    outcome: TrialResult,
    left_out: NDArray[np.object_],
    *,
    grouped: bool,
    inference: bool,
    random_state: int,
) -> Classification:
    """Build the result of ``classify``.

    Parameters
    ----------
    source : Embeddings or array
        What the user handed in.
    trial : Trial
        What was asked.
    outcome : TrialResult
        What was found.
    left_out : ndarray of shape (n_items,), object
        Classes that are too small; None elsewhere.
    grouped : bool
        Whether the user gave groups.
    inference : bool
        Whether intervals are wanted.
    random_state : int
        Seed of resamples and halves.

    Returns
    -------
    Classification
        The result.
    """
    target, rounds = trial.target, outcome.rounds
    names = target.classes.tolist()
    scored = rounds[0].fold >= 0
    codes = target.codes[scored]
    n_scored = len(codes)
    groups = np.unique(outcome.together[scored], return_inverse=True)[1]
    predicted = np.stack([one.predicted[scored] for one in rounds])
    proba = np.stack([one.proba[scored] for one in rounds])
    weight = class_weight_of(outcome.estimator, target.classes)
    held = HeldOutScores(codes, predicted, proba, groups, weighted=weight is not None and trial.test is None)
    value = held.values()
    variance, test = np.full(len(value), np.nan), ChanceTest(float("nan"), "")
    if inference:
        sample = Sample.drawn(trial.X, codes, groups, random_state, among=np.flatnonzero(scored))
        cv = trial.cv if trial.test is None else None
        variance = held.variances(sample, cv=cv, class_weight=weight, random_state=random_state)
        test = _test_of_chance(trial, outcome, sample, random_state)
    metrics = score_tables.metric_table(held, value, variance)
    interval_of = _interval_of(trial, outcome, n_scored) if inference else ""
    baselines = score_tables.baseline_table(codes, outcome.shares[scored], outcome.votes[scored])
    moves = {str(name): float(np.sqrt(2) * error) for name, error in metrics["error"].dropna().items()}
    accuracy = score_tables.number(metrics, "accuracy", "value")
    open_ = np.zeros(len(scored), dtype=bool) if trial.test is None else trial.test & (target.values == None)  # noqa: E711 - of every cell
    n_right = round(accuracy * n_scored)
    bounds = _open_bounds(outcome.together[scored | open_], int(open_.sum()), n_right) if open_.any() else None
    confusion = np.mean([confusion_of(codes, p, len(names)) for p in predicted], axis=0)
    y_pred = np.full(len(target.codes), None, dtype=object)
    y_pred[scored] = np.array(names, dtype=object)[predicted[0]]
    y_pred[~target.known] = np.array(names, dtype=object)[outcome.assigned[~target.known]]
    choices = pd.DataFrame(
        outcome.choices, index=pd.Index([*map(str, range(len(outcome.choices) - 1)), "final"], name="fold")
    )
    return Classification(
        metrics=metrics[["value", "low", "high"]].assign(baseline=baselines["majority"].reindex(metrics.index)),
        interval_of=interval_of,
        p_value=test.p_value,
        p_value_of=test.words,
        per_class=score_tables.class_table(held, target.classes, value, variance),
        confusion=pd.DataFrame(
            confusion, index=pd.Index(names, name="true"), columns=pd.Index(names, name="predicted")
        ),
        y_true=target.values,
        y_pred=y_pred,
        y_proba=np.where(scored[:, None], rounds[0].proba, outcome.unseen),
        fold=rounds[0].fold,
        classes=target.classes,
        duplicate_groups=outcome.same,
        baselines=baselines,
        moves=moves,
        choices=choices,
        n_scored=n_scored,
        n_unlabelled=int((~target.known).sum()) - int((left_out != None).sum()),  # noqa: E711 - of every cell
        ungrouped_accuracy=outcome.ungrouped_accuracy,
        notes=Sentences(
            (
                *_about_intervals(held, target.classes, interval_of, moves, by_folds=trial.test is None),
                *_about_chance(test),
                *_about_items(trial, outcome, left_out, accuracy, grouped=grouped),
                *_about_classifier(trial, outcome),
                *_about_large_groups(ids_of(source), trial, outcome),
                *_about_open(n_scored, int(open_.sum()), n_right, bounds),
                *_about_names(target.classes, left_out, outcome.together),
            )
        ),
        together=outcome.together,
        left_out=left_out,
        kept=tuple(rounds[0].kept),
        accuracy_bounds=bounds,
        estimator=outcome.estimator,
    )


def _interval_of(trial: Trial, outcome: TrialResult, n_scored: int) -> str:
    """Say which score the intervals are for."""
    known = int(trial.target.known.sum())
    if trial.test is not None:
        trained = known - n_scored - outcome.dropped
        return say(
            "the score of this model, trained on {trained:,} items, on other items like the {n:,} that were held out",
            trained=trained,
            n=n_scored,
        )
    trained = round(known * (trial.cv - 1) / trial.cv)
    return say(
        "the expected score on new items of models trained on {trained:,} of your {known:,} items; the model that is kept was "
        "trained on all {known:,}",
        trained=trained,
        known=known,
    )


def _about(error: float) -> str:
    return (
        say("about {size}", size=points(error))
        if error >= _LEAST_SHOWN
        else say("less than {size}", size=points(0.001))
    )


def _about_intervals(
    held: HeldOutScores, classes: NDArray[Any], interval_of: str, moves: dict[str, float], *, by_folds: bool
) -> Iterator[str]:
    """Say what the intervals are for, where they come from, and which are missing."""
    if not interval_of:
        yield say("Intervals and tests were left out (inference=False).")
        return
    if "accuracy" not in moves:
        yield say("All scored items form one group: how far the scores would move with another cannot be said.")
        return
    yield say("Another sample of this size would move the accuracy by {size}.", size=_about(moves["accuracy"]))
    training = say(
        "What other training items would change was measured on ten pairs of disjoint halves with a linear discriminant."
    )
    yield joined(say("The 95 % intervals are for {what}.", what=interval_of), training if by_folds else "")
    sizes = held.class_groups
    few = np.flatnonzero((sizes > 0) & (sizes < LEAST_OF_CLASS))
    if len(few):
        named = listed(f"{shorten(repr(classes[k].item()), 40)} ({sizes[k]})" for k in few[:_SHOWN])
        macro = (
            say("Scores in which every class counts the same need {n} of each.", n=LEAST_OF_EVERY_CLASS)
            if (sizes[few] < LEAST_OF_EVERY_CLASS).any()
            else ""
        )
        too_few = say(
            "Too few for an interval, which needs {needed} independent items of a class: {names}.",
            needed=LEAST_OF_CLASS,
            names=_and_more(named, len(few) - _SHOWN),
        )
        yield joined(too_few, macro)
    if held.n_groups < _FEW_GROUPS:
        yield say(
            "Only {n} independent group was scored: the intervals are rough below {few}.",
            "Only {n} independent groups were scored: the intervals are rough below {few}.",
            n=held.n_groups,
            few=_FEW_GROUPS,
        )
    if held.n_groups < LEAST_OF_CLASS:
        yield say("Log-loss and Brier score have no interval: it takes {n} independent groups.", n=LEAST_OF_CLASS)
    elif held.n_wrong < LEAST_WRONG:
        yield say(
            "Log-loss and Brier score have no interval: {n} of the independent items was predicted wrong, {needed} are needed "
            "to say what errors cost.",
            "Log-loss and Brier score have no interval: {n} of the independent items were predicted wrong, {needed} are needed "
            "to say what errors cost.",
            n=held.n_wrong,
            needed=LEAST_WRONG,
        )


def _and_more(named: str, n: int) -> str:
    return say("{names} and {n} more", names=named, n=n) if n > 0 else named


def _test_of_chance(trial: Trial, outcome: TrialResult, sample: Sample, random_state: int) -> ChanceTest:
    """Test the rows that trained or were scored; with folds they are those of the sample."""
    fold, together = outcome.rounds[0].fold, outcome.together
    scored = fold >= 0
    if trial.test is None:
        return better_than_chance(sample, fold[scored], random_state)
    rows = np.flatnonzero(scored | (trial.target.known & ~np.isin(together, together[scored])))  # others were dropped
    groups = np.unique(together[rows], return_inverse=True)[1]
    sample = Sample.drawn(trial.X, trial.target.codes[rows], groups, random_state, among=rows)
    return better_than_chance(sample, fold[rows], random_state)


def _about_chance(test: ChanceTest) -> Iterator[str]:
    """Say what the test against chance found, and that its p is not of the accuracy."""
    if test.words and np.isnan(test.p_value):
        yield say("Whether the score is better than chance was not tested: {why}.", why=test.words)
    elif test.words:
        yield say(
            "Better than chance? p = {p:.3f}, of this statistic and not of the accuracy: {statistic}.",
            p=test.p_value,
            statistic=test.words,
        )


def _about_items(
    trial: Trial, outcome: TrialResult, left_out: NDArray[np.object_], accuracy: float, *, grouped: bool
) -> Iterator[str]:
    """Say which items were not scored or did not train, and what duplicates would have done to the accuracy."""
    known = trial.target.known
    n_small = sum(value is not None for value in left_out)
    if n_without := int((~known).sum()) - n_small:
        yield say(
            "{n} of {n_items} items has no class: it is not scored, and predicted by the final model.",
            "{n} of {n_items} items have no class: they are not scored, and predicted by the final model.",
            n=n_without,
            n_items=len(known),
        )
    if outcome.ungrouped_accuracy is not None:
        ungrouped, same = percent(outcome.ungrouped_accuracy), percent(accuracy)
        if ungrouped == same:
            yield say("With duplicates on both sides of the splits the accuracy would be the same.")
        else:
            yield say(
                "With duplicates on both sides of the splits the accuracy would look like {ungrouped} instead of {accuracy}.",
                ungrouped=ungrouped,
                accuracy=same,
            )
    if outcome.dropped:
        yield _dropped(outcome.dropped, grouped=grouped)
    codes = trial.target.codes[outcome.rounds[0].fold >= 0]
    for code in np.flatnonzero(np.nansum(outcome.shares, axis=0) == 0):
        if n := int((codes == code).sum()):
            yield say(
                "No training row is of class {name}: its {n} test item counts as an error.",
                "No training row is of class {name}: its {n} test items count as errors.",
                n=n,
                name=shorten(repr(trial.target.classes[code].item())),
            )


def _about_classifier(trial: Trial, outcome: TrialResult) -> Iterator[str]:
    """Say what a reader should know of the classifier and of the choices that it made for itself."""
    if not hasattr(outcome.estimator, "predict_proba"):
        yield say(
            "{classifier} gives no probabilities: log-loss, Brier score and calibration are of stand-ins made from its "
            "decision values or choices.",
            classifier=name_of(outcome.estimator),
        )
    untold, known = splits_untold(outcome.estimator), trial.target.known
    if untold and len(np.unique(outcome.together[known])) < int(known.sum()):
        yield say(
            "{classifier} splits its training rows once more (by {names}) and is not told which belong together: what it tunes "
            "there may profit from duplicates. The scores do not: they are of held-out groups. A search with cv=GroupKFold() "
            "is told.",
            classifier=name_of(outcome.estimator),
            names=listed(untold),
        )
    for what in getattr(outcome.estimator, "bounds_", ()):
        yield say("The final classifier: {what}.", what=what)


def _dropped(n: int, *, grouped: bool) -> str:
    """Say how many training rows belong to the test."""
    if grouped:
        return say(
            "{n} training row was left out because a test row is its duplicate or of its group.",
            "{n} training rows were left out because a test row is their duplicate or of their group.",
            n=n,
        )
    return say(
        "{n} training row was left out because a test row is its duplicate.",
        "{n} training rows were left out because a test row is their duplicate.",
        n=n,
    )


def _open_bounds(groups: NDArray[np.intp], n_open: int, n_right: int) -> tuple[float, float]:
    """Return limits of the accuracy if all test items without a class are wrong, and if all are right."""
    share, trials = np.array([n_right, n_right + n_open]) / len(groups), effective_size(groups)
    low, high = wilson(share * trials, trials)
    return float(low[0]), float(high[1])


def _about_open(n_scored: int, n_open: int, n_right: int, bounds: tuple[float, float] | None) -> Iterator[str]:
    """Give the bounds of the accuracy for any classes of the test items without one."""
    if bounds is not None:
        n, (low, high) = n_scored + n_open, bounds
        yield say(
            "{n_scored} of the {n} test items have a class. Whatever the other {n_open} are, between {least} and {most} of all {n} "
            "are right, and the accuracy on such items lies between {low} and {high} (95 % confidence). The scores above are of "
            "those with a class alone.",
            n_scored=n_scored,
            n=n,
            n_open=n_open,
            least=percent(n_right / n),
            most=percent((n_right + n_open) / n),
            low=percent(low),
            high=percent(high),
        )


def _about_names(classes: NDArray[Any], left_out: NDArray[np.object_], together: NDArray[np.intp]) -> Iterator[str]:
    """Name the classes that were left out, and those whose names look equal, or like a missing value."""
    sizes = Counter(value for value in left_out if value is not None)
    if sizes:
        items = {}
        for name, n in sizes.most_common(_SHOWN):
            items[name] = say("{n} item", "{n} items", n=n)
            groups = len(set(together[[value == name for value in left_out]].tolist()))
            if groups < n:
                items[name] = say("{items} in {n} group", "{items} in {n} groups", items=items[name], n=groups)
        named = listed(say("{name} ({what})", name=shorten(repr(name), 40), what=what) for name, what in items.items())
        yield say(
            "One class is too small to be scored and left out of the final model: {names}. Its items are predicted as one of the "
            "other classes and marked in left_out; add items, or pass min_class_size=.",
            "{n} classes are too small to be scored and left out of the final model: {names}. All {n_items} items of "
            "them are predicted as one of the other classes and marked in left_out; add items, or pass min_class_size=.",
            n=len(sizes),
            n_items=sum(sizes.values()),
            names=_and_more(named, len(sizes) - _SHOWN),
        )
    for a, b, what in look_alikes([*classes.tolist(), *sorted(sizes, key=str)]):
        yield say(
            "The classes {a} and {b} look equal and differ in {what}: they count as two.",
            a=shorten(ascii(a) if "Unicode" in what else repr(a), 40),
            b=shorten(ascii(b) if "Unicode" in what else repr(b), 40),
            what=what,
        )
    several = _names_of_several([*classes.tolist(), *sorted(sizes, key=str)])
    if several:
        yield say(
            "The class {names} reads like several of the others at once, and counts as one of its own: a prediction of one of them is "
            "wrong. Items with several classes are out of scope.",
            "The classes {names} read like several of the others at once, and each counts as one of its own: a prediction of one of "
            "them is wrong. Items with several classes are out of scope.",
            n=len(several),
            names=_and_more(listed(shorten(repr(name), 40) for name in several[:_NAMED]), len(several) - _NAMED),
        )
    for name in sorted({*classes.tolist(), *sizes} & _MISSING):
        yield say(
            "The class {name!r} is what a missing value is written as; if it is one, leave it out: y.where(y != {name!r})",
            name=name,
        )


def _names_of_several(names: list[Any]) -> list[str]:
    """Return the names that are other names with a comma or the like between them."""
    texts = [name for name in names if isinstance(name, str)]
    known = {text.strip() for text in texts}
    parts = {text: [part.strip() for part in _BETWEEN.split(text)] for text in texts}
    return [text for text, names in parts.items() if len(names) > 1 and known.issuperset(names)]


def _about_large_groups(ids: NDArray[np.str_], trial: Trial, outcome: TrialResult) -> Iterator[str]:
    """Name the groups of duplicates that make up more than a tenth of a class (and are more than a pair)."""
    codes = trial.target.codes
    sizes = np.bincount(np.maximum(codes, 0)[codes >= 0], minlength=len(trial.target.classes))
    roots, counts = np.unique(outcome.same[codes >= 0], return_counts=True)
    for root in roots[counts > 2]:
        rows = np.flatnonzero((outcome.same == root) & (codes >= 0))
        inside = np.bincount(codes[rows], minlength=len(sizes))
        worst = int(np.argmax(inside / sizes))
        if inside[worst] > _LARGE_SHARE * sizes[worst]:
            yield say(
                "{n} of the {n_items} items of class {name} form one group of duplicates (first: {first}); they count as one and "
                "stay in one fold.",
                n=int(inside[worst]),
                n_items=int(sizes[worst]),
                name=shorten(repr(trial.target.classes[worst].item())),
                first=listed(shorten(repr(str(name)), 40) for name in ids[rows[:_NAMED]]),
            )
