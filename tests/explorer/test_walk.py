"""One tree of clusters: the slider goes up and down it, and clusters are split and made one."""

import numpy as np
import pytest

import mmtoolkit as mm


@pytest.fixture
def walked(emb, coords):
    return mm.explore(emb, clusters=mm.cluster(emb, 5).with_names(texts="kind"), projection=coords)


def test_a_number_means_the_same_items_wherever_the_slider_was(walked):
    meaning, names = {}, {}
    for k in (5, 3, 8, 2, 7, 4, 9, 5, 3):
        walked.n_clusters = k
        assert walked.n_clusters == walked.clusters.n_clusters == k
        for cluster in np.unique(walked.labels).tolist():
            rows = np.flatnonzero(walked.labels == cluster).tolist()
            assert meaning.setdefault(cluster, rows) == rows
            assert (
                names.setdefault(cluster, walked.clusters.names["name"][cluster])
                == walked.clusters.names["name"][cluster]
            )


def test_back_at_a_number_are_the_clusters_that_were_there(walked):
    start = walked.clusters
    walked.n_clusters = 9
    walked.n_clusters = 2
    walked.n_clusters = 5

    assert walked.clusters is start


def test_what_was_split_becomes_one_on_the_way_down_and_what_was_merged_stays_one(walked):
    start = walked.clusters
    walked.split(1, 3)
    assert walked.n_clusters == 7
    assert set(np.unique(walked.labels)) == {0, 2, 3, 4, 5, 6, 7}
    walked.n_clusters = 5
    assert walked.clusters is start

    walked.merge([0, 3])
    merged = walked.clusters
    walked.n_clusters = 3
    walked.n_clusters = 4
    assert walked.clusters is merged
    assert 8 in walked.labels  # 5 to 7 have been the parts of 1


def test_steps_are_recorded_and_replay(walked):
    walked.split()
    walked.n_clusters = 3

    again = mm.cluster(walked.source, **{k: v for k, v in walked.clusters.recipe.first.params.items() if k != "names"})
    for verb, params in _steps(walked.clusters.recipe):
        again = getattr(again, verb.rpartition(".")[2])(**params)
    assert np.array_equal(again.labels, walked.labels)


def _steps(recipe):
    before = [] if "of" not in recipe.of else _steps(recipe.of)
    return [*before, (recipe["verb"], recipe["params"])]


@pytest.mark.parametrize(
    ("do", "message"),
    [
        (lambda ex: ex.split(17), "there is no cluster 17"),
        (lambda ex: ex.merge([1]), "at least two"),
        (lambda ex: setattr(ex, "n_clusters", 0), "n_clusters must be an integer of at least 1, got 0"),
        (lambda ex: setattr(ex, "n_clusters", 41), "cannot be split into 2"),
    ],
)
def test_what_cannot_be_done_is_said(walked, do, message):
    with pytest.raises(ValueError, match=message):
        do(walked)


def test_without_a_clustering_there_is_nothing_to_split(ex):
    with pytest.raises(ValueError, match="there is no clustering to split or merge"):
        ex.split(1)


def test_noise_stays_noise(rng):
    X = np.concatenate(
        [rng.normal(size=(30, 4)) * 0.1 + np.eye(4)[k] * 9 for k in range(3)] + [rng.normal(size=(9, 4)) * 30]
    )
    ex = mm.explore(X, clusters=mm.cluster(X, algorithm="hdbscan", normalize=False), projection=X[:, :2])
    noise = ex.labels < 0

    for k in (2, 5):
        ex.n_clusters = k
        assert np.array_equal(ex.labels < 0, noise)
        assert ex.n_clusters == k
