"""How the score grows with the number of labels, and whether more labels would help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._arguments import check_count
from mmtoolkit._blocks import in_order
from mmtoolkit._text import shorten
from mmtoolkit.classification.crossval import splits_of
from mmtoolkit.classification.estimators import fit, make_estimator, shares_nothing
from mmtoolkit.classification.folds import effective_size
from mmtoolkit.classification.intervals import wilson
from mmtoolkit.classification.targets import codes_of
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step, resolved
from mmtoolkit.vectors import vectors_of
from mmtoolkit.words import between, joined, percent, say

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification

__all__ = ["LearningCurve", "draw_curve", "forecast"]

_N_BOOT = 400
_LEAST_POINTS = 5
_WIDEST = 0.20
_DECAYS = np.linspace(0.05, 2.0, 40)


@dataclass(frozen=True, eq=False, repr=False)
class LearningCurve(Result):
    """Accuracy over labels per class.

    Attributes
    ----------
    points : DataFrame
        Index labels_per_class; columns n_train (mean number of training rows), accuracy, low, high (95 %) and n_draws.
    forecast : dict or None
        n_train, accuracy, low, high expected with twice the labels; None when it cannot be said.
    reason : str
        The forecast, or why there is none, in one sentence; in another which sizes are too small for the classifier.
    recipe : Step
        Verb and parameters, and those of the classification.
    source : Embeddings or array
        What was classified.
    """

    points: pd.DataFrame
    forecast: Mapping[str, float] | None
    reason: str
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        last = self.points.iloc[-1]
        return say(
            "accuracy {value} with {n:.0f} labels. {reason}",
            value=percent(last["accuracy"]),
            n=last["n_train"],
            reason=self.reason,
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {say("accuracy by labels per class"): self.points}

    def _readings(self) -> Mapping[str, str]:
        return {
            say("accuracy by labels per class"): say(
                "each row is the mean accuracy on held-out items of so many draws with at most so many labels of each class, and its 95 % "
                "interval from these draws and the number of items; the interval of the classification holds other training items, too."
            )
        }

    def _figures(self) -> Mapping[str, Any]:
        return {"learning_curve": self._draw}

    def _draw(self) -> Any:
        from mmtoolkit.figures import curve

        p = self.points
        first, last = p.iloc[0], p.iloc[-1]
        return curve(
            p["n_train"],
            {say("accuracy"): (p["accuracy"], p["low"], p["high"])},
            title=say("How many labels are enough?"),
            x_title=say("labels in training"),
            y_title=say("accuracy on held-out items"),
            caption=joined(
                say(
                    "With {few:.0f} labels {least} are right, with {many:.0f} {most}.",
                    few=first["n_train"],
                    least=percent(first["accuracy"]),
                    many=last["n_train"],
                    most=percent(last["accuracy"]),
                ),
                self.reason,
            ),
        )

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return points and forecast, rounded."""
        return {"exact": {}, "rounded": plain({"points": self.points, "forecast": self.forecast}), "map": {}}


def draw_curve(result: Classification, *, sizes: Sequence[int] | None = None, n_draws: int = 2) -> LearningCurve:
    """Measure the curve behind ``Classification.learning_curve``."""
    check_count("n_draws", n_draws, 1)
    params = result.recipe.params
    codes = codes_of(result.y_true, result.classes)
    X = vectors_of(result.source, normalize=bool(params["normalize"]))
    splits = splits_of(result)
    most = max(int(np.bincount(codes[train]).max()) for train, _ in splits)
    optional = sizes is None
    given: object = sizes
    if isinstance(given, str):
        msg = f"sizes must be labels per class, a list of whole numbers, got {sizes!r}"
        raise ValueError(msg)
    sizes = [2**k for k in range(int(np.log2(most)) + 1)] if sizes is None else [int(m) for m in sizes]
    if not sizes or min(sizes) < 1:
        msg = f"sizes must be labels per class of at least 1, got {sizes!r}"
        raise ValueError(msg)
    draws: dict[int, list[tuple[int, float]]] = {m: [] for m in [*sizes, most]}
    too_small: dict[int, str] = {}
    jobs = [(fold, m, d) for fold in range(len(splits)) for m in draws for d in range(1 if m == most else n_draws)]

    def work(job: tuple[int, int, int]) -> tuple[int, float] | ValueError:
        fold, m, _ = job
        rng = np.random.default_rng([int(params["random_state"]), *job])
        try:
            return _score(result, X, codes, splits[fold], m, rng)
        except ValueError as error:  # a classifier may need more rows than the smallest sizes have
            return error

    side_by_side = shares_nothing(result.estimator)
    for (_, m, _), point in zip(jobs, in_order(work, jobs) if side_by_side else map(work, jobs), strict=True):
        if isinstance(point, tuple):
            draws[m].append(point)
        elif m == most or not optional:
            raise point
        else:
            too_small.setdefault(m, str(point))
    sizes = [m for m in sizes if m not in too_small]
    draws = {m: draws[m] for m in [*sizes, most]}
    trials = effective_size(result.together[np.concatenate([test for _, test in splits])])
    table = {m: _point(values, trials) for m, values in draws.items()}
    points = pd.DataFrame.from_dict(table, orient="index", columns=["n_train", "accuracy", "low", "high", "n_draws"])
    points = points.rename_axis(index="labels_per_class").drop_duplicates("n_train")
    scores = [np.array([a for _, a in draws[m]]) for m in points.index]
    found, reason = forecast(points["n_train"].to_numpy(), scores, int(params["random_state"]), trials=trials)
    if too_small:
        few, why = ", ".join(map(str, too_small)), shorten(" ".join(next(iter(too_small.values())).split()), 120)
        few_told = say(
            "Too few labels per class for {classifier}: {sizes} ({why}).",
            classifier=type(result.estimator).__name__,
            sizes=few,
            why=why,
        )
        reason = joined(reason, few_told)
    resolved(sizes=sizes)
    return LearningCurve(points, found, reason)


def _score(
    result: Classification,
    X: NDArray[np.float32],
    codes: NDArray[np.intp],
    split: tuple[NDArray[np.intp], NDArray[np.intp]],
    m: int,
    rng: np.random.Generator,
) -> tuple[int, float]:
    """Train on up to m rows per class and return how many rows that are, and the accuracy on the test rows."""
    train, test = split
    rows = _draw_rows(train, codes, m, rng)
    model = fit(make_estimator(result.estimator), X, result.classes[codes[rows]], result.together[rows], rows)
    hits = model.predict(X[test]) == result.classes[codes[test]]
    return len(rows), float(hits.mean())


def _draw_rows(train: NDArray[np.intp], codes: NDArray[np.intp], m: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return up to m rows per class."""
    shuffled = rng.permutation(train)
    kept = [shuffled[codes[shuffled] == k][:m] for k in np.unique(codes[train])]
    return np.sort(np.concatenate(kept))


def _point(values: list[tuple[int, float]], trials: float) -> tuple[float, float, float, float, int]:
    """Return mean size, mean accuracy and its interval: the wider of the draws' spread and Wilson's for so many independent items."""
    from scipy.stats import t

    n, scores = np.array([v[0] for v in values]), np.array([v[1] for v in values])
    mean = float(scores.mean())
    spread = float(scores.std(ddof=1) / np.sqrt(len(scores))) if len(scores) > 1 else 0.0
    half = float(t.ppf(0.975, max(len(scores) - 1, 1))) * spread
    least, most = map(float, wilson(mean * trials, trials))
    return float(n.mean()), mean, max(min(mean - half, least), 0.0), min(max(mean + half, most), 1.0), len(scores)


def _power_law(n: NDArray[np.float64], error: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    """Fit error = c + a n^-b with a, c >= 0 to each row of errors, (n_fits, n_points); return the errors at another n."""
    best = np.full(len(error), np.inf)
    value = np.full(len(error), np.nan)
    for b in _DECAYS:
        x = n**-b
        centred = x - x.mean()
        a = np.maximum(error @ centred / (centred @ centred), 0.0)
        c = error.mean(axis=1) - a * x.mean()
        negative = c < 0
        a = np.where(negative, np.maximum(error @ x / (x @ x), 0.0), a)
        c = np.maximum(c, 0.0)
        loss = ((error - c[:, None] - a[:, None] * x) ** 2).sum(axis=1)
        better = loss < best
        best = np.where(better, loss, best)
        value = np.where(better, c + a * at**-b, value)
    return value


def forecast(
    n_train: NDArray[np.float64], scores: Sequence[NDArray[np.float64]], random_state: int, *, trials: float
) -> tuple[dict[str, float] | None, str]:
    """Say what twice the labels would give, or that it cannot be said.

    A power law (Cortes et al. 1993) is fitted to resampled draws. First it must foretell the last measured point from
    the points before; where it fails that, nothing is claimed.

    Parameters
    ----------
    n_train : ndarray of shape (n_points,)
        Training sizes, ascending.
    scores : sequence of ndarrays
        Accuracies of the draws at every size.
    random_state : int
        Seed of the resampling.
    trials : float
        Independent items that were scored: of fewer the accuracy is less sure, however alike the draws are.

    Returns
    -------
    found : dict or None
        n_train, accuracy, low, high.
    reason : str
        One sentence.
    """
    if len(n_train) < _LEAST_POINTS:
        return (
            None,
            say(
                "Cannot say what more labels would bring: the curve has {n} point, {needed} are needed.",
                "Cannot say what more labels would bring: the curve has {n} points, {needed} are needed.",
                n=len(n_train),
                needed=_LEAST_POINTS,
            ),
        )
    rng = np.random.default_rng(random_state)
    errors = np.stack([1.0 - s[rng.integers(len(s), size=(_N_BOOT, len(s)))].mean(axis=1) for s in scores], axis=1)
    back = 1.0 - _power_law(n_train[:-1], errors[:, :-1], float(n_train[-1]))
    last = float(scores[-1].mean())
    slack = 2.0 * float(np.std(scores[-1]) / np.sqrt(len(scores[-1])))
    low, high = np.quantile(back, [0.025, 0.975])
    if not low - slack <= last <= high + slack:
        return None, say(
            "Cannot say what more labels would bring: from the smaller sizes the curve foretells {interval} for the last "
            "point, which is {last}.",
            interval=between(percent(low), percent(high)),
            last=percent(last),
        )
    ahead = 1.0 - _power_law(n_train, errors, 2.0 * float(n_train[-1]))
    low, middle, high = (float(q) for q in np.quantile(ahead, [0.025, 0.5, 0.975]))
    least, most = map(float, wilson(last * trials, trials))
    low, high = max(low - max(slack, last - least), 0.0), min(high + max(slack, most - last), 1.0)
    if high - low > _WIDEST:
        return None, say(
            "Cannot say what more labels would bring: anything from {interval} is plausible.",
            interval=between(percent(low), percent(high)),
        )
    found = {"n_train": 2.0 * float(n_train[-1]), "accuracy": middle, "low": low, "high": high}
    return found, say(
        "Twice the labels would give about {middle} ({interval}).",
        middle=percent(middle),
        interval=between(percent(low), percent(high)),
    )
