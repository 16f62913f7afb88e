"""How far clusters come back on bootstrap samples."""

import numpy as np
import pytest
from sklearn import metrics

import mmtoolkit as mm
from mmtoolkit.clustering.resampling import adjusted_rand
from mmtoolkit.vectors import unit_rows


def test_adjusted_rand_equals_scikit_learn(rng):
    for k in (1, 2, 9):
        a, b = rng.integers(k, size=300), rng.integers(4, size=300)
        assert adjusted_rand(a, b) == pytest.approx(metrics.adjusted_rand_score(a, b))
    assert adjusted_rand(a, a) == 1.0


def test_stability_is_high_for_real_groups_and_low_for_noise(rng):
    y = np.repeat(np.arange(4), 40)
    real = unit_rows(4 * rng.standard_normal((4, 20))[y] + rng.standard_normal((160, 20)))
    noise = unit_rows(rng.standard_normal((160, 20)))

    stable, unstable = mm.cluster(real, 4).stability(10), mm.cluster(noise, 4).stability(10)

    assert stable.ari.mean() > 0.95
    assert unstable.ari.mean() < 0.6
    assert stable.per_cluster["jaccard"].min() > max(0.9, stable.per_cluster["chance"].max())
    assert (unstable.per_cluster["jaccard"] < unstable.per_cluster["chance"] + 0.1).all()
    assert stable.figures == ("jaccard",)
    assert stable.figure() is not None
    assert "bootstrap samples" in repr(stable)
    with pytest.raises(ValueError, match="n_boot must be an integer of at least 1, got 0"):
        mm.cluster(real, 4).stability(0)


def test_stability_of_a_small_set_has_fewer_clusters_where_a_sample_has_fewer_items(rng):
    s = mm.cluster(rng.normal(size=(10, 4)), 7).stability(20)

    assert len(s.ari) == 20
    assert s.per_cluster["jaccard"].between(0, 1).all()


def test_stability_is_for_kmeans(noisy):
    with pytest.raises(ValueError, match="says nothing about HDBSCAN"):
        mm.cluster(noisy, algorithm="hdbscan").stability(2)


def test_stability_of_a_single_item_is_whole():
    s = mm.cluster(np.ones((1, 3)), 1).stability(2)

    assert s.ari.tolist() == [1.0, 1.0]
    assert s.per_cluster["jaccard"].tolist() == [1.0]


def test_a_stability_shows_its_clusters_and_gives_plain_data(clustered):
    s = clustered.stability(2)

    assert "Jaccard per cluster" in s._repr_html_()
    assert len(s.evidence()["rounded"]["jaccard"]) == 8
    assert s.evidence()["rounded"]["chance"] == pytest.approx(s.per_cluster["chance"].tolist())
