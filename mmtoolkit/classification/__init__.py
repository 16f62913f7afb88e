"""Classification: ``classify``, and methods to check, improve, compare and save a classifier."""

from mmtoolkit.classification.auditing import Audit, audit
from mmtoolkit.classification.classifying import classify
from mmtoolkit.classification.comparison import Comparison, compare
from mmtoolkit.classification.learning_curve import LearningCurve
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.prompted import ZeroShot, zero_shot
from mmtoolkit.classification.result import Classification
from mmtoolkit.classification.saved import SavedClassifier, load_classifier

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
