"""``mmtoolkit demo``: a whole report, offline, from the data sets of the package."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import Any

import mmtoolkit as mm
from mmtoolkit.cli import show
from mmtoolkit.words import listed, say

__all__ = ["demo"]


def demo(arguments: Namespace) -> int:
    """Embed, map, cluster, classify and report; end with a short summary and the path of the page."""
    started = time.perf_counter()
    show.folder_to_write(arguments.out)
    with show.step(say("items")) as words:
        sets = _sets()
        words.append(
            listed(
                say("{name} ({what})", name=name, what=say("{n} item", "{n} items", n=len(frame)))
                for name, frame in sets.items()
            )
        )
    embedded, maps = {}, {}
    for name, frame in sets.items():
        with show.step(say("embed")) as words:
            embedded[name] = mm.embed(frame, model="local")
            words.append(listed([name, show.embedded(embedded[name])]))
        maps[name] = mm.project(embedded[name], wait=False)  # the first after an install compiles UMAP
    results: list[Any] = []
    for name, emb in embedded.items():
        with show.step(say("classify")) as words:
            results.append(mm.classify(emb))
            words.append(name)
        with show.step(say("cluster")) as words:
            results.append(mm.cluster(emb).with_names())
            words.append(name)
        with show.step(say("map")) as words:
            results.append(maps[name].result())
            words.append(name)
    with show.step(say("report")) as words:
        page = show.save(results, arguments.out, say("A first look at {names}", names=listed(sets)))
        words.append("report.html, report.md, report.json, items.csv")
    print()
    for made in results:
        print(f"{made.recipe['verb']:<10} {made._summary()}")
    print()
    print(
        say("All of it took {n:.1f} s. Open the report in a browser:", n=time.perf_counter() - started), page, sep="\n"
    )
    return 0


def _sets() -> dict[str, Any]:
    """Return the stamps in a checkout, else some of the two sets that need no extra and that every installation has."""
    try:
        return {"stamps": mm.load_dataset("stamps")}
    except ValueError:
        names = ("glosses", "emoji")  # texts first: they are quick, and UMAP is compiled while pictures are embedded
        return {name: mm.load_dataset(name).groupby("label").head(40).reset_index(drop=True) for name in names}
