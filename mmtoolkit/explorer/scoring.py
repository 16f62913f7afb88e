"""What the answers given in the explorer teach: a classifier, its score, and proposals for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from mmtoolkit.classification.result import Classification
    from mmtoolkit.explorer.core import Explorer

__all__ = ["classifier", "propose", "score"]


def classifier(self: Explorer) -> Classification:
    """Return the score of the answers given so far; made anew after new ones."""
    notes = self.notes
    said = (*notes.annotation[notes.judged], *(part.tobytes() for part in (notes.judged, notes.sample, notes.audited)))
    if self._classifier is None or self._classifier[0] != said:
        self._classifier = said, self.score()
    return self._classifier[1]


def score(self: Explorer, **options: Any) -> Classification:
    """Train on the annotations and score on the audit sample only.

    Where only some items of the sample are answered, ``accuracy_bounds`` of the result holds whatever the others are. An
    item of the sample that was annotated by lasso or search alone counts as not answered, and does not train.

    Parameters
    ----------
    **options
        As `classify` takes them.

    Returns
    -------
    Classification
        Its predictions cover every item without an annotation. A class that only the sample has counts as
        errors, and the notes say so.

    Raises
    ------
    ValueError
        If no item of a random audit sample was annotated, or nothing else was.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> rng, y = np.random.default_rng(0), np.array(["a", "b"] * 40)
    >>> X = 3 * np.eye(8)[(y == "a").astype(int)] + rng.normal(size=(80, 8))
    >>> ex = mm.explore(X, projection=X[:, :2])
    >>> for row in ex.audit_sample(20)["id"].astype(int):
    ...     _ = ex.label(y[row])
    >>> rest = np.flatnonzero(~ex.audited)
    >>> ex.label("a", items=rest[y[rest] == "a"]) + ex.label("b", items=rest[y[rest] == "b"])
    60
    >>> ex.score(inference=False).n_scored
    20
    """
    from mmtoolkit.classification import classify

    audited, sample = self.audited, self.notes.sample
    elsewhere = int((self.notes.judged & ~sample).sum())
    if not (audited.any() and elsewhere):
        msg = (
            f"{int(audited.sum())} items were judged in the audit sample and {elsewhere} elsewhere; a score needs both: "
            "ex.audit_sample(50) to test, lasso or search to train"
        )
        raise ValueError(msg)
    y = np.where((sample & ~audited) | ~self.notes.judged, np.array(None), self.annotated)
    return classify(self.source, y=y, test=sample, **options)


def propose(self: Explorer, min_confidence: float = 0.9) -> pd.DataFrame:
    """Annotate the rest as `classifier` predicts, marked as proposed; `undo` takes all of them back.

    Proposals are no answers: nothing is trained or scored on them, and a review asks about them as before.

    Parameters
    ----------
    min_confidence : float, default=0.9
        Smallest probability of the predicted class, above 0 and at most 1.

    Returns
    -------
    DataFrame
        id, annotation and confidence of the proposals, the least sure first.

    Raises
    ------
    ValueError
        If there is nothing to score on or to train on (see `score`), or `min_confidence` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.random.default_rng(0).normal(size=(100, 16))
    >>> X[:50, 0] += 6
    >>> ex = mm.explore(X, projection=X[:, :2])
    >>> _ = ex.review("learn")
    >>> for _ in range(48):
    ...     _ = ex.label("cat" if ex.asked < 50 else "dog")
    >>> proposed = ex.propose(0.6)
    >>> sorted(set(proposed["annotation"]))
    ['cat', 'dog']
    >>> ex.annotations["how"].value_counts()["proposed"] == len(proposed)
    np.True_
    """
    if not 0.0 < min_confidence <= 1.0:
        msg = f"min_confidence must be above 0 and at most 1, got {min_confidence!r}"
        raise ValueError(msg)
    r = self.classifier
    proba = np.asarray(r.predict_proba(self.source))
    sure, names = proba.max(axis=1), np.asarray(r.classes, dtype=object)[proba.argmax(axis=1)]
    open_, proposed = ~self.notes.judged, sure >= min_confidence
    self.reviews.propose(np.flatnonzero(open_), np.where(proposed, names, np.array(None))[open_])
    rows = np.flatnonzero(open_ & proposed)
    rows = rows[np.argsort(sure[rows], kind="stable")]
    return pd.DataFrame({"id": self.ids[rows].astype(object), "annotation": names[rows], "confidence": sure[rows]})
