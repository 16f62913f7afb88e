"""The base of all fitted classifiers: they predict new items after a check that these have the same space."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._numbers import as_numbers, check_columns, feature_names
from mmtoolkit.classification.estimators import decide, proba_of
from mmtoolkit.results import Result
from mmtoolkit.space import Space, space_of
from mmtoolkit.steps import UNRECORDED, Step
from mmtoolkit.vectors import has_vectors, vectors_of

__all__ = ["Predictor", "check_space"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Predictor(Result):
    """A fitted classifier that knows the space of its vectors, whether it was trained here or read from disk.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Sorted classes.
    estimator : scikit-learn classifier
        Fitted.
    recipe : Step
        Verb and parameters, to train it again.
    source : Embeddings, array or Space
        What it was trained on, or the space of those vectors.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
    >>> r.classes.tolist(), r.min_confidence
    (['a', 'b'], 0.0)
    """

    classes: NDArray[Any]
    estimator: Any = field(repr=False)
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def predict_proba(self, new: Any) -> NDArray[np.float64]:
        """Return the probabilities of the classes for other items.

        Parameters
        ----------
        new : Embeddings, array of shape (n, n_features), items frame, contents or str
            Items are embedded with the same model; a str is a text.

        Returns
        -------
        ndarray of shape (n, n_classes), float64
            Columns in the order of `classes`.

        Raises
        ------
        SpaceError
            If the vectors come from another model, revision or dimension.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
        >>> r.predict_proba(np.array([[1.0, 0.0]])).round(1).tolist()
        [[1.0, 0.0]]
        """
        return proba_of(self.estimator, self._rows(new), self.classes)

    @property
    def min_confidence(self) -> float:
        """Probability below which `predict` answers None when it is not told another: 0, or what was saved with a classifier."""
        return 0.0

    def predict(self, new: Any, *, min_confidence: float | None = None) -> NDArray[np.object_]:
        """Return the classes of other items, None where the classifier is not sure enough.

        Parameters
        ----------
        new : Embeddings, array of shape (n, n_features), items frame, contents or str
            As `predict_proba` takes it.
        min_confidence : float or None, default=None
            Probability of the class below which the answer is None; ``Classification.thresholds`` finds the one that keeps a
            promise (``inf`` answers nothing). None is the `min_confidence` of the classifier.

        Returns
        -------
        ndarray of shape (n,), object
            Classes.

        Raises
        ------
        SpaceError
            If the vectors come from another model, revision or dimension.
        ValueError
            If `min_confidence` is not between 0 and 1, nor ``inf``.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> r = mm.classify(np.repeat(np.eye(2), 20, axis=0), list("a" * 20 + "b" * 20), duplicates="ignore", inference=False)
        >>> r.predict(np.array([[1.0, 0.0], [1.0, 1.0]]), min_confidence=0.8).tolist(), r.min_confidence
        (['a', None], 0.0)
        """
        least = self.min_confidence if min_confidence is None else min_confidence
        if not (0.0 <= least <= 1.0 or least == np.inf):
            msg = f"min_confidence must be between 0 and 1, got {min_confidence!r}"
            raise ValueError(msg)
        best, found = decide(self.estimator, self._rows(new), self.classes)
        named = np.array(self.classes.tolist(), dtype=object)[best]
        named[found[np.arange(len(best)), best] < least] = None
        return np.asarray(named)

    @property
    def _columns(self) -> tuple[str, ...]:
        return feature_names(self.source)

    def _rows(self, new: Any) -> NDArray[np.float32]:
        """Return checked rows of the classifier's space for embeddings, an array or items."""
        if not has_vectors(new):
            rows = as_numbers(new)
            new = _encoded(self.source, new) if rows is None else rows
        check_columns(self._columns, new)
        X = vectors_of(new, normalize=bool(self.recipe.params["normalize"]))
        check_space(new, self.source)
        return X


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
