"""Classification: ``classify``, and methods to check, improve, compare and save a classifier."""

from mmtoolkit.classification.auditing import Audit as Audit
from mmtoolkit.classification.auditing import audit as audit
from mmtoolkit.classification.classifying import classify as classify
from mmtoolkit.classification.comparison import Comparison as Comparison
from mmtoolkit.classification.comparison import compare as compare
from mmtoolkit.classification.learning_curve import LearningCurve as LearningCurve
from mmtoolkit.classification.logistic import LogisticClassifier as LogisticClassifier
from mmtoolkit.classification.prompted import ZeroShot as ZeroShot
from mmtoolkit.classification.prompted import zero_shot as zero_shot
from mmtoolkit.classification.result import Classification as Classification
from mmtoolkit.classification.saved import SavedClassifier as SavedClassifier
from mmtoolkit.classification.saved import load_classifier as load_classifier

__all__: list[str]
