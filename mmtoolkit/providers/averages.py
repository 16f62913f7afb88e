"""One vector for several inputs: the mean of their unit vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["mean_of_units"]


def mean_of_units(vectors: Sequence[Any]) -> NDArray[np.float32]:
    """Return the mean of the vectors' directions.

    Parameters
    ----------
    vectors : sequence of ndarray of shape (dimension,)
        At least one, none of them zero.

    Returns
    -------
    ndarray of shape (dimension,), float32
        Computed in double precision; not scaled to length 1.
    """
    units = [v / np.linalg.norm(v) for v in np.asarray(vectors, dtype=np.float64)]
    mean: NDArray[np.float32] = np.mean(units, axis=0).astype(np.float32)
    return mean
