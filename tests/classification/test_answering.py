"""Answering only when sure: the promise, what it takes, and how it is kept with the classifier."""

import json

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.naive_bayes import GaussianNB

import mmtoolkit as mm
from mmtoolkit.errors import VerifyError


def blobs(rng, n, apart=3.0):
    y = np.arange(n) % 2
    return rng.normal(size=(n, 4)) + np.outer(y, [apart, 0, 0, 0]), y


def classified(rng, n, apart=3.0, **options):
    return mm.classify(*blobs(rng, n, apart), estimator=GaussianNB(), normalize=False, duplicates="ignore", **options)


def test_the_promise_holds_by_the_test_of_the_binomial(rng):
    r = classified(rng, 1000)

    t = r.thresholds(max_risk=0.05)

    rows = r.y_proba.max(axis=1) >= t.min_confidence
    wrong = (r.y_pred != r.y_true)[rows].sum()
    assert (t.n_answers, t.n_wrong) == (rows.sum(), wrong)
    assert binom.cdf(wrong, rows.sum(), 0.05) <= 0.05  # so few errors would be rare if the risk were larger
    assert 0.5 < t.coverage < 1
    assert t.reason == ""
    assert f"min_confidence {t.min_confidence:.4f}" in repr(t)


@pytest.mark.parametrize(("n", "answers"), [(148, False), (149, True)])
def test_two_in_a_hundred_take_149_answers_without_error(rng, n, answers):
    t = classified(rng, n, apart=30.0).thresholds(max_risk=0.02, confidence=0.95)

    assert t.n_needed == 149
    assert np.isfinite(t.min_confidence) == answers
    assert t.n_answers == (n if answers else 0)
    assert t.reason == ("" if answers else "it takes 149 answers without an error, and 148 items were held out")


def test_groups_count_and_not_items(rng):
    X, y = blobs(rng, 100, 30.0)
    X, y, groups = (
        np.repeat(X, 4, axis=0) + 0.01 * rng.normal(size=(400, 4)),
        np.repeat(y, 4),
        np.repeat(np.arange(100), 4),
    )
    r = mm.classify(X, y, estimator=GaussianNB(), groups=groups, normalize=False, duplicates="ignore")

    t = r.thresholds(max_risk=0.02)

    assert t.reason == "it takes 149 answers without an error, and 400 items in 100 independent groups were held out"
    assert r.thresholds(max_risk=0.05).n_answers == 400
    assert r.risk_coverage()["upper"].iloc[-1] > classified(rng, 400, 30.0).risk_coverage()["upper"].iloc[-1]


def test_surest_answers_that_are_wrong_end_it_with_the_reason(rng):
    r = mm.classify(rng.normal(size=(200, 4)), rng.integers(0, 2, 200), estimator=GaussianNB(), duplicates="ignore")

    t = r.thresholds(max_risk=0.05)

    assert t.min_confidence == np.inf
    assert "surest held-out items" in t.reason
    assert t.reason.endswith("are predicted wrong")
    assert "no answers: at most 5 % of the answers wrong, with 95 % confidence, cannot be promised" in repr(t)
    assert (r.predict(rng.normal(size=(9, 4)), min_confidence=t.min_confidence) == None).all()  # noqa: E711 - of every cell


def test_the_limit_of_the_curve_is_above_each_ones_own(rng):
    r = classified(rng, 400)

    table = r.risk_coverage()

    assert (table["upper"] > table["risk"]).all()
    assert table["upper"].le(1).all()
    last = table.iloc[-1]
    wrong = round(last["risk"] * 400)
    alone = next(p for p in np.linspace(0, 1, 10_001) if binom.cdf(wrong, 400, p) <= 0.05)
    assert last["upper"] > alone
    assert binom.cdf(wrong, 400, last["upper"]) == pytest.approx(0.05 / 20)  # one of 20 that all hold


def test_equal_confidences_are_one_threshold(rng):
    class Certain(GaussianNB):
        def predict_proba(self, X):
            return np.eye(2)[super().predict_proba(X).argmax(axis=1)]

    X, y = blobs(rng, 300)
    r = mm.classify(X, y, estimator=Certain(), normalize=False, duplicates="ignore")

    assert len(r.risk_coverage()) == 1
    t = r.thresholds(max_risk=0.15)
    assert (t.min_confidence, t.coverage) == (1.0, 1.0)
    assert r.thresholds(max_risk=0.01).min_confidence == np.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_risk": 0}, "max_risk must lie between 0 and 1, both excluded, got 0"),
        ({"max_risk": 2}, "max_risk must lie between 0 and 1"),
        ({"max_risk": "2 %"}, "max_risk must lie between 0 and 1, both excluded, got '2 %'"),
        ({"max_risk": 0.02, "confidence": 1.0}, "confidence must lie between 0 and 1"),
    ],
)
def test_promises_that_are_none_are_refused(result, options, message):
    with pytest.raises(ValueError, match=message):
        result.thresholds(**options)


def test_a_saved_classifier_keeps_the_threshold_and_answers_by_it(rng, tmp_path):
    X, y = blobs(rng, 300)
    r = mm.classify(X, y, normalize=False, duplicates="ignore")
    t = r.thresholds(max_risk=0.05)

    r.save(tmp_path, thresholds=t)

    loaded = mm.load_classifier(tmp_path)
    assert loaded.min_confidence == t.min_confidence
    assert loaded.promise == {"max_risk": 0.05, "confidence": 0.95, "min_confidence": t.min_confidence}
    said = loaded.predict(X)
    assert said.tolist() == r.predict(X, min_confidence=t.min_confidence).tolist()
    assert None in said
    assert None not in loaded.predict(X, min_confidence=0)


def test_a_promise_that_cannot_be_made_is_kept_as_no_answers(data, result, tmp_path):
    result.save(tmp_path, thresholds=result.thresholds(max_risk=0.001))

    loaded = mm.load_classifier(tmp_path)

    assert loaded.min_confidence == np.inf
    assert set(loaded.predict(data[0])) == {None}


def test_a_classifier_saved_without_thresholds_answers_all(data, result, tmp_path):
    result.save(tmp_path)

    assert None not in mm.load_classifier(tmp_path).predict(data[0])


def test_thresholds_of_another_classifier_are_not_saved(data, result, tmp_path):
    other = mm.classify(*data).thresholds(max_risk=0.3)

    with pytest.raises(ValueError, match="these thresholds are of another classification; ask this one"):
        result.save(tmp_path, thresholds=other)
    with pytest.raises(TypeError, match=r"thresholds are what r.thresholds\(max_risk=...\) returns, got float"):
        result.save(tmp_path, thresholds=0.9)


def test_a_promise_that_was_changed_on_disk_is_refused(result, tmp_path):
    result.save(tmp_path, thresholds=result.thresholds(max_risk=0.3))
    path = tmp_path / "classifier.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["promise"]["min_confidence"] = 0.0
    path.write_text(json.dumps(manifest), "utf-8")

    with pytest.raises(VerifyError, match="is not what save"):
        mm.load_classifier(tmp_path)
