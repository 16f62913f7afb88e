"""Classes from words alone: items go to the class whose prompts lie nearest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import column
from mmtoolkit._duplicates import duplicate_groups, duplicate_thresholds
from mmtoolkit._text import shorten
from mmtoolkit.classification.metrics import confusion_of, metrics_for, top_k
from mmtoolkit.classification.score_tables import count_scores, hit_table
from mmtoolkit.classification.targets import codes_of, recordable
from mmtoolkit.content import Text
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import HasVectors, has_vectors, ids_of, unit_rows, vectors_of
from mmtoolkit.words import between, percent, say

__all__ = ["TEMPLATES", "ZeroShot", "zero_shot"]

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "en": ("{}", "a photo of {}", "a picture of {}", "a drawing of {}"),
    "zh": ("{}", "一张{}的照片", "一幅{}的图片", "一幅{}的画"),
    "en-text": ("{}", "a text about {}", "this is about {}"),
    "zh-text": ("{}", "关于{}的文字", "这段话讲的是{}"),
}


@dataclass(frozen=True, eq=False, repr=False)
class ZeroShot(Result):
    """Classes given by prompts.

    Attributes
    ----------
    scores : DataFrame
        Index id; one column per class: cosine between item and class (dot product with ``normalize=False``).
    y_pred : ndarray of shape (n_items,), object
        The class with the highest score.
    margin : ndarray of shape (n_items,), float64
        Highest score minus the second.
    classes : ndarray of shape (n_classes,), object
        In the order given.
    prompts : dict of str to tuple of str
        What was embedded for every class.
    metrics : DataFrame or None
        Index metric; value, low, high and baseline, when y is given.
    confusion : DataFrame or None
        Counts, true classes in rows, when y is given.
    n_scored : int
        Rows with a class.
    recipe : Step
        Verb and parameters, to run it again.
    source : Embeddings
        What it was made from.
    """

    scores: pd.DataFrame
    y_pred: NDArray[np.object_]
    margin: NDArray[np.float64]
    classes: NDArray[np.object_]
    prompts: Mapping[str, tuple[str, ...]]
    metrics: pd.DataFrame | None
    confusion: pd.DataFrame | None
    n_scored: int
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        start = say(
            "{n} item to {n_classes} classes",
            "{n} items to {n_classes} classes",
            n=len(self.y_pred),
            n_classes=len(self.classes),
        )
        if self.metrics is None:
            return start
        row: Any = self.metrics.loc["accuracy"]
        return say(
            "{start}, accuracy {value} ({interval}) of {n} without any training",
            start=start,
            value=percent(row["value"]),
            interval=between(percent(row["low"]), percent(float(row["high"]))),
            n=self.n_scored,
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {"scores": self.scores} if self.metrics is None else {"metrics": self.metrics, "scores": self.scores}

    def _readings(self) -> Mapping[str, str]:
        return {
            "metrics": say(
                "scores of the prompts on the items with a class, with the 95 % interval for other items; the baseline always guesses the "
                "most frequent class."
            ),
            "scores": say(
                "how near each item is to the prompts of each class; the item goes to the class of the highest number."
            ),
        }

    def _figures(self) -> Mapping[str, Any]:
        return {"classes": self._draw} if self.confusion is None else {"confusion": self._heat, "classes": self._draw}

    def _heat(self) -> Any:
        from mmtoolkit.figures import heatmap

        counts = self.confusion.to_numpy(dtype=np.float64)  # type: ignore[union-attr]  # drawn only when there
        names = [str(name) for name in self.classes]
        share = float(np.trace(counts) / counts.sum())
        return heatmap(
            counts,
            names,
            names,
            title=say("Classes from words alone"),
            x_title=say("predicted"),
            y_title=say("true"),
            caption=say(
                "{share} of {n} items go to their own class without any training.",
                share=percent(share),
                n=self.n_scored,
            ),
        )

    def _draw(self) -> Any:
        from mmtoolkit.figures import bars

        counts = [int((self.y_pred == name).sum()) for name in self.classes]
        most = int(np.argmax(counts))
        return bars(
            list(self.classes),
            counts,
            title=say("Items per class"),
            x_title=say("items"),
            caption=say(
                "Most items ({most} of {n}) go to {name}.",
                most=counts[most],
                n=len(self.y_pred),
                name=shorten(self.classes[most], 40),
            ),
        )

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return predictions exactly and metrics rounded."""
        exact = {"y_pred": self.y_pred, "classes": self.classes, "n_scored": self.n_scored}
        return {
            "exact": plain(exact),
            "rounded": plain({"metrics": self.metrics, "confusion": self.confusion}),
            "map": {},
        }


@verb("zero_shot", columns=("y",), variable="z")
def zero_shot(
    embeddings: HasVectors,
    classes: Mapping[Any, str | Sequence[str]] | Sequence[Any],
    y: ArrayLike | str | None = None,
    *,
    templates: str | Sequence[str] | None = None,
    normalize: bool = True,
) -> ZeroShot:
    """Classify items by prompts, without any training.

    A class is the mean direction of its prompts; an item goes to the class with the highest score.

    Parameters
    ----------
    embeddings : Embeddings
        Items, embedded by a model that also takes texts.
    classes : mapping of class to prompt or prompts, sequence of pairs of these, or sequence of str
        For instance ``{"bird": ["a photo of a bird", "a bird in a tree"], ...}``. Of a sequence of str every name is
        its own prompt.
    y : array-like of shape (n_items,), str or None, default=None
        True classes or a column, for metrics; missing ones are not scored, others than `classes` raise.
    templates : {"en", "zh", "en-text", "zh-text"}, sequence of str, or None, default=None
        Sentences with ``{}`` into which every prompt is put; several are averaged. None takes prompts as they are.
    normalize : bool, default=True
        Use unit rows of items and prompts, so that scores are cosines. Otherwise scores are dot products of the rows as
        the model returned them with the mean of the prompts' rows.

    Returns
    -------
    ZeroShot
        `scores`, `y_pred`, `margin`, and `metrics` when y is given.

    Raises
    ------
    TypeError
        If the vectors come without a model, so that prompts cannot be embedded.
    ValueError
        If there are fewer than two classes, a class has no prompt, or a template lacks ``{}``.

    References
    ----------
    Radford et al. (2021), Learning transferable visual models from natural language supervision.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> emb = mm.embed_texts(["a cat and a dog", "bread and cheese"], model="local", cache=False, progress=False)
    >>> mm.zero_shot(emb, {"animal": ["an animal"], "food": ["something to eat"]}).y_pred.tolist()
    ['animal', 'food']
    """
    if not has_vectors(embeddings):
        msg = f"zero_shot embeds prompts beside the items, so it needs Embeddings with a model, got {type(embeddings).__name__}"
        raise TypeError(msg)
    prompts = _prompts(classes, templates)
    names = np.empty(len(prompts), dtype=object)
    names[:] = list(prompts)
    pairs = [[name, list(texts)] for name, texts in prompts.items()]
    resolved(classes=pairs, y=recordable(embeddings, y), templates=None)
    X, scale = vectors_of(embeddings, normalize=normalize), unit_rows if normalize else np.asarray
    P = scale(embeddings.encode([Text(text) for texts in prompts.values() for text in texts]))
    ends = np.cumsum([len(texts) for texts in prompts.values()])
    centers = scale(np.stack([part.mean(axis=0) for part in np.split(P, ends[:-1])]))
    scores = (X @ centers.T).astype(np.float64)
    metrics, confusion, n_scored = (None, None, 0) if y is None else _score(embeddings, y, names, scores)
    top = np.sort(scores, axis=1)
    return ZeroShot(
        scores=pd.DataFrame(scores, index=pd.Index(ids_of(embeddings), name="id"), columns=list(names)),
        y_pred=names[scores.argmax(axis=1)],
        margin=top[:, -1] - top[:, -2],
        classes=names,
        prompts=prompts,
        metrics=metrics,
        confusion=confusion,
        n_scored=n_scored,
    )


def _prompts(
    classes: Mapping[Any, str | Sequence[str]] | Sequence[Any], templates: str | Sequence[str] | None
) -> dict[Any, tuple[str, ...]]:
    if isinstance(classes, str):
        msg = f"classes must be a mapping of class to prompts or a sequence of names, got the text {shorten(classes)!r}"
        raise TypeError(msg)
    pairs: Any = classes.items() if isinstance(classes, Mapping) else classes
    given = dict(tuple(pair) if isinstance(pair, list | tuple) and len(pair) == 2 else (pair, pair) for pair in pairs)
    if len(given) < 2:
        msg = f"zero_shot needs at least two classes, got {len(given)}"
        raise ValueError(msg)
    if isinstance(templates, str) and templates not in TEMPLATES:
        msg = f"templates must be one of {', '.join(TEMPLATES)} or a list of sentences with {{}}, got {templates!r}"
        raise ValueError(msg)
    frames = ("{}",) if templates is None else TEMPLATES[templates] if isinstance(templates, str) else tuple(templates)
    for sentence in frames:
        if "{}" not in sentence:
            msg = f"the template {shorten(sentence)!r} has no {{}} for the class"
            raise ValueError(msg)
    if not frames:
        msg = "templates is empty; pass None to take prompts as they are"
        raise ValueError(msg)
    made = {}
    for name, texts in given.items():
        texts = tuple(texts) if isinstance(texts, Iterable) and not isinstance(texts, str) else (texts,)
        if not texts or any(not isinstance(text, str) or not text.strip() for text in texts):
            msg = f"class {shorten(repr(name))} has no prompt, or one that is not text: {shorten(repr(texts))}"
            raise ValueError(msg)
        made[name] = tuple(sentence.replace("{}", text) for text in texts for sentence in frames)
    return made


def _score(
    embeddings: HasVectors, y: ArrayLike | str, names: NDArray[np.object_], scores: NDArray[np.float64]
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    codes = codes_of(column(embeddings, y), names)
    known = codes >= 0
    if not known.any():
        msg = "y has no class for any item"
        raise ValueError(msg)
    unit = vectors_of(embeddings)
    groups = np.unique(duplicate_groups(unit, duplicate_thresholds(embeddings, unit))[known], return_inverse=True)[1]
    codes, kept = codes[known], scores[known]
    predicted = kept.argmax(axis=1)
    table = hit_table(codes, predicted, groups, len(names))
    k = top_k(len(names))
    most = np.full(len(codes), np.bincount(codes).argmax())
    counts = confusion_of(codes, predicted, len(names))
    table["baseline"] = count_scores(metrics_for(len(names), "counts"), confusion_of(codes, most, len(names)))
    if k > 1:
        own = kept[np.arange(len(codes)), codes]
        hit = (kept > own[:, None]).sum(axis=1) < k
        table.loc[f"top_{k}_accuracy", "value"] = float(hit.mean())
    labels = list(names)
    frame = pd.DataFrame(counts, index=pd.Index(labels, name="true"), columns=pd.Index(labels, name="predicted"))
    return table, frame, len(codes)
