"""How many clusters: the number to use and the range that the data cannot tell from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Choice", "choose", "elbow"]

_WINDOW = 6  # slopes after a k that say what splitting noise gains
_CLEAR = 1.3  # an elbow: twice what structureless data show above 1, see docs/choosing_k.md
_FOOT = 1 / 3  # the elbow's foot: where its height has fallen to a third
_AGREE = 0.25  # a run agrees with another number this near
_WORTH = 0.2  # a silhouette better by less is not worth more clusters: a convention, not a measurement


@dataclass(frozen=True)
class Choice:
    """A number of clusters, a range, and how they were found.

    Parameters
    ----------
    n_clusters : int
        The number to use.
    plausible : tuple of two int
        Lowest and highest number that the data cannot tell from it.
    by : {"elbow", "silhouette"}
        "elbow": there is a number above which more clusters gain only what splitting noise gains. "silhouette": there
        is none; the smallest number that more clusters hardly improve.
    """

    n_clusters: int
    plausible: tuple[int, int]
    by: Literal["elbow", "silhouette"]


def choose(arrays: Mapping[str, NDArray[np.float64]], ks: Sequence[int], steps: Sequence[int]) -> Choice:
    """Choose a number of clusters from what ``sweep`` returned.

    Every run of the sweep, on the whole and on bootstrap samples, votes for the foot of its elbow: the last number before
    more clusters gain no more than splitting noise does. When the median curve has a clear elbow and half of the runs
    agree with its foot, it is used; the range holds all votes but the outer tenth at either end, and one step further,
    because a single small group more or less hardly moves the inertia. Otherwise the silhouette decides: the smallest
    number that comes within a fifth (or one standard error) of the best silhouette, with a range up to the best.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As ``sweep`` returns them.
    ks : sequence of int
        Numbers to choose from.
    steps : sequence of int
        Numbers at which "path" was measured.

    Returns
    -------
    Choice
        Within `ks`.

    References
    ----------
    Sugar and James (2003), Finding the number of clusters in a dataset: an information-theoretic approach.
    """
    curves = np.array([elbow(inertia, steps) for inertia in arrays["path"]])
    middle = np.median(curves, axis=0)
    votes = np.array([_foot(curve, steps) for curve in curves])
    used = _foot(middle, steps)
    agree = np.abs(votes - used) <= _AGREE * used
    if middle.max() >= _CLEAR and agree.mean() >= 0.5:
        used = _within(used, ks)
        low = ks.index(_within(np.quantile(votes, 0.1, method="nearest"), ks))
        high = ks.index(_within(np.quantile(votes, 0.9, method="nearest"), ks))
        low, high = ks[max(low - 1, 0)], ks[min(high + 1, len(ks) - 1)]
        return Choice(used, (min(low, used), max(high, used)), "elbow")
    mean = np.nan_to_num(arrays["silhouette"].mean(axis=0), nan=-1.0)  # one cluster per row has no silhouette
    error = arrays["silhouette_se"].mean(axis=0)
    top = int(mean.argmax())
    k = ks[int((mean >= mean[top] - max(_WORTH * abs(mean[top]), np.nan_to_num(error[top]))).argmax())]
    return Choice(k, (k, ks[top]), "silhouette")


def elbow(inertia: NDArray[np.float64], ks: Sequence[int]) -> NDArray[np.float64]:
    """Return how much more the step to each k gains than the steps after it.

    Splitting noise lowers the inertia like a power of k, a straight line between logarithms. The curve is the slope
    before a k divided by the median of the next six slopes after it: about 1 where there is only noise left to split,
    larger up to the number of real groups.

    Parameters
    ----------
    inertia : ndarray of shape (n_ks,), float64
        Within-cluster sum of squares.
    ks : sequence of int
        Numbers of clusters, ascending.

    Returns
    -------
    ndarray of shape (n_ks,), float64
        1 at both ends, where it cannot be measured.
    """
    falling = np.maximum(np.minimum.accumulate(inertia), np.finfo(float).tiny)
    slopes = -np.diff(np.log(falling)) / np.diff(np.log(ks))
    out = np.ones(len(ks))
    for at in range(1, len(ks) - _WINDOW // 2):
        after = np.median(slopes[at : at + _WINDOW])
        out[at] = slopes[at - 1] / after if after > 0 else 1.0
    return out


def _foot(curve: NDArray[np.float64], ks: Sequence[int]) -> int:
    """Return the last k after the curve's peak before it has fallen to a third of the peak's height above 1."""
    peak = foot = int(curve.argmax())
    while foot + 1 < len(curve) and curve[foot + 1] >= 1 + (curve[peak] - 1) * _FOOT:
        foot += 1
    return ks[foot]


def _within(k: float, ks: Sequence[int]) -> int:
    """Return the member of `ks` nearest to `k`."""
    return min(ks, key=lambda candidate: abs(candidate - k))
