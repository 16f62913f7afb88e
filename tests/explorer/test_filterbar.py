"""The bar of filters on the page, fed with the messages that the page sends; no browser."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm

HOSTILE = "<img src=x onerror=alert(1)>&\"'"


@pytest.fixture
def view(rng):
    """Explorer of 60 items with a hostile, a Chinese and a long value, numbers and times."""
    kinds = [HOSTILE, "画", "y" * 400, None]
    items = pd.DataFrame(
        {
            "id": [f"i{k}" for k in range(60)],
            "text": "words",
            "kind": [kinds[k % 4] for k in range(60)],
            HOSTILE: [k % 2 == 0 for k in range(60)],
            "price": np.arange(60) / 4,
            "when": pd.date_range("2026-01-01", periods=60, tz="Asia/Shanghai"),
        }
    )
    emb = mm.Embeddings(rng.normal(size=(60, 4)).astype("f"), items=items)
    ex = mm.explore(emb, clusters=np.arange(60) % 3, projection=rng.normal(size=(60, 2)))
    assert ex.widget is not None
    return ex.widget


def act(view, name, value=""):
    view.receive({"kind": "action", "name": name, "value": value, "mode": "replace"}, [])


def chips(view, place=0):
    """Text, count and state of the chips of a column."""
    found = re.findall(r'aria-pressed="(\w+)"[^>]*>(.*?) <small>([\d,]+)</small></button>', view.html["filters"].value)
    return [(words, int(n), pressed == "true") for pressed, words, n in found][4 * place :]


def test_a_chip_filters_and_again_undoes_and_counts_follow(view):
    before = view.html["filters"].value

    act(view, "filter", "0:1")
    assert view.ex.where == {"kind": "画"}
    assert np.isfinite(np.asarray(view.map.figure.data[0].x)).sum() == 15
    assert "15 of 60 items shown" in view.html["filters"].value
    assert [n for _, n, _ in chips(view)[:4]] == [15, 15, 15, 15]  # what a press on another chip would add
    assert [n for _, n, _ in chips(view)[4:]] == [0, 15]  # all paintings are odd
    assert "(5)" in view.html["legend"].value

    act(view, "filter", "0:3")
    assert view.ex.where == {"kind": ["画", None]}
    act(view, "filter", "1:1")
    assert view.ex.where == {"kind": ["画", None], HOSTILE: False}
    for value in ("1:1", "0:3", "0:1"):
        act(view, "filter", value)
    assert view.ex.where is None
    assert view.html["filters"].value == before


def test_fields_make_a_range_and_empty_ones_open_it(view):
    act(view, "range", "2:low:2.5")
    act(view, "range", "2:high:5")
    assert view.ex.where == {"price": (2.5, 5.0)}
    assert 'value="2.5"' in view.html["filters"].value
    act(view, "range", "2:low:")
    assert view.ex.where == {"price": (None, 5.0)}
    act(view, "range", "2:high:")
    assert view.ex.where is None

    act(view, "range", "3:low:2026-02-01")
    act(view, "range", "3:high:2026-02-02")
    assert view.ex.where == {"when": ("2026-02-01", "2026-02-02")}
    assert view.ex.state.filter.shown.sum() == 2
    assert view.html["filters"].value.count('value="2026-02-0') == 2


@pytest.mark.parametrize("value", ["2:low:12,5", "2:high:-1"])
def test_what_is_no_range_is_said_and_the_field_shows_what_holds(view, value):
    act(view, "range", "2:low:3")

    act(view, "range", value)

    assert "ValueError" in view.html["status"].value
    assert view.ex.where == {"price": (3.0, None)}
    assert 'value="3"' in view.html["filters"].value


def test_code_and_page_show_the_same(view):
    view.ex.where = {"kind": np.nan, "price": (1, None)}
    assert [pressed for *_, pressed in chips(view)[:4]] == [False, False, False, True]
    act(view, "filter", "0:3")
    assert view.ex.where == {"price": (1, None)}

    view.ex.where = np.arange(60) < 7
    assert "7 of 60 items shown" in view.html["filters"].value
    act(view, "show-all")
    assert view.ex.where is None
    act(view, "filters")
    assert "mmx-chip" not in view.html["filters"].value
    assert 'aria-expanded="false"' in view.html["filters"].value


def test_hostile_and_long_values_are_escaped_and_cut(view):
    page = view.html["filters"].value

    assert "<img" not in page
    assert "y" * 250 not in page
    act(view, "filter", "0:0")
    assert view.ex.where == {"kind": HOSTILE}
    assert "<img" not in view.html["filters"].value + view.html["status"].value


def test_many_columns_and_many_values_are_bounded(rng):
    n = 300
    items = pd.DataFrame({f"number {j}": rng.normal(size=n) for j in range(40)})
    items = items.assign(id=[f"i{k}" for k in range(n)], text="t", few=[f"v{k % 25}" for k in range(n)])
    items = items[["few", *items.columns.drop("few")]]
    ex = mm.explore(mm.Embeddings(rng.normal(size=(n, 4)).astype("f"), items=items), projection=rng.normal(size=(n, 2)))
    page = ex.widget.html["filters"].value

    assert page.count("mmx-chip") == 12
    assert "and 13 more values" in page
    assert page.count("<input") == 22
    assert "and 29 more columns: ex.where = {...}" in page
    ex.where = {"few": "v24", "number 39": (None, 10)}
    assert 'aria-pressed="true" class="' not in page
    assert ex.widget.html["filters"].value.count("mmx-chip") == 13


def test_a_frame_with_nothing_to_filter_has_no_bar():
    ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])

    assert ex.widget.html["filters"].value == ""
    ex.where = [True, False, True]
    assert "2 of 3 items shown" in ex.widget.html["filters"].value


def test_names_that_begin_alike_can_be_told_apart_and_ends_fit_their_fields(rng):
    names = [f"a column with a very long name, number {k}" for k in "ab"]
    X, values = rng.normal(size=(20, 4)).astype("f"), np.r_[7.3274651e-06, rng.normal(10, size=19)]
    emb = mm.Embeddings(
        X, items=pd.DataFrame({"text": "words"}, index=range(20)).assign(**dict.fromkeys(names, values))
    )

    html = mm.explore(emb, projection=X[:, :2]).widget.html["filters"].value

    shown = re.findall(r'<i title="[^"]*">([^<]*)</i>', html)
    assert [(name[:8], name[-8:]) for name in shown] == [("a column", f"number {k}") for k in "ab"]
    assert html.count('placeholder="7.33e-06"') == 2


def test_the_largest_numbers_are_filtered_and_coloured_by(rng):
    X = rng.normal(size=(20, 4)).astype("f")
    emb = mm.Embeddings(X, items=pd.DataFrame({"text": "words", "size": [1e308, -1e308] * 10}))
    ex = mm.explore(emb, projection=X[:, :2])

    ex.color_by = "size"
    act(ex.widget, "range", "0:low:0")

    assert ex.where == {"size": (0.0, None)}
    assert ex.widget.html["filters"].value.count("<path") == 2
    colors = np.asarray(ex.widget.map.figure.data[0].marker.color)
    assert np.isfinite(colors).all()
    assert colors[0] > colors[1]
    assert ex._repr_mimebundle_()["image/png"]
