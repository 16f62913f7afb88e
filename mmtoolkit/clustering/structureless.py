"""Clouds without groups: how high an elbow rises, and how far a split parts the rows, in data without clusters."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from mmtoolkit._blocks import in_order
from mmtoolkit.clustering.choice import elbow
from mmtoolkit.clustering.parting import partings
from mmtoolkit.clustering.refinement import principal_axes, rough_tree, start_of_tree
from mmtoolkit.clustering.tree import ward_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["CLOUDS", "N_CLOUDS", "SAMPLE", "Cloud", "cloud_like", "cloud_partings", "cloud_peaks", "gaussian"]

SAMPLE = 2_000  # rows; more would not change the answer
_WHOLE = 1_000  # rows of a tree of all rows; its costs grow with their square
N_CLOUDS = 19  # of each kind: one of 20 elbows of a cloud is above 19 others
_UNIT = 1e-3
_FITS = 8
_TINY = 1e-12


def gaussian(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return rows of a normal distribution."""
    return rng.standard_normal(shape)


def _uniform(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    return np.asarray((rng.random(shape) - 0.5) * np.sqrt(12.0))


def _heavy(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return rows of a t distribution with 3 degrees of freedom, far out in any direction."""
    return np.asarray(rng.standard_normal(shape) / np.sqrt(rng.chisquare(3, (shape[0], 1))))


def _spiked(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return rows whose every feature has that t distribution on its own: far out along the axes."""
    return rng.standard_t(3, shape)


Draw: TypeAlias = "Callable[[tuple[int, int], np.random.Generator], NDArray[np.float64]]"
CLOUDS: tuple[Draw, ...] = (
    gaussian,
    _uniform,
    _heavy,
    _spiked,
)


@dataclass(frozen=True, eq=False)
class Cloud:
    """Rows without groups that have the mean and the covariance of given ones, also after they got length 1."""

    draw: Draw
    turn: NDArray[np.float64]  # principal directions, one a column
    spread: NDArray[np.float64]  # variance along each
    middle: NDArray[np.float64]
    rest: float | None  # squared length outside of the components; None where rows have any length

    def rows(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return `n` rows."""
        made: NDArray[np.float64] = self.draw((n, len(self.spread)), rng)
        made = (
            (made - made.mean(axis=0))
            / np.maximum(made.std(axis=0), _TINY)
            @ (self.turn * np.sqrt(self.spread) @ self.turn.T)
        )
        if self.rest is None:
            return np.asarray(made)
        made += self.middle
        return np.asarray(made / np.sqrt(np.einsum("ij,ij->i", made, made) + self.rest)[:, None])

    def fitted(self, n: int, rng: np.random.Generator) -> Cloud:
        """Return the cloud whose rows have this covariance once they have length 1, which changes it."""
        if self.rest is None:
            return self
        spread, middle = self.spread, self.middle
        for _ in range(_FITS):
            made = dataclasses.replace(self, spread=spread, middle=middle).rows(n, rng)
            middle = middle + self.middle - made.mean(axis=0)
            spread = spread * self.spread / np.maximum((made @ self.turn).var(axis=0), _TINY)
        return dataclasses.replace(self, spread=spread, middle=middle)


def cloud_like(X: NDArray[np.float32], draw: Draw, rng: np.random.Generator) -> Cloud:
    """Return a cloud with mean and covariance of the first 64 principal components of rows, and their length if it is 1."""
    mean, axes = X.mean(axis=0, dtype=np.float64), principal_axes(X)
    Z = (X - mean.astype(X.dtype)) @ axes
    spread, turn = np.linalg.eigh(np.cov(Z.T, ddof=0).reshape(Z.shape[1], -1))
    spread, middle = np.maximum(spread, _TINY), mean @ axes
    unit = np.abs(np.einsum("ij,ij->i", X, X) - 1).max() < _UNIT
    rest = max(1.0 - float(middle @ middle + spread.sum()), 0.0) if unit else None
    return Cloud(draw, turn, spread, middle, rest).fitted(len(X), rng)


def cloud_peaks(
    X: NDArray[np.float32], steps: Sequence[int], *, random_state: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Measure the highest elbow of the rows, and that of clouds with their covariance and no groups.

    All are measured alike: on the first 64 principal components, by one Ward tree of segments. Where the rows have length 1,
    those of the clouds get it too.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows, in an order without meaning; the first 2,000 are used.
    steps : sequence of int
        Numbers of clusters, ascending.
    random_state : int, default=0
        Seed.

    Returns
    -------
    dict of str to ndarray
        "rows", shape (), of the rows; "clouds", shape (19, n_kinds). As soon as one cloud is as high as the rows, the
        question is answered: the rest is not measured, and NaN.

    References
    ----------
    Tibshirani, Walther and Hastie (2001), Estimating the number of clusters in a data set via the gap statistic.
    Liu, Hayes, Nobel and Marron (2008), Statistical significance of clustering for high-dimension, low-sample-size data.
    """
    rng = np.random.default_rng(random_state)
    X = X[:SAMPLE]
    steps = [k for k in steps if k <= len(X)]
    kinds = [cloud_like(X, draw, rng) for draw in CLOUDS]
    own = _peak(np.ascontiguousarray(X @ principal_axes(X)), steps, rng)

    def drawn() -> Iterator[tuple[NDArray[np.float32], np.random.Generator]]:
        for kind in kinds:
            made = kind.rows(len(X), rng).astype(np.float32)
            yield made, start_of_tree(len(made), max(steps), rng)

    return _compared(own, drawn, lambda cloud: _peak(cloud[0], steps, cloud[1]))


def cloud_partings(X: NDArray[np.float32], *, random_state: int = 0) -> dict[str, NDArray[np.float64]]:
    """Measure how far one split of a Ward tree parts the rows at most, and the same of clouds without groups.

    Parameters
    ----------
    X : ndarray of shape (n_items, n_features), float32
        Rows, in an order without meaning; the first 1,000 are used.
    random_state : int, default=0
        Seed.

    Returns
    -------
    dict of str to ndarray
        As ``cloud_peaks`` returns it.

    References
    ----------
    Kimes, Liu, Hayes and Marron (2017), Statistical significance for hierarchical clustering.
    """
    rng = np.random.default_rng(random_state)
    X = X[:_WHOLE]
    kinds = [cloud_like(X, draw, rng) for draw in CLOUDS]
    own = _farthest(np.ascontiguousarray(X @ principal_axes(X)))
    return _compared(own, lambda: (kind.rows(len(X), rng).astype(np.float32) for kind in kinds), _farthest)


def _compared(
    own: float, drawn: Callable[[], Iterable[Any]], measure: Callable[[Any], float]
) -> dict[str, NDArray[np.float64]]:
    """Measure clouds, one of each kind at a time, until one is as high as the rows' own value."""
    clouds = np.full((N_CLOUDS, len(CLOUDS)), np.nan)
    for number in range(N_CLOUDS):
        for at, value in enumerate(in_order(measure, list(drawn()))):
            clouds[number, at] = value
            if value >= own:
                return {"rows": np.array(own), "clouds": clouds}
    return {"rows": np.array(own), "clouds": clouds}


def _farthest(Z: NDArray[np.float32]) -> float:
    return float(partings(Z, ward_tree(Z)).max(initial=0.0))


def _peak(Z: NDArray[np.float32], steps: Sequence[int], rng: np.random.Generator) -> float:
    """Return the highest elbow of a Ward tree."""
    labels, means, tree = rough_tree(Z, max(steps), rng)
    within = float(np.square(Z - means[labels]).sum(dtype=np.float64))
    inertia = (
        within + np.append(np.cumsum(tree.heights), 0.0)[[len(means) - k - 1 if k < len(means) else -1 for k in steps]]
    )
    return float(elbow(inertia, steps).max())
