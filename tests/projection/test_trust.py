"""Trust: scikit-learn's measure, and a share per item."""

import numpy as np
import pytest
from sklearn.manifold import trustworthiness as sklearn_trustworthiness

from mmtoolkit.projection import trust
from mmtoolkit.projection.neighbors import exact


@pytest.fixture
def X(rng):
    return rng.normal(size=(200, 10)).astype(np.float32)


def test_trustworthiness_is_scikit_learns(X):
    coords = X[:, :2].copy()

    score = trust.trustworthiness(X, trust.map_neighbors(coords, 15), 0)

    assert score == pytest.approx(sklearn_trustworthiness(X, coords, n_neighbors=15), abs=1e-9)


def test_a_sample_is_near_the_whole(X, monkeypatch):
    X = np.tile(X, (3, 1)) + np.linspace(0, 1, 600, dtype=np.float32)[:, None]
    found = trust.map_neighbors(X[:, :2].copy(), 15)
    whole = trust.trustworthiness(X, found, 0)
    monkeypatch.setattr(trust, "ALL_BELOW", 100)
    monkeypatch.setattr(trust, "_SAMPLE", 300)

    sampled = trust.trustworthiness(X, found, 0)

    assert sampled != whole
    assert sampled == pytest.approx(whole, abs=0.03)
    assert sampled == trust.trustworthiness(X, found, 0)


def test_recall_counts_shared_neighbours(X):
    coords = X[:, :2].copy()
    found = trust.map_neighbors(coords, 15)
    rows, dist = exact(X, 16)

    kept = trust.neighbor_recall(X, found, dist[:, 15])

    expected = [len(set(a) & set(b)) / 15 for a, b in zip(found.tolist(), rows[:, 1:].tolist(), strict=True)]
    assert kept == pytest.approx(expected, abs=1e-6)


def test_a_faithful_map_has_full_trust(rng):
    X = rng.normal(size=(60, 2)).astype(np.float32)
    found = trust.map_neighbors(X, 15)

    assert (trust.neighbor_recall(X, found, exact(X, 16)[1][:, 15]) == 1).all()
    assert trust.trustworthiness(X, found, 0) == 1


def test_points_in_one_place_are_not_their_own_neighbours():
    found = trust.map_neighbors(np.zeros((40, 2), np.float32), 5)

    assert found.shape == (40, 5)
    assert not (found == np.arange(40)[:, None]).any()


def test_too_few_items_have_no_score():
    X = np.eye(2, dtype=np.float32)

    assert np.isnan(trust.trustworthiness(X, trust.map_neighbors(X, 1), 0))
