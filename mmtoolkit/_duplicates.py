"""Exact and near duplicates among unit rows: pairs block by block, groups, and where to cut."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._nearest import for_pairs

if TYPE_CHECKING:
    from mmtoolkit.vectors import HasVectors

__all__ = ["duplicate_groups", "duplicate_thresholds", "equal_rows", "joined", "similar_blocks"]

_BLOCK = 2048
_SAMPLE = 1000


def similar_blocks(
    unit: NDArray[np.float32], threshold: float | NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]]:
    """Yield all pairs of rows at least as similar as the threshold, in blocks of flat memory.

    Parameters
    ----------
    unit : ndarray of shape (n_items, n_features), float32
        Unit rows.
    threshold : float or ndarray of shape (n_items,)
        Cosine similarity; with one value per row a pair must reach the higher of its two.

    Returns
    -------
    iterator of (i, j, similarity)
        Row numbers with i < j and their cosine, for one pair of blocks.
    """
    n = len(unit)
    cut = np.broadcast_to(np.asarray(threshold, dtype=np.float32), (n,))

    def similar(
        rows: slice, columns: slice, cosine: NDArray[np.float32]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
        i, j = np.nonzero(cosine >= np.maximum(cut[rows, None], cut[None, columns]))
        similarity = cosine[i, j]
        i, j = i + rows.start, j + columns.start
        upper = i < j
        return i[upper], j[upper], similarity[upper]

    return (found for found in for_pairs(similar, unit, _BLOCK) if len(found[0]))


def equal_rows(X: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return for each row the number of the first row equal to it, (n_items,); bytes are compared, not products."""
    first: dict[bytes, int] = {}
    digests = (hashlib.blake2b((row + 0.0).tobytes(), digest_size=16).digest() for row in X)  # -0.0 is 0.0
    return np.array([first.setdefault(digest, number) for number, digest in enumerate(digests)], dtype=np.intp)


def duplicate_groups(unit: NDArray[np.float32], threshold: float | NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the duplicate group of every row: equal rows, and chains of rows at least as similar as the threshold.

    Parameters
    ----------
    unit : ndarray of shape (n_items, n_features), float32
        Unit rows.
    threshold : float or ndarray of shape (n_items,)
        As `similar_blocks` takes it.

    Returns
    -------
    ndarray of shape (n_items,), int
        Number of the first row of the group; a row without a duplicate has its own number.
    """
    groups = equal_rows(unit)
    for i, j, _ in similar_blocks(unit, threshold):
        groups = joined(groups, i, j)
    return groups


def joined(groups: NDArray[np.intp], i: NDArray[np.intp], j: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the groups after merging those of ``i[n]`` and ``j[n]``; a group keeps the number of its first row."""
    news = groups[i] != groups[j]
    i, j = i[news], j[news]
    if not len(i):
        return groups
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(groups)
    links = coo_array((np.ones(len(i), dtype=bool), (groups[i], groups[j])), shape=(n, n))
    _, part = connected_components(links, directed=False)
    first = np.full(int(part.max()) + 1, n)
    np.minimum.at(first, part, np.arange(n))
    return np.asarray(first[part[groups]])


def duplicate_thresholds(embeddings: HasVectors | object, unit: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the cosine above which each row counts as a near duplicate of another.

    The model's row of the models table says it, per modality. Vectors of an unknown model have no such row: there a
    pair counts when it is 100 times closer than two random rows typically are, whatever the space.

    Parameters
    ----------
    embeddings : Embeddings or array
        What the unit rows come from.
    unit : ndarray of shape (n_items, n_features), float32
        Unit rows.

    Returns
    -------
    ndarray of shape (n_items,), float64
        One threshold per row.
    """
    from mmtoolkit.models import find_model
    from mmtoolkit.space import space_of

    model = space_of(embeddings).model
    spec = find_model(model) if model else None
    if spec is not None:
        table = spec.duplicate_thresholds
        kinds = getattr(embeddings, "modality", np.full(len(unit), "text"))
        highest = max(table.values(), default=0.95)
        return np.array([table.get(str(kind), highest) for kind in kinds], dtype=np.float64)
    if len(unit) == 0:
        return np.empty(0)
    rng = np.random.default_rng(0)
    i, j = rng.integers(len(unit), size=(2, _SAMPLE))
    apart = 1.0 - np.einsum("ij,ij->i", unit[i], unit[j], dtype=np.float64)[i != j]
    typical = float(np.median(apart)) if len(apart) else 0.0
    return np.full(len(unit), 1.0 - min(0.05, max(typical / 100.0, 1e-6)))
