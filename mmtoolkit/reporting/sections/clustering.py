"""A clustering in a report: how many, how sure, and what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.clustering.algorithms import find_algorithm
from mmtoolkit.clustering.tfidf import UNNAMED
from mmtoolkit.reporting.blocks import Block, Group, Groups, Key, Table, Words
from mmtoolkit.reporting.sections.base import Contribution, drawings, percent, quoted
from mmtoolkit.vectors import items_of

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["part"]

_SHOWN = 7
_MOST = 0.5  # share of a cluster's items that a name must hold for to stand in the summary


def part(name: str, result: Any, named: Named) -> Contribution:  # noqa: ARG001 - every room has this signature
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
    Contribution
        Its section and its lines in the summary.
    """
    noise = int((result.labels < 0).sum())
    blocks: list[Block] = [Words(_how(result)), *drawings(result, "sweep"), _members(result)]
    notes = [f"{noise:,} items belong to no cluster."] if noise else []
    return Contribution("Clusters", blocks, [_sentence(result)], [_key(result)], notes)


def _how(result: Any) -> str:
    params = result.recipe.first.params
    silhouette = float(result.scores["value"].get("silhouette", np.nan))
    seen = (
        ""
        if np.isnan(silhouette)
        else f" The mean silhouette is {silhouette:.3f} (1: well apart, 0: touching, below: mixed up)."
    )
    return (
        f"{len(result.labels):,} items were grouped by their vectors, not on a map, with {_algorithm(result)} "
        f"(random_state {params['random_state']}).{seen}"
    )


def _algorithm(result: Any) -> str:
    return find_algorithm(result.recipe.first.params["algorithm"]).name


def _members(result: Any) -> Block:
    frame = items_of(result.source)
    caption = (
        "Share: part of all clustered items. Cohesion: mean cosine similarity of a cluster's items to its mean direction, 1 when they "
        "are all alike."
    )
    if frame is None or result.n_clusters == 0:
        return Table(result.sizes, caption, shares=("share", "cohesion"))
    chosen = result.representatives(_SHOWN)
    clusters = chosen.table["cluster"].to_numpy()
    groups = [
        Group(
            result.titles[cluster],
            f"{int(row['size']):,} items ({percent(float(row['share']))}), cohesion {row['cohesion']:.2f}"
            f"{_about(result.names.loc[cluster])}",
            float(row["share"]),
            frame.iloc[chosen.rows[clusters == cluster]],
        )
        for cluster, row in _largest_first(result).to_dict("index").items()
    ]
    if "support" in result.names:
        caption += (
            " Beside a name stands the share of the cluster that it holds for: texts that hold one of its words, counted on texts that "
            "the words were not chosen from, or items that the word fits better than the words of the other clusters. Labels came with the items; they were not found."
        )
    return Groups(groups, f"The items nearest to the middle of each cluster, the largest first. {caption}")


_ORIGINS = {"texts": "named by its texts", "vocabulary": "named from the vocabulary"}


def _largest_first(result: Any) -> Any:
    return result.sizes.sort_values("size", ascending=False, kind="stable")


def _about(row: Any) -> str:
    """Return what is known about the name of a cluster, and the label that most of its items came with."""
    told = ""
    if row["name"] == UNNAMED:
        told = f"; no name stands out; nearest: {row['words']}" if row.get("words") else "; no name stands out"
    elif row.get("named_by") in _ORIGINS:
        told = f"; {_ORIGINS[row['named_by']]} ({percent(row['support'])})"
    if isinstance(row.get("majority"), str):
        told += f"; labelled {quoted(row['majority'])}: {percent(row['majority_share'])}"
    return told


def _called(result: Any) -> str:
    """Return the names that hold for most items of their cluster; guesses only where no labels speak for the items."""
    table = result.names.loc[_largest_first(result).index]
    given = ~table["name"].eq(UNNAMED) & ~table["name"].str.fullmatch(r"cluster \d+")
    if "support" in table:
        given &= ~(table["support"] < _MOST)
    if "majority" in table:
        given &= table["named_by"].ne("vocabulary")
    names = table.loc[given, "name"].head(6)
    if names.empty:
        return ""
    return (
        f", among them {', '.join(map(quoted, names))}"
        if len(names) < result.n_clusters
        else f": {', '.join(map(quoted, names))}"
    )


def _sentence(result: Any) -> str:
    clusters = f"{result.n_clusters} clusters" if result.n_clusters != 1 else "one cluster"
    return f"The items fall into {clusters}{_called(result)}.{_sure(result)}"


def _sure(result: Any) -> str:
    """Return how far the number of clusters can be believed."""
    if result.plausible_n_clusters is None:
        return ""
    low, high = result.plausible_n_clusters
    if result.chosen_by == "elbow":
        found = f"repeated runs find it between {low} and {high}" if low < high else "repeated runs agree"
        return f" Further splits gain hardly more than splitting noise; {found}."
    others = f"; what comes back, what splits gain and the silhouette speak for {low} to {high}" if low < high else ""
    return f" No number of clusters stands out{others}."


def _key(result: Any) -> Key:
    largest = float(result.sizes["share"].max()) if len(result.sizes) else float("nan")
    given = "number given" if result.chosen_by == "given" else f"number from {_algorithm(result)}"
    if result.plausible_n_clusters is not None:
        low, high = result.plausible_n_clusters
        given = f"plausible {low} to {high}" if low < high else "number chosen"
        given += "" if result.chosen_by == "elbow" else ", none stands out"
    return Key("clusters", f"{result.n_clusters}", f"{given}; the largest has {percent(largest)}")
