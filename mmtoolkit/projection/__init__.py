"""Maps: every item as a point in the plane, with a measure of how far its place can be trusted."""

from __future__ import annotations

from mmtoolkit.projection.background import PendingProjection
from mmtoolkit.projection.result import Projection
from mmtoolkit.projection.verbs import project

__all__ = ["PendingProjection", "Projection", "project"]
