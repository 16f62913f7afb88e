"""Filters in code: what they keep, what they refuse, and that all else keeps to what is shown."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm

LONG = "x" * 3_000


@pytest.fixture
def odd(rng):
    """Six items with columns of every kind, one named like a method."""
    items = pd.DataFrame(
        {
            "id": list("abcdef"),
            "text": ["a bird", "a car", "a cat", "a bus", "a dog", "a fish"],
            "modality": "text",
            "select": ["yes", "no", "yes", "no", "yes", None],
            "种类": ["鸟", "车", "兽", "车", "兽", "鱼"],
            "price": [1.0, 2.0, np.nan, 4.0, 5.0, np.inf],
            "count": pd.array([1, 2, None, 4, 5, 6], dtype="Int64"),
            "when": pd.to_datetime(
                [
                    "2026-01-01 10:00",
                    "2026-01-31 23:30",
                    None,
                    "2026-02-01 00:00",
                    "2026-03-01 08:00",
                    "2026-04-01 09:00",
                ]
            ),
            "mixed": [1, "1", None, True, LONG, 1.5],
            "sold": [True, False, True, False, True, False],
            "list": [[1], [2], [3], [4], [5], [6]],
        }
    )
    vectors = rng.normal(size=(6, 4)).astype(np.float32)
    return mm.explore(mm.Embeddings(vectors, items=items), projection=[[i, 0] for i in range(6)])


def shown(ex):
    return "".join(ex.ids[ex.state.filter.shown])


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({"select": "yes"}, "ace"),
        ({"select": None}, "f"),
        ({"select": ["no", None]}, "bdf"),
        ({"种类": {"车", "鱼"}}, "bdf"),
        ({"price": (2, 5)}, "bde"),
        ({"price": (None, 2)}, "ab"),
        ({"price": (5, None)}, "ef"),
        ({"price": 4}, "d"),
        ({"price": np.nan}, "c"),
        ({"count": (2, 5)}, "bde"),
        ({"count": [1, 6]}, "af"),
        ({"when": ("2026-01-01", "2026-01-31")}, "ab"),
        ({"when": (pd.Timestamp("2026-02-01"), None)}, "def"),
        ({"when": "2026-01-31"}, "b"),
        ({"when": None}, "c"),
        ({"mixed": 1}, "a"),
        ({"mixed": "1"}, "b"),
        ({"mixed": True}, "d"),
        ({"mixed": LONG}, "e"),
        ({"sold": True, "price": (0, 3)}, "a"),
        ({"sold": True, "price": (100, 200)}, ""),
        ([True, False, False, True, False, False], "ad"),
        ({}, "abcdef"),
        (None, "abcdef"),
    ],
)
def test_a_filter_shows_what_it_says(odd, where, ids):
    odd.where = where

    assert shown(odd) == ids


@pytest.mark.parametrize(
    "kind",
    [
        lambda days: pd.to_datetime(days),
        lambda days: pd.to_datetime(days).tz_localize("Asia/Shanghai"),
        lambda days: [None if day is None else datetime.date.fromisoformat(day) for day in days],
    ],
)
def test_times_of_a_table_are_filtered_by_their_own_clock(rng, kind):
    table = pd.DataFrame({"text": list("abcd"), "when": kind(["2026-01-01", "2026-01-31", None, "2026-02-01"])})
    ex = mm.explore(mm.Embeddings(rng.normal(size=(4, 3)), items=mm.items(table)), projection=np.zeros((4, 2)))

    assert [facet.name for facet in ex.state.filter.facets] == ["when"]
    for where, ids in [
        (("2026-01-01", "2026-01-31"), "01"),
        ("2026-01-31", "1"),
        (["2026-01-01", datetime.date(2026, 2, 1)], "03"),
        ((datetime.date(2026, 1, 2), None), "13"),
        (None, "2"),
    ]:
        ex.where = {"when": where}
        assert shown(ex) == ids


def test_it_reads_as_it_was_set_and_is_nobody_elses(odd):
    wanted = {"select": ["yes"], "price": (1, 2)}
    odd.where = wanted
    assert odd.where == {"select": ["yes"], "price": (1, 2)}

    odd.where.clear()
    wanted.clear()
    assert odd.where == {"select": ["yes"], "price": (1, 2)}

    mask = np.array([True] * 3 + [False] * 3)
    odd.where = mask
    mask[:] = False
    np.testing.assert_array_equal(odd.where, [True] * 3 + [False] * 3)
    odd.where = None
    assert odd.where is None


@pytest.mark.parametrize(
    ("where", "error", "said"),
    [
        ({"pric": 3}, ValueError, "column 'pric' .did you mean 'price'.+ they have id, modality"),
        (
            {"select": "yess"},
            ValueError,
            "no item has 'yess' in the column 'select' .did you mean 'yes'[?].; it has yes, no",
        ),
        ({"price": (5, 1)}, ValueError, r"where\['price'\] is a range from 5 down to 1"),
        ({"price": (1, 2, 3)}, ValueError, r"where\['price'\] must be a range \(low, high\).+tuple of 3"),
        ({"price": ("a", None)}, ValueError, r"where\['price'\] must be a range of numbers.+got 'a'"),
        ({"price": (np.nan, None)}, ValueError, "range of numbers.+nan"),
        ({"price": 77}, ValueError, "no item has 77 in the column 'price'"),
        (
            {"price": "1"},
            ValueError,
            "no item has '1' in the column 'price', whose values are of type float, not str; it",
        ),
        ({"sold": "True"}, ValueError, "'sold', whose values are of type bool, not str; it has True, False"),
        ({"select": 1}, ValueError, "no item has 1 in the column 'select', whose values are of type str, not int; it"),
        ({"price": True}, ValueError, "no item has True in the column 'price'; it has 1.0"),
        ({"when": ("soon", None)}, ValueError, r"where\['when'\] must be a range of times.+got 'soon'"),
        ({"list": "x"}, ValueError, "no item has 'x' in the column 'list'"),
        ({"mixed": "y" * 5_000}, ValueError, "no item has 'y{59}….{1,700}$"),
        ([True], ValueError, r"the mask has shape \(1,\) for 6 items"),
        ([1, 0, 1, 0, 1, 0], TypeError, "boolean mask of 6 values, or None; got int64 values"),
        ("drawing", TypeError, "where takes a dict such as .+; got str"),
    ],
)
def test_a_wrong_filter_is_refused_and_the_one_before_holds(odd, where, error, said):
    odd.where = {"sold": True}

    with pytest.raises(error, match=said):
        odd.where = where

    assert odd.where == {"sold": True}
    assert shown(odd) == "ace"


def test_lasso_search_keys_and_counts_keep_to_what_is_shown(ex, around):
    heard = []
    ex.observe(heard.append, "selected")
    ex.lasso(around(1))
    half = np.arange(40) % 2 == 0
    ex.where = half
    assert len(ex.selected) == 5
    assert [len(event["new"]) for event in heard] == [10, 5]
    assert ex.status == "20 of 40 items shown"

    ex.lasso(around(2), mode="add")
    assert len(ex.selected) == 10
    assert set(ex.similar(0, k=40)["id"]) == set(ex.ids[half])
    ex.invert()
    assert len(ex.selected) == 0
    ex.select([0, 1], how="code")
    assert ex.selected["id"].tolist() == ["item-0"]
    assert "1 is hidden by the filter" in ex.status
    assert ex.label("seen") == 1
    ex.show(0)
    ex.move("right")
    assert ex.focus == 2
    assert sum(len(group.rows) for group in ex.look.groups) == 20
    assert ex.look.groups[0].name.endswith("(5)")
    ex.link()
    ex.cell(ex.linked.counts.index[0])
    assert len(ex.selected) == 5


def test_what_was_selected_before_is_selected_again(ex, around):
    ex.lasso(around(1))

    ex.where = {"flag": True}
    ex.lasso(around(2), mode="add")
    ex.where = None

    assert ex.selected["id"].tolist() == [f"item-{i}" for i in [*range(10, 20), 20, 22, 24, 26, 28]]


def test_no_item_shown_is_a_state_like_another(ex):
    ex.where = np.zeros(40, dtype=bool)

    assert ex.status == "0 of 40 items shown"
    ex.lasso([(-9, -9), (99, -9), (99, 9), (-9, 9)])
    ex.move("left")
    ex.invert()
    assert len(ex.selected) == 0
    assert ex.focus is None
    with pytest.raises(ValueError, match=r"shows no item to search among; set ex\.where = None"):
        ex.similar(3)
    assert len(ex._repr_mimebundle_()["image/png"]) > 100


def test_a_review_asks_about_what_is_shown_but_random_samples_are_of_all(ex):
    ex.where = {"flag": True}

    asked = ex.review("outliers", n=20)["id"].tolist()
    assert asked
    assert all(int(name.removeprefix("item-")) % 2 == 0 for name in asked)
    sample = ex.audit_sample(40)
    assert len(sample) == 40


def test_an_answer_about_an_item_that_was_filtered_away_is_kept_and_said(ex):
    ex.review([1, 2])
    assert "The filter hides" not in ex.widget.html["queue"].value
    ex.where = {"flag": True}
    assert "The filter hides this item on the map" in ex.widget.html["queue"].value

    ex.label("hidden bird")

    assert ex.annotated[1] == "hidden bird"
    assert "the filter hides this item; the answer is kept" in ex.status
    assert ex.asked == 2
    assert "The filter hides" not in ex.widget.html["queue"].value


def test_learning_asks_about_what_is_shown_first_and_about_the_random_sample_of_all(ex):
    ex.where = {"flag": True}
    ex.review("learn")

    asked = []
    for _ in range(12):
        asked.append((ex.asked, ex.queue.counts(ex.asked)))
        ex.label("ab"[ex.asked % 4 // 2])

    assert sum(counts for _, counts in asked) == 2
    assert all(row % 2 == 0 for row, counts in asked if not counts)
    while ex.asked is not None:
        ex.label("a")
    assert len(ex.annotations) == 40


@pytest.mark.parametrize(
    "y", [None, ["one"] * 40, [f"class {i % 500}" for i in range(1000)]], ids=["none", "one", "500"]
)
def test_none_one_and_500_classes_filter_alike(y, rng):
    n = 40 if y is None else len(y)
    items = pd.DataFrame({"id": [f"i{k}" for k in range(n)], "text": "t", "size": np.arange(n)})
    if y is not None:
        items["label"] = y
    ex = mm.explore(
        mm.Embeddings(rng.normal(size=(n, 4)).astype("f"), items=items), y=y, projection=rng.normal(size=(n, 2))
    )
    assert ex.widget is not None

    ex.where = {"size": (0, 9)} if y is None else {"size": (0, 9), "label": y[0]}

    assert len(ex.state.look.groups[0].rows if y else np.flatnonzero(ex.state.filter.shown)) in (1, 10)
    assert [facet.name for facet in ex.state.filter.facets] == ["size"]


def test_no_ring_is_drawn_around_an_item_that_the_filter_hides(odd):
    ring = odd.widget.map.figure.data[1]
    odd.show("b")
    assert np.isfinite(ring.x[0])

    odd.where = {"select": "yes"}
    assert np.isnan(ring.x[0])
    odd.where = None
    assert np.isfinite(ring.x[0])
