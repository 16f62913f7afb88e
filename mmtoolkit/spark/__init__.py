"""The same verbs on Spark: ``mm.spark.embed``, ``cluster``, ``classify``, ``predict``, ``project``, ``search``."""

from mmtoolkit.spark.embed import embed
from mmtoolkit.spark.search import search
from mmtoolkit.spark.session import java_problem, start

__all__ = ["embed", "java_problem", "search", "start"]
