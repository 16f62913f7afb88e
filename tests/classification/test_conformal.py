"""Prediction sets: how often they hold the truth, for all and by class, and what they do with few items."""

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.classification.conformal import limits_of


def blobs(rng, n, apart=1.2):
    y = np.arange(n) % 3
    return rng.normal(size=(n, 4)) + apart * np.eye(3, 4)[y], np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(1)
    return mm.classify(*blobs(rng, 300), normalize=False, inference=False, duplicates="ignore")


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("by_class", [False, True])
def test_sets_hold_the_truth_as_often_as_asked(result, coverage, by_class):
    X, y = blobs(np.random.default_rng(2), 9000)

    sets = result.predict_set(X, coverage=coverage, by_class=by_class)

    assert sets.columns.tolist() == ["a", "b", "c"]
    truth = sets.to_numpy()[np.arange(9000), np.arange(9000) % 3]
    assert truth.mean() == pytest.approx(coverage, abs=0.04)
    if by_class:
        assert all(abs(truth[y == name].mean() - coverage) < 0.09 for name in "abc")


def test_the_limit_is_the_conformal_one():
    values = np.linspace(0.1, 1.0, 19)
    proba = np.stack([values, 1 - values], axis=1)

    least = limits_of(proba, np.zeros(19, dtype=int), np.arange(19), 0.9, by_class=False)

    assert least.tolist() == pytest.approx([values[1]] * 2)  # 18 of 19 and one more reach it


def test_groups_count_once():
    values = np.array([0.2, *np.linspace(0.5, 1.0, 18)])
    proba, codes = np.stack([values, 1 - values], axis=1), np.zeros(19, dtype=int)
    often = np.concatenate([[0] * 6, np.arange(1, 19)])  # the first item six times

    alone = limits_of(proba, codes, np.arange(19), 0.9, by_class=False)
    copies = limits_of(proba[often], np.zeros(24, dtype=int), often, 0.9, by_class=False)

    assert alone.tolist() == pytest.approx(copies.tolist())


def test_too_few_items_of_a_class_put_it_into_every_set():
    proba = np.array([[0.9, 0.1]] * 20 + [[0.2, 0.8]] * 8)
    codes = np.array([0] * 20 + [1] * 8)

    assert limits_of(proba, codes, np.arange(28), 0.9, by_class=True).tolist() == [0.9, 0.0]


def test_empty_sets_are_said(result):
    X, _ = blobs(np.random.default_rng(3), 300, apart=0.3)

    with pytest.warns(
        UserWarning, match=r"of 300 sets are empty: no class of these items is as probable .* in 30 % of"
    ):
        sets = result.predict_set(X, coverage=0.3)

    assert (sets.sum(axis=1) == 0).any()


def test_ids_name_the_rows_and_bad_shares_are_refused(result):
    emb = mm.Embeddings(np.ones((2, 4), dtype=np.float32), ids=["x", "y"])

    assert result.predict_set(emb.vectors).index.tolist() == [0, 1]
    with pytest.raises(ValueError, match="coverage must lie between 0 and 1, both excluded, got 90"):
        result.predict_set(emb.vectors, coverage=90)
