"""MTEB's classification protocol: few labels, raw rows, ten draws, one plain logistic regression."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score, f1_score, precision_score, recall_score
from sklearn.model_selection import KFold

from mmtoolkit._arguments import check_count
from mmtoolkit._text import shorten
from mmtoolkit.classification.classifying import test_mask
from mmtoolkit.classification.targets import make_target
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import HasVectors, vectors_of
from mmtoolkit.words import say

__all__ = ["ProtocolScores", "mteb_classification"]

_SEED = 42
_N_FOLDS = 5


@dataclass(frozen=True, eq=False, repr=False)
class ProtocolScores(Result):
    """Scores of a published protocol.

    Attributes
    ----------
    name : str
        How to cite the numbers.
    scores : DataFrame
        Index experiment; one column per metric.
    mean : Series
        Plain mean of every metric over the experiments.
    draws : tuple of ndarray
        Row numbers that trained in each experiment, in the order drawn.
    recipe : Step
        Verb and parameters, to run it again.
    source : Embeddings or array
        What it was made from.
    """

    name: str
    scores: pd.DataFrame
    mean: pd.Series[float]
    draws: tuple[NDArray[np.intp], ...]
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        return say(
            "{name}: accuracy {accuracy:.4f}, macro-F1 {f1:.4f}, {n} experiments",
            name=self.name,
            accuracy=self.mean["accuracy"],
            f1=self.mean["f1"],
            n=len(self.scores),
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {"mean": self.mean.to_frame("value").rename_axis("metric"), "experiments": self.scores}

    def _figures(self) -> Mapping[str, Any]:
        return {"experiments": self._draw}

    def _draw(self) -> Any:
        from mmtoolkit.figures import bars

        accuracy = self.scores["accuracy"]
        return bars(
            [say("draw {number}", number=i) for i in self.scores.index],
            accuracy,
            title=self.name,
            x_title=say("accuracy"),
            baseline=float(accuracy.mean()),
            baseline_name="mean",
            caption=say(
                "Mean accuracy {mean:.3f} over {n} draws of a few labels per class; single draws run from {low:.3f} to {high:.3f}.",
                mean=accuracy.mean(),
                n=len(accuracy),
                low=accuracy.min(),
                high=accuracy.max(),
            ),
        )

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return draws exactly and scores rounded."""
        exact = {"name": self.name, "draws": list(self.draws)}
        return {"exact": plain(exact), "rounded": plain({"scores": self.scores, "mean": self.mean.to_dict()})}


@verb("protocols.mteb_classification", columns=("y", "test"))
def mteb_classification(
    embeddings: HasVectors | ArrayLike,
    y: ArrayLike | str = "label",
    *,
    test: ArrayLike | str | None = None,
    samples_per_label: int = 8,
    n_experiments: int = 10,
    cross_validation: bool = False,
) -> ProtocolScores:
    """Score embeddings by MTEB-v2's classification protocol, on rows as the model returned them.

    Cite the result as "MTEB-v2 classification protocol (8x10) on <your data>", not as an MTEB score. The protocol fixes
    C = 1, the seed and rows as they are (so there is no `normalize` and no `random_state`), which is hard on unit-length
    vectors: show `classify` beside it.

    Parameters
    ----------
    embeddings : Embeddings or array of shape (n_items, n_features)
        Vectors; their order matters, since draws walk the rows.
    y : array-like of shape (n_items,) or str, default="label"
        Classes, none missing.
    test : array-like or str, optional
        Mask, row numbers, or a column that says "test"; needed unless `cross_validation`.
    samples_per_label : int, default=8
        Training rows per class; 16 for MIEB's pictures.
    n_experiments : int, default=10
        Number of draws; 5 for MIEB's pictures.
    cross_validation : bool, default=False
        Five unstratified folds with one draw each, as for MVEB's videos, instead of a fixed split.

    Returns
    -------
    ProtocolScores
        `scores` per experiment and their `mean`.

    Raises
    ------
    ValueError
        If there is no test split, rows lack a class, training rows have one class only, or rows hold NaN.

    References
    ----------
    Muennighoff et al. (2023), MTEB: massive text embedding benchmark; the source of its second version.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> import mmtoolkit as mm
    >>> X, y = load_iris(return_X_y=True)
    >>> mm.protocols.mteb_classification(X, y, test=range(0, 150, 3))
    <ProtocolScores: MTEB-v2 classification protocol (8x10): accuracy 0.9..., macro-F1 0.9..., 10 experiments>
    """
    target = make_target(embeddings, y)
    X = vectors_of(embeddings, normalize=False)
    if not target.known.all():
        msg = f"row {int(np.argmin(target.known))} has no class; the protocol needs one for every row"
        raise ValueError(msg)
    check_count("samples_per_label", samples_per_label, 1)
    check_count("n_experiments", n_experiments, 1)
    if (test is None) is not cross_validation:
        msg = f"give either test= or cross_validation=True, got test={shorten(repr(test))} and cross_validation={cross_validation}"
        raise ValueError(msg)
    mask = None if test is None else test_mask(embeddings, test)
    folds = KFold(_N_FOLDS, shuffle=True, random_state=_SEED)
    splits = list(folds.split(X)) if mask is None else [(np.flatnonzero(~mask), np.flatnonzero(mask))] * n_experiments
    draws = list(_draws(splits, target.codes, samples_per_label))
    for number, (train, _) in enumerate(draws):
        if len(learned := np.unique(target.codes[train])) < 2:
            msg = (
                f"experiment {number} would train on one class only, {shorten(repr(target.classes[learned[0]].item()))}; "
                "the training side of the split needs at least two"
            )
            raise ValueError(msg)
    rows = [_experiment(X, target.codes, train, held) for train, held in draws]
    scores = pd.DataFrame(rows).rename_axis(index="experiment")
    size = "cross-validation" if cross_validation else f"{samples_per_label}x{n_experiments}"
    resolved(
        y=y if isinstance(y, str) else target.values,
        test=test if mask is None or isinstance(test, str) else np.flatnonzero(mask),
    )
    return ProtocolScores(
        name=f"MTEB-v2 classification protocol ({size})",
        scores=scores,
        mean=scores.mean(),
        draws=tuple(train for train, _ in draws),
    )


Splits = list[tuple["NDArray[np.intp]", "NDArray[np.intp]"]]


def _draws(
    splits: Splits, codes: NDArray[np.intp], samples_per_label: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield training and test rows per experiment; each shuffles the order of the one before, with the same seed."""
    order = np.arange(len(splits[0][0]))
    for train, held in splits:
        np.random.RandomState(_SEED).shuffle(order)
        inside = order[order < len(train)]  # it keeps the first fold's length, so a shorter fold lacks the last number
        own = codes[train[inside]]
        rank = np.empty(len(own), dtype=np.intp)
        for code in np.unique(own):
            rank[own == code] = np.arange(int((own == code).sum()))
        yield train[inside[rank < samples_per_label]], held


def _experiment(
    X: NDArray[np.float32], codes: NDArray[np.intp], train: NDArray[np.intp], held: NDArray[np.intp]
) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the protocol stops at 100 steps, converged or not
        predicted = LogisticRegression(max_iter=100, random_state=_SEED).fit(X[train], codes[train]).predict(X[held])
    true = codes[held]
    scores = {"accuracy": float(accuracy_score(true, predicted))}
    for name, score in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
        scores[name] = float(score(true, predicted, average="macro", zero_division=0))
        scores[f"{name}_weighted"] = float(score(true, predicted, average="weighted", zero_division=0))
    values = np.unique(true)
    if len(values) == 2:
        own, said = true == values[1], predicted == values[1]
        scores["ap"] = float(average_precision_score(own, said))
        scores["ap_weighted"] = float(average_precision_score(own, said, average="weighted"))
    return scores
