"""``similarity``: how similar the items of two sets are, as numbers and as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import column
from mmtoolkit._anyframe import is_frame, is_series
from mmtoolkit._numbers import as_numbers
from mmtoolkit._text import shorten
from mmtoolkit.results import Result
from mmtoolkit.retrieval.find import queries_of
from mmtoolkit.steps import UNRECORDED, Step, resolved, verb
from mmtoolkit.vectors import HasVectors, check_same_space, has_vectors, ids_of, vectors_of
from mmtoolkit.words import aside, say

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["SimilarityResult", "similarity"]

_MAX_CELLS = 100_000_000
_DRAWN = 200  # rows or columns of the heat map


@dataclass(frozen=True, eq=False, repr=False)
class SimilarityResult(Result):
    """How alike two sets of items are.

    Parameters
    ----------
    values : ndarray of shape (n_a, n_b), float32
        Cosine similarities, or dot products with ``normalize=False``; means over pairs of different items when grouped.
    rows, columns : tuple of str
        Names of the two sets: ids, texts or groups.
    recipe : Step
        Verb and parameters.
    source : Embeddings, array, or mapping of str to these
        The first set; both, as "a" and "b", when the second came as vectors too.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> mm.similarity(mm.Embeddings(np.eye(2), ids=["a", "b"]), np.eye(2)).frame
         0    1
    a  1.0  0.0
    b  0.0  1.0
    """

    values: NDArray[np.float32]
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        """The values under their names."""
        return pd.DataFrame(self.values, index=list(self.rows), columns=list(self.columns))

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the values (rounded)."""
        return {"rounded": {"values": self.values.tolist()}}

    def _summary(self) -> str:
        shape, mean = f"{len(self.rows)} x {len(self.columns)}", np.nanmean(self.values)
        if self._cosine:
            return say("{shape} cosine similarities, mean {mean:.3f}", shape=shape, mean=mean)
        return say("{shape} dot products, mean {mean:.3f}", shape=shape, mean=mean)

    @property
    def _cosine(self) -> bool:
        return bool(self.recipe.params.get("normalize", True))

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {say("similarity"): self.frame.iloc[:, :12]}

    def _figures(self) -> Mapping[str, Any]:
        return {"heatmap": self._heatmap}

    def _heatmap(self) -> go.Figure:
        from mmtoolkit import figures

        rows, columns = self.rows[:_DRAWN], self.columns[:_DRAWN]
        cut = len(rows) < len(self.rows) or len(columns) < len(self.columns)
        part = say(
            "the first {n_rows} x {n_columns} are drawn, group items by a column to see all",
            n_rows=len(rows),
            n_columns=len(columns),
        )
        return figures.heatmap(
            self.values[: len(rows), : len(columns)],
            columns,
            rows,
            title=say("Similarity"),
            caption=say("{note}.", note=aside(self._summary(), part if cut else "")),
            color_title=say("cosine") if self._cosine else say("dot product"),
        )


@verb("similarity", columns=("by",), sources="several")
def similarity(
    a: HasVectors | ArrayLike, b: Any = None, *, by: str | ArrayLike | None = None, normalize: bool = True
) -> SimilarityResult:
    """Compare every item of one set with every item of another.

    Parameters
    ----------
    a : Embeddings or array-like of shape (n_a, n_features)
        The first set.
    b : Embeddings, array-like of shape (n_b, n_features), text, content, list of these, or None, default=None
        The second set; texts and contents are embedded by the model of `a`. None compares `a` with itself.
    by : str, array-like of shape (n_a,) or None, default=None
        Column of the items, or one value per item: groups of `a` whose mean similarity is given instead (to each
        other, or to the items of `b`). An item is not compared with itself.
    normalize : bool, default=True
        Use unit rows, so that values are cosines; False takes the dot products of the rows as they are.

    Returns
    -------
    SimilarityResult
        `values` of shape (n_a, n_b), float32, and a heat map.

    Raises
    ------
    ValueError
        If the sets do not fit, hold NaN, or have more than 100 million pairs.
    SpaceError
        If both sets name a model, and it is not the same.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> mm.similarity(np.eye(2), np.array([[1.0, 1.0]])).values.round(3).tolist()
    [[0.7070000171661377], [0.7070000171661377]]
    """
    X = vectors_of(a, normalize=normalize)
    if is_frame(b) or is_series(b):
        rows = as_numbers(b)
        b = b if rows is None else rows
    if b is None:
        Y, columns = X, tuple(ids_of(a).tolist())
    elif has_vectors(b) or (not isinstance(b, str | Sequence) and hasattr(b, "__array__")):
        check_same_space(a, b, "the vectors of a and b", same_params=False)
        Y, columns = vectors_of(b, normalize=normalize), tuple(ids_of(b).tolist())
        resolved(source={"a": a, "b": b})
    else:
        asked = queries_of(a, b, X.shape[1], normalize=normalize)
        Y, columns = asked.vectors, asked.names
        resolved(b=asked.recorded)
    if X.shape[1] != Y.shape[1]:
        msg = f"the sets have {X.shape[1]} and {Y.shape[1]} features; they must come from one model"
        raise ValueError(msg)
    if by is not None:
        return _grouped(X, None if b is None else Y, columns, column(a, by, what="by"))
    if len(X) * len(Y) > _MAX_CELLS:
        msg = f"{len(X):,} x {len(Y):,} pairs are too many to hold; use by= for groups, or search and near_duplicates"
        raise ValueError(msg)
    return SimilarityResult(X @ Y.T, tuple(ids_of(a).tolist()), columns)


def _grouped(
    X: NDArray[np.float32], Y: NDArray[np.float32] | None, columns: tuple[str, ...], groups: NDArray[np.object_]
) -> SimilarityResult:
    """Return mean similarities from the groups' sums: exact, and linear in the number of items."""
    known = sorted({g for g in groups.tolist() if g is not None}, key=str)
    if not known:
        msg = "by= holds no value for any item"
        raise ValueError(msg)
    names = tuple(shorten(g, tail=20) for g in known)
    sums = np.stack([X[groups == g].sum(axis=0, dtype=np.float64) for g in known])
    sizes = np.array([(groups == g).sum() for g in known], dtype=np.float64)
    if Y is not None:
        values = (sums / sizes[:, None]) @ Y.T.astype(np.float64)
        return SimilarityResult(values.astype(np.float32), names, columns)
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    norms = [np.einsum("ij,ij->", X[groups == g], X[groups == g], dtype=np.float64) for g in known]
    total = sums @ sums.T - np.diag(norms)
    values = np.divide(total, pairs, out=np.full_like(total, np.nan), where=pairs > 0)
    return SimilarityResult(values.astype(np.float32), names, names)
