"""Clusters: find them, choose how many, see what is in them, name them, compare them with classes."""

from mmtoolkit.clustering.pick import pick
from mmtoolkit.clustering.result import Clustering
from mmtoolkit.clustering.verb import cluster

__all__ = ["Clustering", "cluster", "pick"]
