"""The table of algorithms: its rows, what each takes, and scikit-learn's clusterers."""

import json
import pickle
import re

import numpy as np
import pytest
from sklearn import cluster as sk
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

import mmtoolkit as mm
from mmtoolkit._described import described
from mmtoolkit.clustering.algorithms import ALGORITHMS, Algorithm, find_algorithm
from mmtoolkit.clustering.partition import fit_of
from mmtoolkit.vectors import unit_rows

PREDICTING = [
    GaussianMixture(3),
    sk.Birch(n_clusters=3),
    sk.MiniBatchKMeans(3),
    sk.KMeans(3),
    make_pipeline(PCA(3), sk.KMeans(3)),
]
OTHERS = [
    sk.AgglomerativeClustering(3),
    sk.SpectralClustering(3),
    sk.DBSCAN(eps=0.5),
    sk.Birch(n_clusters=sk.AgglomerativeClustering(3)),
]


def name_of(clusterer):
    return type(clusterer).__name__


@pytest.fixture(scope="module")
def three():
    """Three groups of 30, 20 and 10 rows."""
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1, 2], [30, 20, 10])
    order = rng.permutation(60)
    X = 5 * rng.standard_normal((3, 8))[y] + 0.4 * rng.standard_normal((60, 8))
    return X[order].astype(np.float32), y[order]


@pytest.mark.parametrize("clusterer", [*PREDICTING, *OTHERS], ids=name_of)
def test_a_clusterer_of_scikit_learn_gives_a_clustering_like_any_other(three, clusterer):
    X, y = three

    c = mm.cluster(X, algorithm=clusterer)

    assert c.labels.tolist() == y.tolist()  # the largest first
    assert c.n_clusters == 3
    assert c.sizes["size"].tolist() == [30, 20, 10]
    assert c.chosen_by == "algorithm"
    assert c.centers == pytest.approx(np.stack([unit_rows(X)[y == k].mean(axis=0) for k in range(3)]), abs=1e-6)
    assert c.scores.loc["silhouette", "value"] > 0.8
    assert c.plausible_n_clusters is None
    assert c.named(["a", "b", "c"]).names["name"].tolist() == ["a", "b", "c"]
    assert np.array_equal(c.assign(X), c.labels)
    assert np.array_equal(c.assign(X[:7] + 1e-3), c.labels[:7])


@pytest.mark.parametrize("clusterer", [*PREDICTING, *OTHERS], ids=name_of)
def test_report_and_verify_with_a_clusterer(three, clusterer, tmp_path):
    X, _ = three
    path = mm.report(mm.cluster(X, algorithm=clusterer)).save(tmp_path / "report.json")

    checked = mm.verify(path, vectors=X)

    assert checked.verdict == "identical"
    assert checked.checked == ("cluster",)
    words = mm.report(mm.cluster(X, algorithm=clusterer)).save(tmp_path / "report.html").read_text("utf-8")
    assert f"not on a map, with {name_of(clusterer)} (random_state 0)" in words
    assert f"number from {name_of(clusterer)}" in words


def test_the_algorithm_in_a_report_makes_the_same_clusters(three):
    X, _ = three
    c = mm.cluster(X, algorithm=sk.SpectralClustering(3), random_state=4)

    again = mm.cluster(X, **json.loads(json.dumps(dict(c.recipe.params))))

    assert again.evidence() == c.evidence()
    assert again.recipe.params == c.recipe.params


def test_the_object_itself_stays_as_it_is_and_gets_our_seed_where_it_has_none(rng):
    X = rng.standard_normal((80, 6)).astype(np.float32)
    free, own = sk.KMeans(9, n_init=1), sk.KMeans(9, n_init=1, random_state=5)

    runs = [mm.cluster(X, algorithm=free, random_state=seed).labels for seed in (0, 0, 1)]
    fixed = [mm.cluster(X, algorithm=own, random_state=seed).labels for seed in (0, 1)]

    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])
    assert np.array_equal(*fixed)
    assert free.random_state is None
    assert not hasattr(free, "labels_")


def test_the_rows_that_were_asked_for_are_fitted(three):
    X, _ = three
    scaled = X * np.linspace(1, 50, 60, dtype=np.float32)[:, None]

    unit, raw = (mm.cluster(scaled, algorithm=sk.Birch(n_clusters=3), normalize=n) for n in (True, False))

    assert np.array_equal(unit.labels, mm.cluster(X, algorithm=sk.Birch(n_clusters=3)).labels)
    assert adjusted_rand_score(unit.labels, raw.labels) < 1
    assert np.array_equal(raw.assign(scaled), raw.labels)


def test_noise_of_a_clusterer_is_noise(three):
    X, _ = three
    strange = np.concatenate([X, -X[:1]])

    c = mm.cluster(strange, algorithm=sk.DBSCAN(eps=0.5, min_samples=4))

    assert c.n_clusters == 3
    assert c.labels[-1] == -1
    assert c.scores.loc["noise", "value"] == pytest.approx(1 / 61)
    assert np.array_equal(c.assign(strange), c.labels)
    assert c.assign(X[:1] + 1e-3).tolist() == [c.labels[0]]
    assert c.assign(-X[:1] - 1e-3).tolist() == [-1]


def test_all_noise_of_a_clusterer_is_a_result_that_says_so(three):
    c = mm.cluster(three[0], algorithm=sk.DBSCAN(eps=1e-6))

    assert repr(c) == "<Clustering: 0 clusters of 60 items, 60 noise>"
    assert c.centers.shape == (0, 8)


def test_new_items_are_what_the_clusterer_predicts(rng):
    """A mixture of a wide and a narrow group: the nearest centre would be another answer."""
    X = np.concatenate([rng.normal(0, 4, (200, 2)), rng.normal([9, 0], 0.2, (100, 2))]).astype(np.float32)
    new = np.array([[6.5, 0.0], [9.0, 0.1]], dtype=np.float32)

    mixture = mm.cluster(X, algorithm=GaussianMixture(2), normalize=False)
    plain = mm.cluster(X, 2, normalize=False)

    assert mixture.assign(new).tolist() == [0, 1]
    assert plain.assign(new).tolist() == [1, 1]


def test_stability_draws_a_clusterer_that_predicts_anew(three):
    X, _ = three

    stable = mm.cluster(X, algorithm=GaussianMixture(3, reg_covar=1e-3)).stability(5)

    assert stable.ari.min() > 0.9
    assert stable.per_cluster["jaccard"].min() > 0.9


def test_stability_with_noise_compares_clusters_only(three):
    class Fringe(sk.KMeans):
        """Calls what is far from all centres noise, and then everything."""

        def predict(self, X):
            near = self.transform(X).min(axis=1)
            return np.where(near < self.reach, super().predict(X), -1)

        def fit_predict(self, X, y=None):
            return self.fit(X).predict(X)

    X = unit_rows(three[0])
    Fringe.reach = np.quantile(sk.KMeans(3, random_state=0).fit_transform(X).min(axis=1), 0.9)

    c = mm.cluster(X, algorithm=Fringe(3))
    some = c.stability(4)
    Fringe.reach = 0.0
    none = c.stability(4)

    assert (c.labels < 0).sum() == 6
    assert some.per_cluster["jaccard"].min() > 0.7
    assert none.per_cluster["jaccard"].tolist() == [0.0, 0.0, 0.0]
    assert none.ari.max() < 0.1


def test_stability_of_a_clusterer_that_does_not_predict_is_refused(three):
    with pytest.raises(ValueError, match="to `predict` all items; AgglomerativeClustering cannot"):
        mm.cluster(three[0], algorithm=sk.AgglomerativeClustering(3)).stability(2)


def test_a_clustering_with_a_clusterer_can_be_pickled(three):
    X, _ = three
    c = mm.cluster(X, algorithm=GaussianMixture(3))

    assert np.array_equal(pickle.loads(pickle.dumps(c)).assign(X + 1e-3), c.assign(X + 1e-3))
    assert "_fit" not in c.to_dict()


class Own(ClusterMixin, BaseEstimator):
    """Of another package: what `answer` says."""

    def __init__(self, answer=None):
        self.answer = answer

    def fit_predict(self, X, y=None):
        return (X[:, 0] > 0).astype(int) if self.answer is None else self.answer


def test_a_clusterer_of_another_package_reports_but_is_not_built_from_a_report(three, tmp_path):
    X, _ = three
    path = mm.report(mm.cluster(X, algorithm=Own()), mm.cluster(X, 3)).save(tmp_path / "report.json")

    checked = mm.verify(path, vectors=X)

    assert not checked.ok
    assert checked.checked == ("cluster_2",)
    assert re.match("not checked: 'cluster', because .*Own' is not from scikit-learn or mmtoolkit", checked.verdict)


@pytest.mark.parametrize(
    ("algorithm", "error", "message"),
    [
        (PCA(2), TypeError, "an object with `fit_predict` and `get_params`, such .*; got an object of PCA"),
        (sk.Birch, TypeError, "got the class Birch"),
        (3, TypeError, "got an object of int"),
        (None, TypeError, "got an object of NoneType"),
        (make_pipeline(PCA(2)), TypeError, "got an object of Pipeline"),
        (described(PCA(2)), TypeError, "got an object of PCA"),
        ({"class": "os.path", "params": {}}, ValueError, "'os.path' is not from scikit-learn or mmtoolkit"),
        (Own([0, 1]), ValueError, r"Own.fit_predict must return a whole number for each of the 60 items, got int64 of shape \(2,\)"),
        (Own([0.5] * 60), ValueError, r"got float64 of shape \(60,\)"),
        (sk.AgglomerativeClustering(80), ValueError, "80"),
    ],
)  # fmt: skip
def test_bad_algorithms_are_named(three, algorithm, error, message):
    with pytest.raises(error, match=message):
        mm.cluster(three[0], algorithm=algorithm)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_clusters": 4, "algorithm": sk.DBSCAN()}, "DBSCAN has a number of clusters of its own; leave out n_clusters=4"),
        ({"n_clusters": 4, "algorithm": "hdbscan"}, "HDBSCAN finds the number of clusters itself; leave out n_clusters=4"),
        ({"max_noise": 0.1, "algorithm": sk.DBSCAN()}, "max_noise, min_cluster_size and allow_single_cluster belong to algorithm='hdbscan'"),
        ({"min_cluster_size": 5}, "max_noise, min_cluster_size and allow_single_cluster belong to algorithm='hdbscan'"),
        ({"exact": True, "algorithm": sk.DBSCAN()}, "n_init and exact belong to algorithm='kmeans'"),
    ],
)  # fmt: skip
def test_arguments_of_another_algorithm_are_refused(three, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        mm.cluster(three[0], **options)


def test_what_version_0_1_0_took_with_hdbscan_is_still_taken(three):
    assert mm.cluster(three[0], algorithm="hdbscan", n_init=9, exact=True).chosen_by == "hdbscan"


def test_one_more_row_is_one_more_algorithm(three, monkeypatch, tmp_path):
    def halves(X, options):
        return fit_of(X, np.arange(len(X)) * options["n_clusters"] // len(X))

    monkeypatch.setitem(ALGORITHMS, "halves", Algorithm("halves", halves))
    X, _ = three

    c = mm.cluster(X, 2, algorithm="halves")

    assert c.labels.tolist() == [0] * 30 + [1] * 30
    assert c.chosen_by == "given"
    assert len(c.assign(X)) == 60
    assert mm.cluster(X, range(2, 6), algorithm="halves").chosen_by in ("elbow", "gaps", "no elbow")
    path = mm.report(c).save(tmp_path / "report.json")
    assert mm.verify(path, vectors=X).verdict == "identical"
    words = mm.report(c).save(tmp_path / "report.html").read_text("utf-8")
    assert "not on a map, with halves (random_state 0)" in words
    with pytest.raises(ValueError, match="stability cannot draw this algorithm anew"):
        c.stability(2)
    with pytest.raises(ValueError, match="'kmeans' or 'hdbscan' or 'halves', got 'thirds'"):
        mm.cluster(X, algorithm="thirds")
    with pytest.raises(ValueError, match="belong to algorithm='hdbscan'"):
        mm.cluster(X, 2, algorithm="halves", max_noise=0.1)


def test_a_clusterer_is_found_by_what_a_report_says_of_it():
    assert find_algorithm(described(GaussianMixture(2))).name == "GaussianMixture"
    assert find_algorithm({"class": "elsewhere.Own", "params": {}}).name == "Own"
