"""Make one vector for several inputs: a content is split into leaves, and their vectors are averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["join", "leaves", "mean", "mean_of_units"]

Split = Callable[[Any], Iterable[Any]]  # an empty sequence, or parts one at a time


def mean(vectors: Sequence[Any]) -> NDArray[np.float32]:
    """Return the mean of some vectors, computed in double precision."""
    return np.asarray(np.mean(vectors, axis=0, dtype=np.float64), dtype=np.float32)


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
    return mean([v / np.linalg.norm(v) for v in np.asarray(vectors, dtype=np.float64)])


def leaves(thing: Any, split: Split) -> Iterator[Any]:
    """Yield the parts with a vector of their own, in order.

    Parameters
    ----------
    thing : object
        A content.
    split : callable
        Returns the parts whose vectors are averaged into that of a thing; empty when it has a vector of its own.

    Yields
    ------
    object
        A thing without parts.
    """
    parts = split(thing)
    if not parts:
        yield thing
    for part in parts:
        yield from leaves(part, split)


def join(
    thing: Any, split: Split, vector: Callable[[Any], Any], average: Callable[[Sequence[Any]], Any] = mean_of_units
) -> Any:
    """Return the vector of a content: its own, or the average of the vectors of its parts at any depth.

    Parameters
    ----------
    thing : object
        A content.
    split : callable
        As `leaves` takes it.
    vector : callable
        Returns the vector of a leaf; called in the order of `leaves`.
    average : callable, default=mean_of_units
        From the vectors of the parts to one.

    Returns
    -------
    ndarray of shape (dimension,), float32
        The vector.
    """
    parts = split(thing)
    if not parts:
        return vector(thing)
    return average([join(part, split, vector, average) for part in parts])
