import numpy as np
import pytest

from mmtoolkit.classification import ridge, variance
from mmtoolkit.classification.folds import stratified_folds


def two_classes(rng, n, d=8, apart=1.5):
    codes = np.arange(n) % 2
    return (rng.normal(size=(n, d)) + codes[:, None] * apart / np.sqrt(d)).astype(np.float32), codes


def test_halves_part_no_group_and_have_equal_classes(rng):
    codes = np.repeat(np.arange(3), 40)
    groups = np.repeat(np.arange(60), 2)

    splits = variance.halves(codes, groups, 0)

    assert splits.shape == (10, 120)
    assert (splits[:, ::2] == splits[:, 1::2]).all()
    for first in splits:
        np.testing.assert_array_equal(np.bincount(codes[first]), [20, 20, 20])
    assert len(np.unique(splits, axis=0)) == 10


def test_variance_of_a_mean_is_that_of_the_mean(rng):
    X = rng.normal(size=(2000, 60))
    splits = variance.halves(np.zeros(60, dtype=int), np.arange(60), 0)

    first = np.stack([X[:, half].mean(axis=1) for half in splits])
    second = np.stack([X[:, ~half].mean(axis=1) for half in splits])

    assert variance.variance_of(first, second).mean() == pytest.approx(1 / 60, rel=0.05)


def test_a_split_without_a_score_is_left_out():
    found = variance.variance_of(np.array([[1.0, np.nan], [0.0, np.nan]]), np.array([[0.0, 1.0], [np.nan, 1.0]]))

    np.testing.assert_array_equal(found, [0.25, np.nan])


def test_ridge_is_scikit_learns(rng):
    from sklearn.linear_model import Ridge

    X, codes = two_classes(rng, 90)
    Z = ridge.components(X)
    fold = np.arange(90) % 3

    scores = ridge.held_out(Z, codes, 2, fold)

    for f in range(3):
        centred = Z[fold != f] - Z[fold != f].mean(axis=0)
        mean_power = np.linalg.eigvalsh(centred.T @ centred).mean()
        candidates = [
            Ridge(alpha=mean_power * p).fit(Z[fold != f], np.eye(2)[codes[fold != f]]).predict(Z[fold == f])
            for p in ridge._PENALTIES
        ]
        assert min(np.abs(scores[fold == f] - c).max() for c in candidates) < 1e-6


def test_ridge_learns_what_can_be_learned_and_nothing_else(rng):
    X, codes = two_classes(rng, 400, apart=4)
    fold = stratified_folds(codes, np.arange(400), 5, 0)

    found = ridge.held_out(ridge.components(X), codes, 2, fold)
    nothing = ridge.held_out(ridge.components(X), rng.permutation(codes), 2, fold)

    assert (found.argmax(axis=1) == codes).mean() > 0.95
    assert (nothing.argmax(axis=1) == codes).mean() < 0.6
    p = ridge.probabilities(found, codes)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert -np.log(p[np.arange(400), codes]).mean() < 0.2


def test_balanced_weights_find_the_rare_class(rng):
    codes = (np.arange(1000) % 50 == 0).astype(int)
    X = (rng.normal(size=(1000, 8)) + codes[:, None]).astype(np.float32)
    fold = stratified_folds(codes, np.arange(1000), 5, 0)

    recall = [
        (ridge.held_out(ridge.components(X), codes, 2, fold, weight).argmax(axis=1)[codes == 1] == 1).mean()
        for weight in (None, "balanced", {0: 0.02, 1: 1.0})
    ]

    assert recall[0] < 0.3
    assert min(recall[1:]) > 0.7


@pytest.mark.parametrize("X", [np.zeros((12, 3)), np.ones((12, 1)), np.arange(12.0)[:, None]])
def test_equal_rows_and_one_feature_have_scores(X):
    codes = np.arange(12) % 2

    scores = ridge.held_out(ridge.components(X.astype(np.float32)), codes, 2, np.arange(12) // 4)

    assert np.isfinite(scores).all()


def test_large_sets_are_represented_by_whole_groups(rng):
    codes = rng.integers(3, size=24_000)
    groups = np.repeat(np.arange(8000), 3)

    rows = variance.some_rows(codes, groups, 0)

    assert 1900 < len(rows) < 2100
    assert len(np.unique(groups[rows])) * 3 == len(rows)
