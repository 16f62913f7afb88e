"""Three ways to lay items out in the plane: PCA, UMAP, t-SNE; each gives the same bits every time."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit.projection.fuzzy import fuzzy_graph
from mmtoolkit.provenance import one_thread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.projection.neighbors import Neighbors

__all__ = ["pca_layout", "tsne_layout", "umap_layout"]

_BLOCK = 4096


def pca_layout(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Project on the two directions of largest variance.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows.

    Returns
    -------
    ndarray of shape (n_items, 2), float32
        The sign of each axis is such that its largest entry is positive; a missing second direction is all zeros.
    """
    from scipy.linalg import eigh

    n, d = X.shape
    mean = X.mean(axis=0, dtype=np.float64).astype(np.float32)
    keep = min(n, d, 2)
    with one_thread():
        if n < d:
            centered = (X - mean).astype(np.float64)
            values, vectors = eigh(centered @ centered.T, subset_by_index=(n - keep, n - 1))
            coords = vectors * np.sqrt(np.maximum(values, 0))
        else:
            cov = np.zeros((d, d))
            for i in range(0, n, _BLOCK):
                block = X[i : i + _BLOCK] - mean
                cov += block.T @ block
            _, vectors = eigh(cov, subset_by_index=(d - keep, d - 1))
            axes = vectors.astype(np.float32)
            coords = np.concatenate([(X[i : i + _BLOCK] - mean) @ axes for i in range(0, n, _BLOCK)])
    coords = coords[:, ::-1]
    largest = coords[np.abs(coords).argmax(axis=0), np.arange(keep)]
    out = np.zeros((n, 2), dtype=np.float32)
    out[:, :keep] = coords * np.where(largest < 0, -1, 1)
    return out


def _start(pca: NDArray[np.float32], random_state: int) -> NDArray[np.float32]:
    """PCA scaled to +-10 with a breath of seeded noise, so that no two points coincide and no axis is flat."""
    rng = np.random.default_rng(random_state)
    scaled = pca * (10 / np.abs(pca).max())
    return np.asarray(scaled + rng.normal(scale=1e-4, size=pca.shape), dtype=np.float32)


def umap_layout(
    X: NDArray[np.float32],
    pca: NDArray[np.float32],
    neighbors: Neighbors,
    *,
    n_neighbors: int,
    min_dist: float,
    random_state: int,
) -> NDArray[np.float32]:
    """Lay items out with UMAP from given neighbours, starting at their PCA.

    UMAP's own start (spectral, and a different one for graphs in several pieces) does not repeat from process to
    process; with our start, a seed and one thread it does. Weights, attraction and epochs are umap-learn's.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows, not all equal, at least four.
    pca : ndarray of shape (n_items, 2), float32
        The start.
    neighbors : tuple of ndarray
        Row numbers and distances (n_items, k >= n_neighbors), itself first.
    n_neighbors : int
        How many of them to use, the item itself included, as umap-learn counts.
    min_dist : float
        How close points may come in the map.
    random_state : int
        Seed.

    Returns
    -------
    ndarray of shape (n_items, 2), float32
        Map coordinates.

    References
    ----------
    McInnes, Healy and Melville (2018), UMAP: uniform manifold approximation and projection.
    """
    from sklearn.utils import check_random_state

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap.umap_ import find_ab_params, simplicial_set_embedding

    with one_thread():
        graph = fuzzy_graph((neighbors[0][:, :n_neighbors], neighbors[1][:, :n_neighbors]))
        a, b = find_ab_params(1.0, min_dist)
        coords, _ = simplicial_set_embedding(
            X,
            graph,
            n_components=2,
            initial_alpha=1.0,
            a=a,
            b=b,
            gamma=1.0,
            negative_sample_rate=5,
            n_epochs=None,
            init=_start(pca, random_state),
            random_state=check_random_state(random_state),
            metric="euclidean",
            metric_kwds={},
            densmap=False,
            densmap_kwds={},
            output_dens=False,
        )
    return np.asarray(coords, dtype=np.float32)


def tsne_layout(
    X: NDArray[np.float32], pca: NDArray[np.float32], *, perplexity: float, random_state: int
) -> NDArray[np.float32]:
    """Lay items out with t-SNE, starting at their PCA.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows, not all equal, at least four.
    pca : ndarray of shape (n_items, 2), float32
        The start.
    perplexity : float
        About how many neighbours count; lowered to (n_items - 1) / 3 for few items.
    random_state : int
        Seed.

    Returns
    -------
    ndarray of shape (n_items, 2), float32
        Map coordinates.

    References
    ----------
    van der Maaten (2014), Accelerating t-SNE using tree-based algorithms; Kobak and Berens (2019), The art of using
    t-SNE for single-cell transcriptomics (the PCA start).
    """
    from sklearn.manifold import TSNE

    start = _start(pca, random_state)
    model = TSNE(
        perplexity=min(perplexity, (len(X) - 1) / 3),
        init=start / start[:, 0].std() * 1e-4,
        random_state=random_state,
        n_jobs=1,
    )
    with one_thread():
        return np.asarray(model.fit_transform(X), dtype=np.float32)
