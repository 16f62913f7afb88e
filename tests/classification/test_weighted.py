import numpy as np
import pytest

from mmtoolkit.classification.intervals import resamples
from mmtoolkit.classification.variance import resampled
from mmtoolkit.classification.weighted import WeightedScores


def scores_of(rng, n=80, digits=6):
    codes = (rng.random(n) < 0.4).astype(int)
    second = np.round(1 / (1 + np.exp(-rng.normal(size=n) - codes)), digits)
    proba = np.stack([1 - second, second], axis=1)
    return codes, second, WeightedScores(codes, proba.argmax(axis=1)[None], proba[None], np.ones(2, dtype=bool))


@pytest.mark.parametrize("digits", [1, 6])
def test_slopes_of_areas_are_what_a_little_more_weight_changes(rng, digits):
    codes, _, scores = scores_of(rng, digits=digits)
    step = 1e-5

    moved = (scores(1 + step * np.eye(80)) - scores(np.ones((1, 80)))) / step

    expected = (moved[:, -4:] ** 2).sum(axis=0)
    fewer = np.bincount(codes).min()
    np.testing.assert_allclose(scores.area_variances(np.arange(80)), expected * fewer / (fewer - 1), rtol=1e-2)


def test_the_variance_of_an_area_is_delongs(rng):
    codes, second, scores = scores_of(rng, 200)
    ahead = second[codes == 1][:, None] > second[codes == 0]

    found = scores.area_variances(np.arange(200))[:2]

    delong = ahead.mean(axis=1).var(ddof=1) / len(ahead) + ahead.mean(axis=0).var(ddof=1) / ahead.shape[1]
    np.testing.assert_allclose(found, delong, rtol=0.02)


def test_areas_move_as_in_resamples_of_groups(rng):
    codes, second, _ = scores_of(rng, 300)
    codes, second, groups = codes.repeat(3), second.repeat(3), np.repeat(np.arange(300), 3)
    proba = np.stack([1 - second, second], axis=1)
    scores = WeightedScores(codes, proba.argmax(axis=1)[None], proba[None], np.ones(2, dtype=bool))

    drawn = resampled(scores, groups, resamples(300, 2000, 0))[-4:]

    np.testing.assert_allclose(scores.area_variances(groups), drawn, rtol=0.15)


def test_a_class_of_one_item_has_no_variance(rng):
    scores = WeightedScores(np.array([0, 0, 1]), np.array([[0, 0, 1]]), rng.dirichlet([1, 1], (1, 3)), np.ones(2, bool))

    assert np.isnan(scores.area_variances(np.arange(3))).all()
