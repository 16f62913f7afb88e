"""Maps: every item as a point in the plane, with a measure of how far its place can be trusted."""

from mmtoolkit.projection.background import PendingProjection as PendingProjection
from mmtoolkit.projection.result import Projection as Projection
from mmtoolkit.projection.verbs import project as project

__all__: list[str]
