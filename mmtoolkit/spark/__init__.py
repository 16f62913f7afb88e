"""The same verbs on Spark: ``mm.spark.embed``, ``cluster``, ``classify``, ``predict``, ``project``, ``search``."""

from mmtoolkit.spark.classify import SparkClassification, classify
from mmtoolkit.spark.cluster import SparkClustering, cluster
from mmtoolkit.spark.embed import embed
from mmtoolkit.spark.predict import predict
from mmtoolkit.spark.project import SparkProjection, project
from mmtoolkit.spark.search import search
from mmtoolkit.spark.session import java_problem, start

__all__ = [
    "SparkClassification",
    "SparkClustering",
    "SparkProjection",
    "classify",
    "cluster",
    "embed",
    "java_problem",
    "predict",
    "project",
    "search",
    "start",
]
