"""The common part of local clusterings and those on Spark: centers, sizes, scores, names, and what follows from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._numbers import as_numbers, check_columns, feature_names
from mmtoolkit.clustering.partition import nearest
from mmtoolkit.clustering.tfidf import UNNAMED
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step
from mmtoolkit.vectors import check_same_space, has_vectors, unit_rows, vectors_of
from mmtoolkit.words import say

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Clusters"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Clusters(Result):
    """Clusters with their centers, sizes and names; items and labels may be here or on Spark.

    Parameters
    ----------
    n_clusters : int
        Number of clusters.
    scores : DataFrame
        Index metric, column value.
    sizes : DataFrame
        Index cluster; name, size, share, cohesion (mean cosine similarity to the cluster's mean direction) and
        silhouette (mean of its items); NaN where they were not computed.
    centers : ndarray of shape (n_clusters, n_features), float32
        Means of the clusters.
    names : DataFrame
        Index cluster; name, and after `with_names` words (the runners-up), margin (how far the name fits its cluster
        better than the nearest other one), support (share of the cluster that the name holds for), named_by ("texts",
        "vocabulary" or "function") and, of items with a label, majority and majority_share (the commonest label, which was given and not found).
    recipe : Step
        Verb and parameters with which the result can be made again.
    source : Embeddings or array
        What was clustered, or those of its items that are here.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> mm.cluster(np.repeat(np.eye(2), [3, 2], axis=0), 2).named(["birds", "birds"]).titles
    {0: 'birds (cluster 0)', 1: 'birds (cluster 1)'}
    """

    n_clusters: int
    scores: pd.DataFrame
    sizes: pd.DataFrame
    centers: NDArray[np.float32] = field(repr=False)
    names: pd.DataFrame
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)
    _naming: Mapping[str, Any] | None = field(default=None, repr=False)  # how `with_names` found the names

    @property
    def _source_labels(self) -> NDArray[np.int64]:
        """Cluster of every row of `source`."""
        raise NotImplementedError

    def _central(self, n: int) -> pd.DataFrame:
        """Return up to `n` items of every cluster, the nearest to its center first; a column says the cluster."""
        raise NotImplementedError

    @property
    def titles(self) -> dict[int, str]:
        """The title of each cluster: its name, with its number where several clusters have the same name."""
        counts = self.names["name"].value_counts()
        titles: dict[int, str] = dict(zip(self.names.index.tolist(), self.names["name"], strict=True))
        for cluster, name in titles.items():
            if name == f"cluster {cluster}":
                titles[cluster] = say("cluster {number}", number=cluster)
            elif name == UNNAMED or counts[name] > 1:
                titles[cluster] = say("{name} (cluster {number})", name=name, number=cluster)
        return titles

    def _directions(self) -> NDArray[np.float32]:
        """Return the unit vectors that a cluster's name is chosen for."""
        return unit_rows(self.centers)

    def _assigned(self, X: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the cluster of checked rows."""
        return nearest(X, self.centers)

    def assign(self, new: Any) -> NDArray[np.int64]:
        """Return the nearest cluster of other items; on the items that were clustered these are their labels.

        Parameters
        ----------
        new : Embeddings, array of shape (n, n_features), or items that ``emb.encode`` takes
            Items or their vectors.

        Returns
        -------
        ndarray of shape (n,), int64
            Cluster numbers. A scikit-learn clusterer that has `predict` is asked; otherwise it is the nearest centre.
            After HDBSCAN, and after a clusterer without `predict` that left noise, an item farther from its centre
            than any member is noise, -1.

        Raises
        ------
        ValueError
            If the number of features differs, or there are no clusters.
        SpaceError
            If the new vectors come from another model.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> c = mm.cluster(np.repeat(np.eye(2), 3, axis=0), 2)
        >>> c.labels.tolist(), c.assign(np.array([[0.2, 0.9]])).tolist()
        ([0, 0, 0, 1, 1, 1], [1])
        """
        if self.n_clusters == 0:
            msg = "there is no cluster to assign to: all items are noise"
            raise ValueError(msg)
        check_same_space(self.source, new, "the vectors of the clusters and of the new items")
        normalize = self.recipe.first.params["normalize"]
        rows = new if has_vectors(new) or isinstance(new, np.ndarray) else as_numbers(new)
        if rows is not None:
            check_columns(feature_names(self.source), rows)
            X = vectors_of(rows, normalize=normalize)
        else:
            if not has_vectors(self.source):
                msg = "a clustering of plain vectors can assign vectors only: pass an array of shape (n, n_features)"
                raise TypeError(msg)
            encoded = self.source.encode(new)
            X = unit_rows(encoded) if normalize else encoded
        if X.shape[1] != self.centers.shape[1]:
            msg = f"expected {self.centers.shape[1]} features, got {X.shape[1]}"
            raise ValueError(msg)
        return self._assigned(X)

    def with_names(
        self,
        *,
        vocabulary: str | Sequence[str] | None = None,
        texts: str | Sequence[str] | None = None,
        function: Callable[[pd.DataFrame], str] | None = None,
        language: Literal["en", "zh"] = "en",
    ) -> Self:
        """Return the same clusters with names; "?" is the name of a cluster that none fits.

        Parameters
        ----------
        vocabulary : {"nouns", "emoji"}, sequence of str, or None, default=None
            Words embedded by the items' own model; a cluster takes the word that is nearest to it compared with its
            siblings, where one stands out from the others. None is "nouns" unless `texts` or `function` is given or the
            items have texts.
        texts : str, sequence of str, or None, default=None
            One text per item, or the name of a column: a name is up to five words that many of the cluster's texts
            hold, and at most half as many of the others. None takes the items' own texts or captions (column text_zh
            or text_en, else text) where a fifth of the items have one; pictures and videos whose captions share no word
            then take one from the vocabulary "nouns".
        function : callable or None, default=None
            Called once per cluster with a frame of its 20 most central items; returns the name. The answers are
            recorded in the recipe, so that `verify` asks nobody.
        language : {"en", "zh"}, default="en"
            Language of the captions that are looked for, and of the shipped vocabularies.

        Returns
        -------
        Clusters
            A new result; `names` has the runners-up, margins, and how many items a name holds for.

        Raises
        ------
        ValueError
            If more than one way is asked for, or the vocabulary has fewer than two words.

        Examples
        --------
        >>> import mmtoolkit as mm
        >>> emb = mm.embed_texts(["a red bird", "a small bird", "a fast car", "a blue car"], model="local", cache=False)
        >>> mm.cluster(emb, 2).with_names(vocabulary=["birds", "cars", "food"]).names["name"].tolist()
        ['birds', 'cars']
        """
        from mmtoolkit.clustering.names import make_names

        way: Mapping[str, Any] = {"vocabulary": vocabulary, "texts": texts, "language": language, "embedded": {}}
        table = make_names(self, function=function, **way)
        return self._with(table, way if function is None else None)

    def named(self, names: Sequence[str]) -> Self:
        """Return the same clusters with the given names.

        Parameters
        ----------
        names : sequence of str
            One per cluster, in order.

        Returns
        -------
        Clusters
            A new result.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> c = mm.cluster(np.repeat(np.eye(2), [3, 2], axis=0), 2).named(["birds", "cars"])
        >>> c.names["name"].tolist(), c.titles
        (['birds', 'cars'], {0: 'birds', 1: 'cars'})
        """
        unordered = isinstance(names, str | Mapping | Set)
        if unordered or len(names) != self.n_clusters:
            got = f"a {type(names).__name__}" if unordered else f"{len(names)}"
            msg = f"expected {self.n_clusters} names, one per cluster, got {got}"
            raise ValueError(msg)
        return self._with(pd.DataFrame({"name": [str(name) for name in names]}, index=self.names.index))

    def _with(self, names: pd.DataFrame, naming: Mapping[str, Any] | None = None) -> Self:
        step = dataclasses.replace(self.recipe, params={**self.recipe.params, "names": names["name"].tolist()})
        return dataclasses.replace(
            self, names=names, sizes=self.sizes.assign(name=names["name"]), recipe=step, _naming=naming
        )

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return counts (exact) and scores (rounded)."""
        exact = {"n_clusters": self.n_clusters, "sizes": plain(self.sizes["size"])}
        return {"exact": exact, "rounded": {"scores": plain(self.scores["value"].to_dict())}}

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        sizes = self.sizes.assign(name=[self.titles[cluster] for cluster in self.sizes.index])
        return {"Clusters": sizes.join(self.names.drop(columns="name")), "Scores": self.scores}

    def _figures(self) -> Mapping[str, Callable[[], go.Figure]]:
        from mmtoolkit.clustering import draw

        return {"sizes": lambda: draw.sizes(self)}
