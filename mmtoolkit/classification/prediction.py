"""Predictions for new items, after checking that they live in the classifier's space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from mmtoolkit.classification.estimators import decide, proba_of
from mmtoolkit.classification.targets import codes_of
from mmtoolkit.errors import SpaceError
from mmtoolkit.vectors import has_vectors, vectors_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.classification.result import Classification

__all__ = ["Fitted", "centers_of", "check_space", "classes", "proba", "risk_coverage", "space_of"]


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
        """Vectors or a `Space` that tells model and dimension and may encode."""
        ...

    @property
    def recipe(self) -> Mapping[str, Any]:
        """Verb and parameters."""
        ...


def centers_of(source: Any) -> Mapping[str, NDArray[np.float32]]:
    """Return the means that were taken from the rows, by modality; empty where none were."""
    found: Mapping[str, NDArray[np.float32]] = getattr(source, "_centers", None) or getattr(source, "centers", {})
    return found


def space_of(source: Any) -> dict[str, Any]:
    """Return model, revision, dimension and params of embeddings; an array has nothing but a dimension."""
    if not hasattr(source, "model"):
        return {"model": "", "revision": "", "dimension": int(np.asarray(source).shape[1]), "params": {}}
    return {
        "model": str(source.model),
        "revision": str(getattr(source, "revision", "")),
        "dimension": int(getattr(source, "dimension", 0) or source.shape[1]),
        "params": dict(getattr(source, "params", {})),
    }


def check_space(new: Any, trained: Any) -> None:
    """Raise SpaceError when vectors are not from the space that a classifier was trained in."""
    mine, theirs = space_of(trained), space_of(new)
    for name in ("model", "revision", "params"):
        if mine["model"] and theirs["model"] and mine[name] != theirs[name]:
            msg = f"the classifier was trained on vectors of {name} {mine[name]!r}, these have {theirs[name]!r}; embed the items with the same model"
            raise SpaceError(msg)
    if hasattr(new, "model") and hasattr(trained, "model") and not _same(centers_of(trained), centers_of(new)):
        was, now = (
            f"centered by {', '.join(sorted(c))}" if (c := centers_of(s)) else "not centered" for s in (trained, new)
        )
        msg = (
            f"the classifier was trained on vectors that were {was}, these are {now}{', by other means' if was == now else ''}; "
            "pass the items themselves, or rows of the embeddings it was trained with"
        )
        raise SpaceError(msg)
    if mine["dimension"] != theirs["dimension"]:
        msg = f"the classifier was trained on vectors of {mine['dimension']} features, these have {theirs['dimension']}"
        raise SpaceError(msg)


def _same(a: Mapping[str, NDArray[np.float32]], b: Mapping[str, NDArray[np.float32]]) -> bool:
    return set(a) == set(b) and all(np.array_equal(a[name], b[name]) for name in a)


def _rows(fitted: Fitted, new: Any) -> NDArray[np.float32]:
    """Return checked rows of the classifier's space for embeddings, an array or items."""
    if not has_vectors(new) and not (isinstance(new, np.ndarray) and new.dtype.kind in "fiu"):
        if not hasattr(fitted.source, "encode"):
            msg = f"the classifier was trained on a plain array, so it takes Embeddings or an array of shape (n, n_features), not {type(new).__name__}"
            raise TypeError(msg)
        new = fitted.source.encode(new)
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
