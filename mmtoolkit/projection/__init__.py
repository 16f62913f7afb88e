"""Maps: every item as a point in the plane, with a measure of how far its place can be trusted."""

from __future__ import annotations

from mmtoolkit._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
