"""The single checks of ``audit``, each a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._nearest import most_similar
from mmtoolkit._text import shorten
from mmtoolkit.errors import EmbeddingError, SpaceError
from mmtoolkit.vectors import has_vectors, ids_of, items_of, unit_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.classification.targets import Target

__all__ = ["captions", "duplicates", "imbalance", "leaks", "outliers", "unreadable"]

_NEIGHBOURS = 5
_FAR = 3.5
_OTHERS = 500
_MISFIT = 0.9


def duplicates(groups: NDArray[np.intp], rows: NDArray[np.intp], source: Any, target: Target | None) -> pd.DataFrame:
    """Return the members of every group of duplicates: group, row, id, label."""
    import pandas as pd

    sizes = np.bincount(groups, minlength=len(groups))
    several = np.flatnonzero(sizes[groups] > 1)
    several = several[np.argsort(groups[several], kind="stable")]
    at = rows[several]
    label = [None] * len(at) if target is None else target.values[at]
    return pd.DataFrame({"group": rows[groups[several]], "row": at, "id": ids_of(source)[at], "label": label})


def leaks(
    groups: NDArray[np.intp], rows: NDArray[np.intp], source: Any, splits: NDArray[np.object_] | None
) -> pd.DataFrame:
    """Return the items whose duplicates stand in another split: row, id, split, other_split."""
    import pandas as pd

    found = []
    if splits is not None:
        own = splits[rows]
        sizes = np.bincount(groups, minlength=len(groups))
        for group in np.flatnonzero(sizes > 1):
            members = np.flatnonzero(groups == group)
            names = {own[m] for m in members if own[m] is not None}
            found += [
                (rows[m], own[m], ", ".join(sorted(map(str, names - {own[m]}))))
                for m in members
                if own[m] is not None and len(names) > 1
            ]
    frame = pd.DataFrame(found, columns=["row", "split", "other_split"])
    frame["row"] = frame["row"].astype(np.intp)
    frame.insert(1, "id", ids_of(source)[frame["row"].to_numpy()])
    return frame.sort_values("row", kind="stable").reset_index(drop=True)


def outliers(unit: NDArray[np.float32], groups: NDArray[np.intp], rows: NDArray[np.intp], source: Any) -> pd.DataFrame:
    """Return items far from their five nearest others (duplicates aside): row, id, distance, score.

    The score is the modified z-score of the mean cosine distance; above 3.5 is listed (Iglewicz and Hoaglin, 1993).
    """
    import pandas as pd

    n = len(unit)
    k = min(_NEIGHBOURS, n - 1)
    distance = np.zeros(n)
    if n == 0:
        return pd.DataFrame({"row": rows, "id": ids_of(source)[rows], "distance": distance, "score": distance})
    if k:
        _, near = most_similar(unit, unit, k, apart=(groups, groups))
        distance = 1.0 - np.where(near == -2.0, -1.0, near).mean(axis=1, dtype=np.float64)  # nobody of another group
    middle = np.median(distance)
    spread = np.median(np.abs(distance - middle))
    score = 0.6745 * (distance - middle) / spread if spread > 0 else np.zeros(n)
    far = np.argsort(-score, kind="stable")
    far = far[score[far] > _FAR]
    at = rows[far]
    return pd.DataFrame({"row": at, "id": ids_of(source)[at], "distance": distance[far], "score": score[far]})


def imbalance(target: Target | None) -> pd.DataFrame:
    """Return items and share per class, the largest first."""
    import pandas as pd

    if target is None:
        return pd.DataFrame(
            {"items": np.empty(0, dtype=np.intp), "share": np.empty(0)}, index=pd.Index([], name="class")
        )
    counts = np.bincount(target.codes[target.known], minlength=len(target.classes))
    index = pd.Index(target.classes.tolist(), name="class")
    frame = pd.DataFrame({"items": counts, "share": counts / counts.sum()}, index=index)
    return frame.sort_values("items", ascending=False, kind="stable")


def unreadable(source: Any, ok: NDArray[np.bool_]) -> pd.DataFrame:
    """Return rows without a vector: row, id, reason."""
    import pandas as pd

    at = np.flatnonzero(~ok)
    failed = getattr(source, "failed", None)
    why = {} if failed is None else dict(zip(failed["row"], failed["reason"], strict=True))
    reasons = [str(why.get(int(row), "the vector holds NaN")) for row in at]
    return pd.DataFrame({"row": at, "id": ids_of(source)[at], "reason": reasons})


def captions(kept: Any, unit: NDArray[np.float32], rows: NDArray[np.intp]) -> pd.DataFrame:
    """Return pictures and videos whose caption fits worse than nine in ten captions of others.

    Needs items with modality image or video and a text, and a model that embeds texts beside them.
    """
    import pandas as pd

    columns = ["row", "id", "caption", "cosine", "rank"]
    items = items_of(kept)
    if items is None or not has_vectors(kept):
        return pd.DataFrame(columns=columns)
    said = [
        m in ("image", "video") and isinstance(t, str) and t.strip() != ""
        for m, t in zip(items["modality"], items["text"], strict=True)
    ]
    at = np.flatnonzero(said)
    texts = items["text"].iloc[at].tolist()
    different = sorted(set(texts))
    if len(different) < 2:
        return pd.DataFrame(columns=columns)
    try:
        vectors = unit_rows(kept.encode(different))
    except (SpaceError, EmbeddingError):  # vectors without a model, or a model without texts: nothing to compare with
        return pd.DataFrame(columns=columns)
    number = {text: i for i, text in enumerate(different)}
    own = np.array([number[text] for text in texts])
    others = np.unique(np.linspace(0, len(different) - 1, min(len(different), _OTHERS)).astype(np.intp))
    cosine = np.einsum("ij,ij->i", unit[at], vectors[own], dtype=np.float64)
    rank = ((unit[at] @ vectors[others].T) > cosine[:, None]).mean(axis=1)
    worst = np.argsort(-rank, kind="stable")
    worst = worst[rank[worst] > _MISFIT]
    found = at[worst]
    return pd.DataFrame(
        {
            "row": rows[found],
            "id": kept.ids[found],
            "caption": [shorten(texts[i], 80) for i in worst],
            "cosine": cosine[worst],
            "rank": rank[worst],
        }
    )
