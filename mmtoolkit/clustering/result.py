"""The result of ``cluster`` and its methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit.clustering.algorithms import Algorithm, find_algorithm
from mmtoolkit.clustering.centers import Clusters
from mmtoolkit.clustering.partition import Fit, renumber
from mmtoolkit.clustering.silhouettes import SCORES, Scorer, cluster_means, cohesion, silhouette
from mmtoolkit.results import plain
from mmtoolkit.steps import resolved, verb
from mmtoolkit.vectors import ids_of, items_of, unit_rows, vectors_of
from mmtoolkit.words import listed, say

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmtoolkit.clustering.against_classes import Agreement
    from mmtoolkit.clustering.choice import Choice
    from mmtoolkit.clustering.resampling import Stability
    from mmtoolkit.clustering.selected import Selection
    from mmtoolkit.clustering.walking import Move

__all__ = ["Clustering", "describe"]

How = Literal["medoid", "diverse", "boundary", "far"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Clustering(Clusters):
    """Clusters of items.

    Parameters
    ----------
    labels : ndarray of shape (n_items,), int64
        Cluster of every item, 0 to ``n_clusters - 1``, the largest first; -1 is noise. After `split`, `merge` and `parent`
        they are numbers of the index of `sizes` and `names`: a number means the same items all along.
    n_clusters : int
        Number of clusters.
    chosen_by : {"given", "elbow", "gaps", "no elbow", "hdbscan", "algorithm"}
        Where the number comes from: "gaps" where groups lie apart that make no elbow, "no elbow" where no number stands
        out, "algorithm" for a scikit-learn clusterer; see docs/choosing_k.md.
    plausible_n_clusters : tuple of two int, or None
        Lowest and highest number that the data cannot tell from the best; None when the number was given.
    sweep : DataFrame
        Index n_clusters; mean and standard deviation over runs of silhouette, davies_bouldin, calinski_harabasz,
        inertia and stability. Empty when the number was given.
    scores : DataFrame
        Index metric, column value: silhouette (cosine on unit rows), davies_bouldin, calinski_harabasz, inertia, and,
        where they apply, noise (share of items) and ami_modality (do clusters follow the modality).
    sizes : DataFrame
        Index cluster; name, size, share, cohesion (mean cosine similarity to the cluster's mean direction) and
        silhouette (mean of its items).
    centers : ndarray of shape (n_clusters, n_features), float32
        Means of the clusters.
    names : DataFrame
        Index cluster; name, and after `with_names` words (the runners-up), margin (how far the name fits its cluster
        better than the nearest other one), support (share of the cluster that the name holds for), named_by ("texts",
        "vocabulary" or "function") and, of items with a label, majority and majority_share (the commonest label, which was given and not found).
    recipe : Step
        Verb and parameters with which the result can be made again.
    source : Embeddings or array
        What was clustered.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> c = mm.cluster(np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1], [0.3, 1]]), 2)
    >>> c
    <Clustering: 2 clusters of 5 items, silhouette 0.981>
    >>> c.per_item[["label", "outlier"]].round(2)
        label  outlier
    id
    0       1     1.00
    1       1     1.00
    2       0     1.00
    3       0     0.24
    4       0     1.24
    """

    labels: NDArray[np.int64]
    chosen_by: str
    plausible_n_clusters: tuple[int, int] | None
    sweep: pd.DataFrame
    _move: Move | None = field(default=None, repr=False)  # of a clustering that comes from another one
    _fit: Any = field(default=None, repr=False)  # with the model of a scikit-learn clusterer

    @property
    def _algorithm(self) -> Algorithm:
        model = None if self._fit is None else self._fit.model
        return find_algorithm(self.recipe.first.params["algorithm"] if model is None else model)

    @cached_property
    def _X(self) -> NDArray[np.float32]:
        return vectors_of(self.source, normalize=self.recipe.first.params["normalize"])

    @cached_property
    def per_item(self) -> pd.DataFrame:
        """One row per item, index id: label, name, silhouette, distance and outlier.

        `distance` is the Euclidean distance to the centre; `outlier` is that distance divided by the cluster's median,
        so 1 is usual and 2 far. Noise has neither.
        """
        kept = self.labels >= 0
        labels = self._source_labels[kept]
        values = np.full((3, len(self.labels)), np.nan)
        values[0, kept] = silhouette(self._X[kept], labels) if self.n_clusters > 1 else 0.0
        values[1, kept] = np.linalg.norm(self._X[kept] - self.centers[labels], axis=1)
        for cluster in self.names.index:
            rows = self.labels == cluster
            middle = np.median(values[1, rows])
            values[2, rows] = values[1, rows] / middle if middle > 0 else 1.0
        columns = dict(zip(("silhouette", "distance", "outlier"), values, strict=True))
        names = [*self.names["name"], "noise"]
        names = [names[place] for place in self._source_labels]  # noise is -1, the last
        index = pd.Index(ids_of(self.source), name="id", dtype=object)
        return pd.DataFrame({"label": self.labels, "name": names, **columns}, index=index)

    @cached_property
    def _source_labels(self) -> NDArray[np.int64]:
        return renumber(self.labels, self.names.index.to_numpy())

    def _central(self, n: int) -> pd.DataFrame:
        return self.representatives(n).table

    def _directions(self) -> NDArray[np.float32]:
        kept = self.labels >= 0
        return unit_rows(cluster_means(self.source.unit[kept], self._source_labels[kept], self.n_clusters))

    def _assigned(self, X: NDArray[np.float32]) -> NDArray[np.int64]:
        if self._move is not None:
            return self._move(X, self._move.start._assigned(X))
        return self._algorithm.assign(X, self)

    @verb("cluster.split", method=True, gives="cluster")
    def split(
        self,
        cluster: int | None = None,
        n_clusters: int = 2,
        *,
        names: Sequence[str] | None = None,
        numbers_from: int | None = None,
    ) -> Clustering:
        """Return the clustering with one cluster in parts, by k-means among its items.

        Parameters
        ----------
        cluster : int or None, default=None
            Number of the cluster; None is the one with the largest inertia. Its parts get numbers that no cluster had
            before, the largest part first; all other clusters keep number and name.
        n_clusters : int, default=2
            Number of parts.
        names : sequence of str or None, default=None
            Names of all clusters of the result, in the order of its `names`. None names new clusters in the way that
            ``with_names`` found the names of the others; names that a function gave are not asked for again.
        numbers_from : int or None, default=None
            The first number that a new cluster gets; None is one above the highest.

        Returns
        -------
        Clustering
            A new result. `assign` asks the old one first, then the parts.

        Raises
        ------
        ValueError
            If there is no such cluster, or it holds fewer different vectors than parts.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> c = mm.cluster(np.array([[1, 0], [1, 0.1], [1, 0.9], [1, 1], [-1, 0]]), 2)
        >>> c.labels.tolist(), c.split(0).labels.tolist()
        ([0, 0, 0, 0, 1], [2, 2, 3, 3, 1])
        """
        from mmtoolkit.clustering.walking import split, widest

        if cluster is None:
            cluster = widest(self)
            resolved(cluster=cluster)
        return _moved(split(self, cluster, n_clusters, numbers_from), names)

    @verb("cluster.merge", method=True, gives="cluster")
    def merge(
        self, clusters: Sequence[int], *, names: Sequence[str] | None = None, numbers_from: int | None = None
    ) -> Clustering:
        """Return the clustering with some clusters as one.

        Parameters
        ----------
        clusters : sequence of int
            At least two numbers. The cluster that they become gets a number that none had before; all other clusters
            keep number and name.
        names : sequence of str or None, default=None
            Names of all clusters of the result, in the order of its `names`; see `split` for None.
        numbers_from : int or None, default=None
            The first number that a new cluster gets; None is one above the highest.

        Returns
        -------
        Clustering
            A new result.

        Raises
        ------
        ValueError
            If there is no such cluster, or fewer than two are given.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> c = mm.cluster(np.repeat(np.eye(3), 2, axis=0), 3)
        >>> c.labels.tolist(), c.merge([0, 2]).labels.tolist()
        ([0, 0, 1, 1, 2, 2], [3, 3, 1, 1, 3, 3])
        """
        from mmtoolkit.clustering.walking import merge

        return _moved(merge(self, clusters, numbers_from), names)

    @verb("cluster.parent", method=True, gives="cluster")
    def parent(
        self, n_clusters: int | None = None, *, names: Sequence[str] | None = None, numbers_from: int | None = None
    ) -> Clustering:
        """Return the clustering that is one step up, or as many as it takes, in Ward's tree of these clusters.

        Parameters
        ----------
        n_clusters : int or None, default=None
            Number of clusters to go up to; None is one fewer than there are: the two whose union raises the inertia
            least become one. Clusters that become one get a new number, one for each merge on
            the way, so that ``c.parent().parent()`` has the numbers of two steps at once; all others keep number and name.
        names : sequence of str or None, default=None
            Names of all clusters of the result, in the order of its `names`; see `split` for None.
        numbers_from : int or None, default=None
            The first number that a new cluster gets; None is one above the highest.

        Returns
        -------
        Clustering
            A new result.

        Raises
        ------
        ValueError
            If `n_clusters` is not between 1 and one fewer than there are.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> c = mm.cluster(np.array([[1, 0], [1, 0], [1, 0.2], [-1, 0]]), 3)
        >>> c.labels.tolist(), c.parent().labels.tolist()
        ([0, 0, 1, 2], [3, 3, 3, 2])
        """
        from mmtoolkit.clustering.walking import parent

        return _moved(parent(self, n_clusters, numbers_from), names)

    @verb("cluster.representatives", method=True)
    def representatives(self, n: int = 5, *, how: How = "medoid") -> Selection:
        """Return items that show what a cluster is about.

        Parameters
        ----------
        n : int, default=5
            Items per cluster, fewer where it is smaller.
        how : {"medoid", "diverse", "boundary", "far"}, default="medoid"
            Nearest to the centre; spread over the cluster; nearest to another cluster; farthest from the centre.

        Returns
        -------
        Selection
            `rows` and `table`; a notebook shows thumbnails or texts.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> c = mm.cluster(np.array([[1, 0], [1, 0.1], [1, 0.2], [0, 1], [0.1, 1]]), 2)
        >>> c.representatives(1).rows.tolist()
        [1, 3]
        """
        from mmtoolkit.clustering.selected import representatives

        return representatives(self, self._X, n, how=how)

    @verb("cluster.stability", method=True)
    def stability(self, n_boot: int = 50, *, n_jobs: int | None = None) -> Stability:
        """Measure how stable the clusters are on bootstrap samples of the items.

        Parameters
        ----------
        n_boot : int, default=50
            Number of samples.
        n_jobs : int or None, default=None
            Threads that share the work; -1 is all cores, None is ``MMTOOLKIT_NUM_THREADS`` or all cores. It changes no
            result, and is not recorded.

        Returns
        -------
        Stability
            `ari` per sample and `per_cluster` (Jaccard). It describes a clustering; it does not choose k.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> s = mm.cluster(np.repeat(np.eye(2), 5, axis=0), 2).stability(n_boot=5)
        >>> s.ari.tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0]
        """
        from mmtoolkit.clustering.resampling import stability

        if self._move is not None:
            msg = (
                "stability clusters samples of the items anew, and cannot repeat splits and merges by hand on them; call it on "
                "the clustering that this one was made from"
            )
            raise ValueError(msg)

        return stability(self, self._X, n_boot)

    @verb("cluster.compare", method=True, columns=("y",))
    def compare(self, y: ArrayLike | str) -> Agreement:
        """Compare the clusters with classes.

        Parameters
        ----------
        y : array-like of shape (n_items,) or str
            Classes, or the name of a column; items without one are left out.

        Returns
        -------
        Agreement
            `metrics`, `contingency`, `classes`.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> a = mm.cluster(np.repeat(np.eye(2), 3, axis=0), 2).compare(["a", "a", "a", "b", "b", "b"])
        >>> a.contingency
               0: cluster 0  1: cluster 1
        class
        a                 3             0
        b                 0             3
        """
        from mmtoolkit.clustering.against_classes import compare

        return compare(self, y)

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return labels and counts (exact) and scores (rounded)."""
        found = super().evidence()
        exact = {
            "labels": plain(self.labels),
            **found["exact"],
            "plausible_n_clusters": plain(self.plausible_n_clusters),
        }
        return {"exact": exact, "rounded": {**found["rounded"], "sweep": plain(self.sweep)}}

    def _summary(self) -> str:
        told = [
            say(
                "{n} cluster of {n_items} items",
                "{n} clusters of {n_items} items",
                n=self.n_clusters,
                n_items=len(self.labels),
            )
        ]
        if self.plausible_n_clusters is not None:
            low, high = self.plausible_n_clusters
            told += [say("plausible {low} to {high}", low=low, high=high)] if low < high else []
            told += [say("no number stands out")] if self.chosen_by == "no elbow" else []
        if (noise := int((self.labels < 0).sum())) > 0:
            told.append(say("{n} noise", n=noise))
        value = self.scores["value"].get("silhouette", np.nan)
        return listed([*told, *([] if np.isnan(value) else [say("silhouette {value:.3f}", value=value)])])

    def _figures(self) -> Mapping[str, Callable[[], go.Figure]]:
        from mmtoolkit.clustering import draw

        return super()._figures() if self.sweep.empty else {"sweep": lambda: draw.sweep(self), **super()._figures()}


def describe(
    X: NDArray[np.float32],
    fit: Fit,
    *,
    sweep: pd.DataFrame | None,
    choice: Choice | None,
    given_by: str,
    source: Any,
    numbers: NDArray[np.int64] | None = None,
    move: Move | None = None,
) -> Clustering:
    """Score a fit and put the result together; `numbers` are those of its clusters where they are not 0, 1, ..."""
    labels, k = fit.labels, len(fit.centers)
    index = pd.RangeIndex(k, name="cluster") if numbers is None else pd.Index(numbers, name="cluster")
    kept = labels >= 0
    rows, own = (X, labels) if kept.all() else (X[kept], labels[kept])
    found, width = Scorer(rows).judge(own) if len(rows) else ({}, np.empty(0))
    values = {name: found[name] for name in SCORES if name in found}
    if not kept.all():
        values["noise"] = float(1 - kept.mean())
    items = items_of(source)
    if items is not None and items["modality"].nunique() > 1:
        from sklearn.metrics import adjusted_mutual_info_score

        values["ami_modality"] = float(adjusted_mutual_info_score(items["modality"].astype(str), labels))
    names = pd.DataFrame({"name": [f"cluster {c}" for c in index]}, index=index)
    return Clustering(
        labels=np.where(labels >= 0, index.to_numpy()[labels], -1).astype(np.int64) if k else labels,
        n_clusters=k,
        chosen_by=given_by if choice is None else choice.by,
        plausible_n_clusters=None if choice is None else choice.plausible,
        sweep=pd.DataFrame(index=pd.Index([], name="n_clusters", dtype=int)) if sweep is None else sweep,
        scores=pd.DataFrame({"value": values}, dtype=float).rename_axis("metric"),
        sizes=_sizes(rows, own, width, index).assign(name=names["name"])[
            ["name", "size", "share", "cohesion", "silhouette"]
        ],
        centers=fit.centers,
        names=names,
        _move=move,
        _fit=fit,
        source=source,
    )


def _moved(move: Move, called: Sequence[str] | None) -> Clustering:
    """Build the clustering that a move makes from another one; unchanged clusters keep their names."""
    start = move.start
    found = move(start._X, start.labels)
    kept = found >= 0
    numbers = np.unique(found[kept])
    places = renumber(found, numbers)
    fit = Fit(places, cluster_means(start._X[kept], places[kept], len(numbers)))
    result = describe(
        start._X, fit, sweep=None, choice=None, given_by="given", source=start.source, numbers=numbers, move=move
    )
    if called is not None:
        return result.named(called)
    names = result.names.join(start.names.drop(columns="name"))
    names["name"] = start.names["name"].reindex(names.index).fillna(names["name"])
    new = names.index.difference(start.names.index)
    if start._naming is not None:
        from mmtoolkit.clustering.names import make_names

        names.loc[new] = make_names(result, **start._naming).loc[new]
        resolved(names=names["name"].tolist())  # so that `verify` asks no model
    return result._with(names, start._naming)


def _sizes(
    X: NDArray[np.float32], labels: NDArray[np.int64], width: NDArray[np.float64], index: pd.Index
) -> pd.DataFrame:
    k = len(index)
    size = np.bincount(labels, minlength=k)
    return pd.DataFrame(
        {
            "size": size,
            "share": size / max(size.sum(), 1),
            "cohesion": cohesion(X, labels, k),
            "silhouette": np.bincount(labels, weights=width, minlength=k) / np.maximum(size, 1),
        },
        index=index,
    )
