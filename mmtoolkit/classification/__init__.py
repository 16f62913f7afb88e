"""Classification you can defend: ``classify``, and what helps to trust, improve, compare and keep a classifier."""

from mmtoolkit.classification.audit import Audit, audit
from mmtoolkit.classification.compare import Comparison, compare
from mmtoolkit.classification.learning_curve import LearningCurve
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.result import Classification
from mmtoolkit.classification.saved import SavedClassifier, load_classifier
from mmtoolkit.classification.verb import classify
from mmtoolkit.classification.zero_shot import ZeroShot, zero_shot

__all__ = [
    "Audit",
    "Classification",
    "Comparison",
    "LearningCurve",
    "LogisticClassifier",
    "SavedClassifier",
    "ZeroShot",
    "audit",
    "classify",
    "compare",
    "load_classifier",
    "zero_shot",
]
