import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

import mmtoolkit as mm
from mmtoolkit.classification import discriminant
from mmtoolkit.classification.folds import stratified_folds
from mmtoolkit.classification.permutation import _auc, better_than_chance
from mmtoolkit.classification.variance import Sample


def noise(rng, n=60, d=8):
    return rng.normal(size=(n, d)).astype(np.float32)


@pytest.mark.parametrize("digits", [1, 6])
def test_areas_are_scikit_learns_but_for_ties(rng, digits):
    scores = np.round(rng.normal(size=(5, 80)), digits).astype(np.float32)
    own = rng.random((5, 80)) < 0.3

    both = (_auc(scores, own) + _auc(scores, own, own_first=False)) / 2

    np.testing.assert_allclose(both, [roc_auc_score(a, b) for a, b in zip(own, scores, strict=True)], atol=1e-6)


@pytest.mark.parametrize("fixed", [False, True])
def test_the_statistic_is_the_mean_area_of_held_out_ridge_scores(rng, fixed):
    y = np.arange(90) % 3
    X = noise(rng, 90) + y[:, None]
    fold = np.where(np.arange(90) < 30, 0, -1) if fixed else stratified_folds(y, np.arange(90), 3, 0)
    Z = discriminant.components(X)

    test = better_than_chance(Sample.drawn(X, y, np.arange(90), 0), fold, 0)

    scores = np.zeros((90, 3))
    for f in np.unique(fold[fold >= 0]):
        train = fold == -1 if fixed else fold != f
        power = np.linalg.eigvalsh((Z[train] - Z[train].mean(axis=0)).T @ (Z[train] - Z[train].mean(axis=0)))
        scores[fold == f] = Ridge(alpha=power.mean()).fit(Z[train], np.eye(3)[y[train]]).predict(Z[fold == f])
    held = fold >= 0
    area = np.mean([roc_auc_score(y[held] == k, scores[held, k]) for k in range(3)])
    assert (
        f" {area:.3f} for held-out scores of a ridge classifier on the main axes of the vectors (64 at most); 999 permutations"
        in test.words
    )
    assert test.p_value == 0.001


@pytest.mark.parametrize("size", [1, 3])
def test_random_labels_are_found_in_five_percent(size):
    p = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        groups = np.repeat(np.arange(60 // size), size)
        y, X = groups % 2, noise(rng, 60 // size)[groups] + 0.1 * noise(rng, 60)
        p.append(better_than_chance(Sample.drawn(X, y, groups, 0), stratified_folds(y, groups, 3, 0), seed).p_value)

    assert np.mean(np.array(p) <= 0.05) <= 0.1
    assert 0.4 <= np.mean(p) <= 0.6


def test_copies_of_random_items_are_no_evidence(rng):
    groups = np.repeat(np.arange(30), 8)
    X, y = noise(rng, 30)[groups], groups % 2
    fold = stratified_folds(y, groups, 5, 0)

    assert better_than_chance(Sample.drawn(X, y, groups, 0), fold, 0).p_value > 0.05


def test_too_few_groups_have_no_p_and_say_why(rng):
    y = np.arange(6) % 2

    r = mm.classify(noise(rng, 6), y, cv=3)

    assert np.isnan(r.p_value)
    assert "in 8 ways, 200 are needed" in r.p_value_of
    assert any(note.startswith("Whether the score is better than chance was not tested: too few") for note in r.notes)
    assert ", p " not in repr(r)


def test_groups_of_different_sizes_cannot_be_exchanged(rng):
    groups = np.repeat(np.arange(10), np.arange(1, 11))
    y = groups % 2

    test = better_than_chance(Sample.drawn(noise(rng, 55), y, groups, 0), stratified_folds(y, groups, 2, 0), 0)

    assert np.isnan(test.p_value)


def test_equal_rows_are_no_evidence():
    y = np.arange(60) % 2

    test = better_than_chance(
        Sample.drawn(np.ones((60, 4), np.float32), y, np.arange(60), 0), np.arange(60) // 2 % 5, 0
    )

    assert test.p_value == 1
    assert " 0.500 for held-out" in test.words


def test_large_sets_are_tested_by_some_of_their_rows(rng):
    y = rng.integers(2, size=6000)
    X = noise(rng, 6000, 4) + 0.2 * y[:, None]

    test = better_than_chance(Sample.drawn(X, y, np.arange(6000), 0), stratified_folds(y, np.arange(6000), 5, 0), 0)

    assert test.p_value == 1 / 200
    assert "199 permutations" in test.words


def test_the_p_stands_beside_the_accuracy_and_the_sentence_follows_it(rng, tmp_path):
    y = (np.arange(1020) % 51 == 0).astype(int)
    rare = mm.classify(noise(rng, 1020) + 0.8 * y[:, None], y, duplicates="ignore", normalize=False)
    nothing = mm.classify(noise(np.random.default_rng(1)), np.arange(60) % 2, duplicates="ignore")

    assert rare.metrics.loc["accuracy", "low"] < rare.metrics.loc["accuracy", "baseline"]  # and yet it finds them
    assert rare.p_value == 0.001
    assert nothing.p_value > 0.05
    assert f", p {nothing.p_value:.3f}, 2 classes" in repr(nothing)
    assert nothing.evidence()["rounded"]["p_value"] == nothing.p_value
    said = [mm.report(r).save(tmp_path / "r.md").read_text("utf-8").replace("\\", "") for r in (rare, nothing)]
    assert "The vectors tell the classes apart (permutation test, p = 0.001)." in said[0]
    assert "No evidence that the vectors tell the classes apart" not in said[0]
    assert (
        f"No evidence that the vectors tell the classes apart (permutation test, p = {nothing.p_value:.3f})." in said[1]
    )
    assert "of this statistic and not of the accuracy" in said[1]


def test_a_test_side_of_one_class_is_said_to_be_that(rng):
    y = np.arange(60) % 2

    r = mm.classify(noise(rng), y, test=np.flatnonzero(y == 0)[:10])

    assert np.isnan(r.p_value)
    assert "not tested: all scored items are of one class." in "".join(r.notes)
