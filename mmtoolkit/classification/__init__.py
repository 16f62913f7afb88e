"""Classification you can defend: ``classify``, and what helps to trust, improve, compare and keep a classifier."""

from mmtoolkit.classification.learning_curve import LearningCurve
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.result import Classification
from mmtoolkit.classification.saved import SavedClassifier, load_classifier
from mmtoolkit.classification.verb import classify
from mmtoolkit.classification.zero_shot import ZeroShot, zero_shot

__all__ = [
    "Classification",
    "LearningCurve",
    "LogisticClassifier",
    "SavedClassifier",
    "ZeroShot",
    "classify",
    "load_classifier",
    "zero_shot",
]
