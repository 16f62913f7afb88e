"""The same verbs on Spark: ``mm.spark.embed``, ``cluster``, ``classify``, ``predict``, ``project``, ``search``."""

from mmtoolkit.spark.classifying import SparkClassification as SparkClassification
from mmtoolkit.spark.classifying import classify as classify
from mmtoolkit.spark.clustering import SparkClustering as SparkClustering
from mmtoolkit.spark.clustering import cluster as cluster
from mmtoolkit.spark.embedding import embed as embed
from mmtoolkit.spark.predicting import predict as predict
from mmtoolkit.spark.projecting import SparkProjection as SparkProjection
from mmtoolkit.spark.projecting import project as project
from mmtoolkit.spark.searching import search as search
from mmtoolkit.spark.session import java_problem as java_problem
from mmtoolkit.spark.session import start as start

__all__: list[str]
