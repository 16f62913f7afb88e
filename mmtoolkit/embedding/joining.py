"""``concat``: the rows of several Embeddings under one another."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mmtoolkit._numbers import check_columns
from mmtoolkit._rows import absolute, is_local
from mmtoolkit.embedding.files import changed_paths
from mmtoolkit.embedding.usage import Usage
from mmtoolkit.vectors import read_only

if TYPE_CHECKING:
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
        If the list is empty, ids repeat, or columns have other names or another order.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> a, b = mm.Embeddings(np.eye(2), ids=["a", "b"]), mm.Embeddings(np.ones((1, 2)), ids=["c"])
    >>> mm.concat([a, b]).ids.tolist()
    ['a', 'b', 'c']
    """
    embeddings = list(embeddings)
    for position, one in enumerate(embeddings):
        if not hasattr(one, "_held"):
            msg = f"part {position}: expected Embeddings, got {type(one).__name__}; mm.Embeddings(X, ids=...) makes them of an array"
            raise TypeError(msg)
    if not embeddings:
        msg = "there is nothing to concatenate"
        raise ValueError(msg)
    first = embeddings[0]
    for other in embeddings[1:]:
        first.space.refuse(other.space, "the vectors to concatenate", "embed all items with one model")
        check_columns(first.feature_names, other)
    ids = [i for e in embeddings for i in e.ids.tolist()]
    twice = pd.Series(ids)[pd.Series(ids).duplicated()]
    if len(twice):
        msg = f"ids must be unique: {twice.iloc[0]!r} stands in more than one part"
        raise ValueError(msg)
    roots = {str(e.items.attrs.get("root") or "") for e in embeddings}
    frames = [e.items.astype(object) for e in embeddings]
    if len(roots) > 1:  # relative paths go by the folder of their own part
        frames = [_whole_paths(e.items).astype(object) for e in embeddings]
    items = pd.concat(frames, ignore_index=True)
    items = items.where(items.notna(), None)
    items.attrs.update(first.items.attrs)
    if notes := [note for e in embeddings for note in e.items.attrs.get("notes", [])]:
        items.attrs["notes"] = list(dict.fromkeys(notes))
    starts = np.cumsum([0, *[len(e) for e in embeddings[:-1]]]).tolist()
    usage = Usage()
    for e in embeddings:
        usage.add(e.usage)
    held = dataclasses.replace(
        first._held,
        vectors=read_only(np.concatenate([e.vectors for e in embeddings])),
        items=items,
        content_keys=read_only(np.concatenate([e.content_keys for e in embeddings])),
        usage=usage,
        index=_index([e.index for e in embeddings]),
        failed=_joined([e.failed for e in embeddings], starts),
        notes=_joined([e.notes for e in embeddings], starts),
    )
    return first._of(held)


def _index(parts: Sequence[pd.Index | None]) -> pd.Index | None:
    """Return the labels of all rows, where all parts have some."""
    known = [part for part in parts if part is not None]
    return known[0].append(known[1:]) if len(known) == len(parts) else None


def _whole_paths(items: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with absolute paths of pictures and videos."""
    root = Path(str(items.attrs.get("root") or "."))
    return items.assign(**changed_paths(items, lambda cell: absolute(cell, root) if is_local(cell) else cell))


def _joined(tables: Sequence[pd.DataFrame], starts: Sequence[int]) -> pd.DataFrame:
    """Return small tables under one another, their rows counted on."""
    moved = [table.assign(row=table["row"] + start) for table, start in zip(tables, starts, strict=True)]
    return pd.concat(moved, ignore_index=True)
