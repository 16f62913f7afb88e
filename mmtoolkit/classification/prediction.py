"""Predictions for new items, after checking that they live in the classifier's space."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmtoolkit.classification.estimators import decide, proba_of
from mmtoolkit.classification.targets import codes_of
from mmtoolkit.space import Space, space_of
from mmtoolkit.vectors import has_vectors, vectors_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.classification.result import Classification

__all__ = ["Fitted", "check_space", "classes", "proba", "risk_coverage"]


class Fitted(Protocol):
    """What a prediction needs to know of a result or of a loaded classifier."""

    @property
    def estimator(self) -> Any:
        """Fitted classifier."""
        ...

    @property
    def classes(self) -> NDArray[Any]:
        """Sorted classes."""
        ...

    @property
    def source(self) -> Any:
        """What it was trained on: Embeddings, an array, or the space that a saved classifier remembers."""
        ...

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Verb and parameters."""
        ...


def check_space(new: Any, trained: Any) -> None:
    """Raise SpaceError when vectors are not from the space that a classifier was trained in."""
    mine, theirs = space_of(trained), space_of(new)
    if not (_tells_space(new) and _tells_space(trained)):  # an array does not say whether it is centered
        mine, theirs = mine.raw, theirs.raw
    if not (mine.model and theirs.model):
        theirs = dataclasses.replace(theirs, model=mine.model, revision=mine.revision, params=mine.params)
    advice = (
        "embed the items with the same model, pass the items themselves, or rows of the embeddings it was trained with"
    )
    mine.refuse(theirs, "the vectors that the classifier was trained on and these", advice)


def _tells_space(source: Any) -> bool:
    return isinstance(source, Space) or has_vectors(source)


def _encoded(source: Any, new: Any) -> NDArray[np.float32]:
    """Embed items into the space of a source."""
    if isinstance(source, Space):
        from mmtoolkit.embedding.encoder import encoder_of

        return encoder_of(source).encode(new, source)
    if has_vectors(source):
        return source.encode(new)
    msg = f"the classifier was trained on a plain array, so it takes Embeddings or an array of shape (n, n_features), not {type(new).__name__}"
    raise TypeError(msg)


def _rows(fitted: Fitted, new: Any) -> NDArray[np.float32]:
    """Return checked rows of the classifier's space for embeddings, an array or items."""
    if not has_vectors(new) and not (isinstance(new, np.ndarray) and new.dtype.kind in "fiu"):
        new = _encoded(fitted.source, new)
    X = vectors_of(new, normalize=bool(fitted.recipe["params"]["normalize"]))
    check_space(new, fitted.source)
    return X


def proba(fitted: Fitted, new: Any) -> NDArray[np.float64]:
    """Return probabilities for embeddings, an array or items."""
    return proba_of(fitted.estimator, _rows(fitted, new), fitted.classes)


def classes(fitted: Fitted, new: Any, *, min_confidence: float = 0.0) -> NDArray[np.object_]:
    """Return the classifier's choices, None where their probability is below the wanted confidence."""
    if not 0.0 <= min_confidence <= 1.0:
        msg = f"min_confidence must be between 0 and 1, got {min_confidence!r}"
        raise ValueError(msg)
    best, found = decide(fitted.estimator, _rows(fitted, new), fitted.classes)
    named = np.array(fitted.classes.tolist(), dtype=object)[best]
    named[found[np.arange(len(best)), best] < min_confidence] = None
    return np.asarray(named)


def risk_coverage(result: Classification) -> pd.DataFrame:
    """Return confidence, coverage and risk of the held-out predictions, the surest first."""
    import pandas as pd

    rows = result.fold >= 0
    sure = result.y_proba[rows, codes_of(result.y_pred[rows], result.classes)]
    order = np.argsort(-sure, kind="stable")
    sure = sure[order]
    wrong = np.cumsum((result.y_pred[rows] != result.y_true[rows])[order].astype(np.float64))
    answered = np.arange(1, len(sure) + 1)
    last = np.append(sure[1:] != sure[:-1], True)
    columns = {"confidence": sure, "coverage": answered / len(sure), "risk": wrong / answered}
    return pd.DataFrame(columns)[last].reset_index(drop=True)
