"""The methods that lay items out in the plane: PCA, UMAP, t-SNE; each gives the same bits every time.

Adding one is one row in the table at the end, and one test.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._blocks import blocks, in_order, n_workers
from mmtoolkit.projection.fuzzy import fuzzy_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mmtoolkit.projection.neighbors import Neighbors

__all__ = ["METHODS", "Method", "closeness", "pca_layout", "tsne_layout", "umap_layout"]

_BLOCK = 4096
_LEAST = 1024  # items that one worker moves
_FEW = 10_000  # items; umap-learn gives them more epochs
_EPOCHS, _EPOCHS_OF_MANY = 500, 200
_PUSHES = 5  # random points per edge and epoch
_STEP = 0.5  # of the first epoch; it falls to 0


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
        for more in in_order(lambda part: _gram(X[part] - mean), blocks(n, _BLOCK)):
            cov += more
        _, vectors = eigh(cov, subset_by_index=(d - keep, d - 1))
        axes = vectors.astype(np.float32)
        coords = np.concatenate(list(in_order(lambda part: (X[part] - mean) @ axes, blocks(n, _BLOCK))))
    coords = coords[:, ::-1]
    largest = coords[np.abs(coords).argmax(axis=0), np.arange(keep)]
    out = np.zeros((n, 2), dtype=np.float32)
    out[:, :keep] = coords * np.where(largest < 0, -1, 1)
    return out


def _gram(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return rows.T @ rows


def _start(pca: NDArray[np.float32], random_state: int) -> NDArray[np.float32]:
    """Return the PCA scaled to +-10 with a little seeded noise, so that no two points coincide and no axis is flat."""
    rng = np.random.default_rng(random_state)
    scaled = pca * (10 / np.abs(pca).max())
    return np.asarray(scaled + rng.normal(scale=1e-4, size=pca.shape), dtype=np.float32)


def _shown(progress: Any) -> dict[str, Any]:
    """Return tqdm's arguments for a value of `progress`."""
    return {"disable": progress is False, "delay": 1.0 if progress is None else 0.0, "leave": progress is True}


def _moved(*places_and_rows: Any) -> None:
    from mmtoolkit.projection.forces import move

    *places, rows = places_and_rows
    move(*places, rows.start, rows.stop)


def closeness(min_dist: float) -> tuple[float, float]:
    """Fit umap-learn's curve of closeness on the map, ``1 / (1 + a * d ** (2 * b))``, to `min_dist`; return a and b."""
    from scipy.optimize import curve_fit

    d = np.linspace(0, 3, 300)
    wanted = np.where(d < min_dist, 1.0, np.exp(min_dist - d))
    (a, b), _ = curve_fit(lambda d, a, b: 1 / (1 + a * d ** (2 * b)), d, wanted)
    return float(a), float(b)


def umap_layout(
    X: NDArray[np.float32],
    pca: NDArray[np.float32],
    neighbors: Neighbors,
    *,
    n_neighbors: int,
    min_dist: float,
    random_state: int,
    progress: Any = False,
) -> NDArray[np.float32]:
    """Lay items out with UMAP from given neighbours, starting at their PCA, on all cores.

    Weights, forces and epochs are umap-learn's. All forces of an epoch act at once on the places of the last one, so the
    map does not depend on threads; they overshoot less with half of umap-learn's step.

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
    progress : None or bool, default=False
        Whether to show a bar; None shows one after a second.

    Returns
    -------
    ndarray of shape (n_items, 2), float32
        Map coordinates.

    References
    ----------
    McInnes, Healy and Melville (2018), UMAP: uniform manifold approximation and projection.
    """
    from tqdm.auto import tqdm

    n, k = len(X), min(n_neighbors, len(X) - 1)
    graph = fuzzy_graph((neighbors[0][:, :k], neighbors[1][:, :k]))
    graph.sort_indices()
    epochs = _EPOCHS if n <= _FEW else _EPOCHS_OF_MANY
    rate = graph.data / graph.data.max()
    rate[rate < 1 / epochs] = 0
    a, b = map(np.float32, closeness(min_dist))
    start = _start(pca, random_state)
    old = 10 * (start - start.min(axis=0)) / np.ptp(start, axis=0)
    new = np.empty_like(old)
    parts = blocks(n, max(_LEAST, -(-n // (2 * n_workers()))))  # any cut gives the same; handing a part over takes time
    for epoch in tqdm(range(epochs), desc="map", unit="epoch", **_shown(progress)):
        step = np.float32(_STEP * (1 - epoch / epochs))
        one = partial(
            _moved, old, new, graph.indptr, graph.indices, rate, epoch, np.uint64(random_state), step, a, b, _PUSHES
        )
        deque(in_order(one, parts), maxlen=0)
        old, new = new, old
    return np.asarray(old, dtype=np.float32)


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
    progress : bool, default=False
        Whether the function takes `progress`, for a bar of its own.
    """

    title: str
    arguments: tuple[str, ...]
    function: Callable[..., NDArray[np.float32]] | None
    least_items: int = 1
    everywhere: bool = False
    progress: bool = False

    def lay_out(
        self, X: NDArray[np.float32], pca: NDArray[np.float32], neighbors: Any, params: Any, progress: Any = False
    ) -> NDArray[np.float32]:
        """Return the coordinates, with those of the settings that belong to the method."""
        if self.function is None:
            return pca
        own = {name: params[name] for name in (*self.arguments, "random_state")}
        if self.progress:
            own["progress"] = progress
        return self.function(X, pca, neighbors, **own)


METHODS: dict[str, Method] = {
    "umap": Method("UMAP", ("n_neighbors", "min_dist"), umap_layout, least_items=4, progress=True),
    "pca": Method("PCA", (), None, everywhere=True),
    "tsne": Method("t-SNE", ("perplexity",), tsne_layout, least_items=4),
}
