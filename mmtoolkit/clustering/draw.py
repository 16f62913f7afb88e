"""The figures of a clustering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit import figures
from mmtoolkit.words import joined, listed, percent, say, title

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmtoolkit.clustering.against_classes import Agreement
    from mmtoolkit.clustering.centers import Clusters
    from mmtoolkit.clustering.resampling import Stability
    from mmtoolkit.clustering.result import Clustering

__all__ = ["contingency", "jaccard", "sizes", "sweep"]

_AS_THEY_ARE = ("silhouette", "stability")  # the others are drawn as shares of their largest value


def sweep(clustering: Clustering) -> go.Figure:
    """Draw silhouette and stability over the number of clusters, with the plausible range."""
    frame = clustering.sweep
    series: dict[str, tuple[Any, Any, Any]] = {}
    for name in (*_AS_THEY_ARE, "davies_bouldin", "calinski_harabasz", "inertia"):
        mean, std = frame[name].to_numpy(), frame[f"{name}_std"].to_numpy()
        if not np.isfinite(mean).any():  # two items have one number of clusters, and some scores need more items
            continue
        scale = 1.0 if name in _AS_THEY_ARE else np.nanmax(mean) or 1.0
        series[title(name)] = (mean / scale, (mean - std) / scale, (mean + std) / scale)
    low, high = clustering.plausible_n_clusters or (clustering.n_clusters, clustering.n_clusters)
    marks = [(float(clustering.n_clusters), say("used: {n}", n=clustering.n_clusters))]
    marks += [(float(k), say("plausible")) for k in (low, high) if k != clustering.n_clusters]
    fig = figures.curve(
        frame.index.to_numpy(),
        series,
        title=say("How many clusters?"),
        x_title=say("number of clusters"),
        y_title=say("score"),
        caption=joined(
            say("Mean and standard deviation over repeated runs."),
            _plausible(low, high),
            say(
                "Davies-Bouldin (lower is better), Calinski-Harabasz and inertia are shown as shares of their largest value. "
                "Stability describes the clusters; it does not choose their number."
            ),
        ),
        marks=marks,
    )
    return fig.update_yaxes(rangemode="tozero")


def _called(cluster: Any, name: str) -> str:
    """Return number and name of a cluster; the number alone where it has no name."""
    return say("cluster {number}", number=cluster) if name == f"cluster {cluster}" else f"{cluster}: {name}"


def _plausible(low: int, high: int) -> str:
    return "" if low == high else say("Plausible are {low} to {high} clusters.", low=low, high=high)


def sizes(clustering: Clusters) -> go.Figure:
    """Draw the number of items per cluster."""
    inside, noise = int(clustering.sizes["size"].sum()), int((clustering._source_labels < 0).sum())
    counted = say(
        "{n_items} items in {n} cluster",
        "{n_items} items in {n} clusters",
        n_items=inside + noise,
        n=clustering.n_clusters,
    )
    return figures.bars(
        [_called(cluster, name) for cluster, name in clustering.names["name"].items()],
        clustering.sizes["size"].to_numpy(),
        title=say("Cluster sizes"),
        x_title=say("items"),
        caption=say("{note}.", note=listed([counted, say("{n} noise", n=noise)] if noise else [counted])),
    )


def jaccard(stability: Stability) -> go.Figure:
    """Draw how stable each cluster is on bootstrap samples."""
    table = stability.per_cluster
    return figures.bars(
        [_called(cluster, name) for cluster, name in enumerate(table["name"])],
        table["jaccard"].to_numpy(),
        low=table["low"].to_numpy(),
        high=table["high"].to_numpy(),
        title=say("How stable is each cluster?"),
        x_title=say("Jaccard overlap"),
        caption=say(
            "Mean and 95 % of {n} bootstrap samples. Below 0.5 a cluster mostly dissolves; clusters in data without groups "
            "reach up to {chance:.2f}.",
            n=len(stability.ari),
            chance=table["chance"].max(),
        ),
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
        title=say("Classes and clusters"),
        x_title=say("cluster"),
        y_title=say("class"),
        caption=say(
            "Items per class and cluster; colour is the share of the class. V-measure {v_measure:.3f}, ARI {ari:.3f}, one-to-one "
            "accuracy {accuracy}.",
            v_measure=value["v_measure"],
            ari=value["ari"],
            accuracy=percent(value["accuracy"]),
        ),
        color=share.to_numpy(),
        color_title=say("share of class"),
    )
