"""Classes, clusters and maps of other items are refused, and so are arguments that make no sense."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm


def test_array_of_another_length_is_refused(emb):
    with pytest.raises(ValueError, match=r"an array of shape \(40, 2\), got float64 of shape \(39, 2\)"):
        mm.explore(emb, projection=np.zeros((39, 2)))
    with pytest.raises(ValueError, match="39 values for 40 items"):
        mm.explore(emb, y=["a"] * 39, projection=np.zeros((40, 2)))
    with pytest.raises(ValueError, match=r"40 cluster numbers, got int64 of shape \(39,\)"):
        mm.explore(emb, clusters=np.zeros(39, dtype=int), projection=np.zeros((40, 2)))


def test_results_in_another_order_are_refused_by_name(emb, coords):
    other = emb[::-1]
    with pytest.raises(
        ValueError, match=r"projection is of other items or in another order: row 0 is 'item-39'.*emb\.ids"
    ):
        mm.explore(emb, projection=mm.project(other, method="pca"))
    with pytest.raises(ValueError, match="clusters is of other items or in another order"):
        mm.explore(emb, clusters=mm.cluster(other, 4), projection=coords)
    frame = pd.DataFrame({"id": emb.ids[::-1], "label": "a"})
    with pytest.raises(ValueError, match="y is of other items or in another order: row 0 is 'item-39'"):
        mm.explore(emb, y=frame, projection=coords)
    with pytest.raises(ValueError, match="y has 39 items, the vectors have 40"):
        mm.explore(emb, y=frame.head(39), projection=coords)
    with pytest.raises(ValueError, match="result is of other items or in another order"):
        mm.explore(emb, projection=coords).link(mm.classify(other, y=np.repeat(list("abcd"), 10), duplicates="ignore"))


def test_nan_rows_are_refused_with_the_way_out(emb, coords):
    X = emb.vectors.copy()
    X[7] = np.nan
    with pytest.raises(ValueError, match=r"first: row 7, id 'item-7'; use emb\.drop_failed"):
        mm.explore(mm.Embeddings(X, items=emb.items), projection=coords)


def test_no_items_and_no_places_are_refused(emb):
    with pytest.raises(ValueError, match="nothing to work on"):
        mm.explore(np.empty((0, 3)), projection=np.empty((0, 2)))
    with pytest.raises(ValueError, match="no item has a finite place"):
        mm.explore(emb, projection=np.full((40, 2), np.nan))


def test_clusterings_of_other_items_are_refused_by_link_and_review(emb, coords):
    ex = mm.explore(emb, projection=coords)
    for other in (emb[::-1], emb[:30]):
        for use in (ex.link, lambda c: ex.review("boundary", result=c)):
            with pytest.raises(ValueError, match=r"result (is of other items or in another order|has 30 items)"):
                use(mm.cluster(other, 4))


def test_number_of_clusters_must_be_whole(emb, coords):
    ex = mm.explore(emb, clusters=mm.cluster(emb, 4), projection=coords)

    with pytest.raises(ValueError, match=r"n_clusters must be an integer of at least 1, got 4\.7"):
        ex.n_clusters = 4.7


def test_items_frame_with_a_column_name_twice_is_refused_by_name(emb, coords):
    items = pd.concat([emb.items, emb.items[["kind"]]], axis=1)

    with pytest.raises(ValueError, match="more than one column named 'kind'; rename or drop"):
        mm.explore(mm.Embeddings(emb.vectors, items=items), projection=coords)


def test_a_frame_of_classes_needs_ids_and_labels(emb, coords):
    with pytest.raises(ValueError, match=r"a frame as y needs the columns 'id' and 'label', 'label' is missing"):
        mm.explore(emb, y=pd.DataFrame({"id": emb.ids, "kind": "a"}), projection=coords)


def test_a_review_of_labels_needs_classes_and_proposals_a_probability(emb, coords):
    ex = mm.explore(emb, projection=coords)

    with pytest.raises(ValueError, match="label issues need classes"):
        ex.review("label_issues")
    with pytest.raises(ValueError, match=r"min_confidence must be above 0 and at most 1, got 0"):
        ex.propose(0)
    with pytest.raises(ValueError, match="there are no clusters to link"):
        ex.cell("a")
    assert ex.undo() == 0
