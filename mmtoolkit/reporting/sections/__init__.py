"""One module per verb: it chooses the parts of a result for a report, their order and their words."""

from mmtoolkit.reporting.sections.base import Contribution, contribution_of

__all__ = ["Contribution", "contribution_of"]
