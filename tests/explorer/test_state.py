"""Selection and focus on the map, from Python."""

from __future__ import annotations

import numpy as np
import pandas as pd

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


def test_columns_named_like_a_method_or_like_a_colour_of_ours_are_all_there(coords, rng):
    names = ["class", "confidence", "annotation", "how", "where", "select", "T", "items", "__proto__"]
    frame = pd.DataFrame({name: [f"{name} {i % 3}" for i in range(40)] for name in names})
    emb = mm.Embeddings(rng.normal(size=(40, 4)), items=frame.assign(id=[str(i) for i in range(40)]))
    ex = mm.explore(emb, y=["one", "other"] * 20, projection=coords)

    taken = {"class", "confidence", "annotation"}
    assert {f"{name} (column)" if name in taken else name for name in names} <= set(ex.color_choices)
    ex.color_by = "class (column)"
    assert [group.name for group in ex.look.groups] == ["class 0 (14)", "class 1 (13)", "class 2 (13)"]
    ex.where = {"select": "select 1", "how": ["how 1"], "class": "class 1"}
    assert int(ex.state.filter.shown.sum()) == 13
    ex.select([1], how="code")
    ex.label("mine")
    chosen = ex.selected.iloc[0]
    assert chosen[["how", "how (column)", "annotation", "annotation (column)"]].tolist() == [
        *("code", "how 1"),
        *("mine", "annotation 1"),
    ]
