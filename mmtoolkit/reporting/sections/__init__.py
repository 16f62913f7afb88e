"""One room per verb: what of its result belongs into a report, in which order, in which words."""

from mmtoolkit.reporting.sections.base import Contribution, contribution_of

__all__ = ["Contribution", "contribution_of"]
