"""A clustering in a report: how many, how sure, and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._text import shorten
from mmtoolkit.report.blocks import Block, Gallery, Key, Note, Table, Words
from mmtoolkit.report.parts.base import Part, drawings, percent
from mmtoolkit.vectors import items_of

if TYPE_CHECKING:
    from mmtoolkit.report.document import Named

__all__ = ["part"]

_SHOWN = 7
_MOST_CLUSTERS = 40


def part(name: str, result: Any, named: Named) -> Part:  # noqa: ARG001 - every room has this signature
    """Return what a clustering gives to a report.

    Parameters
    ----------
    name : str
        Name of the result.
    result : Clustering
        The result.
    named : Named
        All results of the report.

    Returns
    -------
    Part
        Its section and its lines in the summary.
    """
    noise = int((result.labels < 0).sum())
    sizes = result.sizes.drop(columns=["silhouette"], errors="ignore").set_index("name", append=False)
    blocks: list[Block] = [
        Words(_how(result)),
        Table(
            sizes.rename_axis("cluster"),
            "Share: part of all clustered items. Cohesion: mean cosine similarity of its items to the cluster's mean direction, 1 when "
            "they are all alike.",
            shares=("share", "cohesion"),
            max_rows=_MOST_CLUSTERS,
        ),
        *drawings(result, "sweep"),
        *_members(result),
    ]
    notes = [f"{noise:,} items belong to no cluster."] if noise else []
    return Part("Clusters", blocks, [_sentence(result)], [_key(result)], notes)


def _how(result: Any) -> str:
    params = result.recipe["params"]
    silhouette = float(result.scores["value"].get("silhouette", np.nan))
    seen = (
        ""
        if np.isnan(silhouette)
        else f" The mean silhouette is {silhouette:.3f} (1: well apart, 0: touching, below: mixed up)."
    )
    return (
        f"{len(result.labels):,} items were grouped by their vectors, not on a map, with {params['algorithm']} "
        f"(random_state {params['random_state']}).{seen}"
    )


def _members(result: Any) -> list[Block]:
    frame = items_of(result.source)
    if frame is None or result.n_clusters == 0:
        return []
    chosen = result.representatives(_SHOWN)
    clusters = chosen.table["cluster"].to_numpy()
    blocks: list[Block] = []
    for cluster in range(min(result.n_clusters, _MOST_CLUSTERS)):
        rows = chosen.rows[clusters == cluster]
        title = f"{shorten(result.names['name'].iloc[cluster], 60)} · {int(result.sizes['size'].iloc[cluster]):,} items"
        blocks.append(Gallery(frame.iloc[rows], None, title, size=84))
    if result.n_clusters > _MOST_CLUSTERS:
        blocks.append(
            Note(
                f"{result.n_clusters - _MOST_CLUSTERS} smaller clusters are not shown; their labels are in report.json."
            )
        )
    return [Words("Each strip shows the items nearest to the middle of a cluster."), *blocks]


def _sentence(result: Any) -> str:
    names = [shorten(name, 30) for name in result.names["name"].head(6)]
    named = "" if not names or names[0].startswith("cluster ") else f", the largest being {', '.join(map(repr, names))}"
    plausible = ""
    if result.plausible_n_clusters is not None and len(set(result.plausible_n_clusters)) > 1:
        low, high = result.plausible_n_clusters
        plausible = f" Any number from {low} to {high} would fit the data about as well."
    return f"The items fall into {result.n_clusters} clusters{named}.{plausible}"


def _key(result: Any) -> Key:
    largest = float(result.sizes["share"].max()) if len(result.sizes) else float("nan")
    given = (
        "number given"
        if result.plausible_n_clusters is None
        else "plausible {} to {}".format(*result.plausible_n_clusters)
    )
    return Key("clusters", f"{result.n_clusters}", f"{given}; the largest has {percent(largest)}")
