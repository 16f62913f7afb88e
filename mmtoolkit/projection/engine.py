"""From vectors and settings to coordinates and trust; remembers what it computed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._arguments import check_count
from mmtoolkit.derived import digest, remember
from mmtoolkit.projection.layouts import METHODS, pca_layout
from mmtoolkit.projection.neighbors import neighbors_of
from mmtoolkit.projection.result import Projection
from mmtoolkit.projection.trust import TRUST_NEIGHBORS, map_neighbors, neighbor_recall, trust_neighbors, trustworthiness
from mmtoolkit.provenance import MAPS, one_thread
from mmtoolkit.words import say

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["checked_params", "lay_out", "note_of", "quick_layout"]

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "numba")


def checked_params(
    method: str, n_neighbors: int, min_dist: float, perplexity: float, random_state: int
) -> dict[str, Any]:
    """Return the checked settings that `method` uses.

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
    check_count("n_neighbors", n_neighbors, 2)
    if not 0 <= min_dist <= 1:
        msg = f"min_dist must lie between 0 and 1, got {min_dist!r}"
        raise ValueError(msg)
    if not (np.isfinite(perplexity) and perplexity > 0):
        msg = f"perplexity must be a positive number, got {perplexity!r}"
        raise ValueError(msg)
    given = {"n_neighbors": int(n_neighbors), "min_dist": float(min_dist), "perplexity": float(perplexity)}
    own = {name: given[name] for name in METHODS[method].arguments}
    return {"method": method, **own, "random_state": random_state}


def lay_out(X: NDArray[np.float32], params: Mapping[str, Any], progress: Any = False) -> Projection:
    """Compute a map and how far it can be trusted, or read it from the disk.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Finite rows.
    params : mapping
        From `checked_params`.
    progress : None or bool, default=False
        As `project` takes it.

    Returns
    -------
    Projection
        Not recorded yet. The same bits in every process, with any number of threads.
    """
    asked = params["method"]
    if (X[0] == X).all():
        return Projection(np.zeros((len(X), 2), np.float32), _unknown(X), float("nan"), asked, note_of(X, asked))
    few = len(X) < METHODS[asked].least_items
    used = {**params, "method": "pca"} if few else params
    with one_thread():
        parts = {"X": digest(X), **used}
        kept = remember("map", parts, lambda: _computed(X, used, progress), step=MAPS, libraries=_LIBRARIES)
    return Projection(kept["coords"], kept["trust"], float(kept["trustworthiness"]), used["method"], note_of(X, asked))


def note_of(X: NDArray[np.float32], method: str) -> str:
    """Return a note for readers of the map; "" for most maps."""
    if (X[0] == X).all():
        return say("all items are equal: one place for all") if len(X) > 1 else say("a single item")
    if len(X) < METHODS[method].least_items:
        return say("{n} items are too few for {method}: PCA instead", n=len(X), method=method)
    return ""


def quick_layout(X: NDArray[np.float32]) -> Projection:
    """Return the PCA map without its trust, to show while the map is computed."""
    with one_thread():
        return Projection(pca_layout(X), _unknown(X), float("nan"), "pca", say("PCA, while the map is computed"))


def _unknown(X: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.full(len(X), np.nan, dtype=np.float32)


def _computed(X: NDArray[np.float32], params: Mapping[str, Any], progress: Any) -> dict[str, NDArray[Any]]:
    n, seed = len(X), params["random_state"]
    neighbors, enough = neighbors_of(X, min(max(params.get("n_neighbors", 0), TRUST_NEIGHBORS + 1), n), seed)
    coords = METHODS[params["method"]].lay_out(X, pca_layout(X), neighbors, params, progress)
    k = trust_neighbors(n)
    found = map_neighbors(coords, k)
    trust = neighbor_recall(X, found, neighbors[1][:, k]) if enough else _unknown(X)
    return {"coords": coords, "trust": trust, "trustworthiness": np.array(trustworthiness(X, found, seed))}
