"""Classification you can defend: ``classify``, and what helps to trust, improve, compare and keep a classifier."""

from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.result import Classification
from mmtoolkit.classification.verb import classify

__all__ = ["Classification", "LogisticClassifier", "classify"]
