"""Choose the number of clusters, and the range of numbers that fit the data as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mmtoolkit.clustering.parting import count_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Choice", "choose", "elbow"]

_WINDOW = 6  # slopes after a k that say what splitting noise gains
_CLEAR = 1.15  # below, no cloud is asked: nobody would see an elbow
_FOOT = 1 / 3  # the foot of an elbow, and of the gains of splits: where the height has fallen to a third
_ITEMS = 10  # per cluster, on average, where no elbow says that there are more clusters
_NOTHING = 1e-6  # share of the whole inertia that is left where all items of every cluster are equal, in float32
_AGREE = 0.25  # a run agrees with another number this near
_APART = np.linspace(2.6, 3.5, 10)  # spreads between halves of a cloud: from a normal one to a uniform one
_OUTER = 0.1  # share of votes, or counts, at either end that a range leaves out
_ALIKE = 0.4  # counts agree whose range is no wider than this share of their median
_OPEN = 3  # a range whose ends differ by this factor leaves the number open
_MARGIN = 0.1  # share of the number by which the range of counts is wider at either end


@dataclass(frozen=True)
class Choice:
    """A number of clusters, a range, and how they were found.

    Parameters
    ----------
    n_clusters : int
        The number to use.
    plausible : tuple of two int
        Lowest and highest number that the data cannot tell from it.
    by : {"elbow", "gaps", "no elbow"}
        "elbow": there is a number above which more clusters gain only what splitting noise gains. "gaps": so many groups
        lie apart that are too small for an elbow, or hidden by rows of no group. "no elbow": no number stands out; the one
        used is the geometric mean of three: that which comes back best, that up to which splits gain much, and that of the
        best silhouette.
    """

    n_clusters: int
    plausible: tuple[int, int]
    by: Literal["elbow", "gaps", "no elbow"]


def choose(
    arrays: Mapping[str, NDArray[np.float64]],
    ks: Sequence[int],
    steps: Sequence[int],
    peaks: Callable[[], Mapping[str, NDArray[np.float64]]],
    farthest: Callable[[], Mapping[str, NDArray[np.float64]]],
) -> Choice:
    """Choose a number of clusters from what ``sweep`` returned.

    Every run of the sweep, on the whole and on halves, votes for the foot of its elbow: the last number before more
    clusters gain no more than splitting noise does. When half of the runs agree with the foot of the median curve, and the
    elbow is higher than that of any cloud without groups, it is used; the range holds all votes but the outer tenth at
    either end, and one step further, because a single small group more or less hardly moves the inertia.

    Groups that are small beside others make no elbow, and rows of no group hide it. Therefore groups are counted, too: by the
    splits of a Ward tree whose sides lie farther apart than the halves of one cloud, once for each of ten distances. Where these
    counts agree, their median is used in two cases: when nearly all are above the elbow; and without an elbow, when the range
    of what is said below leaves the number open, and one split parts the rows farther than any split of any cloud without
    groups. The range holds the counts but the outer tenth at either end, and a tenth of the number beyond, at least one: stray
    items can look like a small group, and a few rows of a group may be too few to count.

    Otherwise no number stands out, and the one used is the geometric mean of three: the number of largest stability times the
    square root of its logarithm, the number up to which each split of a Ward tree gains a third of what the first one gains, and
    the number of the best silhouette. The range holds all that neither silhouette nor that product tells from the number used,
    given their spread over the runs, and the three.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        As ``sweep`` returns them.
    ks : sequence of int
        Numbers to choose from.
    steps : sequence of int
        Numbers at which "path" was measured.
    peaks : callable
        Returns what ``cloud_peaks`` returns; called only where there is an elbow to compare.
    farthest : callable
        Returns what ``cloud_partings`` returns; called only where counts agree and there is no elbow.

    Returns
    -------
    Choice
        Within `ks`.

    References
    ----------
    Sugar and James (2003), Finding the number of clusters in a dataset: an information-theoretic approach.
    """
    counted = _counted(arrays, ks)
    found = _elbow_of(arrays, ks, steps, peaks)
    if found is None:
        other = _without_elbow(arrays, ks)
        undecided = other.plausible[1] >= _OPEN * other.plausible[0]
        return counted[1] if counted is not None and undecided and _above(farthest()) else other
    return found if counted is None or counted[0] <= found.n_clusters else counted[1]


def _elbow_of(
    arrays: Mapping[str, NDArray[np.float64]],
    ks: Sequence[int],
    steps: Sequence[int],
    peaks: Callable[[], Mapping[str, NDArray[np.float64]]],
) -> Choice | None:
    """Return what the elbow says; None where there is none."""
    curves = np.array([elbow(inertia, steps) for inertia in arrays["path"]])
    middle = np.median(curves, axis=0)
    votes = np.array([_foot(curve, steps) for curve in curves])
    used = _foot(middle, steps)
    agree = np.abs(votes - used) <= _AGREE * used
    if middle.max() < _CLEAR or agree.mean() < 0.5 or not _above(peaks()):
        return None
    used = _within(used, ks)
    low, high = (ks.index(_within(end, ks)) for end in np.quantile(votes, (_OUTER, 1 - _OUTER), method="nearest"))
    low, high = ks[max(low - 1, 0)], ks[min(high + 1, len(ks) - 1)]
    return Choice(used, (min(low, used), max(high, used)), "elbow")


def _counted(arrays: Mapping[str, NDArray[np.float64]], ks: Sequence[int]) -> tuple[int, Choice] | None:
    """Return what counts of groups say, and the lowest of them but the outer tenth; None where they do not agree."""
    counts = count_groups(arrays["merges"].astype(np.int64), arrays["apart"], _APART)
    low, used, high = np.quantile(counts, (_OUTER, 0.5, 1 - _OUTER), method="nearest").tolist()
    if high - low > _ALIKE * used or not ks[0] <= used <= ks[-1]:
        return None
    margin = max(1, round(_MARGIN * used))
    return low, Choice(_within(used, ks), (_within(low - margin, ks), _within(high + margin, ks)), "gaps")


def _without_elbow(arrays: Mapping[str, NDArray[np.float64]], ks: Sequence[int]) -> Choice:
    """Choose the geometric mean of three numbers: none of the three is right on all data, and their errors differ."""
    # Stability alone is highest for few clusters, and the information of a clustering about an item grows with the logarithm
    # of their number; the first number balances both. The second counts the splits that gain at least a third of the first
    # one's gain. The third has the highest silhouette; in many dimensions that is the largest number. Every cluster keeps ten
    # items on average, because halves with fewer say little.
    gains, returns = arrays["gains"], arrays["stability"] * np.sqrt(np.log(ks))
    large = max(1, sum(k <= (len(gains) + 1) / _ITEMS for k in ks))  # so many of the numbers are small enough
    answers = [
        ks[int(returns.mean(axis=0)[:large].argmax())],
        _within(1 + int((gains >= _FOOT * gains[0]).sum()), ks[:large]),
        ks[int(arrays["silhouette"].mean(axis=0)[:large].argmax())],
    ]
    used = _within(float(np.exp(np.log(answers).mean())), ks)
    at = ks.index(used)
    alike = np.ones(len(ks), dtype=bool)
    for score in (returns, arrays["silhouette"]):
        mean, spread = score.mean(axis=0), score.std(axis=0)
        alike &= np.abs(mean - mean[at]) <= spread + spread[at]
    numbers = [used, *answers, *(k for k, same in zip(ks, alike, strict=True) if same)]
    return Choice(used, (min(numbers), max(numbers)), "no elbow")


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
        1 at both ends, where it cannot be measured; infinite where nothing is left to gain, as among copies.
    """
    falling = np.maximum(np.minimum.accumulate(inertia), max(inertia[0] * _NOTHING, np.finfo(float).tiny))
    slopes = -np.diff(np.log(falling)) / np.diff(np.log(ks))
    out = np.ones(len(ks))
    for at in range(1, len(ks) - _WINDOW // 2):
        after = np.median(slopes[at : at + _WINDOW])
        if slopes[at - 1] > 0:
            out[at] = slopes[at - 1] / after if after > 0 else np.inf
    return out


def _above(compared: Mapping[str, NDArray[np.float64]]) -> bool:
    """Return whether the rows are higher than every cloud; after one that is as high, no more are measured."""
    return bool((compared["rows"] > compared["clouds"]).all())


def _foot(curve: NDArray[np.float64], ks: Sequence[int]) -> int:
    """Return the last k after the curve's peak before it has fallen to a third of the peak's height above 1."""
    peak = foot = int(curve.argmax())
    while foot + 1 < len(curve) and curve[foot + 1] >= 1 + (curve[peak] - 1) * _FOOT:
        foot += 1
    return ks[foot]


def _within(k: float, ks: Sequence[int]) -> int:
    """Return the member of `ks` nearest to `k`."""
    return min(ks, key=lambda candidate: abs(candidate - k))
