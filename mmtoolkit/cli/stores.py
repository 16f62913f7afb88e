"""``mmtoolkit cache ...``: look after the store of vectors."""

from __future__ import annotations

from argparse import Namespace

import mmtoolkit as mm
from mmtoolkit._text import shorten
from mmtoolkit.cli import show
from mmtoolkit.providers.choice import make_provider
from mmtoolkit.words import say

__all__ = ["compact", "export", "import_", "prune", "stats", "verify"]


def stats(arguments: Namespace) -> int:
    """Print the statistics of the store."""
    store = mm.EmbeddingCache(arguments.cache)
    print(store.path)
    held = store.stats()
    show.table(held.set_index("model")) if len(held) else print(say("no vectors yet"))
    return 0


def verify(arguments: Namespace) -> int:
    """Check every vector; 1 when some are damaged."""
    checked = mm.EmbeddingCache(arguments.cache).verify(repair=arguments.repair)
    print(
        say(
            "{n} vectors checked, {damaged} damaged, {problems} problems of the index",
            n=checked.rows,
            damaged=len(checked.damaged),
            problems=len(checked.problems),
        )
    )
    for problem in checked.problems:
        print(shorten(problem, 1500))
    if len(checked.damaged):
        show.table(checked.damaged)
    if not checked.ok and not checked.repaired:
        print(
            say(
                "{command} drops what is damaged; it is computed again when it is needed",
                command="mmtoolkit cache verify --repair",
            )
        )
    return 0 if checked.ok or checked.repaired else 1


def prune(arguments: Namespace) -> int:
    """Drop vectors."""
    store = mm.EmbeddingCache(arguments.cache)
    asked = {"older_than": arguments.older_than, "max_size": arguments.max_size}
    if arguments.superseded:
        which = [{"model": model, "revision": one} for model, one in _superseded(store, arguments.model)]
    else:
        which = [{"model": arguments.model, "revision": arguments.revision}]
    dropped = sum(store.prune(**asked, **one) for one in which)
    print(say("{n} vector dropped", "{n} vectors dropped", n=dropped))
    return 0


def _superseded(store: mm.EmbeddingCache, only: str | None) -> set[tuple[str, str]]:
    """Return models with revisions that they no longer have; who paid a service may have named one in another session."""
    held = store.stats()
    found = set(zip(held["model"], held["revision"], strict=True))
    here = {model: make_provider(model) for model, _ in found if model in mm.list_models() and only in (None, model)}
    now = {model: made.spec.revision for model, made in here.items() if not made.leaves_machine}
    return {(model, one) for model, one in found if model in now and one != now[model]}


def compact(arguments: Namespace) -> int:
    """Free unused room on disk."""
    print(say("{n:,} bytes given back", n=mm.EmbeddingCache(arguments.cache).compact()))
    return 0


def export(arguments: Namespace) -> int:
    """Write the vectors of one space to a file."""
    rows = mm.EmbeddingCache(arguments.cache).export(
        arguments.file, model=arguments.model, revision=arguments.revision, dimension=arguments.dimension
    )
    print(say("{n} vector written to {file}", "{n} vectors written to {file}", n=rows, file=arguments.file))
    return 0


def import_(arguments: Namespace) -> int:
    """Take vectors from a file."""
    rows = mm.EmbeddingCache(arguments.cache).import_(arguments.file, model=arguments.model)
    print(say("{n} new vector", "{n} new vectors", n=rows))
    return 0
