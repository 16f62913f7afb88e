"""Selection and focus on the map, from Python."""

from __future__ import annotations

import numpy as np

import mmtoolkit as mm


def test_lasso_gives_a_frame_of_the_items_inside(ex, around):
    ex.lasso(around(1))

    assert ex.selected["id"].tolist() == [f"item-{i}" for i in range(10, 20)]
    assert set(ex.selected["how"]) == {"lasso"}


def test_lassos_add_remove_invert_and_clear(ex, around):
    ex.lasso(around(0))
    ex.lasso(around(1), mode="add")
    assert len(ex.selected) == 20
    ex.lasso(around(0), mode="remove", how="box")
    assert len(ex.selected) == 10
    ex.invert()
    assert len(ex.selected) == 30
    ex.clear()
    assert len(ex.selected) == 0


def test_selected_can_be_set_to_ids_rows_a_mask_or_a_frame_in_any_order(ex):
    ex.selected = ["item-3", "item-1"]
    assert ex.selected["id"].tolist() == ["item-3", "item-1"]
    ex.selected = ex.items.iloc[[7, 2]]
    assert ex.selected["id"].tolist() == ["item-7", "item-2"]
    ex.selected = ex.items["size"].to_numpy() > 0.9
    assert ex.selected["id"].tolist() == [f"item-{i}" for i in range(36, 40)]
    ex.selected = None
    assert ex.selected.empty


def test_plain_arrays_work_and_one_point_too():
    ex = mm.explore(np.ones((1, 4)), projection=[[0.0, 0.0]])

    ex.lasso([(-1, -1), (1, -1), (0, 2)])

    assert ex.selected["id"].tolist() == ["0"]
    assert ex.figure() is not None


def test_all_points_equal(emb):
    ex = mm.explore(emb, projection=np.zeros((40, 2)))

    ex.lasso([(-1, -1), (1, -1), (0, 2)])

    assert len(ex.selected) == 40
    assert ex._repr_mimebundle_()["image/png"]


def test_arrow_keys_move_the_focus(ex):
    ex.show("item-0")
    ex.move("right")

    assert ex.focus == 1
