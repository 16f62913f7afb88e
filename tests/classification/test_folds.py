import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mmtoolkit.classification.folds import class_sizes, merge_groups, stratified_folds


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(20, 200), n_splits=st.integers(2, 6), n_groups=st.integers(5, 300))
@example(seed=438, n=20, n_splits=2, n_groups=5)  # no row of the first class
def test_folds_never_split_a_group_and_use_every_row(seed, n, n_splits, n_groups):
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, size=n)
    groups = np.unique(rng.integers(n_groups, size=n), return_inverse=True)[1]

    fold = stratified_folds(codes, groups, n_splits, seed)

    assert ((fold >= 0) & (fold < n_splits)).all()
    for group in np.unique(groups):
        assert len(np.unique(fold[groups == group])) == 1


def test_single_rows_are_dealt_evenly():
    codes = np.repeat([0, 1, 2], [50, 23, 7])

    fold = stratified_folds(codes, np.arange(80), 5, 0)

    for k, size in enumerate([50, 23, 7]):
        counts = np.bincount(fold[codes == k], minlength=5)
        assert counts.max() - counts.min() <= 1, size
    totals = np.bincount(fold)
    assert totals.max() - totals.min() <= 1


def test_groups_of_a_class_are_spread(rng):
    codes = np.repeat([0, 1], 100)
    groups = np.arange(200) // 4

    fold = stratified_folds(codes, groups, 5, 0)

    for k in (0, 1):
        assert np.bincount(fold[codes == k], minlength=5).min() >= 16


def test_seed_decides():
    codes, groups = np.arange(60) % 3, np.arange(60)

    a, b, c = (stratified_folds(codes, groups, 5, seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_merged_groups_chain():
    merged = merge_groups(np.array([0, 0, 1, 2, 3]), np.array([5, 6, 6, 7, 8]))

    assert merged[0] == merged[1] == merged[2]
    assert len(np.unique(merged)) == 3


def test_the_size_of_a_class_is_its_groups_and_its_rows():
    n_groups, n_rows = class_sizes(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 0, 1, 2]))

    worst = n_groups.argmin()
    assert (worst, n_groups[worst], n_rows[worst]) == (0, 1, 3)
    assert (n_groups[1], n_rows[1]) == (2, 2)


@pytest.mark.parametrize("n_splits", [2, 5])
def test_every_class_stands_in_every_fold_when_it_has_enough_rows(rng, n_splits):
    codes = rng.permutation(np.repeat([0, 1, 2], [40, 10, 5]))

    fold = stratified_folds(codes, np.arange(55), n_splits, 3)

    for f in range(n_splits):
        assert set(codes[fold == f]) == {0, 1, 2}
