"""A split in time: which column, which day, what is tested, and the score by month."""

import datetime

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm


def items(**columns):
    n = 240
    y = np.arange(n) % 2
    X = np.random.default_rng(0).normal(size=(n, 6)) + 3 * np.outer(y, np.eye(6)[0])
    frame = pd.DataFrame({"label": y.astype(str), "日期": pd.date_range("2026-01-01", periods=n, freq="12h")})
    return mm.Embeddings(X.astype(np.float32), items=frame.assign(**columns))


def test_what_is_dated_later_is_tested_and_months_are_slices(tmp_path):
    emb = items()

    r = mm.classify(emb, test_after="2026-02", normalize=False)

    days = emb.items["日期"]
    assert (r.fold >= 0).tolist() == (days >= "2026-03-01").tolist()
    assert r.recipe["params"]["test_after"] == ["日期", "2026-02"]
    table = r.slices().table
    assert sorted(table.loc[table["family"] == "日期", "slice"]) == ["2026-03", "2026-04"]
    rep = mm.report(r)
    assert mm.verify(rep.save(tmp_path / "report.json"), vectors=emb).verdict == "identical"
    assert "a split in time (“日期” after 2026-02)" in rep.to_html()
    assert 'test_after=["日期", "2026-02"]' in rep.to_html().replace("&quot;", '"')


@pytest.mark.parametrize(
    ("day", "first"), [("2026", "2027-01-01"), ("2026-12-31", "2027-01-01"), ("2027-01", "2027-02-01")]
)
def test_a_day_a_month_and_a_year_end_before_what_is_tested(day, first):
    dates = pd.date_range("2026-10-01", periods=240, freq="D")

    r = mm.classify(items(**{"日期": [d.date() for d in dates]}), test_after=day, normalize=False, inference=False)

    assert (r.fold >= 0).sum() == (dates >= first).sum()


def test_texts_in_iso_8601_and_a_named_column_are_dates_too():
    texts = [f"2026-{1 + i // 60:02d}-15T10:00:00Z" for i in range(240)]
    emb = items(sent=texts)

    r = mm.classify(emb, test_after=("sent", "2026-03"), normalize=False, inference=False)

    assert (r.fold >= 0).sum() == 60


@pytest.mark.parametrize(
    "write", [list, lambda dates: [d.isoformat() for d in dates], lambda dates: [str(d) for d in dates]]
)
def test_the_day_is_the_one_of_the_clock_that_wrote_it(write):
    dates = pd.date_range("2026-01-01 00:30", periods=240, freq="12h", tz="Asia/Shanghai")  # in UTC the day before

    r = mm.classify(items(**{"日期": write(dates)}), test_after="2026-02", normalize=False, inference=False)

    assert (r.fold >= 0).tolist() == (dates.tz_localize(None) >= "2026-03-01").tolist()
    table = r.slices(["日期"]).table
    assert set(table.loc[table["family"] == "日期", "slice"]) == {"2026-03", "2026-04"}


@pytest.mark.parametrize("day", [datetime.date(2026, 3, 31), ("日期", pd.Timestamp("2026-03-31", tz="UTC"))])
def test_a_day_may_be_a_date(day):
    r = mm.classify(items(), test_after=day, normalize=False, inference=False)

    assert r.recipe["params"]["test_after"] == ["日期", "2026-03-31"]


@pytest.mark.parametrize(
    ("columns", "options", "match"),
    [
        ({}, {"test_after": "2027"}, "leaves no item later: the dates in '日期' go from 2026-01-01 to 2026-04-30"),
        ({}, {"test_after": "2025-12"}, "leaves no item for training"),
        ({}, {"test_after": "March"}, "test_after is a day, a month or a year .* got 'March'"),
        ({}, {"test_after": "2026-13"}, "test_after names '2026-13', which is no day"),
        ({}, {"test_after": 2026}, "test_after is a day"),
        ({}, {"test_after": ("label", "2026-03")}, "the column 'label' holds something else than dates"),
        ({}, {"test_after": ("moon", "2026-03")}, "'moon' names no column"),
        ({}, {"test_after": "2026-03", "test": np.arange(240) > 5}, "test and test_after are two ways"),
        ({"sent": datetime.date(2026, 1, 1)}, {"test_after": "2026-03"}, "several columns hold dates: 日期, sent"),
        ({"日期": "x"}, {"test_after": "2026-03"}, "there is none; write them as 2026-03-15"),
        (
            {"日期": [None, *["2026-03-01"] * 239]},
            {"test_after": "2026-02"},
            "1 of 240 items have no date in '日期', first: row 0",
        ),
    ],
)
def test_what_cannot_be_split_is_refused(columns, options, match):
    with pytest.raises(ValueError, match=match):
        mm.classify(items(**columns), inference=False, **options)
