"""``mmtoolkit cache ...``: look after the store of vectors."""

from __future__ import annotations

from argparse import Namespace

import mmtoolkit as mm
from mmtoolkit.cli import show

__all__ = ["stats", "verify"]


def stats(arguments: Namespace) -> int:
    """Print what the store holds."""
    store = mm.EmbeddingCache(arguments.cache)
    print(store.path)
    show.table(store.stats())
    return 0


def verify(arguments: Namespace) -> int:
    """Check every vector; 1 when some are damaged."""
    raise NotImplementedError(arguments)
