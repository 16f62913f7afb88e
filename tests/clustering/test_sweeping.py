"""Many numbers of clusters in one go."""

import numpy as np

import mmtoolkit as mm
from mmtoolkit.clustering.sweeping import default_range, path_range
from mmtoolkit.vectors import unit_rows


def test_default_range_fits_the_items():
    assert default_range(2) == [2]
    assert default_range(3) == [2, 3]
    assert default_range(40) == list(range(2, 11))
    assert default_range(10_000)[-1] == 60
    assert default_range(6, n_repeated=6)[-1] == 6
    assert path_range([2, 3], 6) == [1, 2, 3, 4, 5, 6]


def test_sweep_survives_more_clusters_than_a_bootstrap_sample_holds(rng):
    X = unit_rows(rng.standard_normal((12, 5)))

    c = mm.cluster(X, range(2, 13))

    assert c.sweep.index.tolist() == list(range(2, 13))
    assert np.isnan(c.sweep.loc[12, "silhouette"])
    assert c.plausible_n_clusters[1] < 12


def test_sweep_shows_means_and_spread(stamps):
    c = mm.cluster(stamps, range(2, 9))

    assert list(c.sweep.columns[:2]) == ["silhouette", "silhouette_std"]
    assert (c.sweep["stability"] <= 1).all()
    assert (np.diff(c.sweep["inertia"]) < 0).all()
    assert c.figure("sweep").layout.title.text == "<b>How many clusters?</b>"


def test_a_large_set_is_swept_on_a_sample(monkeypatch, rng):
    monkeypatch.setattr("mmtoolkit.clustering.grouping.LARGE", 60)
    X = unit_rows(rng.standard_normal((200, 5)))

    c = mm.cluster(X, [2, 3])

    assert np.isfinite(c.sweep["silhouette"]).all()
    assert c.sweep["inertia"].max() < np.square(X - X.mean(axis=0)).sum() / 2


def test_the_order_of_the_items_does_not_matter(rng):
    X = unit_rows(rng.standard_normal((150, 9)))

    one, other = mm.cluster(X), mm.cluster(X[rng.permutation(150)])

    assert one.sweep.equals(other.sweep)
    assert one.plausible_n_clusters == other.plausible_n_clusters
