"""``concat``: the rows of several Embeddings under one another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.errors import SpaceError
from mmtoolkit.results import plain

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.embedding.result import Embeddings

__all__ = ["concat"]


def concat(embeddings: Sequence[Embeddings]) -> Embeddings:
    """Put the rows of several Embeddings under one another.

    Parameters
    ----------
    embeddings : sequence of Embeddings
        Of one space: same model, revision, dimension and parameters; ids must not repeat.

    Returns
    -------
    Embeddings
        All rows, in the given order.

    Raises
    ------
    SpaceError
        If the spaces differ.
    ValueError
        If the list is empty or ids repeat.
    """
    import pandas as pd

    if not embeddings:
        msg = "there is nothing to concatenate"
        raise ValueError(msg)
    first = embeddings[0]
    for other in embeddings[1:]:
        mine, theirs = ((e.model, e.revision, e.dimension, plain(e.params), sorted(e._centers)) for e in (first, other))
        if mine != theirs or any(not np.array_equal(first._centers[k], other._centers[k]) for k in first._centers):
            msg = f"vectors of different spaces cannot be brought together: {mine} and {theirs}"
            raise SpaceError(msg)
    ids = [i for e in embeddings for i in e.ids.tolist()]
    twice = pd.Series(ids)[pd.Series(ids).duplicated()]
    if len(twice):
        msg = f"ids must be unique: {twice.iloc[0]!r} stands in more than one part"
        raise ValueError(msg)
    new = first._like(np.concatenate([e.vectors for e in embeddings]))
    new._items = pd.concat([e.items.astype(object) for e in embeddings], ignore_index=True)
    new._items = new._items.where(new._items.notna(), None)
    new._items.attrs.update(first.items.attrs)
    new.content_keys = np.concatenate([e.content_keys for e in embeddings])
    starts = np.cumsum([0, *[len(e) for e in embeddings[:-1]]])
    for name in ("failed", "notes"):
        tables: list[pd.DataFrame] = [getattr(e, name) for e in embeddings]
        setattr(
            new,
            name,
            pd.concat([t.assign(row=t["row"] + s) for t, s in zip(tables, starts, strict=True)], ignore_index=True),
        )
    new.usage = {
        k: sum(e.usage.get(k, 0) for e in embeddings) for k in sorted({k for e in embeddings for k in e.usage})
    }
    return new
