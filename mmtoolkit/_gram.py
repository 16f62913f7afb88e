"""Covariance and rotation of rows, block by block: no second copy of the rows, all cores, same bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._blocks import blocks, in_order

__all__ = ["centred_gram", "mean_row", "rotated"]

_BLOCK = 4096


def centred_gram(
    X: NDArray[np.float32], index: NDArray[np.intp] | None = None, block: int = _BLOCK
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Return the mean row, (n_features,), and the sum of ``x.T @ x`` over the centred rows, (n_features, n_features).

    With `index` these are of the rows that it numbers; only a `block` of them is copied at a time.
    """
    parts: list[Any] = blocks(len(X) if index is None else len(index), block)
    if index is not None:
        parts = [index[part] for part in parts]
    mean = _mean(X, parts, len(X) if index is None else len(index))

    def of_part(rows: Any) -> NDArray[np.float32]:
        centred = X[rows] - mean
        return np.asarray(centred.T @ centred)

    total = np.zeros((X.shape[1], X.shape[1]))
    for gram in in_order(of_part, parts):
        total += gram
    return mean, total


def mean_row(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean row, (n_features,), summed in float64."""
    return _mean(X, blocks(len(X), _BLOCK), len(X))


def _mean(X: NDArray[np.float32], parts: Sequence[Any], n: int) -> NDArray[np.float32]:
    sums = in_order(lambda rows: X[rows].sum(axis=0, dtype=np.float64), parts)
    return np.asarray(sum(sums) / n, dtype=np.float32)


def rotated(
    X: NDArray[np.float32],
    basis: NDArray[np.float32],
    mean: NDArray[np.float32] | None = None,
    index: NDArray[np.intp] | None = None,
) -> NDArray[np.float32]:
    """Return the rows, with `mean` the centred ones, with `index` those it numbers, in the axes of a basis, (n, n_axes)."""
    out = np.empty((len(X) if index is None else len(index), basis.shape[1]), dtype=np.float32)

    def part(rows: slice) -> None:
        own = X[rows] if index is None else X[index[rows]]
        np.matmul(own if mean is None else own - mean, basis, out=out[rows])

    deque(in_order(part, blocks(len(out), _BLOCK)), maxlen=0)
    return out
