"""How far the sides of splits lie apart, and how many groups that makes."""

import numpy as np
import pytest

from mmtoolkit.clustering.parting import count_groups, partings
from mmtoolkit.clustering.tree import ward_tree


def test_the_last_split_parts_two_groups_by_their_distance_in_their_spreads(rng):
    X = rng.standard_normal((400, 6))
    X[:200, 0] += 12

    apart = partings(X, ward_tree(X))

    assert apart[-1] == pytest.approx(12 * np.sqrt(155 / 199), rel=0.1)  # spreads at the end of their intervals
    assert apart[:-1].max() < 4.5


@pytest.mark.parametrize(("scale", "moved"), [(1.0, 0.0), (100.0, 0.0), (1.0, 50.0)])
def test_neither_scale_nor_place_matters(rng, scale, moved):
    X = rng.standard_normal((120, 5))
    tree = ward_tree(X)

    assert partings(scale * X + moved, tree) == pytest.approx(partings(X, tree), abs=1e-6)


def test_a_small_group_counts_as_much_as_a_large_one(rng):
    X = rng.standard_normal((630, 20))
    X[:30, 0] += 15

    assert partings(X, ward_tree(X))[-1] > 8


def test_copies_are_parted_from_others_and_not_from_each_other(rng):
    X = np.repeat(rng.standard_normal((3, 8)), 20, axis=0).astype(np.float32)
    tree = ward_tree(X)

    apart = partings(X, tree)

    assert (apart[-2:] > 5).all()
    assert (apart[:-2] == 0).all()
    assert count_groups(tree.merges, apart, np.array([5.0])).tolist() == [3]


def test_sides_of_fewer_than_four_rows_part_nothing():
    assert (
        partings(np.array([[0.0], [0.1], [0.2], [9.0], [9.1], [9.2]]), ward_tree(np.arange(6.0)[:, None])) == 0
    ).all()
    assert len(partings(np.zeros((1, 2)), ward_tree(np.zeros((1, 2))))) == 0


def test_groups_are_counted_on_both_sides_of_a_split_that_counts_and_strays_are_not():
    merges = np.array([[0, 1], [2, 3], [5, 6], [4, 7]])  # ((0 1) (2 3)), then 4 on its own
    apart = np.array([1.0, 2.0, 5.0, 0.0])

    counts = count_groups(merges, apart, np.array([9.0, 4.0, 1.5, 0.5]))

    assert counts.tolist() == [1, 2, 3, 4]
