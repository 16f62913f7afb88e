"""Silhouettes, sweeps, the range of k, stability."""

import numpy as np
import pytest
from sklearn import metrics

import mmtoolkit as mm
from mmtoolkit.clustering.choice import choose, elbow
from mmtoolkit.clustering.refinement import lloyd, ward
from mmtoolkit.clustering.resampling import adjusted_rand
from mmtoolkit.clustering.silhouettes import Scorer, cluster_means, inertia, silhouette
from mmtoolkit.clustering.sweeping import default_range, path_range, sweep
from mmtoolkit.vectors import unit_rows


@pytest.fixture
def scattered(rng):
    X = unit_rows(rng.standard_normal((400, 40)) + 2.0 * rng.standard_normal(40))
    labels = rng.integers(7, size=400)
    labels[labels == 6] = 0
    labels[:1] = 6  # the only member of its cluster
    return X, labels


def test_silhouette_equals_scikit_learn_cosine(scattered):
    X, labels = scattered

    ours = silhouette(X, labels)

    assert np.abs(ours - metrics.silhouette_samples(X.astype(np.float64), labels, metric="cosine")).max() < 1e-6


def test_silhouette_equals_scikit_learn_on_tight_clusters(rng):
    labels = np.repeat(np.arange(5), 40)
    X = unit_rows(rng.standard_normal((5, 30))[labels] + 0.01 * rng.standard_normal((200, 30)))

    ours = silhouette(X, labels)

    assert np.abs(ours - metrics.silhouette_samples(X.astype(np.float64), labels, metric="cosine")).max() < 1e-6


def test_other_scores_equal_scikit_learn(scattered):
    X, labels = scattered

    ours = Scorer(X).scores(labels)

    assert ours["davies_bouldin"] == pytest.approx(metrics.davies_bouldin_score(X, labels), rel=1e-5)
    assert ours["calinski_harabasz"] == pytest.approx(metrics.calinski_harabasz_score(X, labels), rel=1e-4)
    means = cluster_means(X, labels, 7)
    assert ours["inertia"] == pytest.approx(np.square(X - means[labels]).sum(), rel=1e-5)
    assert inertia(X, labels) == pytest.approx(ours["inertia"], rel=1e-5)


def test_relabelling_changes_no_score(scattered, rng):
    X, labels = scattered

    a, b = Scorer(X).scores(labels), Scorer(X).scores(rng.permutation(7)[labels])

    assert a == pytest.approx(b)


def test_adjusted_rand_equals_scikit_learn(rng):
    for k in (1, 2, 9):
        a, b = rng.integers(k, size=300), rng.integers(4, size=300)
        assert adjusted_rand(a, b) == pytest.approx(metrics.adjusted_rand_score(a, b))
    assert adjusted_rand(a, a) == 1.0


def test_ward_merges_what_costs_least():
    means = np.array([[0.0], [1.0], [10.0], [10.5]])

    found = ward(means, np.array([1.0, 1.0, 1.0, 3.0]), {3, 2})

    assert sorted(found[3].ravel()) == pytest.approx([0.0, 1.0, 10.375])
    assert sorted(found[2].ravel()) == pytest.approx([0.5, 10.375])


def test_lloyd_fills_empty_clusters(rng):
    X = rng.standard_normal((50, 3)).astype(np.float32)
    far = np.full((4, 3), 100.0, dtype=np.float32)

    labels, centers = lloyd(X, far, 10)

    assert np.bincount(labels, minlength=4).all()
    assert np.isfinite(centers).all()


def test_default_range_fits_the_items():
    assert default_range(2) == [2]
    assert default_range(3) == [2, 3]
    assert default_range(40) == list(range(2, 11))
    assert default_range(10_000)[-1] == 60
    assert path_range([2, 3], 6) == [1, 2, 3, 4, 5, 6]


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


def test_stability_is_high_for_real_groups_and_low_for_noise(rng):
    y = np.repeat(np.arange(4), 40)
    real = unit_rows(4 * rng.standard_normal((4, 20))[y] + rng.standard_normal((160, 20)))
    noise = unit_rows(rng.standard_normal((160, 20)))

    stable, unstable = mm.cluster(real, 4).stability(10), mm.cluster(noise, 4).stability(10)

    assert stable.ari.mean() > 0.95
    assert unstable.ari.mean() < 0.6
    assert stable.per_cluster["jaccard"].min() > 0.9
    assert stable.figures == ("jaccard",)
    assert stable.figure() is not None
    assert "bootstrap samples" in repr(stable)
    with pytest.raises(ValueError, match="n_boot must be an integer of at least 1, got 0"):
        mm.cluster(real, 4).stability(0)
