import numpy as np
import pytest

from mmtoolkit.classification import discriminant, variance
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


def test_without_a_penalty_to_speak_of_it_is_scikit_learns_discriminant(rng, monkeypatch):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    X, codes = two_classes(rng, 900)
    codes[codes == 1] += rng.integers(2, size=450)
    fold = np.arange(900) % 3
    monkeypatch.setattr(discriminant, "_PENALTIES", np.array([1e-9]))

    predicted, proba = discriminant.held_out(discriminant.components(X), codes, 3, fold)

    for f in range(3):
        theirs = LinearDiscriminantAnalysis().fit(X[fold != f], codes[fold != f])
        assert (predicted[fold == f] == theirs.predict(X[fold == f])).mean() > 0.98
        np.testing.assert_allclose(proba[fold == f], theirs.predict_proba(X[fold == f]), atol=0.02)


def test_a_discriminant_learns_what_can_be_learned_and_nothing_else(rng):
    X, codes = two_classes(rng, 400, apart=4)
    fold = stratified_folds(codes, np.arange(400), 5, 0)

    found, p = discriminant.held_out(discriminant.components(X), codes, 2, fold)
    nothing, q = discriminant.held_out(discriminant.components(X), rng.permutation(codes), 2, fold)

    assert (found == codes).mean() > 0.95
    assert (nothing == codes).mean() < 0.6
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert -np.log(p[np.arange(400), codes]).mean() < 0.2
    assert q.max() < 0.8


def test_halves_train_for_themselves_alone(rng):
    X, codes = two_classes(rng, 200)
    Z, fold, half = discriminant.components(X), np.arange(200) % 5, np.arange(200) < 120

    together = discriminant.held_out(Z, codes, 2, fold, half=half)

    for side in (half, ~half):
        alone = discriminant.held_out(Z[side], codes[side], 2, fold[side])
        np.testing.assert_array_equal(together[0][side], alone[0])
        np.testing.assert_allclose(together[1][side], alone[1], atol=1e-10)


def test_a_rare_class_is_found_and_probabilities_are_the_populations(rng):
    codes = (np.arange(2000) % 100 == 0).astype(int)
    X = (rng.normal(size=(2000, 8)) + 1.3 * codes[:, None]).astype(np.float32)
    fold = stratified_folds(codes, np.arange(2000), 5, 0)

    made = [
        discriminant.held_out(discriminant.components(X), codes, 2, fold, weight)
        for weight in (None, "balanced", {0: 0.01, 1: 1.0})
    ]

    recall = [(predicted[codes == 1] == 1).mean() for predicted, _ in made]
    assert 0.3 < recall[0] < 0.8
    assert min(recall[1:]) > 0.8
    for _, proba in made:
        assert proba[:, 1].mean() == pytest.approx(0.01, rel=0.4)


@pytest.mark.parametrize("X", [np.zeros((12, 3)), np.ones((12, 1)), np.arange(12.0)[:, None]])
def test_equal_rows_and_one_feature_have_probabilities(X):
    codes = np.arange(12) % 2

    _, proba = discriminant.held_out(discriminant.components(X.astype(np.float32)), codes, 2, np.arange(12) // 4)

    assert np.isfinite(proba).all()


def test_with_nothing_to_train_on_all_classes_are_as_probable():
    codes = np.arange(6) % 2

    _, proba = discriminant.held_out(np.eye(6), codes, 2, np.zeros(6, dtype=int))

    np.testing.assert_array_equal(proba, np.full((6, 2), 0.5))


def test_large_sets_are_represented_by_whole_groups(rng):
    codes = rng.integers(3, size=24_000)
    groups = np.repeat(np.arange(8000), 3)

    rows = variance.some_rows(codes, groups, 0)

    assert 1400 < len(rows) < 1600
    assert len(np.unique(groups[rows])) * 3 == len(rows)
