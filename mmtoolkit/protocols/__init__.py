"""Published evaluation protocols, so that a number of yours can stand beside a published one."""

from mmtoolkit.protocols.classification import ProtocolScores, mteb_classification

__all__ = ["ProtocolScores", "mteb_classification"]
