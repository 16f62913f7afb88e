"""The classifier inside ``classify``: ready to clone, and written down so that a report can build it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import seeded
from mmtoolkit._described import restored
from mmtoolkit.classification.coded import CodedClassifier
from mmtoolkit.classification.logistic import LogisticClassifier, check_class_weight, linear_of
from mmtoolkit.classification.multinomial import softmax
from mmtoolkit.provenance import one_thread

__all__ = ["decide", "fit", "make_estimator", "proba_of", "shares_nothing", "splits_untold"]


def make_estimator(estimator: Any, *, class_weight: Any = None, random_state: int = 0) -> Any:
    """Return an unfitted classifier.

    Parameters
    ----------
    estimator : None, scikit-learn classifier, or mapping from `described`
        None is `LogisticClassifier`. A classifier is cloned; where its ``random_state`` is None it gets ours.
    class_weight : None, "balanced" or dict, default=None
        Class weights.
    random_state : int, default=0
        Seed.

    Returns
    -------
    estimator
        A new, unfitted one.

    Raises
    ------
    TypeError
        If it is no classifier.
    ValueError
        If a class weight is negative, `class_weight` is given and the classifier has no such parameter, or the mapping names a class outside
        scikit-learn and mmtoolkit.
    """
    from sklearn.base import is_classifier

    check_class_weight(class_weight)
    if estimator is None:
        return LogisticClassifier(class_weight=class_weight, random_state=random_state)
    made = restored(estimator) if isinstance(estimator, Mapping) else estimator
    if isinstance(made, type) or not hasattr(made, "get_params") or not is_classifier(made):
        msg = f"estimator must be a scikit-learn classifier such as sklearn.svm.SVC(), got {made!r}"
        raise TypeError(msg)
    made = seeded(made, random_state)
    if class_weight is not None:
        if "class_weight" not in made.get_params():
            msg = f"{type(made).__name__} takes no class_weight; set it on the step that does"
            raise ValueError(msg)
        made.set_params(class_weight=class_weight)
    return made


def fit(
    estimator: Any, X: NDArray[np.float32], y: NDArray[Any], groups: NDArray[np.intp], rows: NDArray[np.intp]
) -> Any:
    """Fit the numbered rows of X, on one thread; y and groups are theirs.

    Groups reach the classifiers that ask for them, so that their inner folds respect them. A classifier that takes only
    the numbers 0..n-1 as classes, as XGBoost, is given these.
    """
    if type(estimator) is LogisticClassifier:
        return estimator.fit_rows(X, rows, y, groups)
    X, name = X[rows], _groups_go_to(estimator)
    options = {} if name is None else {name: groups}
    with one_thread():
        try:
            return estimator.fit(X, y, **options)
        except ValueError as error:
            if np.array_equal(np.unique(y), np.arange(len(np.unique(y)))):
                raise _refused(estimator, X, error) from error
            try:
                return CodedClassifier(estimator).fit(X, y, **options)
            except ValueError:  # it was not about the classes
                raise _refused(estimator, X, error) from error


def _refused(estimator: Any, X: NDArray[np.float32], error: ValueError) -> ValueError:
    """Return an error that says what a classifier was given, followed by its own words."""
    return ValueError(
        f"{type(estimator).__name__} cannot be fitted on {len(X)} rows of {X.shape[1]} features, which are numbered 0 to "
        f"{X.shape[1] - 1} and have no names: {error}"
    )


def shares_nothing(estimator: Any) -> bool:
    """Return whether fits may run in parallel: all parts are our own or scikit-learn's, whose clones share nothing."""
    if isinstance(estimator, type | Mapping) or not hasattr(estimator, "get_params"):
        return True
    parts = [estimator, *(value for value in estimator.get_params().values() if hasattr(value, "fit"))]
    return all(type(part).__module__.startswith(("sklearn.", "mmtoolkit.")) for part in parts)


def _groups_go_to(estimator: Any) -> str | None:
    """Return the argument of fit that takes groups: of the classifier, of a pipeline's last step, of a search by groups."""
    from sklearn.pipeline import Pipeline
    from sklearn.utils.metadata_routing import get_routing_for_object
    from sklearn.utils.validation import has_fit_parameter

    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        inner = _groups_go_to(last)
        return None if inner is None else f"{step}__{inner}"
    if has_fit_parameter(estimator, "groups"):
        return "groups"
    searches = hasattr(estimator, "refit") and hasattr(estimator, "cv")  # GridSearchCV and the like
    return "groups" if searches and get_routing_for_object(estimator.cv).consumes("split", ["groups"]) else None


def splits_untold(estimator: Any) -> list[str]:
    """Return the parameters with inner cross-validations that do not get the groups from `fit`."""
    taken = _groups_go_to(estimator)
    told = None if taken is None else taken.removesuffix("groups") + "cv"
    return [name for name in estimator.get_params() if name.split("__")[-1] == "cv" and name != told]


def decide(
    estimator: Any, X: NDArray[np.float32], classes: NDArray[Any]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the number in `classes` of the classifier's own choice for every row, and all probabilities.

    The choice is not always the most probable class: a classifier may have a threshold of its own, or decide by other
    values.
    """
    if type(estimator) is LogisticClassifier and len(estimator.classes_) == len(classes):
        with one_thread():
            return linear_of(estimator).decide(X)
    proba = proba_of(estimator, X, classes)
    with one_thread():
        return np.asarray(np.searchsorted(classes, estimator.predict(X)), dtype=np.intp), proba


def proba_of(estimator: Any, X: NDArray[np.float32], classes: NDArray[Any]) -> NDArray[np.float64]:
    """Return probabilities in the order of `classes`.

    Parameters
    ----------
    estimator : fitted classifier
        Without ``predict_proba`` the softmax of its decision values stands in, and without those, or where they are of
        pairs of classes, its choice.
    X : ndarray of shape (n_items, n_features)
        Rows.
    classes : ndarray of shape (n_classes,)
        Columns wanted; those that the classifier never saw are 0.

    Returns
    -------
    ndarray of shape (n_items, n_classes), float64
        Rows sum to 1.
    """
    with one_thread():
        if hasattr(estimator, "predict_proba"):
            found = np.asarray(estimator.predict_proba(X), dtype=np.float64)
        elif hasattr(estimator, "decision_function") and not _decides_by_pairs(estimator):
            logits = np.asarray(estimator.decision_function(X), dtype=np.float64)
            found = softmax(np.stack([-logits, logits], axis=1) / 2 if logits.ndim == 1 else logits)
        else:
            found = (np.asarray(estimator.predict(X))[:, None] == estimator.classes_).astype(np.float64)
    proba = np.zeros((len(X), len(classes)))
    proba[:, np.searchsorted(classes, estimator.classes_)] = found
    return proba


def _decides_by_pairs(estimator: Any) -> bool:
    """Return whether decision values belong to pairs of classes; three classes have three pairs, too."""
    params = getattr(estimator, "best_estimator_", estimator).get_params()
    shapes = [value for name, value in params.items() if name.split("__")[-1] == "decision_function_shape"]
    return len(estimator.classes_) > 2 and "ovo" in shapes
