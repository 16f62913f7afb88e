"""Which rows are held out where: by a hash of what equal items have in common, on the workers and on the driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["INNER", "Dealt", "dealt", "with_key"]

INNER = 5


@dataclass(frozen=True, eq=False)
class Dealt:
    """Rows with a class, and where they are held out.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), float32
        Rows.
    codes : ndarray of shape (n_rows,), int
        Classes.
    fold, inner : ndarrays of shape (n_rows,), int
        Numbers of the outer and of the inner fold; inner fold 0 is held out where C is chosen.
    key : ndarray of shape (n_rows,), uint64
        Equal where items are.
    """

    X: NDArray[np.float32]
    codes: NDArray[np.intp]
    fold: NDArray[np.intp]
    inner: NDArray[np.intp]
    key: NDArray[np.uint64]

    def weights(self, cv: int, *, choosing: bool) -> NDArray[np.float32]:
        """Return 1 where a row trains a set: one set per fold that is held out, and one of all rows."""
        trains = self.fold[:, None] != np.arange(cv + 1)
        return np.asarray(trains & (self.inner != 0)[:, None] if choosing else trains, dtype=np.float32)


def dealt(table: Any, X: NDArray[np.float32], cv: int, random_state: int) -> Dealt:
    """Deal the rows that have a class to folds.

    Parameters
    ----------
    table : pyarrow.RecordBatch or Table
        Columns _y, -1 where there is no class, and _key, a hash of what equal items have in common.
    X : ndarray of shape (n_rows, n_features), float32
        Their vectors.
    cv : int
        Number of folds.
    random_state : int
        Seed.
    """
    codes = table.column("_y").to_numpy()
    rows = np.flatnonzero(codes >= 0)
    X = X if len(rows) == len(X) else X[rows]
    key = table.column("_key").to_numpy()[rows].astype(np.int64).view(np.uint64)
    fold = (_mixed(key, random_state) % np.uint64(cv)).astype(np.intp)
    inner = (_mixed(key, random_state + 1) % np.uint64(INNER)).astype(np.intp)
    return Dealt(X, codes[rows].astype(np.intp), fold, inner, key)


def with_key(batch: pa.RecordBatch, X: NDArray[np.float32]) -> pa.RecordBatch:
    """Add the column _key where there is none: equal for equal vectors."""
    import pyarrow as pa

    if "_key" in batch.schema.names:
        return batch
    odd = np.random.default_rng(0).integers(0, 2**64, X.shape[1], dtype=np.uint64) | np.uint64(1)
    key = (X + 0.0).view(np.uint32).astype(np.uint64) @ odd
    return batch.append_column("_key", pa.array(key.view(np.int64)))


def _mixed(key: NDArray[np.uint64], seed: int) -> NDArray[np.uint64]:
    """Return well-mixed bits (splitmix64), others for every seed."""
    z = key + np.uint64((seed + 1) * 0x9E3779B97F4A7C15 % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
