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


def test_an_elbow_counts_only_above_every_cloud():
    ks = list(range(2, 40))
    inertia = np.array([100.0 * k**-0.1 - 3.0 * min(k, 12) for k in range(1, 46)])
    scores = np.random.default_rng(0).random((5, len(ks)))
    arrays = {
        "path": np.tile(inertia, (15, 1)),
        "silhouette": scores,
        "stability": scores,
        "gains": np.arange(900.0, 0, -1),
    }

    def clouds(high):
        return lambda: {"peak": np.array(2.0), "clouds": np.array([[1.2, high]])}

    found, refused = (choose(arrays, ks, [1, *ks, *range(40, 46)], clouds(high)) for high in (1.9, 2.1))

    assert (found.by, found.n_clusters) == ("elbow", 12)
    assert refused.by == "no elbow"


def test_no_cloud_is_asked_where_there_is_no_elbow_and_the_geometric_mean_of_three_answers_is_used():
    ks = [2, 3, 4]
    arrays = {
        "path": np.tile(100.0 * np.arange(1, 11) ** -0.1, (15, 1)),
        "silhouette": np.tile([0.3, 0.2, 0.1], (5, 1)),  # 2
        "stability": np.ones((5, 3)),  # 4, which comes back for the most information
        "gains": np.array([9.0, 4.0, 2.0, *[1.0] * 50]),  # 3 of two large gains
    }

    choice = choose(arrays, ks, list(range(1, 11)), lambda: pytest.fail("asked"))

    assert choice.n_clusters == 3
    assert choice.plausible == (2, 4)


def test_choice_stays_within_what_was_asked(rng):
    X = unit_rows(np.repeat(3 * rng.standard_normal((8, 30)), 25, axis=0) + rng.standard_normal((200, 30)))
    ks = [3, 5, 9]

    arrays = sweep(X, ks)
    choice = choose(arrays, ks, path_range(ks, 200), lambda: {"peak": np.array(0.0), "clouds": np.ones((1, 1))})

    assert {choice.n_clusters, *choice.plausible} <= set(ks)
    assert arrays["silhouette"].shape == (5, 3)
    assert arrays["path"].shape == (15, 10)
