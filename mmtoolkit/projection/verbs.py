"""The verb: draw a map of the items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from mmtoolkit.projection.background import PendingProjection
from mmtoolkit.projection.engine import checked_params, lay_out
from mmtoolkit.projection.result import Projection
from mmtoolkit.steps import verb
from mmtoolkit.vectors import vectors_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mmtoolkit.vectors import HasVectors

__all__ = ["project"]

Layouts = Literal["umap", "pca", "tsne"]


@overload
def project(
    embeddings: HasVectors | ArrayLike, *, method: Layouts = ..., n_neighbors: int = ..., min_dist: float = ...,
    perplexity: float = ..., wait: Literal[True] = ..., progress: bool | None = ..., normalize: bool = ..., random_state: int = ...,
) -> Projection: ...  # fmt: skip
@overload
def project(
    embeddings: HasVectors | ArrayLike, *, method: Layouts = ..., n_neighbors: int = ..., min_dist: float = ...,
    perplexity: float = ..., wait: Literal[False], progress: bool | None = ..., normalize: bool = ..., random_state: int = ...,
) -> PendingProjection: ...  # fmt: skip
@overload
def project(
    embeddings: HasVectors | ArrayLike, *, method: Layouts = ..., n_neighbors: int = ..., min_dist: float = ...,
    perplexity: float = ..., wait: bool, progress: bool | None = ..., normalize: bool = ..., random_state: int = ...,
) -> Projection | PendingProjection: ...  # fmt: skip
@verb(
    "project", variable="p", unrecorded=("wait", "progress"), memory=1.0, one_thread=False
)  # `lay_out` sees to threads, here and there
def project(
    embeddings: HasVectors | ArrayLike,
    *,
    method: Layouts = "umap",
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    perplexity: float = 30.0,
    wait: bool = True,
    progress: bool | None = None,
    normalize: bool = True,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> Projection | PendingProjection:
    """Give every item a place on a map, so that similar items stand together.

    The map has the same bits in every process of this machine, with any number of threads, and all cores work on it
    (``MMTOOLKIT_NUM_THREADS``). Neighbours and maps are
    kept on disk: another `min_dist` finds the neighbours again.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        Finite rows.
    method : {"umap", "pca", "tsne"}, default="umap"
        How the map is made.
    n_neighbors : int, default=15
        UMAP: how many neighbours count, the item itself included; lowered when there are fewer items.
    min_dist : float, default=0.1
        UMAP: how close points may come, 0 to 1.
    perplexity : float, default=30
        t-SNE: about how many neighbours count.
    wait : bool, default=True
        False computes in another process and returns at once a handle that has a PCA map to show meanwhile.
    progress : bool or None, default=None
        Show a bar while UMAP moves the points; None shows one when that takes longer than a second.
    normalize : bool, default=True
        Use unit rows, so that distance means angle.
    random_state : int, default=0
        Seed, recorded.
    n_jobs : int or None, default=None
        Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
        result, and is not recorded.

    Returns
    -------
    Projection or PendingProjection
        ``coords`` (n_items, 2) float32, ``trust`` (n_items,) and ``trustworthiness``; with ``wait=False`` a handle
        whose ``result()`` is that.

    Raises
    ------
    ValueError
        If a setting is out of range, there are no items, or rows hold NaN (the first is named).

    References
    ----------
    McInnes, Healy and Melville (2018), UMAP; van der Maaten (2014), t-SNE; Venna and Kaski (2001), trustworthiness.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> p = mm.project(np.random.default_rng(0).normal(size=(30, 5)), method="pca")
    >>> p.coords.shape, p.trust.shape
    ((30, 2), (30,))
    """
    params = checked_params(method, n_neighbors, min_dist, perplexity, random_state)
    X = vectors_of(embeddings, normalize=normalize)
    return lay_out(X, params, progress) if wait else PendingProjection(X, params)
