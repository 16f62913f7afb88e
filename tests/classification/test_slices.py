"""Slices: what is cut, what is compared, what is found, and what a report says of it."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact, hypergeom

import mmtoolkit as mm


@pytest.fixture(scope="module")
def table():
    """400 items of two classes; the blurred ones are all alike, and one class holds more of them."""
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    blurred = np.where(y == 1, np.arange(400) % 10 < 5, np.arange(400) % 10 < 2)
    X = rng.normal(size=(400, 8)) + 4 * np.outer((2 * y - 1) * ~blurred, np.eye(8)[0])
    return X.astype(np.float32), y, blurred


@pytest.fixture(scope="module")
def result(table):
    X, y, blurred = table
    frame = pd.DataFrame(
        {
            "text": [f"item {i}" for i in range(400)],
            "label": np.where(y == 1, "yes", "no"),
            "answer": np.where(y == 1, "ja", "nein"),
            "quality": np.where(blurred, "blurred", "sharp"),
            "coin": np.arange(400) // 7 % 3,
            "taken": pd.date_range("2026-01-01", periods=400, freq="12h"),
            "price": np.arange(400) * 0.5,
            "serial": [f"s{i}" for i in range(400)],
            "shape": [[i] for i in range(400)],
        }
    )
    return mm.classify(mm.Embeddings(X, items=frame), "label", normalize=False, inference=False)


@pytest.mark.parametrize("values", ["north", None, float("nan")])
def test_a_column_without_two_values_is_said_to_have_nothing_to_compare(result, values):
    source = mm.Embeddings(result.source.vectors, items=result.source.items.assign(farm=values))

    s = dataclasses.replace(result, source=source).slices(["farm"])

    assert s.notes == ("'farm' is the same for all scored items, so there is nothing to compare",)
    assert "farm" not in set(s.table["family"])


@pytest.mark.parametrize(
    ("columns", "error", "match"),
    [
        (["shape"], ValueError, "the column 'shape' holds a list in row 0; slices need texts, numbers or dates"),
        ([7], TypeError, "columns takes names of columns of the items, got 7; values of your own go into derived="),
    ],
)
def test_what_cannot_be_cut_is_refused_by_name(result, columns, error, match):
    with pytest.raises(error, match=match):
        result.slices(columns)


def test_slices_that_fail_are_found_and_others_are_not(result, table):
    s = result.slices()

    assert s.found[["family", "slice"]].to_numpy().tolist()[0] == ["quality", "blurred"]
    assert set(s.found["family"]) <= {"quality", "nearest other item"}
    assert {"coin", "taken", "characters"} <= set(s.table["family"])
    assert not {"price", "serial", "shape", "label", "answer"} & set(s.table["family"])
    assert "'answer' parts the items as the classes do, so it cannot be told apart from them" in s.notes
    row = s.table.iloc[0]
    wrong = (result.y_pred != result.y_true) & table[2]
    assert (row["n"], row["wrong"]) == (table[2].sum(), wrong.sum())
    assert row["low"] < row["accuracy"] < row["high"]
    assert s.errors("quality", "blurred").tolist() == np.flatnonzero(wrong).tolist()
    assert "first quality = blurred" in repr(s)


def test_the_difference_is_within_classes_and_its_p_the_exact_one(result, table):
    y, blurred = table[1], table[2]
    wrong = result.y_pred != result.y_true

    row = result.slices(["quality"], derived=False).table.set_index("slice").loc["blurred"]

    weights, differences, totals = [], [], []
    for c in (0, 1):
        of = y == c
        inside, outside = of & blurred, of & ~blurred
        weights.append(inside.sum() * outside.sum() / of.sum())
        differences.append(wrong[inside].mean() - wrong[outside].mean())
        totals.append(hypergeom(of.sum(), wrong[of].sum(), inside.sum()).pmf(np.arange(inside.sum() + 1)))
    assert row["difference"] == pytest.approx(np.average(differences, weights=weights))
    assert row["raw_difference"] == pytest.approx(wrong[blurred].mean() - wrong[~blurred].mean())
    both, n = np.convolve(*totals), wrong[blurred].sum()
    assert row["p_value"] == pytest.approx(both[n + 1 :].sum() + both[n] / 2)


def test_one_class_alone_gives_fishers_test(result, table):
    wrong = result.y_pred != result.y_true
    only = dataclasses.replace(result, fold=np.where(table[1] == 0, result.fold, -1))
    blurred, some = table[2], table[1] == 0

    row = only.slices(["quality"], derived=False).table.set_index("slice").loc["blurred"]

    counts = [[(wrong & b & some).sum(), (~wrong & b & some).sum()] for b in (blurred, ~blurred)]
    at_least = fisher_exact(counts, alternative="greater").pvalue
    more = hypergeom(some.sum(), (wrong & some).sum(), (blurred & some).sum()).sf(counts[0][0])
    assert row["p_value"] == pytest.approx((at_least + more) / 2)


def test_groups_make_a_find_less_sure(table):
    X, y, _ = table
    wide = {
        "alone": mm.classify(X, y, normalize=False, inference=False, duplicates="ignore"),
        "together": mm.classify(
            X, y, normalize=False, inference=False, duplicates="ignore", groups=np.arange(400) // 20
        ),
    }
    hard = np.arange(400) // 100 == 1  # whole groups
    p = {}
    for name, r in wide.items():
        worse = np.where(hard & (np.arange(400) // 20 % 2 == 0), np.arange(400) % 3 < 2, np.arange(400) % 5 == 0)
        r = dataclasses.replace(r, y_pred=np.where(worse, 1 - y, y).astype(object))
        p[name] = r.slices(derived={"hard": hard}).table.set_index("slice").loc["True", "p_value"]

    assert p["alone"] < p["together"] / 10


def test_columns_are_cut_by_value_month_and_third(result):
    s = result.slices(["coin", "taken", "price"], derived=False)

    assert sorted(set(s.labels["coin"])) == ["0", "1", "2"]
    assert sorted(set(s.labels["taken"])) == [f"2026-0{month}" for month in range(1, 8)]
    assert sorted(set(s.labels["price"])) == ["above 133", "above 66.5 to 133", "up to 66.5"]
    assert result.slices("coin", derived=False).table["family"].unique().tolist() == ["coin"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"columns": ["qualty"]}, "quality"),
        ({"columns": ["serial"]}, "'serial' has 400 values, and slices need at most 20"),
        ({"derived": {"mine": [1, 2]}}, r"derived\['mine'\] has 2 values for 400 items"),
    ],
)
def test_bad_input_is_named(result, options, match):
    with pytest.raises(ValueError, match=match):
        result.slices(**options)
    with pytest.raises(TypeError, match=r"derived must be True, False or a mapping of names .*got 'serial'"):
        result.slices(derived="serial")


def test_missing_values_constants_and_small_slices(result):
    values = np.array(["a"] * 395 + [None] * 5, dtype=object)

    s = result.slices([], derived={"few": values, "same": ["x"] * 400, "half": [None] * 200 + ["b"] * 200})

    assert set(s.table["family"]) == {"half"}
    assert set(s.table["slice"]) == {"(missing)", "b"}
    assert s.notes == (
        "'same' is the same for all scored items, so there is nothing to compare",
        "2 slices have fewer than 10 scored items on one side and were left out",
    )
    with pytest.raises(ValueError, match="there is no slice 'half' = 'c'"):
        s.errors("half", "c")


def test_nothing_to_cut_is_said(table):
    r = mm.classify(table[0], table[1], normalize=False, inference=False)

    s = r.slices(derived=False)

    assert s.table.empty
    assert repr(s) == "<Slices: there is nothing to slice by>"
    assert "No column" in mm.report(r, s).to_html()


def test_infinite_numbers_of_a_column_are_verified_too(result, tmp_path):
    rates = [np.inf, -np.inf, 1.0, None] * 100
    emb = mm.Embeddings(result.source.vectors, items=result.source.items[["id", "label"]].assign(rate=rates))
    mm.report(mm.classify(emb, cv=3, duplicates="ignore")).save(tmp_path / "report.json")

    assert mm.verify(tmp_path / "report.json", vectors=emb).verdict == "identical"


def test_a_report_says_where_it_fails_and_is_verified(result, tmp_path):
    report = mm.report(result, title="Slices")
    path = report.save(tmp_path / "report.json")

    data = json.loads(path.read_text("utf-8"))
    assert list(data["results"]) == ["classify", "classify_slices"]
    assert set(data["items"]["emb"]["columns"]) == {"label", "quality", "coin", "taken", "characters", "answer"}
    page = report.to_html()
    assert "It fails more often on items with quality “blurred”" in page
    assert "Errors among items with quality" in page
    given = mm.report(result, result.slices(["coin"]))
    assert list(given.data["results"]) == ["classify", "classify_slices"]

    assert mm.verify(path, vectors=result.source.vectors).ok
    data["results"]["classify_slices"]["exact"]["slices"]["wrong"][0] += 1
    path.write_text(json.dumps(data), "utf-8")
    assert "classify_slices" in str(mm.verify(path, vectors=result.source.vectors).differences)


def test_the_length_of_texts_is_verified_without_the_texts(tmp_path):
    frame = mm.load_dataset("glosses").groupby("label").head(25).groupby("label").filter(lambda part: len(part) == 25)
    frame = frame[frame["label"].isin(sorted(set(frame["label"]))[:4])].reset_index(drop=True)
    emb = mm.embed(frame, model="local", cache=tmp_path / "cache", progress=False)
    r = mm.classify(emb, "label", inference=False)

    s = r.slices()
    path = mm.report(r, s).save(tmp_path / "report.json")

    cut = s.table.loc[s.table["family"] == "characters", "slice"]
    assert sorted(name.split(" ")[0] for name in cut) == ["above", "above", "up"]
    assert mm.verify(path, cache=tmp_path / "cache").ok
