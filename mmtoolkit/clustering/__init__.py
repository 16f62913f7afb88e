"""Clusters: find them, choose how many, see what is in them, name them, compare them with classes."""

from __future__ import annotations

from mmtoolkit._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
