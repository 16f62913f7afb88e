"""The positions of the items: a given map, or PCA at once and UMAP when its helper process has finished."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._aligned import refuse_other_order
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.explorer.arguments import check_same_items
from mmtoolkit.figures.maps import view_limits
from mmtoolkit.projection import PendingProjection
from mmtoolkit.vectors import has_vectors, ids_of
from mmtoolkit.words import joined, say, word

__all__ = ["Places"]


class Places:
    """The places of all items, which may change once while the user is already drawing.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        The items.
    projection : None, Projection, PendingProjection, or array-like of shape (n_items, 2)
        None computes UMAP in a helper process; PCA is shown until it is there.

    Attributes
    ----------
    version : int
        Counts the layouts, so that a lasso is tested against the one it was drawn on.
    note : str
        What the user should know about the map.
    unseen : str
        How many items are not to be seen on it.

    Raises
    ------
    ValueError
        If the map is of other items, in another order, or of another length.
    """

    def __init__(self, embeddings: Any, projection: Any = None) -> None:
        self.version = 0
        self.trust: NDArray[np.float32] | None = None
        self.note = ""
        self._pending: PendingProjection | None = None
        self._own: Any = embeddings if projection is None else None  # what a map of our own is made of
        self._paused = False
        if projection is None:
            from mmtoolkit.projection import project

            projection = project(embeddings, wait=False)
        if hasattr(projection, "quick"):
            self._pending = projection
            projection = projection.quick
            self.note = word("PCA for now; UMAP is being computed")
        if hasattr(projection, "coords"):
            if has_vectors(projection.source):
                check_same_items(embeddings, projection.source.ids, "projection")
            coords = projection.coords
        else:
            if isinstance(projection, pd.DataFrame):
                refuse_other_order(embeddings, projection.index, "projection")
            coords = np.asarray(projection)
        n = len(ids_of(embeddings))
        if coords.shape != (n, 2) or coords.dtype.kind not in "fiu":
            msg = f"projection must be a map of these {n} items or an array of shape ({n}, 2), got {coords.dtype} of shape {coords.shape}"
            raise ValueError(msg)
        if not np.isfinite(coords).all(axis=1).any():
            msg = "no item has a finite place on the map"
            raise ValueError(msg)
        self._layouts = [np.asarray(coords, dtype=np.float32)]
        self.unseen = _unseen(self.coords)
        self._keep_trust(getattr(projection, "trust", None))

    @property
    def coords(self) -> NDArray[np.float32]:
        """Present places, (n_items, 2)."""
        return self._layouts[-1]

    @property
    def waiting(self) -> bool:
        """Whether a better map is on its way, or will be when it is asked for."""
        return self._pending is not None or self._paused

    def pause(self) -> None:
        """Stop computing a map of our own, until somebody asks for it again."""
        if self._pending is not None and self._own is not None and not self._pending.done:
            self._pending.cancel()
            self._pending, self._paused = None, True

    def resume(self) -> None:
        """Compute the map that was stopped."""
        if self._paused:
            from mmtoolkit.projection import project

            self._pending, self._paused = project(self._own, wait=False), False

    def at(self, version: int) -> NDArray[np.float32]:
        """Return the places of an earlier layout; of the present one if there is no such version."""
        return self._layouts[version] if 0 <= version < len(self._layouts) else self.coords

    def poll(self, timeout_s: float | None = 0.0) -> bool:
        """Take over the map that was on its way, if it is there.

        Parameters
        ----------
        timeout_s : float or None, default=0.0
            How long to wait for it; None waits as long as it takes.

        Returns
        -------
        bool
            Whether something changed: places, or the note that says why there are none.
        """
        if timeout_s != 0:
            self.resume()
        pending = self._pending
        if pending is None or (timeout_s == 0 and not pending.done):
            return False
        try:
            projection = pending.result(timeout_s)
        except TimeoutError:
            return False
        except MMToolkitError as error:
            self._pending, self.note = None, say("this map is a PCA: {why}", why=error)
            return True
        self._pending, self.note = None, projection.note
        self._layouts.append(projection.coords)
        self.unseen = _unseen(self.coords)
        self.version += 1
        self._keep_trust(projection.trust)
        return True

    def _keep_trust(self, trust: NDArray[np.float32] | None) -> None:
        if trust is not None and np.isfinite(trust).any():
            self.trust = trust


def _unseen(coords: NDArray[np.float32]) -> str:
    """Return how many items have no place, and how many lie so far away that the map begins without them."""
    placed = coords[np.isfinite(coords).all(axis=1)]
    limits = np.array([view_limits(placed[:, i]) for i in (0, 1)])
    far = int(((placed < limits[:, 0]) | (placed > limits[:, 1])).any(axis=1).sum())
    lost = len(coords) - len(placed)
    return joined(
        say("{n:,} point has no place and is not drawn.", "{n:,} points have no place and are not drawn.", n=lost)
        if lost
        else "",
        say(
            "{n:,} point lies far outside; zoom out to see it.",
            "{n:,} points lie far outside; zoom out to see them.",
            n=far,
        )
        if far
        else "",
    )
