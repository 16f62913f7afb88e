"""Clusters against classes: how well they agree, and where each class went."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mmtoolkit._aligned import column
from mmtoolkit.results import Result, plain
from mmtoolkit.steps import UNRECORDED, Step
from mmtoolkit.words import listed, say

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmtoolkit.clustering.result import Clustering

__all__ = ["Agreement", "agreement", "compare", "number_classes"]


@dataclass(frozen=True, eq=False, repr=False)
class Agreement(Result):
    """How clusters and classes agree.

    Parameters
    ----------
    metrics : DataFrame
        Index metric, column value: ari, ami, nmi, v_measure, homogeneity, completeness, and accuracy (every cluster
        counts as one class, matched one to one by the Hungarian algorithm).
    contingency : DataFrame
        Index class, one column per cluster (and noise): numbers of items.
    classes : DataFrame
        Index class; items, largest (the cluster that holds most), share (of the class in it), purity (of that cluster
        in the class), clusters_for_90 (how many clusters hold nine tenths of the class).
    n_without : int
        Items without a class, left out.
    recipe : Step
        Verb and parameters, and those of the clustering.
    source : Embeddings or array
        What was clustered.
    """

    metrics: pd.DataFrame
    contingency: pd.DataFrame
    classes: pd.DataFrame
    n_without: int
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def where(self, name: object) -> pd.DataFrame:
        """Return the clusters that hold the items of one class.

        Parameters
        ----------
        name : object
            The class.

        Returns
        -------
        DataFrame
            Index cluster, largest first; items, share (of the class) and purity (of the cluster).

        Raises
        ------
        ValueError
            If there is no such class.

        Examples
        --------
        >>> import numpy as np
        >>> import mmtoolkit as mm
        >>> mm.cluster(np.repeat(np.eye(2), 3, axis=0), 2).compare(["a", "a", "b", "b", "b", "b"]).where("b")
                      items  share    purity
        cluster
        1: cluster 1      3   0.75  1.000000
        0: cluster 0      1   0.25  0.333333
        """
        key = str(name)
        if key not in self.contingency.index:
            msg = f"no class {name!r}; the classes are {', '.join(self.contingency.index)}"
            raise ValueError(msg)
        items, totals = self.contingency.loc[[key]].to_numpy()[0], self.contingency.to_numpy().sum(axis=0)
        order = np.argsort(-items, kind="stable")
        order = order[items[order] > 0]
        columns = {"items": items, "share": items / items.sum(), "purity": items / np.maximum(totals, 1)}
        index = self.contingency.columns[order].rename("cluster")
        return pd.DataFrame({name: values[order] for name, values in columns.items()}, index=index)

    def evidence(self) -> Mapping[str, Mapping[str, Any]]:
        """Return counts (exact) and scores (rounded)."""
        return {
            "exact": {"contingency": plain(self.contingency)},
            "rounded": {"metrics": plain(self.metrics["value"].to_dict())},
        }

    def _summary(self) -> str:
        value = self.metrics["value"]
        left_out = say("{n} item without a class left out", "{n} items without a class left out", n=self.n_without)
        return listed(
            [
                f"V-measure {value['v_measure']:.3f}",
                f"ARI {value['ari']:.3f}",
                say("accuracy {value:.3f}{between}", value=value["accuracy"], between=""),
                *([left_out] if self.n_without else []),
            ]
        )

    def _tables(self) -> Mapping[str, pd.DataFrame]:
        return {say("Agreement"): self.metrics, say("Where did each class go?"): self.classes}

    def _readings(self) -> Mapping[str, str]:
        return {
            say("Agreement"): say(
                "1 is clusters that are the classes; ARI and AMI are 0 where clusters and classes have nothing to do with each other, the "
                "others above 0 even then. Accuracy is the share of items in the right cluster when each class is given one of its own."
            ),
            say("Where did each class go?"): say("share is the part of the class that its largest cluster holds."),
        }

    def _figures(self) -> Mapping[str, Callable[[], go.Figure]]:
        from mmtoolkit.clustering import draw

        return {"contingency": lambda: draw.contingency(self)}


def compare(clustering: Clustering, y: ArrayLike | str) -> Agreement:
    """Compare clusters with classes; see ``Clustering.compare``."""
    values = column(clustering.source, y)
    known = np.array([value is not None for value in values], dtype=bool)
    if not known.any():
        msg = "no item has a class: y holds only missing values"
        raise ValueError(msg)
    classes, codes = number_classes(values[known])
    labels = clustering._source_labels[known]
    names = [f"{c}: {name}" for c, name in clustering.names["name"].items()]
    shifted, columns = (labels + 1, ["noise", *names]) if (labels < 0).any() else (labels, names)
    table = np.zeros((len(classes), len(columns)), dtype=np.int64)
    np.add.at(table, (codes, shifted), 1)
    contingency = pd.DataFrame(table, index=pd.Index(classes, name="class", dtype=object), columns=columns)
    metrics = pd.DataFrame({"value": agreement(codes, shifted)}).rename_axis("metric")
    return Agreement(metrics, contingency, _classes(contingency), int((~known).sum()))


def number_classes(values: NDArray[np.object_]) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Return the sorted names of classes, and the number of each value's class.

    Raises
    ------
    ValueError
        If two classes of different types have one name.
    """
    meant: dict[str, object] = {}
    for value in values:
        other = meant.setdefault(str(value), value)
        if isinstance(other, str) != isinstance(value, str):
            msg = f"y mixes types: {other!r} and {value!r} look the same; make all classes text or all numbers, e.g. y.astype(str)"
            raise ValueError(msg)
    classes, codes = np.unique(np.array([str(value) for value in values]), return_inverse=True)
    return classes, codes.astype(np.int64)


def agreement(y: NDArray[np.int64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Return the usual scores of agreement between classes and clusters.

    Parameters
    ----------
    y : ndarray of shape (n_items,), int
        Classes, from 0.
    labels : ndarray of shape (n_items,), int
        Clusters, from 0.

    Returns
    -------
    dict of str to float
        ari, ami, nmi, v_measure, homogeneity, completeness, accuracy.

    References
    ----------
    Rosenberg and Hirschberg (2007), V-measure. Vinh, Epps and Bailey (2010), Information theoretic measures for
    clusterings comparison. Kuhn (1955), The Hungarian method for the assignment problem.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn import metrics

    table = np.zeros((int(y.max()) + 1, int(labels.max()) + 1))
    np.add.at(table, (y, labels), 1)
    rows, columns = linear_sum_assignment(table, maximize=True)
    homogeneity, completeness, v = metrics.homogeneity_completeness_v_measure(y, labels)
    return {
        "ari": float(metrics.adjusted_rand_score(y, labels)),
        "ami": float(metrics.adjusted_mutual_info_score(y, labels)),
        "nmi": float(metrics.normalized_mutual_info_score(y, labels)),
        "v_measure": float(v),
        "homogeneity": float(homogeneity),
        "completeness": float(completeness),
        "accuracy": float(table[rows, columns].sum() / len(y)),
    }


def _classes(contingency: pd.DataFrame) -> pd.DataFrame:
    table = contingency.to_numpy()
    items, largest = table.sum(axis=1), table.argmax(axis=1)
    held = table[np.arange(len(table)), largest]
    falling = np.cumsum(-np.sort(-table, axis=1), axis=1)
    return pd.DataFrame(
        {
            "items": items,
            "largest": contingency.columns[largest],
            "share": held / items,
            "purity": held / table.sum(axis=0)[largest],
            "clusters_for_90": (falling < 0.9 * items[:, None]).sum(axis=1) + 1,
        },
        index=contingency.index,
    )


def __getattr__(name: str) -> Any:
    if name != "Comparison":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    warnings.warn("Comparison of clusters and classes is called Agreement now", DeprecationWarning, stacklevel=2)
    return Agreement
