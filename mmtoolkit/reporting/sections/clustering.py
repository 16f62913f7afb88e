"""A clustering in a report: how many, how sure, and what is in them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.clustering.algorithms import find_algorithm
from mmtoolkit.clustering.tfidf import UNNAMED
from mmtoolkit.reporting.blocks import Block, Drawing, Group, Groups, Key, Table, Words
from mmtoolkit.reporting.sections.base import Contribution, drawings
from mmtoolkit.vectors import items_of
from mmtoolkit.words import aside, joined, listed, percent, quoted, say

if TYPE_CHECKING:
    from mmtoolkit.reporting.record import Named

__all__ = ["part"]

_SHOWN = 7
_MOST_NAMES = 6
_MOST = 0.5  # share of a cluster's items that a name must hold for to stand in the summary


def part(name: str, result: Any, named: Named) -> Contribution:
    """Return the contribution of a clustering to a report.

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
    blocks: list[Block] = [
        Words(_how(result)),
        *drawings(result, "sweep"),
        *_against_classes(name, result, named),
        _members(name, result),
    ]
    notes = [say("{n:,} item belongs to no cluster.", "{n:,} items belong to no cluster.", n=noise)] if noise else []
    return Contribution(say("Clusters"), blocks, [_sentence(result)], [_key(result)], notes)


def _how(result: Any) -> str:
    params = result.recipe.first.params
    silhouette = float(result.scores["value"].get("silhouette", np.nan))
    seen = (
        ""
        if np.isnan(silhouette)
        else say(
            "The mean silhouette is {value:.3f} (1: well apart, 0: touching, below: mixed up).",
            value=silhouette,
        )
    )
    grouped = say(
        "{n:,} items were grouped by their vectors, not on a map, with {algorithm} (random_state {seed}).",
        n=len(result.labels),
        algorithm=_algorithm(result),
        seed=params["random_state"],
    )
    return joined(grouped, _by_hand(result), seen)


def _by_hand(result: Any) -> str:
    """Say what was done to the clusters after they were found; "" for nothing."""
    steps, step = Counter[str](), result.recipe
    while step.of is not None:
        steps[step["verb"].rpartition(".")[2]] += 1
        step = step.of
    told = {
        "split": say("{n} was split", "{n} were split", n=steps["split"]),
        "merge": say("{n} time some were merged", "{n} times some were merged", n=steps["merge"]),
        "parent": say(
            "{n} time near ones were put together", "{n} times near ones were put together", n=steps["parent"]
        ),
    }
    done = listed(words for name, words in told.items() if steps[name])
    return say("Afterwards they were changed by hand: {done}.", done=done) if done else ""


def _algorithm(result: Any) -> str:
    return find_algorithm(result.recipe.first.params["algorithm"]).name


def _place(name: str, cluster: int) -> str:
    return f"{name}-{cluster}"


def _against_classes(name: str, result: Any, named: Named) -> list[Block]:
    """Return where the classes of a classification of the same items lie, if there is one."""
    other: Any
    for key, other in named.results.items():
        if named.uses[key] == named.uses[name] and hasattr(other, "duplicate_groups") and result.n_clusters > 1:
            found = result.compare(other.y_true)
            first = found.contingency.columns[0] == "noise"
            places = [""] * first + [_place(name, cluster) for cluster in range(result.n_clusters)]
            caption = joined(_apart(found), say("A click on a cell leads to the items of its cluster."))
            return [Drawing(found.figure("contingency"), caption, links=places)]
    return []


def _apart(found: Any) -> str:
    """Name the class that is spread most."""
    table = found.classes.sort_values(["share", "items"], ascending=[True, False], kind="stable")
    worst = table.iloc[0]
    return say(
        "Of the classes, {name} is spread most: its largest cluster holds {share} of it.",
        name=quoted(table.index[0]),
        share=percent(float(worst["share"])),
    )


def _members(name: str, result: Any) -> Block:
    frame = items_of(result.source)
    caption = say(
        "Share: part of all clustered items. Cohesion: mean cosine similarity of a cluster's items to its mean direction, 1 when "
        "they are all alike."
    )
    if frame is None or result.n_clusters == 0:
        return Table(result.sizes, caption, shares=("share", "cohesion"))
    chosen = result.representatives(_SHOWN)
    clusters = chosen.table["cluster"].to_numpy()
    groups = [
        Group(
            result.titles[cluster],
            aside(
                say(
                    "{n:,} item ({share}), cohesion {cohesion:.2f}",
                    "{n:,} items ({share}), cohesion {cohesion:.2f}",
                    n=int(row["size"]),
                    share=percent(float(row["share"])),
                    cohesion=row["cohesion"],
                ),
                *_about(result.names.loc[cluster]),
            ),
            float(row["share"]),
            frame.iloc[chosen.rows[clusters == cluster]],
            _place(name, cluster),
        )
        for cluster, row in _largest_first(result).to_dict("index").items()
    ]
    names = (
        say(
            "Beside a name stands the share of the cluster that it holds for: texts that hold one of its words, counted on texts "
            "that the words were not chosen from, or items that the word fits better than the words of the other clusters. Labels "
            "came with the items; they were not found."
        )
        if "support" in result.names
        else ""
    )
    shown = say("The items nearest to the middle of each cluster, the largest first.")
    return Groups(groups, joined(shown, caption, names))


def _largest_first(result: Any) -> Any:
    return result.sizes.sort_values("size", ascending=False, kind="stable")


def _about(row: Any) -> list[str]:
    """Return what is known about the name of a cluster, and the label that most of its items came with."""
    told: list[str] = []
    if row["name"] == UNNAMED:
        told += [say("no name stands out")]
        told += [say("nearest: {words}", words=row["words"])] if row.get("words") else []
    elif row.get("named_by") == "texts":
        told += [say("named by its texts ({share})", share=percent(row["support"]))]
    elif row.get("named_by") == "vocabulary":
        told += [say("named from the vocabulary ({share})", share=percent(row["support"]))]
    if isinstance(row.get("majority"), str):
        share = percent(row["majority_share"])
        told += [say("labelled {label}: {share}", label=quoted(row["majority"]), share=share)]
    return told


def _called(result: Any) -> list[str]:
    """Return the names that hold for most items of their cluster; guesses only where no labels speak for the items."""
    table = result.names.loc[_largest_first(result).index]
    given = ~table["name"].eq(UNNAMED) & ~table["name"].str.fullmatch(r"cluster \d+")
    if "support" in table:
        given &= ~(table["support"] < _MOST)
    if "majority" in table:
        given &= table["named_by"].ne("vocabulary")
    return [quoted(name) for name in table.loc[given, "name"].head(_MOST_NAMES)]


def _sentence(result: Any) -> str:
    names, n = _called(result), result.n_clusters
    if not names:
        found = say("The items fall into one cluster.", "The items fall into {n} clusters.", n=n)
    elif len(names) < n:
        found = say("The items fall into {n} clusters, among them {names}.", n=n, names=listed(names))
    else:
        found = say(
            "The items fall into one cluster: {names}.",
            "The items fall into {n} clusters: {names}.",
            n=n,
            names=listed(names),
        )
    return joined(found, _by_hand(result), _sure(result))


def _sure(result: Any) -> str:
    """Return how far the number of clusters can be believed."""
    if result.plausible_n_clusters is None:
        return ""
    low, high = result.plausible_n_clusters
    if result.chosen_by == "elbow":
        if low < high:
            return say(
                "Further splits gain hardly more than splitting noise; repeated runs find it between {low} and {high}.",
                low=low,
                high=high,
            )
        return say("Further splits gain hardly more than splitting noise; repeated runs agree.")
    if result.chosen_by == "gaps":
        return say(
            "So many groups lie farther apart than the halves of one cloud; counts at ten distances point to {low} to {high}.",
            low=low,
            high=high,
        )
    if low < high:
        return say(
            "No number of clusters stands out; stability, gain of splits and silhouette point to {low} to {high}.",
            low=low,
            high=high,
        )
    return say("No number of clusters stands out.")


def _key(result: Any) -> Key:
    largest = float(result.sizes["share"].max()) if len(result.sizes) else float("nan")
    given = [
        say("changed by hand")
        if result.recipe.of is not None
        else say("number given")
        if result.chosen_by == "given"
        else say("number from {algorithm}", algorithm=_algorithm(result))
    ]
    if result.plausible_n_clusters is not None:
        low, high = result.plausible_n_clusters
        given = [say("plausible {low} to {high}", low=low, high=high) if low < high else say("number chosen")]
        given += [say("none stands out")] if result.chosen_by == "no elbow" else []
    return Key(
        say("clusters"), f"{result.n_clusters}", aside(*given, say("the largest has {share}", share=percent(largest)))
    )
