"""One table says everything about every item, in memory, in other libraries, and in a spreadsheet."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import mmtoolkit as mm

COLUMNS = ["y_true", "y_pred", "probability", "fold", "correct", "suggested", "nearest"]


def test_every_item_has_a_row_that_agrees_with_the_rest_of_the_result(result):
    table = result.per_item

    assert table.index.tolist() == result.ids.tolist()
    assert list(table.columns) == COLUMNS
    assert table["correct"].mean() == pytest.approx(result.metrics.loc["accuracy", "value"])
    np.testing.assert_array_equal(table["probability"], result.y_proba.max(axis=1))
    issues = result.label_issues()
    assert table["suggested"].dropna().to_dict() == dict(zip(issues["id"], issues["suggested"], strict=True))


def test_the_nearest_item_is_no_duplicate_and_none_of_the_group(rng):
    X = rng.normal(size=(40, 6))
    X[1], X[5] = X[0], X[4] + 0.05
    groups = np.arange(40)
    groups[5] = 4

    table = mm.classify(X, np.arange(40) % 2, groups=groups, cv=3).per_item

    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    cosine = unit @ unit.T
    cosine[[0, 0, 1, 1, 4, 4, 5, 5], [0, 1, 0, 1, 4, 5, 4, 5]] = -2
    np.fill_diagonal(cosine, -2)
    assert table["nearest"].tolist() == [str(row) for row in cosine.argmax(axis=1)]


def test_items_that_were_not_scored_say_so(rng):
    X, y = rng.normal(size=(60, 4)), np.array(list("ab") * 30, dtype=object)
    y[:4], y[4] = None, "rare"

    table = mm.classify(X, y, test=np.arange(60) >= 40, min_class_size=2).per_item

    assert table["correct"].isna().tolist() == [True] * 40 + [False] * 20
    assert table["y_pred"].notna().tolist() == [True] * 5 + [False] * 35 + [True] * 20
    assert table["probability"].notna().tolist() == table["y_pred"].notna().tolist()
    assert table.loc["4", "left_out"] == "rare"
    assert not table["nearest"].isin(["0", "1", "2", "3", "4"]).any()  # they have no class to learn from


def test_one_group_has_no_nearest_item(rng):
    test = np.arange(30) < 3

    table = mm.classify(
        rng.normal(size=(30, 4)), np.arange(30) % 2, test=test, groups=np.zeros(30, dtype=int) + test
    ).per_item

    assert set(table["nearest"][:3].astype(int)) <= set(range(3, 30))
    assert set(table["nearest"][3:].astype(int)) <= {0, 1, 2}


@pytest.mark.parametrize(
    ("backend", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table)]
)
def test_it_is_handed_on(result, backend, kind):
    frame = result.to_frame(backend)

    assert isinstance(frame, kind)
    assert list(frame.columns if backend != "pyarrow" else frame.column_names) == ["id", *COLUMNS]


def test_a_chinese_spreadsheet_opens_it_and_runs_nothing(tmp_path, rng):
    items = mm.items({"id": ["=1+1", *map(str, range(39))], "text": ["x"] * 40, "label": ["猫", "狗"] * 20})
    r = mm.classify(mm.Embeddings(rng.normal(size=(40, 4)), items=items))

    r.to_csv(tmp_path / "items.csv")

    content = (tmp_path / "items.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    again = pd.read_csv(tmp_path / "items.csv", dtype={"id": str})
    assert again["id"][0] == "'=1+1"
    assert again["y_true"].tolist() == ["猫", "狗"] * 20
    assert again["correct"].tolist() == r.per_item["correct"].tolist()
