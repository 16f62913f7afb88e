"""``mmtoolkit demo``: a whole report, offline, from data that come along."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

import mmtoolkit as mm
from mmtoolkit.cli import show

__all__ = ["demo"]


def demo(arguments: Namespace) -> int:
    """Embed, classify, cluster, map and report; end with a short summary and the path of the page."""
    started = time.perf_counter()
    with show.step("items") as words:
        sets = _sets()
        words.append(", ".join(f"{name} ({len(frame)} items)" for name, frame in sets.items()))
    results: list[Any] = []
    for name, frame in sets.items():
        results += _analysed(name, frame)
    with show.step("report") as words:
        page = show.save(results, arguments.out, f"A first look at {' and '.join(sets)}")
        words.append("report.html, report.md, report.json, items.csv")
    print()
    for made in results:
        print(f"{made.recipe['verb']:<10} {made._summary()}")
    print(f"\nAll of it took {time.perf_counter() - started:.1f} s. Open the report in a browser:\n{page}")
    return 0


def _sets() -> dict[str, Any]:
    """Return the stamps in a checkout, else the two sets that every installation has."""
    try:
        return {"stamps": mm.load_dataset("stamps")}
    except ValueError:
        return {
            "glosses": mm.load_dataset("glosses").groupby("label").head(60).reset_index(drop=True),
            "clips": mm.load_dataset("clips"),
        }


def _analysed(name: str, frame: Any) -> list[Any]:
    with show.step("embed") as words:
        emb = mm.embed(frame, model="local")
        words.append(show.embedded(emb))
    with show.step("cluster"):
        clusters = mm.cluster(emb).with_names()
    with show.step("project"):
        projection = mm.project(emb)
    if name == "clips":  # too few of each class to score a classifier
        return [clusters, projection]
    with show.step("classify"):
        return [mm.classify(emb), clusters, projection]
