"""The methods that lay items out in the plane: PCA, UMAP, t-SNE; each gives the same bits every time on one thread.

Adding one is one row in the table at the end, and one test.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit.projection.fuzzy import fuzzy_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.projection.neighbors import Neighbors

__all__ = ["METHODS", "Method", "pca_layout", "tsne_layout", "umap_layout"]

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
    """Return the PCA scaled to +-10 with a little seeded noise, so that no two points coincide and no axis is flat."""
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
        Row numbers and distances (n_items, k), itself first; k is at least `n_neighbors` or n_items.
    n_neighbors : int
        How many of them to use, the item itself included, as umap-learn counts; at most n_items - 1 are used.
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

    k = min(n_neighbors, len(X) - 1)
    graph = fuzzy_graph((neighbors[0][:, :k], neighbors[1][:, :k]))
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
    X: NDArray[np.float32], pca: NDArray[np.float32], _neighbors: Neighbors, *, perplexity: float, random_state: int
) -> NDArray[np.float32]:
    """Lay items out with t-SNE, starting at their PCA.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows, not all equal, at least four.
    pca : ndarray of shape (n_items, 2), float32
        The start.
    _neighbors : tuple of ndarray
        Not used.
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
    return np.asarray(model.fit_transform(X), dtype=np.float32)


@dataclass(frozen=True)
class Method:
    """One row of the table of methods.

    Parameters
    ----------
    title : str
        Name for people.
    arguments : tuple of str
        Arguments of `project` that belong to it, besides the seed.
    function : callable or None
        From vectors (n_items, n_features), their PCA (n_items, 2) and their neighbours, with the arguments and
        `random_state` as keywords, to coordinates (n_items, 2) float32. None takes the PCA as it is.
    least_items : int, default=1
        Fewer items are laid out by PCA.
    everywhere : bool, default=False
        Whether another environment gives the same but for rounding, so that a report compares its score.
    """

    title: str
    arguments: tuple[str, ...]
    function: Callable[..., NDArray[np.float32]] | None
    least_items: int = 1
    everywhere: bool = False

    def lay_out(
        self, X: NDArray[np.float32], pca: NDArray[np.float32], neighbors: Any, params: Any
    ) -> NDArray[np.float32]:
        """Return the coordinates, with those of the settings that belong to the method."""
        if self.function is None:
            return pca
        own = {name: params[name] for name in (*self.arguments, "random_state")}
        return self.function(X, pca, neighbors, **own)


METHODS: dict[str, Method] = {
    "umap": Method("UMAP", ("n_neighbors", "min_dist"), umap_layout, least_items=4),
    "pca": Method("PCA", (), None, everywhere=True),
    "tsne": Method("t-SNE", ("perplexity",), tsne_layout, least_items=4),
}
