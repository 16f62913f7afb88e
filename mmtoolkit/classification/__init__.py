"""Classification: ``classify``, and methods to check, improve, compare and save a classifier."""

from __future__ import annotations

from mmtoolkit._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
