"""Clusters on Spark beside the local ones."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm

pytestmark = pytest.mark.spark


def test_clusters_have_the_inertia_of_the_local_ones(clustered, small):
    local = mm.cluster(small, 4)

    assert clustered.scores.loc["inertia", "value"] <= 1.05 * local.scores.loc["inertia", "value"]
    assert clustered.sizes["size"].sum() == len(small)
    assert clustered.sizes["size"].is_monotonic_decreasing


def test_rows_of_a_clustering_are_labelled_like_assign(clustered, small):
    rows = {row["id"]: row["label"] for row in clustered.rows.collect()}

    assert [rows[i] for i in small.ids] == clustered.assign(small).tolist()


def test_shown_rows_are_the_nearest_to_the_centers(clustered, small):
    table = clustered.shown[clustered.shown["rank"] == 1]

    X, labels = small.unit, clustered.assign(small)
    assert table["cluster"].tolist() == [0, 1, 2, 3]
    for cluster, item in zip(table["cluster"], table.index, strict=True):
        rows = np.flatnonzero(labels == cluster)
        nearest = rows[np.linalg.norm(X[rows] - clustered.centers[cluster], axis=1).argmin()]
        assert small.ids[nearest] == item


def test_clusters_are_named_by_their_centers_shown_texts_or_a_function(clustered):
    by_text = clustered.with_names(texts="text")
    by_function = clustered.with_names(function=lambda frame: f"{len(frame)} x {frame['label'].mode()[0]}")

    assert not by_text.names["name"].str.startswith("cluster ").any()
    assert [name.split()[0] for name in by_function.names["name"]] == [str(min(n, 20)) for n in clustered.sizes["size"]]
    assert by_function.sizes["size"].equals(clustered.sizes["size"])
