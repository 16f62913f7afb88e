"""The number of clusters that is used, and the range."""

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.clustering.choice import choose, elbow
from mmtoolkit.clustering.sweeping import path_range, sweep
from mmtoolkit.vectors import unit_rows


def test_elbow_is_flat_on_a_power_law_and_high_at_a_kink():
    ks = list(range(1, 40))
    noise = 100.0 * np.array(ks, dtype=float) ** -0.1
    kink = np.where(np.array(ks) <= 12, noise - 3.0 * np.array(ks), noise - 36.0)

    assert elbow(noise, ks)[1:-3] == pytest.approx(1.0)
    assert ks[int(elbow(kink, ks).argmax())] == 12


@pytest.mark.parametrize("n", [2, 6])
def test_copies_of_a_few_items_are_that_many_clusters(rng, n):
    X = np.repeat(rng.standard_normal((n, 8)), 20, axis=0)[rng.permutation(20 * n)]

    c = mm.cluster(X)

    assert (c.n_clusters, c.chosen_by) == (n, "elbow")
    assert c.sizes["size"].tolist() == [20] * n


def test_items_of_which_one_has_many_copies_do_not_become_a_cluster_each(rng):
    X = np.concatenate([np.repeat(rng.standard_normal((1, 8)), 90, axis=0), rng.standard_normal((10, 8))])

    assert mm.cluster(X).n_clusters <= 3


@pytest.mark.parametrize("longer", [1, 3])
def test_one_cloud_has_no_number_that_stands_out(rng, longer):
    X = rng.standard_normal((400, 8)).astype(np.float32)
    X[:, 0] *= longer

    c = mm.cluster(X)

    assert c.chosen_by == "no elbow"
    assert "no number stands out" in repr(c)
    low, high = c.plausible_n_clusters
    assert low <= c.n_clusters <= high


def arrays_of(ks, *, inertia=None, apart=(1.0,) * 899):
    """Return what `sweep` returns for rows whose tree parts one more leaf at each merge, the later ones as `apart` says."""
    n = len(apart) + 1
    same = np.ones((5, len(ks)))
    falling = 100.0 * np.arange(1, ks[-1] + 7) ** -0.1
    return {
        "path": np.tile(falling if inertia is None else inertia, (15, 1)),
        "merges": np.array([[0, 1], *([at, n + at - 2] for at in range(2, n))]),
        "apart": np.array(apart),
        "silhouette": same,
        "stability": same,
        "gains": np.arange(n - 1.0, 0, -1),
    }


def clouds(rows, highest):
    return lambda: {"rows": np.array(rows), "clouds": np.array([[highest - 1, highest]])}


def unasked():
    pytest.fail("asked")


def test_an_elbow_counts_only_above_every_cloud():
    ks = list(range(2, 40))
    arrays = arrays_of(ks, inertia=[100.0 * k**-0.1 - 3.0 * min(k, 12) for k in range(1, 46)])

    found, refused = (choose(arrays, ks, [1, *ks, *range(40, 46)], clouds(2.0, high), unasked) for high in (1.9, 2.1))

    assert (found.by, found.n_clusters) == ("elbow", 12)
    assert refused.by == "no elbow"


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        ([4.0] * 24, ("gaps", 25, (23, 27))),  # 25 groups, of which the elbow shows the 12 large ones
        ([4.0] * 8, ("elbow", 12, (11, 13))),  # groups of few rows have no spread, and are not counted
        ([4.0] * 8 + [2.9] * 20, ("elbow", 12, (11, 13))),  # counts do not agree
    ],
)
def test_counts_that_are_above_the_elbow_are_used_where_they_agree(apart, expected):
    ks = list(range(2, 40))
    arrays = arrays_of(
        ks,
        inertia=[100.0 * k**-0.1 - 3.0 * min(k, 12) for k in range(1, 46)],
        apart=[*[1.0] * 500, *apart],
    )

    choice = choose(arrays, ks, [1, *ks, *range(40, 46)], clouds(2.0, 1.9), unasked)

    assert (choice.by, choice.n_clusters, choice.plausible) == expected


def test_counts_without_an_elbow_are_used_above_every_cloud():
    ks = list(range(2, 40))
    arrays = arrays_of(ks, apart=[*[1.0] * 500, *[4.0] * 24])

    found, refused = (choose(arrays, ks, [1, *ks, *range(40, 46)], unasked, clouds(4.0, high)) for high in (3.9, 4.0))

    assert (found.by, found.n_clusters, found.plausible) == ("gaps", 25, (23, 27))
    assert refused.by == "no elbow"


def test_counts_that_all_other_answers_contradict_are_not_used():
    ks = list(range(2, 40))
    arrays = arrays_of(ks, apart=[*[1.0] * 500, *[4.0] * 24])
    two = np.tile([1.0, *[0.1] * (len(ks) - 1)], (5, 1))

    choice = choose(
        {**arrays, "silhouette": two, "stability": two, "gains": np.array([9.0, *[1.0] * 523])},
        ks, [1, *ks, *range(40, 46)], unasked, unasked,
    )  # fmt: skip

    assert (choice.by, choice.plausible) == ("no elbow", (2, 2))


def test_no_cloud_is_asked_where_there_is_no_elbow_and_no_group_and_the_geometric_mean_of_three_answers_is_used():
    ks = [2, 3, 4]
    arrays = {
        **arrays_of(ks),
        "silhouette": np.tile([0.3, 0.2, 0.1], (5, 1)),  # 2
        "stability": np.ones((5, 3)),  # 4, which comes back for the most information
        "gains": np.array([9.0, 4.0, 2.0, *[1.0] * 50]),  # 3 of two large gains
    }

    choice = choose(arrays, ks, list(range(1, 11)), unasked, unasked)

    assert choice.n_clusters == 3
    assert choice.plausible == (2, 4)


def test_a_large_group_does_not_hide_small_ones(rng):
    sizes = np.geomspace(12, 600, 8).astype(int)
    X = np.repeat(6 * np.eye(8, 30), sizes, axis=0) + rng.standard_normal((sizes.sum(), 30))

    c = mm.cluster(X, normalize=False)

    assert c.chosen_by in ("elbow", "gaps")
    assert abs(c.n_clusters - 8) <= 1
    assert c.plausible_n_clusters[0] <= 8 <= c.plausible_n_clusters[1] <= 12


def test_rows_of_no_group_do_not_hide_groups(rng):
    X = np.repeat(2.5 * rng.standard_normal((9, 40)), 40, axis=0) + rng.standard_normal((360, 40))
    stray = rng.standard_normal((150, 40)) * X.std(axis=0)

    c = mm.cluster(np.concatenate([X, stray]))

    assert c.chosen_by in ("elbow", "gaps")
    assert abs(c.n_clusters - 9) <= 2
    assert c.plausible_n_clusters[0] <= 9 <= c.plausible_n_clusters[1]


def test_choice_stays_within_what_was_asked(rng):
    X = unit_rows(np.repeat(3 * rng.standard_normal((8, 30)), 25, axis=0) + rng.standard_normal((200, 30)))
    ks = [3, 5, 9]

    arrays = sweep(X, ks)
    for high in (-1.0, 1.0):
        choice = choose(arrays, ks, path_range(ks, 200), clouds(0.0, high), clouds(0.0, high))
        assert {choice.n_clusters, *choice.plausible} <= set(ks)
    assert arrays["silhouette"].shape == (5, 3)
    assert arrays["path"].shape == (15, 10)
