import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

import mmtoolkit as mm
from mmtoolkit.classification.learning_curve import forecast


def test_learning_curve_rises_and_repeats(data):
    r = mm.classify(*data, duplicates="ignore")

    first, second = r.learning_curve(sizes=[1, 8], n_draws=1), r.learning_curve(sizes=[1, 8], n_draws=1)

    points = first.points
    assert points["accuracy"].iloc[0] < points["accuracy"].iloc[-1]
    assert points.index.tolist() == [1, 8, 64]
    assert (points["low"] <= points["accuracy"]).all()
    assert first.evidence() == second.evidence()
    assert first.forecast is None
    assert "Cannot say" in first.reason
    assert "labels" in first.figure().layout.xaxis.title.text


def test_learning_curve_trains_on_no_group_of_the_test_rows(rng):
    groups = np.repeat(np.arange(40), 4)
    X = rng.normal(size=(40, 20))[groups] + 0.05 * rng.normal(size=(160, 20))
    y = rng.integers(2, size=40)[groups]  # nothing to learn but the group
    test = np.zeros(160, dtype=bool)
    test[:80:2] = True

    r = mm.classify(X, y, test=test, groups=groups, duplicates="ignore")
    last = r.learning_curve(sizes=[1], n_draws=1).points.iloc[-1]

    assert last["n_train"] == 80
    assert last["accuracy"] == pytest.approx(r.metrics.loc["accuracy", "value"])


@pytest.mark.parametrize("estimator", [KNeighborsClassifier(5), CalibratedClassifierCV(GaussianNB(), cv=3)])
def test_sizes_too_small_for_the_classifier_are_left_out_and_named(data, estimator):
    r = mm.classify(*data, estimator=estimator, cv=2)

    curve = r.learning_curve(n_draws=1)

    assert curve.points.index[-1] == 40
    assert 1 not in curve.points.index
    assert f"Too few labels per class for {type(estimator).__name__}: 1" in curve.reason
    with pytest.raises(ValueError, match=r"n_samples|n_neighbors|examples|splits"):
        r.learning_curve(sizes=[1])


@pytest.mark.parametrize("n_draws", [0, 1.5])
def test_number_of_draws_is_a_count(result, n_draws):
    with pytest.raises(ValueError, match="n_draws must be an integer of at least 1"):
        result.learning_curve(n_draws=n_draws)


def test_forecast_of_a_power_law_is_right(rng):
    n = np.array([10.0, 20, 40, 80, 160, 320])
    scores = [1 - (0.1 + m**-0.5) + rng.normal(size=10) * 0.004 for m in n]

    found, reason = forecast(n, scores, 0, trials=5000)

    truth = 1 - (0.1 + 640**-0.5)
    assert found is not None, reason
    assert found["low"] <= truth <= found["high"]
    assert found["accuracy"] == pytest.approx(truth, abs=0.02)


def test_forecast_is_refused_when_the_past_does_not_foretell(rng):
    n = np.array([10.0, 20, 40, 80, 160, 320])
    scores = [np.full(10, value) + rng.normal(size=10) * 0.002 for value in (0.5, 0.6, 0.7, 0.8, 0.9, 0.4)]

    found, reason = forecast(n, scores, 0, trials=5000)

    assert found is None
    assert "Cannot say" in reason


def test_alike_draws_of_few_items_are_no_certainty(rng):
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 6)) + 20 * np.eye(2, 6)[y]

    curve = mm.classify(X, y, normalize=False, duplicates="ignore", inference=False).learning_curve()

    assert (curve.points["accuracy"] == 1).all()
    assert curve.points["low"].to_numpy() == pytest.approx(0.9398, abs=1e-4)  # Wilson, 60 of 60
    assert curve.forecast is None or curve.forecast["low"] < 0.95


def test_intervals_of_a_curve_go_by_groups(rng):
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 6)) + np.eye(2, 6)[y]
    again = np.repeat(np.arange(40), 5)

    one = mm.classify(X, y, normalize=False, inference=False, duplicates="ignore").learning_curve(sizes=[2])
    five = mm.classify(
        X[again], y[again], groups=again, normalize=False, inference=False, duplicates="ignore"
    ).learning_curve(sizes=[2])

    width = [(c.points["high"] - c.points["low"]).iloc[-1] for c in (one, five)]
    assert width[1] > 0.8 * width[0]  # five copies of each item say nothing new


def test_sizes_must_be_counts(result):
    with pytest.raises(ValueError, match="sizes must be labels per class"):
        result.learning_curve(sizes=[0])


def test_a_curve_is_a_step_of_its_classification(data):
    r = mm.classify(*data, cv=3)

    curve = r.learning_curve(sizes=np.array([2, 8]), n_draws=1)

    assert (curve.recipe.verb, curve.recipe.of) == ("classify.learning_curve", r.recipe)
    assert dict(curve.recipe.params) == {"sizes": [2, 8], "n_draws": 1}
    assert curve.source is r.source
    again = mm.classify(curve.source, **curve.recipe.of.params).learning_curve(**curve.recipe.params)
    assert again.evidence() == curve.evidence()
    assert r.learning_curve(n_draws=1).recipe.params["sizes"] == [1, 2, 4, 8, 16, 32]


def test_a_curve_shows_its_points(data):
    curve = mm.classify(*data, cv=3).learning_curve(sizes=[4], n_draws=1)

    assert "labels" in repr(curve)
    assert "accuracy by labels per class" in curve._repr_html_()
