"""The Ward tree: merges, heights, cuts."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from sklearn.metrics import adjusted_rand_score

from mmtoolkit.clustering.tree import ward_tree


def test_rows_are_merged_as_scipy_merges_them(rng):
    X = rng.standard_normal((120, 6))

    tree = ward_tree(X)

    theirs = linkage(X, "ward")
    assert np.array_equal(tree.merges, np.sort(theirs[:, :2].astype(int), axis=1))
    assert tree.heights == pytest.approx(theirs[:, 2] ** 2 / 2)


def test_groups_count_with_their_sizes():
    tree = ward_tree(np.array([[0.0], [1.0], [10.0], [10.5]]), np.array([1, 1, 1, 3]))

    assert tree.heights[:2] == pytest.approx([3 / 4 * 0.25, 0.5])
    assert tree.cut(3).tolist() == [0, 1, 2, 2]
    assert tree.cut(2).tolist() == [0, 0, 1, 1]


def test_the_order_of_the_leaves_does_not_matter(rng):
    X = rng.standard_normal((200, 5))
    order = rng.permutation(200)

    one, other = ward_tree(X), ward_tree(X[order])

    assert other.heights == pytest.approx(one.heights)
    assert adjusted_rand_score(one.cut(9)[order], other.cut(9)) == 1.0


def test_equal_rows_and_a_single_row_have_a_tree():
    tree = ward_tree(np.ones((9, 2)))

    assert tree.heights.tolist() == [0.0] * 8
    assert sorted(set(tree.cut(4).tolist())) == [0, 1, 2, 3]
    assert ward_tree(np.ones((1, 2))).cut(1).tolist() == [0]
