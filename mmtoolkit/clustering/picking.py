"""Choose items to look at or to label next."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._arguments import check_choice
from mmtoolkit._nearest import squares
from mmtoolkit.clustering.partition import count_distinct, kmeans
from mmtoolkit.clustering.selected import Selection, farthest_first, selection
from mmtoolkit.steps import verb
from mmtoolkit.vectors import HasVectors, vectors_of

if TYPE_CHECKING:
    _Picked: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float64]]  # rows in order of choice, and their scores

__all__ = ["pick"]

_NEIGHBORS = 20
_REFERENCE = 20_000
_BLOCK = 1024


@verb("pick")
def pick(
    embeddings: HasVectors | ArrayLike,
    n: int,
    how: Literal["typical", "diverse", "outlier"] = "typical",
    *,
    exclude: ArrayLike | None = None,
    normalize: bool = True,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Selection:
    """Choose items worth looking at or labelling next.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        Items to choose from.
    n : int
        How many.
    how : {"typical", "diverse", "outlier"}, default="typical"
        "typical": `n` clusters are made and the item nearest to each centre is taken: the best first labels.
        "diverse": each item is the farthest from all before it: covers the corners.
        "outlier": largest mean distance to its 20 nearest neighbours (among at most 20,000 items).
    exclude : array-like of shape (n_items,), bool, or None, default=None
        Items not to choose, such as those that have a label; "diverse" keeps away from them too.
    normalize : bool, default=True
        Use unit rows.
    random_state : int, default=0
        Seed of the clusters and the sample of neighbours.
    n_jobs : int or None, default=None
        Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
        result, and is not recorded.

    Returns
    -------
    Selection
        `rows` in order of choice, `table` with the items' columns; ``emb[selection.rows]`` are their vectors.

    Raises
    ------
    ValueError
        If `n` is below 1 or more than there are distinct items left, or `how` is none of the three.

    References
    ----------
    Hacohen, Dekel and Weinshall (2022), Active learning on a budget: opposite strategies suit high and low budgets.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.repeat(np.eye(3), 4, axis=0)
    >>> sorted(mm.pick(X, 3, "diverse").rows.tolist())
    [0, 4, 8]
    """
    X = vectors_of(embeddings, normalize=normalize)
    barred = np.zeros(len(X), dtype=bool) if exclude is None else np.asarray(exclude)
    if barred.shape != (len(X),) or barred.dtype != bool:
        msg = f"exclude must be a boolean mask of {len(X)} items, got {barred.dtype} of shape {barred.shape}"
        raise ValueError(msg)
    left = np.flatnonzero(~barred)
    if not 1 <= n <= len(left):
        msg = f"n must be between 1 and the {len(left)} items to choose from, got {n}"
        raise ValueError(msg)
    check_choice("how", how, _WAYS)
    rows, score = _WAYS[how](X, n, left, random_state)
    return selection(embeddings, rows, {"score": score})


def _typical(X: NDArray[np.float32], n: int, left: NDArray[np.int64], random_state: int) -> _Picked:
    X = X[left]
    distinct = count_distinct(X, n)
    if distinct < n:
        msg = f"n={n} is more than the {distinct} distinct vectors to choose from"
        raise ValueError(msg)
    fit = kmeans(X, n, n_init=1, random_state=random_state)
    distances = np.linalg.norm(X - fit.centers[fit.labels], axis=1).astype(np.float64)
    order = np.lexsort((distances, fit.labels))
    first = order[np.flatnonzero(np.diff(fit.labels[order], prepend=-1))]
    return left[first], distances[first]


def _diverse(X: NDArray[np.float32], n: int, left: NDArray[np.int64], _random_state: int) -> _Picked:
    middle = X.mean(axis=0, dtype=np.float64).astype(X.dtype)
    from_middle = np.linalg.norm(X - middle, axis=1).astype(np.float64)
    taken = np.setdiff1d(np.arange(len(X)), left)
    rows = farthest_first(X, n, first=None if len(taken) else int(from_middle.argmin()), taken=taken)
    return rows, from_middle[rows]


def _outlier(X: NDArray[np.float32], n: int, left: NDArray[np.int64], random_state: int) -> _Picked:
    score = _mean_neighbor_distance(X, left, random_state)
    order = np.argsort(-score, kind="stable")[:n]
    return left[order], score[order]


def _mean_neighbor_distance(X: NDArray[np.float32], rows: NDArray[np.int64], random_state: int) -> NDArray[np.float64]:
    reference = np.sort(np.random.default_rng(random_state).permutation(len(X))[:_REFERENCE])
    k = min(_NEIGHBORS, len(reference) - 1)
    if k < 1:
        return np.zeros(len(rows))
    out = np.empty(len(rows))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        distances = squares(X[block], X[reference])
        distances[block[:, None] == reference] = np.inf
        near = np.partition(distances, k - 1, axis=1)[:, :k]
        out[start : start + len(block)] = np.sqrt(np.maximum(near, 0.0)).mean(axis=1)
    return out


_WAYS: dict[str, Callable[[NDArray[np.float32], int, NDArray[np.int64], int], _Picked]] = {
    "typical": _typical,
    "diverse": _diverse,
    "outlier": _outlier,
}
