"""Means over queries, with intervals in which groups of queries stay together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["interval_of_means", "totals_of"]


def totals_of(values: NDArray[np.float64], group: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sums of the rows of every group, and in a last column how many these are, (n_groups, n_columns + 1)."""
    totals = np.zeros((int(group.max()) + 1, values.shape[1] + 1))
    np.add.at(totals, group, np.column_stack([values, np.ones(len(values))]))
    return totals


def interval_of_means(
    totals: NDArray[np.float64], random_state: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 95 % intervals of the means of all columns of `totals_of`, groups drawn anew."""
    from mmtoolkit.classification.intervals import bca

    low, high, _ = bca(totals, lambda sums: sums[:, :-1] / sums[:, -1:], random_state=random_state)
    return low, high
