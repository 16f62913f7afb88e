"""A map in a report: by class, by cluster, and where it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.projection import project
from mmtoolkit.projection.layouts import METHODS
from mmtoolkit.reporting.blocks import Block, Drawing, Key, Words
from mmtoolkit.reporting.sections.base import Contribution
from mmtoolkit.steps import kind_of
from mmtoolkit.vectors import items_of
from mmtoolkit.words import aside, joined, say

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["part"]


def part(name: str, result: Any, named: Named) -> Contribution:
    """Return the contribution of a map to a report.

    Parameters
    ----------
    name : str
        Name of the result.
    result : Projection
        The result.
    named : Named
        All results of the report: clusters of the same vectors colour the map a second time.

    Returns
    -------
    Contribution
        Its section and its lines in the summary.
    """
    trust = float(result.trustworthiness)
    read = say(
        "Items near each other are alike; the distance between far groups, their size and the space between them mean nothing. "
        "Clusters and scores were computed on the vectors, not on this map."
    )
    blocks: list[Block] = [Words(read), Drawing(result.figure(), _caption(result), items=items_of(result.source))]
    for other, clusters in named.results.items():
        if kind_of(clusters.recipe["verb"]) == "cluster" and named.uses[other] == named.uses[name]:  # type: ignore[attr-defined]
            blocks.append(_by_cluster(result, clusters))
    if "trust" in result.figures:
        blocks.append(Drawing(result.figure("trust"), items=items_of(result.source)))
    plain = _of_pca(result)
    beside = "" if np.isnan(plain) else say("a PCA of the same vectors has {value:.3f}", value=plain)
    shown = say("The map shows all {n:,} items.", n=len(result.coords))
    notes = [result.note] if result.note else []
    if np.isnan(trust):
        return Contribution(say("Map"), blocks, [shown], notes=notes)
    known = say("Its trustworthiness is {value:.3f} (1 is perfect, about 0.5 a random map).", value=trust)
    if beside:
        known = say(
            "Its trustworthiness is {value:.3f} (1 is perfect, about 0.5 a random map), {beside}.",
            value=trust,
            beside=beside,
        )
    key = Key(
        say("map trustworthiness"),
        f"{trust:.3f}",
        aside(METHODS[result.method].title, beside, say("1 is perfect, 0.5 random")),
    )
    return Contribution(say("Map"), blocks, [joined(shown, known)], [key], notes)


def _of_pca(result: Any) -> float:
    """Return the trustworthiness of a PCA of the same vectors, the simplest map; NaN where the map is one."""
    if result.method == "pca":
        return float("nan")
    params = result.recipe["params"]
    other = project(result.source, method="pca", normalize=params["normalize"], random_state=params["random_state"])
    return float(other.trustworthiness)


def _caption(result: Any) -> str:
    frame = items_of(result.source)
    labelled = frame is not None and frame["label"].notna().any()
    if labelled:
        return say("Each of the {n:,} points is an item, coloured by its class.", n=len(result.coords))
    return say("Each of the {n:,} points is an item.", n=len(result.coords))


def _by_cluster(result: Any, clusters: Any) -> Drawing:
    return Drawing(
        result.draw(clusters.labels, names=clusters.titles, title=say("The same map by cluster")),
        say("The same places, coloured by the clusters of the section above."),
        items=items_of(result.source),
    )
