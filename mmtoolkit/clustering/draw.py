"""The figures of a clustering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit import figures

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmtoolkit.clustering.against_classes import Agreement
    from mmtoolkit.clustering.centers import Clusters
    from mmtoolkit.clustering.resampling import Stability
    from mmtoolkit.clustering.result import Clustering

__all__ = ["contingency", "jaccard", "sizes", "sweep"]


def sweep(clustering: Clustering) -> go.Figure:
    """Draw silhouette and stability over the number of clusters, with the plausible range."""
    frame = clustering.sweep
    series: dict[str, tuple[Any, Any, Any]] = {}
    for name in ("silhouette", "stability"):
        mean, std = frame[name].to_numpy(), frame[f"{name}_std"].to_numpy()
        series[name] = (mean, mean - std, mean + std)
    for name in ("davies_bouldin", "calinski_harabasz", "inertia"):
        mean, std = frame[name].to_numpy(), frame[f"{name}_std"].to_numpy()
        scale = np.nanmax(mean)
        series[name] = (mean / scale, (mean - std) / scale, (mean + std) / scale)
    low, high = clustering.plausible_n_clusters or (clustering.n_clusters, clustering.n_clusters)
    marks = [(float(clustering.n_clusters), f"used: {clustering.n_clusters}")]
    marks += [(float(k), "plausible") for k in (low, high) if k != clustering.n_clusters]
    return figures.curve(
        frame.index.to_numpy(),
        series,
        title="How many clusters?",
        x_title="number of clusters",
        y_title="score",
        caption=f"Mean and standard deviation over repeated runs. {_plausible(low, high)}"
        "Davies-Bouldin (lower is better), Calinski-Harabasz and inertia are shown as shares of their largest value. "
        "Stability describes the clusters; it does not choose their number.",
        marks=marks,
    )


def _plausible(low: int, high: int) -> str:
    return "" if low == high else f"Plausible are {low} to {high} clusters. "


def sizes(clustering: Clusters) -> go.Figure:
    """Draw the number of items per cluster."""
    inside, noise = int(clustering.sizes["size"].sum()), int((clustering._source_labels < 0).sum())
    return figures.bars(
        [f"{cluster}: {name}" for cluster, name in clustering.names["name"].items()],
        clustering.sizes["size"].to_numpy(),
        title="Cluster sizes",
        x_title="items",
        caption=f"{inside + noise} items in {clustering.n_clusters} clusters" + (f", {noise} noise." if noise else "."),
    )


def jaccard(stability: Stability) -> go.Figure:
    """Draw how far each cluster comes back."""
    table = stability.per_cluster
    return figures.bars(
        [f"{cluster}: {name}" for cluster, name in enumerate(table["name"])],
        table["jaccard"].to_numpy(),
        low=table["low"].to_numpy(),
        high=table["high"].to_numpy(),
        title="How far does each cluster come back?",
        x_title="Jaccard overlap",
        caption=f"Mean and 95 % of {len(stability.ari)} bootstrap samples. Below 0.5 a cluster mostly dissolves; cuts through "
        f"one cloud without groups come back up to {table['chance'].max():.2f}.",
    )


def contingency(found: Agreement) -> go.Figure:
    """Draw how many items of each class lie in each cluster, coloured by the share of the class."""
    table = found.contingency
    share = table.div(table.sum(axis=1), axis=0)
    value = found.metrics["value"]
    return figures.heatmap(
        table.to_numpy(),
        list(table.columns),
        list(table.index),
        title="Classes and clusters",
        x_title="cluster",
        y_title="class",
        caption=f"Items per class and cluster; colour is the share of the class. V-measure {value['v_measure']:.3f}, "
        f"ARI {value['ari']:.3f}, one-to-one accuracy {value['accuracy']:.3f}.",
        color=share.to_numpy(),
        color_title="share of class",
    )
