"""Selections: rows in order, with how each was chosen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mmtoolkit as mm
from mmtoolkit.explorer.selection import Chosen, rows_of

IDS = np.array(["a", "b", "c", "d", "e"])


def test_add_keeps_place_and_way_of_what_was_there():
    first, second = Chosen.of([3, 1], "lasso"), Chosen.of([1, 4], "search: cat")

    both = first.combined(second, "add")

    assert both.rows.tolist() == [3, 1, 4]
    assert both.how.tolist() == ["lasso", "lasso", "search: cat"]


def test_remove_takes_rows_out_and_replace_forgets():
    first, second = Chosen.of([3, 1, 0], "lasso"), Chosen.of([1], "box")

    assert first.combined(second, "remove").rows.tolist() == [3, 0]
    assert first.combined(second, "replace").rows.tolist() == [1]


def test_invert_twice_is_the_same_set():
    chosen = Chosen.of([4, 2], "lasso")

    assert sorted(chosen.inverted(5).inverted(5).rows.tolist()) == [2, 4]
    assert set(chosen.inverted(5).how) == {"invert"}


def test_a_row_named_twice_counts_once():
    assert Chosen.of([2, 2, 0, 2], "code").rows.tolist() == [2, 0]


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="got 'xor'"):
        Chosen.of([0], "code").combined(Chosen.of([1], "code"), "xor")


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (None, []),
        ("c", [2]),
        (2, [2]),
        (-1, [4]),
        (["e", "a"], [4, 0]),
        ([], []),
        (np.array([1, 3]), [1, 3]),
        (np.array([True, False, False, False, True]), [0, 4]),
        (pd.DataFrame({"id": ["d", "a"], "x": [1, 2]}), [3, 0]),
        (pd.DataFrame({"x": [1, 2]}, index=pd.Index(["d", "a"], name="id")), [3, 0]),
        (pl.DataFrame({"id": ["d", "a"]}), [3, 0]),
        (mm.search(mm.Embeddings(np.eye(5), ids=list("abcde")), np.eye(5)[[3, 0]], k=1), [3, 0]),
        (pd.Series(["b"]), [1]),
        ({"e", "a", "c"}, [0, 2, 4]),
        ((name for name in ["e", "a"]), [4, 0]),
    ],
)
def test_rows_of_takes_what_users_have(wanted, rows):
    assert rows_of(wanted, IDS).tolist() == rows


def test_numeric_ids_in_a_frame_are_ids_not_rows():
    ids = np.array(["10", "11", "0"])

    assert rows_of(pd.DataFrame({"id": [0]}), ids).tolist() == [2]


@pytest.mark.parametrize(
    ("wanted", "error", "words"),
    [
        (["a", "zebra"], ValueError, "1 of 2 ids are not in the map, first: 'zebra'"),
        ([7], ValueError, "no row 7; rows run from 0 to 4"),
        (np.ones(3, dtype=bool), ValueError, "mask has 3 values for 5 items"),
        (pd.DataFrame({"name": ["a"]}), ValueError, "needs a column 'id'; its columns are name"),
        ([1.5], TypeError, "got float64 values"),
        (np.zeros((2, 2), dtype=int), ValueError, r"got shape \(2, 2\)"),
    ],
)
def test_rows_of_says_what_it_got(wanted, error, words):
    with pytest.raises(error, match=words):
        rows_of(wanted, IDS)
