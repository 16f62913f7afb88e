"""The same verbs on Spark: ``mm.spark.embed``, ``cluster``, ``classify``, ``predict``, ``project``, ``search``."""

from mmtoolkit.spark.classifying import SparkClassification, classify
from mmtoolkit.spark.clustering import SparkClustering, cluster
from mmtoolkit.spark.embedding import embed
from mmtoolkit.spark.predicting import predict
from mmtoolkit.spark.projecting import SparkProjection, project
from mmtoolkit.spark.searching import search
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
