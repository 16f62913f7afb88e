import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

import mmtoolkit as mm
from mmtoolkit.classification.metrics import (
    CLASS_METRICS,
    METRICS,
    Counts,
    Metric,
    calibration,
    confusion_of,
    metrics_for,
)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 6))
def test_label_scores_are_scikit_learns(seed, classes):
    rng = np.random.default_rng(seed)
    true, said = rng.integers(classes, size=(2, 60))

    counts = Counts(confusion_of(true, said, classes))
    found = {row.name: row.function(counts) for row in metrics_for(classes, "counts")}

    assert found["accuracy"] == pytest.approx(sk.accuracy_score(true, said))
    assert found["f1_macro"] == pytest.approx(sk.f1_score(true, said, average="macro", zero_division=0))
    assert found["f1_weighted"] == pytest.approx(sk.f1_score(true, said, average="weighted", zero_division=0))
    assert found["matthews_corrcoef"] == pytest.approx(sk.matthews_corrcoef(true, said))
    recall = sk.recall_score(true, said, average="macro", labels=np.unique(true), zero_division=0)
    assert found["balanced_accuracy"] == pytest.approx(recall)


@pytest.mark.parametrize("classes", [2, 5])
def test_probability_scores_are_scikit_learns(rng, classes):
    codes = rng.permutation(np.arange(100) % classes)
    proba = rng.dirichlet(np.ones(classes), size=100)

    found = {row.name: row.function(codes, proba).mean() for row in metrics_for(classes, "items")}

    assert found["log_loss"] == pytest.approx(sk.log_loss(codes, proba))
    if classes == 2:
        assert found["brier_score"] == pytest.approx(sk.brier_score_loss(codes, proba[:, 1]))
    else:
        assert found["brier_score"] == pytest.approx(sk.brier_score_loss(codes, proba))
        assert found["top_3_accuracy"] == pytest.approx(sk.top_k_accuracy_score(codes, proba, k=3))


def test_class_scores_are_scikit_learns(rng):
    true, said = rng.integers(4, size=(2, 80))

    counts = Counts(confusion_of(true, said, 4))
    found = [getattr(counts, row.name) for row in CLASS_METRICS]

    theirs = sk.precision_recall_fscore_support(true, said, labels=range(4), zero_division=0)
    np.testing.assert_allclose(found, theirs[:3])


def test_calibration_error_of_a_perfect_and_of_a_boastful_forecaster():
    codes = np.zeros(100, dtype=int)
    sure, right, count = calibration(codes, np.tile([1.0, 0.0], (100, 1)))
    assert np.abs(sure - right) @ count == 0

    sure, right, count = calibration(np.arange(100) % 2, np.tile([1.0, 0.0], (100, 1)))
    assert np.abs(sure - right) @ count / 100 == pytest.approx(0.5)


@pytest.fixture
def error_rate(monkeypatch):
    """One more row in the table: how many items are wrong."""
    row = Metric("error_rate", "wrong answers", lambda c: 1 - c.correct / c.total, higher_is_better=False)
    monkeypatch.setitem(METRICS, row.name, row)
    return row


def test_a_further_metric_is_one_row(data, error_rate):
    X, y = data

    r = mm.classify(X, y)

    right, wrong = r.metrics.loc["accuracy"], r.metrics.loc["error_rate"]
    assert wrong["value"] == pytest.approx(1 - right["value"])
    assert wrong["baseline"] == pytest.approx(1 - right["baseline"])
    assert 0 <= wrong["low"] < wrong["value"] < wrong["high"] < 0.2
    assert "error_rate" in r.moves
    assert r.baselines.loc["error_rate", "neighbours"] == pytest.approx(1 - r.baselines.loc["accuracy", "neighbours"])
    assert "error_rate" in mm.classify(X, y, repeats=2).metrics.index
    assert "wrong answers" not in r.figure("metrics").to_json()  # it draws where 1 is perfect


def test_a_further_metric_compares_and_lower_is_better(data, error_rate):
    X, y = data
    worse = X + 3 * np.random.default_rng(0).normal(size=X.shape)

    c = mm.compare({"worse": worse, "good": X}, y, metric="error_rate")
    usual = mm.compare({"worse": worse, "good": X}, y)

    assert c.scores.index.tolist() == ["good", "worse"]
    assert c.pairs["better"].tolist() == ["good"]
    assert c.pairs["difference"].iloc[0] == pytest.approx(usual.pairs["difference"].iloc[0])
    assert c.pairs["p_value"].iloc[0] == pytest.approx(usual.pairs["p_value"].iloc[0])
    assert c.scores.loc["good", "low"] < c.scores.loc["good", "value"] < c.scores.loc["good", "high"]


@pytest.mark.parametrize("of", ["items", "all"])
def test_a_metric_of_probabilities_is_one_row(data, monkeypatch, of):
    def doubt(codes, proba):
        values = 1 - proba.max(axis=1)
        return values if of == "items" else float(values.mean())

    monkeypatch.setitem(METRICS, "doubt", Metric("doubt", "doubt", doubt, of, higher_is_better=False, lowest=np.nan))

    r = mm.classify(*data)

    assert r.metrics.loc["doubt", "value"] == pytest.approx((1 - r.y_proba.max(axis=1)).mean())
    assert np.isnan(r.metrics.loc["doubt", "low"]) == (of == "all")
    with pytest.raises(ValueError, match=r"metric must be one of accuracy, balanced_accuracy, .*, got 'doubt'"):
        mm.compare({"a": data[0], "b": data[0]}, data[1], metric="doubt")


def test_rows_without_meaning_for_two_classes_are_left_out():
    assert [row.name for row in metrics_for(2)][5:] == ["log_loss", "brier_score", "ece"]
    assert next(row.words for row in metrics_for(3, "items")) == "top-2 accuracy"
