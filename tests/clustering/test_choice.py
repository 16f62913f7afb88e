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


def test_no_elbow_leaves_the_number_to_the_silhouette(rng):
    X = unit_rows(rng.standard_normal((500, 40)))

    c = mm.cluster(X)

    assert c.chosen_by == "silhouette"
    assert "no clear elbow" in repr(c)
    low, high = c.plausible_n_clusters
    assert low <= c.n_clusters <= high


def test_choice_stays_within_what_was_asked(rng):
    X = unit_rows(np.repeat(3 * rng.standard_normal((8, 30)), 25, axis=0) + rng.standard_normal((200, 30)))
    ks = [3, 5, 9]

    arrays = sweep(X, ks)
    choice = choose(arrays, ks, path_range(ks, 200))

    assert {choice.n_clusters, *choice.plausible} <= set(ks)
    assert arrays["silhouette"].shape == (5, 3)
    assert arrays["path"].shape == (10, 10)
