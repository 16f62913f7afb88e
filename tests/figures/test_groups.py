"""Groups of points that share a look."""

import numpy as np

from mmtoolkit.figures.groups import groups_of


def test_groups_beyond_the_looks_become_one_grey_group():
    y = [f"c{i % 200}" for i in range(2000)]

    groups = groups_of(y)

    assert len(groups) == 48
    assert len({(g.color, g.symbol) for g in groups}) == 48
    assert groups[-1].name == "153 smaller groups (1,530)"
    assert sorted(np.concatenate([g.rows for g in groups]).tolist()) == list(range(2000))


def test_cluster_numbers_keep_their_order_and_noise_is_last():
    groups = groups_of(np.array([2, -1, 0, 2, 1, 0]), {0: "birds"})

    assert [g.name for g in groups] == ["birds (2)", "1 (1)", "2 (2)", "noise (1)"]


def test_missing_values_are_a_group_of_their_own():
    assert [g.name for g in groups_of(np.array(["a", None, "a", np.nan], dtype=object))] == ["a (2)", "(none) (2)"]
