"""HDBSCAN: noise and its bound."""

import numpy as np
import pytest

import mmtoolkit as mm


def test_hdbscan_leaves_noise_and_max_noise_bounds_it(noisy):
    free = mm.cluster(noisy, algorithm="hdbscan", normalize=False)
    bounded = mm.cluster(noisy, algorithm="hdbscan", normalize=False, max_noise=0.1)

    assert free.n_clusters == bounded.n_clusters == 3
    assert free.scores.loc["noise", "value"] > 0.1 >= bounded.scores.loc["noise", "value"]
    assert (bounded.labels[free.labels >= 0] == free.labels[free.labels >= 0]).all()
    assert "noise" in repr(free)
    assert free.chosen_by == "hdbscan"


def test_hdbscan_assigns_training_rows_their_labels_and_strangers_to_noise(noisy):
    c = mm.cluster(noisy, algorithm="hdbscan", normalize=False)

    assert np.array_equal(c.assign(noisy), c.labels)
    assert c.assign(np.full((1, 8), 500.0, dtype=np.float32)).tolist() == [-1]
    assert c.assign(noisy[:1] + 0.01).tolist() == [c.labels[0]]


def test_noise_stands_apart_in_tables(noisy):
    c = mm.cluster(noisy, algorithm="hdbscan", normalize=False)

    assert c.compare(["x"] * 75 + ["y"] * 75).contingency.columns[0] == "noise"
    assert (c.per_item["name"] == "noise").sum() == (c.labels < 0).sum()
    assert c.per_item.loc[c.labels < 0, "outlier"].isna().all()


def test_all_noise_is_a_result_that_says_so(rng):
    c = mm.cluster(rng.standard_normal((30, 20)), algorithm="hdbscan", min_cluster_size=15)

    assert c.n_clusters == 0
    assert repr(c) == "<Clustering: 0 clusters of 30 items, 30 noise>"
    assert len(c.representatives().rows) == 0
    with pytest.raises(ValueError, match="all items are noise"):
        c.assign(np.ones((1, 20)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_noise": 2}, "max_noise must be a share between 0 and 1, got 2"),
        ({"min_cluster_size": 1}, "min_cluster_size must be between 2 and the 150 items, got 1"),
        ({"n_clusters": 4}, "leave out n_clusters=4"),
    ],
)
def test_bad_hdbscan_options_are_named(noisy, options, message):
    with pytest.raises(ValueError, match=message):
        mm.cluster(noisy, algorithm="hdbscan", **options)


def test_too_many_items_for_hdbscan_are_refused(monkeypatch, noisy):
    monkeypatch.setattr("mmtoolkit.clustering.density.LIMIT", 100)

    with pytest.raises(ValueError, match="takes at most 100 items, got 150; cluster a sample and `assign` the rest"):
        mm.cluster(noisy, algorithm="hdbscan")


def test_a_bound_that_already_holds_changes_nothing(noisy):
    free, bounded = (mm.cluster(noisy, algorithm="hdbscan", normalize=False, max_noise=m) for m in (None, 1.0))

    assert np.array_equal(free.labels, bounded.labels)


def test_all_noise_has_no_names_to_find(rng):
    c = mm.cluster(rng.standard_normal((30, 20)), algorithm="hdbscan", min_cluster_size=15, max_noise=0.1)

    assert c.with_names(texts=["a frog"] * 30).names.empty


@pytest.mark.parametrize("normalize", [True, False])
def test_equal_rows_are_a_cluster_and_no_noise(rng, normalize):
    row = rng.standard_normal((1, 16))
    alone = np.tile(row, (60, 1)) + 1e-8 * rng.standard_normal((60, 16))
    among = np.concatenate([np.tile(row, (20, 1)), 3 * rng.standard_normal((40, 16))])

    one = mm.cluster(alone, algorithm="hdbscan", normalize=normalize)
    two = mm.cluster(among, algorithm="hdbscan", normalize=normalize)

    assert one.labels.tolist() == [0] * 60
    assert len(set(two.labels[:20].tolist())) == 1
    assert two.labels[0] >= 0
    assert mm.cluster(np.tile(row, (4, 1)), algorithm="hdbscan", min_cluster_size=4).n_clusters == 1


def test_one_cluster_is_found_when_it_is_allowed(rng):
    X = rng.standard_normal((80, 3)).astype(np.float32)

    free = mm.cluster(X, algorithm="hdbscan", normalize=False)
    one = mm.cluster(X, algorithm="hdbscan", normalize=False, allow_single_cluster=True, max_noise=0.1)

    assert free.n_clusters != 1
    assert one.n_clusters == 1
    assert (one.labels == 0).mean() >= 0.9
    with pytest.raises(ValueError, match="belong to algorithm='hdbscan'"):
        mm.cluster(X, 2, allow_single_cluster=True)
