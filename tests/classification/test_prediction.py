import numpy as np
import pytest
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.svm import SVC

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError


@pytest.mark.parametrize("classes", [3, 4])
def test_predict_is_the_classifier_that_was_scored(rng, classes):
    y = np.arange(240) % classes
    X = rng.normal(size=(classes, 12))[y] + rng.normal(size=(240, 12))
    partly = np.array(y, dtype=object)
    partly[::7] = None

    r = mm.classify(X, partly, estimator=SVC(decision_function_shape="ovo"))

    assert r.metrics.loc["accuracy", "value"] > 0.8
    assert (r.predict(X) == y).mean() > 0.8
    np.testing.assert_array_equal(r.y_pred[::7], r.predict(X)[::7])


def test_a_threshold_of_the_classifier_decides(rng):
    y = np.array(["a", "b"])[np.arange(240) % 2]
    X = rng.normal(size=(240, 12)) + 0.4 * (y == "b")[:, None]
    strict = FixedThresholdClassifier(GaussianNB(), threshold=0.95, pos_label="b")

    r = mm.classify(X, y, estimator=strict)

    likely = r.predict_proba(X)[:, 1]
    unsure = (likely > 0.5) & (likely < 0.95)  # called "a" against the odds
    np.testing.assert_array_equal(r.predict(X) == "b", likely >= 0.95)
    assert unsure.any()
    assert all(value is None for value in r.predict(X, min_confidence=0.6)[unsure])


def test_abstains_when_not_sure(data, result):
    X, _ = data

    said = result.predict(X, min_confidence=0.9)
    table = result.risk_coverage()

    sure = result.predict_proba(X).max(axis=1) >= 0.9
    np.testing.assert_array_equal([value is not None for value in said], sure)
    assert table["coverage"].iloc[-1] == 1.0
    assert table["risk"].iloc[-1] == pytest.approx(1 - result.metrics.loc["accuracy", "value"])
    assert table["confidence"].is_monotonic_decreasing


def test_one_row_is_not_a_table_of_rows(data, result):
    with pytest.raises(ValueError, match=r"expected an array of shape \(n_items, n_features\), got shape \(12,\)"):
        result.predict(data[0][0])


def test_vectors_of_another_space_are_refused(result, stamp_result, stamps):
    with pytest.raises(SpaceError, match="dimension 12 against 5"):
        result.predict(np.ones((2, 5)))
    with pytest.raises(TypeError, match="trained on a plain array"):
        result.predict("a text")
    other = mm.Embeddings(stamps.vectors, model="multimodal-embedding-v1")
    with pytest.raises(SpaceError, match="model 'local' against"):
        stamp_result.predict(other)
    with pytest.raises(ValueError, match="min_confidence must be between 0 and 1"):
        stamp_result.predict(stamps, min_confidence=2)
