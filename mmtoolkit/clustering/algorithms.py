"""The table of clustering algorithms: one row per name, and one for every scikit-learn clusterer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmtoolkit._arguments import seeded
from mmtoolkit.clustering import density
from mmtoolkit.clustering.partition import Fit, by_size, count_distinct, fit_of, keep_known, kmeans, nearest, renumber
from mmtoolkit.derived import digest, remember

if TYPE_CHECKING:
    from mmtoolkit.clustering.result import Clustering

__all__ = ["ALGORITHMS", "LIBRARIES", "STEP", "Algorithm", "Clusterer", "find_algorithm"]

STEP = 6
LIBRARIES = ("numpy", "scipy", "scikit-learn")


class Clusterer(Protocol):
    """A clusterer as scikit-learn has them, such as ``AgglomerativeClustering(8)``; it also needs `get_params`."""

    def fit_predict(self, X: Any) -> Any:
        """Return one whole number per row; -1 is noise."""
        ...


def _nearest_center(X: NDArray[np.float32], clustering: Clustering) -> NDArray[np.int64]:
    return nearest(X, clustering.centers)


@dataclass(frozen=True, eq=False)
class Algorithm:
    """One row of the table of clustering algorithms.

    Parameters
    ----------
    name : str
        What `algorithm=` takes, and what reports say.
    fit : callable
        ``fit(X, options)`` returns a `Fit`; `options` holds all arguments of ``cluster`` by name, with the one number
        `n_clusters` that was given or chosen.
    arguments : mapping, default={}
        Arguments of ``cluster`` that belong to this row only, with their defaults.
    ignores : tuple of str, default=()
        Arguments of other rows that are taken without effect.
    finds : str, default=""
        Why `n_clusters` cannot be given, as the beginning of a sentence; "" where one is given or chosen.
    chosen_by : str, default="given"
        What `Clustering.chosen_by` says where the number was not chosen by a sweep.
    assign : callable, default: the nearest centre
        ``assign(X, clustering)`` returns the clusters of other rows.
    redraw : callable or None, default=None
        ``redraw(drawn, X, clustering, random_state)`` groups the drawn rows anew and returns a label for every row
        of X, -1 for noise; None where stability cannot be measured.
    why_not : str, default="stability cannot draw this algorithm anew"
        What stability says then.
    """

    name: str
    fit: Callable[[NDArray[np.float32], Mapping[str, Any]], Fit]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    ignores: tuple[str, ...] = ()
    finds: str = ""
    chosen_by: str = "given"
    assign: Callable[[NDArray[np.float32], Clustering], NDArray[np.int64]] = _nearest_center
    redraw: Callable[[NDArray[np.float32], NDArray[np.float32], Clustering, int], NDArray[np.int64]] | None = None
    why_not: str = "stability cannot draw this algorithm anew"

    def check(self, n_clusters: Any, options: Mapping[str, Any]) -> None:
        """Raise ValueError if an argument was given that this algorithm does not have."""
        if self.finds and n_clusters is not None:
            msg = f"{self.finds}; leave out n_clusters={n_clusters!r}"
            raise ValueError(msg)
        own = {*self.arguments, *self.ignores}
        for other in ALGORITHMS.values():
            if any(options[name] != default for name, default in other.arguments.items() if name not in own):
                *names, last = other.arguments
                msg = f"{', '.join(names)} and {last} belong to algorithm={other.name!r}"
                raise ValueError(msg)


def _fit_kmeans(X: NDArray[np.float32], options: Mapping[str, Any]) -> Fit:
    told = {"n_init": int(options["n_init"]), "exact": bool(options["exact"]), "random_state": options["random_state"]}

    def compute() -> dict[str, NDArray[Any]]:
        fit = kmeans(X, options["n_clusters"], **told)
        return {"labels": fit.labels, "centers": fit.centers}

    parts = {"X": digest(X), "k": options["n_clusters"], **told}
    return Fit(**remember("kmeans", parts, compute, step=STEP, libraries=LIBRARIES))


def _redraw_kmeans(
    drawn: NDArray[np.float32], X: NDArray[np.float32], clustering: Clustering, random_state: int
) -> NDArray[np.int64]:
    k = count_distinct(drawn, clustering.n_clusters)
    return nearest(X, kmeans(drawn, k, n_init=1, random_state=random_state).centers)


def _fit_hdbscan(X: NDArray[np.float32], options: Mapping[str, Any]) -> Fit:
    return density.hdbscan(X, **{name: options[name] for name in ALGORITHMS["hdbscan"].arguments})


def _assign_by_reach(X: NDArray[np.float32], clustering: Clustering) -> NDArray[np.int64]:
    return density.assign(X, clustering._X, clustering.labels, clustering.centers)


def _fit_clusterer(X: NDArray[np.float32], options: Mapping[str, Any]) -> Fit:
    model = seeded(options["algorithm"], options["random_state"])
    found = np.asarray(model.fit_predict(X))
    if found.shape != (len(X),) or found.dtype.kind not in "iu":
        msg = (
            f"{type(model).__name__}.fit_predict must return a whole number for each of the {len(X)} items, "
            f"got {found.dtype} of shape {found.shape}"
        )
        raise ValueError(msg)
    return fit_of(X, found, model)


def _assign_predicted(X: NDArray[np.float32], clustering: Clustering) -> NDArray[np.int64]:
    fit = clustering._fit
    return keep_known(X, clustering._X, clustering.labels, lambda rows: renumber(fit.model.predict(rows), fit.numbers))


def _assign_unpredicted(X: NDArray[np.float32], clustering: Clustering) -> NDArray[np.int64]:
    """Assign for a clusterer without `predict`: by distance to the centres, and to noise only where there is noise."""
    if (clustering.labels < 0).any():
        return _assign_by_reach(X, clustering)
    return keep_known(X, clustering._X, clustering.labels, lambda rows: nearest(rows, clustering.centers))


def _redraw_clusterer(
    drawn: NDArray[np.float32], X: NDArray[np.float32], clustering: Clustering, random_state: int
) -> NDArray[np.int64]:
    return by_size(seeded(clustering._fit.model, random_state).fit(drawn).predict(X))[0]


ALGORITHMS: dict[str, Algorithm] = {
    row.name: row
    for row in (
        Algorithm("kmeans", _fit_kmeans, arguments={"n_init": 5, "exact": False}, redraw=_redraw_kmeans),
        Algorithm(
            "hdbscan",
            _fit_hdbscan,
            arguments={"max_noise": None, "min_cluster_size": None, "allow_single_cluster": False},
            ignores=("n_init", "exact"),  # version 0.1.0 took them, and its reports have them
            finds="HDBSCAN finds the number of clusters itself",
            chosen_by="hdbscan",
            assign=_assign_by_reach,
            why_not="stability draws k-means anew on bootstrap samples; it says nothing about HDBSCAN, use algorithm='kmeans'",
        ),
    )
}


def find_algorithm(asked: Any) -> Algorithm:
    """Return the row of an algorithm.

    Parameters
    ----------
    asked : str, clusterer, or mapping from `described`
        A name in the table, or a scikit-learn clusterer. A mapping gives the name only: what it says need not be
        installed.

    Returns
    -------
    Algorithm
        The row.

    Raises
    ------
    TypeError
        If it is an object without `fit_predict` or `get_params`.
    ValueError
        If there is no such name.
    """
    if isinstance(asked, str):
        if asked not in ALGORITHMS:
            names = " or ".join(map(repr, ALGORITHMS))
            msg = f"algorithm must be {names}, got {asked!r}; or pass a scikit-learn clusterer"
            raise ValueError(msg)
        return ALGORITHMS[asked]
    if isinstance(asked, Mapping) and "class" in asked:
        return _clusterer(str(asked["class"]).rpartition(".")[2], predicts=True)
    name = asked.__name__ if isinstance(asked, type) else type(asked).__name__
    if isinstance(asked, type) or not (hasattr(asked, "fit_predict") and hasattr(asked, "get_params")):
        msg = (
            "algorithm must be a name or a scikit-learn clusterer: an object with `fit_predict` and `get_params`, such "
            f"as AgglomerativeClustering(8); got {'the class' if isinstance(asked, type) else 'an object of'} {name}"
        )
        raise TypeError(msg)
    return _clusterer(name, predicts=hasattr(asked, "predict"))


def _clusterer(name: str, *, predicts: bool) -> Algorithm:
    return Algorithm(
        name,
        _fit_clusterer,
        finds=f"{name} has a number of clusters of its own",
        chosen_by="algorithm",
        assign=_assign_predicted if predicts else _assign_unpredicted,
        redraw=_redraw_clusterer if predicts else None,
        why_not=f"stability fits the clusterer anew on bootstrap samples and asks it to `predict` all items; {name} cannot",
    )
