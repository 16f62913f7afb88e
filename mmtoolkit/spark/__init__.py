"""The same verbs on Spark: ``mm.spark.embed``, ``cluster``, ``classify``, ``predict``, ``project``, ``search``."""

from __future__ import annotations

from mmtoolkit._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
