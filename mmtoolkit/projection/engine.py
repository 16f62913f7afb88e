"""From vectors and settings to coordinates and trust; remembers what it computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._arguments import checked_seed
from mmtoolkit.provenance import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHODS", "TRUST_NEIGHBORS", "Layout", "checked_params", "lay_out", "quick_layout", "trust_neighbors"]

METHODS = ("umap", "pca", "tsne")
TRUST_NEIGHBORS = 15
_STEP = 2
_LIBRARIES = ("numpy", "scipy", "scikit-learn", "umap-learn", "pynndescent", "numba")
_FEW = 4


@dataclass(frozen=True, eq=False)
class Layout:
    """What the computation gives: plain arrays and a note."""

    coords: NDArray[np.float32]
    trust: NDArray[np.float32]
    trustworthiness: float
    method: str
    note: str = ""


def checked_params(
    method: str, n_neighbors: int, min_dist: float, perplexity: float, random_state: int
) -> dict[str, Any]:
    """Return the settings that matter for `method`, checked.

    Parameters
    ----------
    method, n_neighbors, min_dist, perplexity, random_state
        As `project` takes them.

    Returns
    -------
    dict
        Plain values.

    Raises
    ------
    ValueError
        If one is out of range.
    """
    if method not in METHODS:
        msg = f"method must be one of {', '.join(METHODS)}, got {method!r}"
        raise ValueError(msg)
    if not (isinstance(n_neighbors, int | np.integer) and n_neighbors >= 2):
        msg = f"n_neighbors must be an integer of at least 2 (the item itself counts), got {n_neighbors!r}"
        raise ValueError(msg)
    if not 0 <= min_dist <= 1:
        msg = f"min_dist must lie between 0 and 1, got {min_dist!r}"
        raise ValueError(msg)
    if not (np.isfinite(perplexity) and perplexity > 0):
        msg = f"perplexity must be a positive number, got {perplexity!r}"
        raise ValueError(msg)
    random_state = checked_seed(random_state)
    own = {
        "umap": {"n_neighbors": int(n_neighbors), "min_dist": float(min_dist)},
        "tsne": {"perplexity": float(perplexity)},
        "pca": {},
    }[method]
    return {"method": method, **own, "random_state": random_state}


def lay_out(X: NDArray[np.float32], params: Mapping[str, Any]) -> Layout:
    """Compute a map and how far it can be trusted, or read it from the disk.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows.
    params : mapping
        From `checked_params`.

    Returns
    -------
    Layout
        The same bits in every process, with any number of threads.
    """
    from mmtoolkit.derived import remember

    if (X[0] == X).all():
        note = "all items are equal: one place for all" if len(X) > 1 else "a single item"
        return Layout(np.zeros((len(X), 2), np.float32), _unknown(X), float("nan"), params["method"], note)
    few = len(X) < _FEW and params["method"] != "pca"
    used = {**params, "method": "pca"} if few else params

    def compute() -> dict[str, NDArray[Any]]:
        coords, trust, score = _computed(X, used)
        return {"coords": coords, "trust": trust, "trustworthiness": np.array(score)}

    kept = remember("map", {"X": fingerprint(X), **used}, compute, step=_STEP, libraries=_LIBRARIES)
    note = f"{len(X)} items are too few for {params['method']}: PCA instead" if few else ""
    return Layout(kept["coords"], kept["trust"], float(kept["trustworthiness"]), used["method"], note)


def trust_neighbors(n: int) -> int:
    """Return how many neighbours trust is about: 15, or fewer than half of the other items."""
    return min(TRUST_NEIGHBORS, max((n - 1) // 2, 1))


def quick_layout(X: NDArray[np.float32]) -> Layout:
    """Return PCA without its trust: something to look at while the map is computed."""
    from mmtoolkit.projection.layouts import pca_layout

    return Layout(pca_layout(X), _unknown(X), float("nan"), "pca", "PCA, while the map is computed")


def _unknown(X: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.full(len(X), np.nan, dtype=np.float32)


def _computed(
    X: NDArray[np.float32], params: Mapping[str, Any]
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    from mmtoolkit.projection.layouts import pca_layout, tsne_layout, umap_layout
    from mmtoolkit.projection.neighbors import neighbors_of
    from mmtoolkit.projection.trust import map_neighbors, neighbor_recall, trustworthiness

    n, seed = len(X), params["random_state"]
    width = min(max(params.get("n_neighbors", 0), TRUST_NEIGHBORS + 1), n)
    neighbors = neighbors_of(X, width, seed)
    coords = pca_layout(X)
    if params["method"] == "umap":
        k = min(params["n_neighbors"], n - 1)
        coords = umap_layout(X, coords, neighbors, n_neighbors=k, min_dist=params["min_dist"], random_state=seed)
    elif params["method"] == "tsne":
        coords = tsne_layout(X, coords, perplexity=params["perplexity"], random_state=seed)
    k = trust_neighbors(n)
    found = map_neighbors(coords, k)
    return coords, neighbor_recall(X, found, neighbors[1][:, k]), trustworthiness(X, found, seed)
