"""Clusters: find them, choose how many, see what is in them, name them, compare them with classes."""

from mmtoolkit.clustering.grouping import cluster as cluster
from mmtoolkit.clustering.picking import pick as pick
from mmtoolkit.clustering.result import Clustering as Clustering

__all__: list[str]
