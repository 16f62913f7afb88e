"""Tables of counts whose cells lead to items."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm


def test_linked_cells_select_their_items(ex):
    counts = ex.link()

    ex.cell("b", "cluster 1")
    assert len(ex.selected) == counts.loc["b", "cluster 1"] == 10
    assert set(ex.selected["how"]) == {"table: class b, cluster cluster 1"}
    ex.cell(None, "cluster 2")
    assert ex.selected["id"].tolist() == [f"item-{i}" for i in range(20, 30)]
    with pytest.raises(ValueError, match="the table has no 'nothing'"):
        ex.cell("nothing")


def test_counts_without_classes_are_of_annotations(emb, coords):
    ex = mm.explore(emb, clusters=np.repeat([0, 1, 2, 3], 10), projection=coords)
    ex.label("bird", items=range(8, 12))

    counts = ex.link()

    assert counts.loc["bird"].to_dict() == {"cluster 0": 2, "cluster 1": 2}
    ex.cell("bird", "cluster 1")
    assert ex.selected["id"].tolist() == ["item-10", "item-11"]


def test_confusion_of_a_classification_leads_to_its_items(emb, coords):
    y = np.repeat(["a", "b", "c", "d"], 10)
    y[5] = "c"
    ex = mm.explore(emb, y=y, projection=coords)

    counts = ex.link(mm.classify(emb, y=y, duplicates="ignore"))
    ex.cell("c", "a")

    assert counts.loc["c", "a"] == 1
    assert ex.selected["id"].tolist() == ["item-5"]


def test_number_of_clusters_recolours_and_relinks(emb, coords):
    ex = mm.explore(emb, clusters=mm.cluster(emb, range(2, 7)), projection=coords, y=np.repeat(list("abcd"), 10))
    ex.link()
    assert ex.k_range == (2, 6)

    ex.n_clusters = 4

    assert ex.color_by == "cluster"
    assert len(ex.look.groups) == 4
    assert ex.linked.counts.shape == (4, 4)
    np.testing.assert_array_equal(ex.labels, mm.cluster(emb, 4).labels)


def test_clusters_stand_beside_annotations_where_there_are_no_classes_else_alone(emb, coords):
    ex = mm.explore(emb, clusters=np.repeat([0, 1, 2, 3], 10), projection=coords)

    alone = ex.link()
    ex.label("seen", items=range(15))
    beside = ex.link()

    assert alone.to_numpy().ravel().tolist() == [10, 10, 10, 10]
    assert beside.loc["seen"].tolist() == [10, 5]
