"""Classes as 0..n-1 for the classifiers that take no others, such as XGBoost; predictions are classes again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.metaestimators import available_if

__all__ = ["CodedClassifier", "name_of"]

_Method = TypeVar("_Method", bound=Callable[..., Any])


def name_of(estimator: Any) -> str:
    """Return the name of a classifier's Python class; of the wrapped one, where a `CodedClassifier` wraps it."""
    return type(getattr(estimator, "estimator", None) if isinstance(estimator, CodedClassifier) else estimator).__name__


def _where_it_has(name: str) -> Callable[[_Method], _Method]:
    found: Callable[[_Method], _Method] = available_if(
        lambda self: hasattr(getattr(self, "estimator_", self.estimator), name)
    )
    return found


class CodedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """Give a classifier the numbers of classes, and give back classes.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Wants classes 0..n-1.

    Attributes
    ----------
    estimator_ : scikit-learn classifier
        Fitted on numbers.
    classes_ : ndarray of shape (n_classes,)
        Sorted classes.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: ArrayLike, y: ArrayLike, **options: Any) -> CodedClassifier:
        """Fit on numbers of classes.

        Parameters
        ----------
        X : array-like of shape (n_items, n_features)
            Rows.
        y : array-like of shape (n_items,)
            Classes.
        **options
            As the classifier's `fit` takes them.

        Returns
        -------
        CodedClassifier
            Itself.
        """
        self.classes_, codes = np.unique(y, return_inverse=True)
        number = {name: code for code, name in enumerate(self.classes_.tolist())}
        weights = {
            name: {number[key]: weight for key, weight in value.items() if key in number}
            for name, value in self.estimator.get_params().items()
            if name.split("__")[-1] == "class_weight" and isinstance(value, Mapping)
        }
        self.estimator_ = clone(self.estimator).set_params(**weights).fit(X, codes, **options)
        return self

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return classes.

        Parameters
        ----------
        X : array-like of shape (n_items, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_items,)
            Classes.
        """
        return np.asarray(self.classes_[np.asarray(self.estimator_.predict(X)).astype(np.intp)])

    @_where_it_has("predict_proba")
    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return probabilities as the classifier's own `predict_proba`.

        Parameters
        ----------
        X : array-like of shape (n_items, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_items, n_classes)
            Columns in the order of `classes_`.
        """
        return np.asarray(self.estimator_.predict_proba(X))

    @_where_it_has("decision_function")
    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return decision values as the classifier's own `decision_function`.

        Parameters
        ----------
        X : array-like of shape (n_items, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_items,) or (n_items, n_classes)
            Decision values.
        """
        return np.asarray(self.estimator_.decision_function(X))
