"""k-means: labels, order and assignment."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

import mmtoolkit as mm
from mmtoolkit.clustering import partition as kmeans_module
from mmtoolkit.clustering.partition import kmeans
from mmtoolkit.clustering.silhouettes import inertia
from mmtoolkit.derived import bypass


def test_clusters_are_numbered_by_size(groups):
    X, _ = groups()

    sizes = mm.cluster(X, 9).sizes["size"].to_numpy()

    assert (np.diff(sizes) <= 0).all()
    assert sizes.sum() == len(X)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(2, 9), st.integers(1, 60))
def test_assigning_training_rows_gives_their_labels_in_any_batch(seed, k, batch):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((60, 7)).astype(np.float32)
    X[30:] = X[:30]  # equal rows lie on the same side of every border

    with bypass():
        c = mm.cluster(X, k)

    parts = np.concatenate([c.assign(X[i : i + batch]) for i in range(0, 60, batch)])
    assert np.array_equal(parts, c.labels)
    assert np.array_equal(c.labels[30:], c.labels[:30])


def test_the_large_recipe_is_as_good_as_scikit_learn(monkeypatch, groups):
    X, _ = groups(k=12, per=150, d=100, spread=0.3)
    monkeypatch.setattr(kmeans_module, "LARGE", 500)

    ours = kmeans(X, 12, random_state=1)

    theirs = KMeans(12, n_init=1, random_state=1).fit(X)
    assert inertia(X, ours.labels) <= theirs.inertia_ * 1.001


def test_no_cluster_is_empty_when_rows_repeat(rng):
    X = np.repeat(rng.standard_normal((6, 5)), 20, axis=0).astype(np.float32)

    c = mm.cluster(X, 6)

    assert c.sizes["size"].tolist() == [20] * 6
