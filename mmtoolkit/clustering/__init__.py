"""Clusters: find them, choose how many, see what is in them, name them, compare them with classes."""

from mmtoolkit.clustering.grouping import cluster
from mmtoolkit.clustering.picking import pick
from mmtoolkit.clustering.result import Clustering

__all__ = ["Clustering", "cluster", "pick"]
