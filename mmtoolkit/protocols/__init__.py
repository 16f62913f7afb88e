"""Published evaluation protocols, so that a number of yours can stand beside a published one."""

from mmtoolkit.protocols.classification import ProtocolScores, mteb_classification
from mmtoolkit.protocols.clustering import ClusteringScores, mteb_clustering

__all__ = ["ClusteringScores", "ProtocolScores", "mteb_classification", "mteb_clustering"]
