"""The result of `cluster`: plain data, tables, figures, new items."""

import dataclasses
import json

import numpy as np
import pytest

import mmtoolkit as mm


def test_the_result_is_frozen_and_plain_data_agrees_with_the_tables(groups):
    X, _ = groups()
    c = mm.cluster(X, range(2, 10))

    data = json.loads(json.dumps(c.to_dict()))

    assert data["labels"] == c.labels.tolist()
    assert data["plausible_n_clusters"] == list(c.plausible_n_clusters)
    assert data["sizes"]["size"] == c.sizes["size"].tolist()
    assert repr(c).startswith("<Clustering: 6 clusters of 180 items, plausible ")
    with pytest.raises(dataclasses.FrozenInstanceError):
        c.n_clusters = 3


def test_user_text_is_escaped_in_html_and_figures(groups):
    X, _ = groups()
    c = mm.cluster(X, range(2, 10)).named(["<script>alert(1)</script>", *"abcde"])

    assert "<script>" not in c._repr_html_()
    assert c.figures == ("sweep", "sizes")
    for name in c.figures:
        assert "<script>" not in c.figure(name).to_json()


def test_per_item_scores_say_who_is_far_out(groups):
    X, _ = groups(k=3)
    far = np.argmax(mm.cluster(X, 3).per_item["distance"].to_numpy())

    c = mm.cluster(X, 3)

    table = c.per_item
    assert table["outlier"].iloc[far] > 1
    assert table["silhouette"].between(-1, 1).all()
    assert c.sizes["cohesion"].between(0, 1.0001).all()


def test_new_items_are_encoded(glosses):
    c = mm.cluster(glosses, 5)

    text = glosses.items["text"].iloc[7]
    assert c.assign([text]).tolist() == [c.labels[7]]


def test_two_items_have_a_sweep_without_lines_of_nothing():
    figure = mm.cluster(np.eye(2)).figure("sweep")

    assert all(np.isfinite(np.asarray(trace.y, dtype=float)).any() for trace in figure.data if trace.mode != "lines")
    assert figure.layout.yaxis.rangemode == "tozero"
