"""Changes of the input that must change nothing, or only what they name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.preprocessing import StandardScaler

import mmtoolkit as mm


def _wine():
    X, y = load_wine(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def _digits():
    X, y = load_digits(return_X_y=True)
    return X[:150], y[:150] % 4


def _two():
    rng = np.random.default_rng(5)
    y = (rng.random(80) < 0.35).astype(int)
    return rng.normal(size=(80, 6)) + np.outer(y, np.eye(6)[0] * 1.5), y


@pytest.fixture(scope="module", params=[_wine, _digits, _two], ids=["wine", "digits", "two"])
def case(request):
    X, y = request.param()
    X = X.astype(np.float32)
    return X, y, mm.classify(X, y, cv=3)


def numbers(result, n=None):
    """All numbers of a result, whatever its classes are called."""
    return [
        result.metrics.to_numpy(dtype=float),
        result.per_class.to_numpy(dtype=float),
        result.confusion.to_numpy(),
        result.baselines.to_numpy(dtype=float),
        np.array([result.p_value]),
        result.y_proba[:n],
        result.fold[:n],
    ]


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


NAMES = {
    "longer": lambda y: np.array([f"class {k:02d}" for k in y]),
    "text of the numbers": lambda y: y.astype(str),
    "floats": lambda y: y.astype(float),
    "nullable": lambda y: pd.array(y, dtype="Int64"),
    "categories, one unused, the last first": lambda y: pd.Categorical(
        y, categories=[99, *sorted(set(y))[::-1]], ordered=True
    ),
}


@pytest.mark.parametrize("renamed", NAMES.values(), ids=NAMES)
def test_what_classes_are_called_changes_no_number(case, renamed):
    X, y, result = case

    assert_equal(numbers(mm.classify(X, renamed(y), cv=3)), numbers(result))


def test_the_length_of_rows_changes_no_number(case):
    X, y, result = case

    assert_equal(numbers(mm.classify(4 * X, y, cv=3)), numbers(result))


def test_items_without_a_class_change_no_number(case, rng):
    X, y, result = case
    more = rng.normal(size=(5, X.shape[1])).astype(np.float32)

    found = mm.classify(np.concatenate([X, more]), pd.array([*y, *[pd.NA] * 5], dtype="Int64"), cv=3)

    assert_equal(numbers(found, len(y)), numbers(result))


def test_a_class_that_is_left_out_changes_no_number(case, rng):
    X, y, result = case
    more = rng.normal(size=(2, X.shape[1])).astype(np.float32)

    found = mm.classify(np.concatenate([X, more]), [*y, 77, 77], cv=3)

    assert_equal(numbers(found, len(y)), numbers(result))


def test_weights_of_one_change_no_number(case):
    X, y, result = case

    found = mm.classify(X, y, cv=3, class_weight=dict.fromkeys(sorted(set(y.tolist())), 1.0))

    assert_equal(numbers(found), numbers(result))


def test_the_order_of_features_changes_no_prediction(case):
    X, y, result = case

    found = mm.classify(X[:, ::-1], y, cv=3, inference=False)

    assert (found.y_pred == result.y_pred).mean() > 0.98  # sums in another order
    np.testing.assert_array_equal(found.fold, result.fold)


def test_an_embedding_is_neither_better_nor_worse_than_itself(case):
    X, y, result = case

    pair = mm.compare({"one": X, "other": X.copy()}, y, cv=3)

    assert pair.pairs.loc[0, ["difference", "p_value"]].tolist() == [0, 1]
    assert_equal(numbers(pair.results["one"]), numbers(result))


def test_a_comparison_says_the_same_the_other_way_round(case, rng):
    X, y, _ = case
    blurred = X + rng.normal(size=X.shape).astype(np.float32) * X.std()
    columns = ["better", "difference", "low", "high", "p_value", "detectable"]

    one = mm.compare({"sharp": X, "blurred": blurred}, y, cv=3, duplicates="ignore").pairs
    other = mm.compare({"blurred": blurred, "sharp": X}, y, cv=3, duplicates="ignore").pairs

    pd.testing.assert_frame_equal(one[columns], other[columns])


def test_the_order_of_new_items_changes_no_expectation(case, rng):
    X, _, result = case
    new, order = X[::2] + np.float32(0.1), rng.permutation(len(X[::2]))

    one, other = mm.check_new(result, new), mm.check_new(result, new[order])

    np.testing.assert_allclose(one.expected, other.expected, rtol=1e-9)
    assert one.p_value == pytest.approx(other.p_value, abs=0.05)
    assert sorted(order[other.unfamiliar["row"]]) == sorted(one.unfamiliar["row"])


def test_scores_are_those_of_scikit_learn(case):
    from sklearn import metrics as of

    _, _, result = case
    true, said, proba = result.y_true.astype(int), result.y_pred.astype(int), result.y_proba

    found = result.metrics["value"]

    assert found["accuracy"] == pytest.approx(of.accuracy_score(true, said))
    assert found["balanced_accuracy"] == pytest.approx(of.balanced_accuracy_score(true, said))
    assert found["f1_macro"] == pytest.approx(of.f1_score(true, said, average="macro"))
    assert found["f1_weighted"] == pytest.approx(of.f1_score(true, said, average="weighted"))
    assert found["matthews_corrcoef"] == pytest.approx(of.matthews_corrcoef(true, said))
    assert found["log_loss"] == pytest.approx(of.log_loss(true, proba))
    assert found["brier_score"] == pytest.approx(
        of.brier_score_loss(true, proba if proba.shape[1] > 2 else proba[:, 1])
    )
    for k, name in enumerate(result.classes.tolist()):
        row = result.per_class.loc[name]
        assert row["roc_auc"] == pytest.approx(of.roc_auc_score(true == name, proba[:, k]))
        assert row["average_precision"] == pytest.approx(of.average_precision_score(true == name, proba[:, k]))
