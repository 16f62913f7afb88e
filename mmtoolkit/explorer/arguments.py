"""Check that classes, clusters and maps belong to the explored items: same length, same order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._aligned import column
from mmtoolkit._text import is_blank
from mmtoolkit.vectors import has_vectors, ids_of
from mmtoolkit.words import say

__all__ = ["check_same_items", "checked_annotator", "classes_of", "cluster_name", "labels_of"]


def checked_annotator(name: object) -> str | None:
    """Return the checked name of an annotator.

    Parameters
    ----------
    name : str or None
        As ``explore`` takes it.

    Returns
    -------
    str or None
        Without blanks around it.

    Raises
    ------
    TypeError
        If it is no text.
    ValueError
        If nothing in it can be seen, or it has more than one line.
    """
    if name is None:
        return None
    if not isinstance(name, str):
        msg = f"annotator must be a str, the name of who answers, or None; got {name!r}"
        raise TypeError(msg)
    if is_blank(name) or len(name.strip().splitlines()) > 1:
        msg = f"annotator must be a name of one line, got {name!r}"
        raise ValueError(msg)
    return name.strip()


def check_same_items(embeddings: Any, other_ids: Any, what: str) -> None:
    """Raise when the ids of `what` are not those of the items, in their order.

    Parameters
    ----------
    embeddings : Embeddings or array
        What is explored.
    other_ids : sequence of str
        Ids that came with `what`.
    what : str
        Name of the argument, for the message.

    Raises
    ------
    ValueError
        Names the first row that differs.
    """
    ids, other = ids_of(embeddings), np.asarray(other_ids).astype(str)
    if len(ids) != len(other):
        msg = f"{what} has {len(other)} items, the vectors have {len(ids)}; make it from the same embeddings"
        raise ValueError(msg)
    differ = np.flatnonzero(ids != other)
    if len(differ):
        row = int(differ[0])
        advice = (
            "bring it into the order of emb.ids"
            if set(ids.tolist()) == set(other.tolist())
            else "make it from the same embeddings"
        )
        msg = f"{what} is of other items or in another order: row {row} is {str(other[row])!r}, the vectors have {str(ids[row])!r}; {advice}"
        raise ValueError(msg)


def classes_of(embeddings: Any, y: Any) -> NDArray[np.object_]:
    """Return one class per item from an array, a column name, or a frame with columns id and label.

    Parameters
    ----------
    embeddings : Embeddings or array
        What is explored.
    y : array-like of shape (n_items,), str or DataFrame
        Classes.

    Returns
    -------
    ndarray of shape (n_items,), object
        None where there is none.

    Raises
    ------
    ValueError
        If lengths, ids or their order differ.
    """
    if hasattr(y, "columns"):
        missing = [name for name in ("id", "label") if name not in y.columns]
        if missing:
            msg = (
                f"a frame as y needs the columns 'id' and 'label', {missing[0]!r} is missing; or pass y=frame['column']"
            )
            raise ValueError(msg)
        check_same_items(embeddings, y["id"], "y")
        y = y["label"]
    return column(embeddings, y)


def labels_of(
    embeddings: Any, clusters: Any, what: str = "clusters"
) -> tuple[NDArray[np.int64] | None, dict[int, str]]:
    """Return cluster numbers and names from a clustering or an array.

    Parameters
    ----------
    embeddings : Embeddings or array
        What is explored.
    clusters : Clustering, array-like of shape (n_items,), int, or None
        Clusters.
    what : str, default="clusters"
        Name of the argument, for the message.

    Returns
    -------
    labels : ndarray of shape (n_items,), int64, or None
        Cluster numbers.
    names : dict of int to str
        Names, where there are any.

    Raises
    ------
    ValueError
        If lengths, ids or their order differ, or labels are no integers.
    """
    if clusters is None:
        return None, {}
    names: dict[int, str] = {}
    if hasattr(clusters, "labels"):
        if has_vectors(clusters.source):
            check_same_items(embeddings, clusters.source.ids, what)
        names = clusters.titles
        clusters = clusters.labels
    labels = np.array(column(embeddings, clusters, what=what).tolist() if isinstance(clusters, pd.Series) else clusters)
    n = len(ids_of(embeddings))
    if labels.shape != (n,) or labels.dtype.kind not in "iu":
        msg = f"{what} must be a clustering or {n} cluster numbers, got {labels.dtype} of shape {labels.shape}"
        raise ValueError(msg)
    return labels.astype(np.int64), names


def cluster_name(names: dict[int, str], label: int) -> str:
    """Return the name of a cluster."""
    return names.get(int(label), say("noise") if label < 0 else say("cluster {number}", number=label))
