"""Prediction sets: how often they hold the truth, for all and by class, and what they do with few items."""

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

import mmtoolkit as mm
from mmtoolkit.classification.conformal import HeldOutTruths
from mmtoolkit.classification.estimators import proba_of
from mmtoolkit.classification.logistic import LogisticClassifier
from mmtoolkit.classification.targets import codes_of


def blobs(rng, n, apart=1.2):
    y = np.arange(n) % 3
    return rng.normal(size=(n, 4)) + apart * np.eye(3, 4)[y], np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(1)
    return mm.classify(*blobs(rng, 300), normalize=False, inference=False, duplicates="ignore")


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("by_class", [False, True])
def test_sets_hold_the_truth_as_often_as_asked(result, coverage, by_class):
    X, y = blobs(np.random.default_rng(2), 9000)

    sets = result.predict_set(X, coverage=coverage, by_class=by_class)

    assert sets.columns.tolist() == ["a", "b", "c"]
    truth = sets.to_numpy()[np.arange(9000), np.arange(9000) % 3]
    assert truth.mean() == pytest.approx(coverage, abs=0.04)
    if by_class:
        assert all(abs(truth[y == name].mean() - coverage) < 0.09 for name in "abc")


N = 19


def one_model(proba):
    """What a classifier says that saw none of the held-out items."""
    return [(np.atleast_2d(proba), np.ones(N, dtype=bool))]


def test_the_limit_is_the_conformal_one():
    values = np.linspace(0.1, 1.0, N)
    held = HeldOutTruths(values, np.zeros(N, dtype=int), np.ones(N))

    sets = held.sets(one_model([[values[1], values[1] - 1e-3]]), 0.9, by_class=False)

    assert sets.tolist() == [[True, False]]  # 18 of 19 and one more reach it


def test_an_item_is_compared_with_what_the_classifier_of_its_own_fold_says():
    values = np.concatenate([np.linspace(0.1, 0.2, 9), np.linspace(0.8, 0.9, 10)])  # one fold's is much surer
    first = np.arange(N) < 9
    held = HeldOutTruths(values, np.zeros(N, dtype=int), np.ones(N))

    sets = held.sets([(np.array([[0.12, 0.01]]), first), (np.array([[0.82, 0.3]]), ~first)], 0.8, by_class=False)

    assert sets.tolist() == [[True, False]]


def test_groups_count_once():
    values = np.array([0.2, *np.linspace(0.5, 1.0, N - 1)])
    weight = np.array([1.0 / 6] * 6 + [1.0] * (N - 1))
    often = np.concatenate([[0] * 6, np.arange(1, N)])  # the first item six times
    levels = np.linspace(0, 1, 101)[:, None]

    alone = HeldOutTruths(values, np.zeros(N, dtype=int), np.ones(N)).sets(one_model(levels), 0.9, by_class=False)
    copies = HeldOutTruths(values[often], np.zeros(len(often), dtype=int), weight)
    together = copies.sets([(levels, np.ones(len(often), dtype=bool))], 0.9, by_class=False)

    assert alone.tolist() == together.tolist()
    assert 0 < alone.sum() < 101


def test_too_few_items_of_a_class_put_it_into_every_set():
    codes = np.array([0] * 20 + [1] * 8)
    held = HeldOutTruths(np.where(codes == 0, 0.9, 0.8), codes, np.ones(28))

    sets = held.sets([(np.array([[0.9, 0.1], [0.8, 0.2]]), np.ones(28, dtype=bool))], 0.9, by_class=True)

    assert sets.tolist() == [[True, True], [False, True]]


@pytest.mark.parametrize(
    "options", [{"test": np.arange(300) % 4 == 0}, {"estimator": GaussianNB()}, {"estimator": LogisticClassifier()}]
)
def test_classifiers_of_the_folds_give_the_held_out_probabilities(options):
    X, y = blobs(np.random.default_rng(1), 300)
    X = X.astype(np.float32)

    r = mm.classify(X, y, normalize=False, inference=False, duplicates="ignore", **options)

    assert len(r.fold_estimators) == r.fold.max() + 1
    for f, model in enumerate(r.fold_estimators):
        assert proba_of(model, X[r.fold == f], r.classes) == pytest.approx(r.y_proba[r.fold == f])
    assert r.predict_set(X).to_numpy()[np.arange(300), codes_of(y, r.classes)].mean() > 0.85


def test_empty_sets_are_said(result):
    X, _ = blobs(np.random.default_rng(3), 300, apart=0.3)

    with pytest.warns(
        UserWarning, match=r"of 300 sets are empty: no class of these items is as probable .* in 30 % of"
    ):
        sets = result.predict_set(X, coverage=0.3)

    assert (sets.sum(axis=1) == 0).any()


def test_ids_name_the_rows_and_bad_shares_are_refused(result):
    emb = mm.Embeddings(np.ones((2, 4), dtype=np.float32), ids=["x", "y"])

    assert result.predict_set(emb.vectors).index.tolist() == [0, 1]
    with pytest.raises(ValueError, match="coverage must lie between 0 and 1, both excluded, got 90"):
        result.predict_set(emb.vectors, coverage=90)
