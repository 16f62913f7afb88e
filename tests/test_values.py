"""Values of one column compared by what they are, and codes that are no numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit._values import code_columns, finder, look_alikes, unified


def objects(*values):
    out = np.empty(len(values), dtype=object)
    out[:] = values
    return out


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((1, 1.0, "1", None, 2.5, "2.5"), [1, 1, 1, None, 2.5, 2.5]),
        ((7, "07"), [7, "07"]),
        ((3.0, 4.0, None), [3.0, 4.0, None]),
        (("1", "1.0", "01"), ["1", "1.0", "01"]),
        ((True, 1), [True, 1]),
        ((100000, "1E5"), [100000, "1E5"]),
    ],
)
def test_numbers_of_one_column_have_one_type(given, expected):
    out = unified(objects(*given)).tolist()

    assert out == expected
    assert [type(v) for v in out] == [type(v) for v in expected]


def test_numbers_beside_words_become_text_where_that_is_asked():
    assert unified(objects(7, 7.0, "7", "ward"), as_text=True).tolist() == ["7", "7", "7", "ward"]


def test_a_value_is_found_by_what_it_is_written_as():
    place_of = finder(["7", "07", 8])

    assert [place_of(value) for value in (7, 7.0, "07", "8", 9)] == [0, 0, 1, 2, None]


@pytest.mark.parametrize(
    ("texts", "difference"),
    [
        (["café", "cafe\u0301"], "Unicode"),
        (["rose", "rose "], "blanks"),
        (["Rose", "rose"], "case"),
        (["ward 1", "ward\u30001"], "Unicode"),
        (["rose", "rose\u200b"], "not visible"),
        (["rose", "\ufeffrose"], "not visible"),
        (["ro\u00adse", "rose\u200f"], "not visible"),
        (["❤", "❤\ufe0f"], "not visible"),
    ],
)
def test_texts_that_look_equal_are_told_with_what_differs(texts, difference):
    ((first, second, what),) = look_alikes(["tulip", *texts])

    assert [first, second] == texts
    assert difference in what


@pytest.mark.parametrize(
    ("texts", "codes"),
    [
        (["01", "1"], True),
        (["1E5", "2E5"], True),
        (["12345678901234567", "1"], True),
        (["1.1", "1.10"], True),
        (["+49", "+43"], True),
        (["1", "2", "10"], False),
        (["1", "1.0"], False),
        (["0.5", "1.50", "-3"], False),
        (["1e-05", "0.5"], False),
        ([" 1", "1"], False),
        (["a", "01"], False),
        ([None, None], False),
    ],
)
def test_codes_are_told_from_numbers(texts, codes):
    assert code_columns(pd.DataFrame({"x": texts})) == (["x"] if codes else [])


def test_codes_in_a_csv_stay_text_in_every_column(tmp_path):
    table = tmp_path / "shop.csv"
    table.write_text("text,label,till,price\na,007,1E5,1.50\nb,7,1E4,2.25\n")

    frame = mm.items(table)

    assert frame["label"].tolist() == ["007", "7"]
    assert frame["till"].tolist() == ["1E5", "1E4"]
    assert frame["price"].tolist() == [1.5, 2.25]
