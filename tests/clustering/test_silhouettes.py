"""Silhouettes and the other internal scores."""

import tracemalloc

import numpy as np
import pytest
from sklearn import metrics

import mmtoolkit as mm
from mmtoolkit.clustering.silhouettes import Scorer, cluster_means, inertia, silhouette
from mmtoolkit.vectors import unit_rows, vectors_of


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


def test_scores_need_no_copy_of_the_rows(rng):
    X = rng.normal(size=(60_000, 64)).astype(np.float32)
    labels = np.arange(len(X)) % 5
    Scorer(X[:100]).scores(labels[:100])

    tracemalloc.start()
    try:
        Scorer(X).scores(labels)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < X.nbytes  # it was two and a half times that


def test_rows_of_length_one_are_not_copied(rng):
    X = unit_rows(rng.normal(size=(50, 8)))
    emb = mm.Embeddings(X)

    assert np.shares_memory(vectors_of(X), X)
    assert np.shares_memory(emb.unit, emb.vectors)
    assert vectors_of(2 * X) == pytest.approx(X)
