"""Neighbours: exact, in order, itself first, and the same whatever else is in the block."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

import mmtoolkit as mm
from mmtoolkit._nearest import nearest_rows
from mmtoolkit.derived import bypass
from mmtoolkit.projection import neighbors


@pytest.fixture
def X(rng):
    return rng.normal(size=(1500, 24)).astype(np.float32)  # more than one block


def test_neighbours_are_scikit_learns(X):
    dist, rows = NearestNeighbors(n_neighbors=16).fit(X.astype(np.float64)).kneighbors(X.astype(np.float64))

    found, found_dist = neighbors.exact(X, 16)

    assert np.array_equal(found, rows)
    assert np.allclose(found_dist, dist, atol=1e-5)


def test_each_row_comes_first_in_its_own_list_even_among_equal_rows(rng):
    X = np.repeat(rng.normal(size=(4, 8)), 30, axis=0).astype(np.float32)

    found, dist = neighbors.exact(X, 6)

    assert np.array_equal(found[:, 0], np.arange(120))
    assert (dist == 0).all()
    assert (found // 30 == np.arange(120)[:, None] // 30).all()


def test_an_answer_does_not_depend_on_the_other_queries(X):
    together = nearest_rows(X[:50], X, 15)

    alone = [nearest_rows(X[i : i + 1], X, 15) for i in range(50)]

    assert np.array_equal(together[0], np.concatenate([a[0] for a in alone]))
    assert np.array_equal(together[1], np.concatenate([a[1] for a in alone]))


def test_all_rows_can_be_asked_for(X):
    found, _ = neighbors.exact(X[:7], 7)

    assert (np.sort(found, axis=1) == np.arange(7)).all()


def test_many_rows_are_searched_approximately_and_repeat(X, monkeypatch):
    monkeypatch.setattr(neighbors, "EXACT_BELOW", 1000)
    few = np.ascontiguousarray(X[:, :6])

    with bypass():
        (found, dist), enough = neighbors.neighbors_of(few, 16, 0)
        (again, _), _ = neighbors.neighbors_of(few, 16, 0)

    expected, _ = neighbors.exact(few, 16)
    assert enough
    assert np.array_equal(found, again)
    assert np.array_equal(found[:, 0], np.arange(1500))
    assert (np.diff(dist, axis=1) >= 0).all()
    assert np.mean([len(set(a) & set(b)) / 16 for a, b in zip(found.tolist(), expected.tolist(), strict=True)]) > 0.99


def test_an_approximate_list_is_the_same_with_any_number_of_threads(rng, monkeypatch):
    flat = rng.normal(size=(4500, 5)).astype(np.float32)  # few dimensions: the descent finds its way
    found = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("MMTOOLKIT_NUM_THREADS", threads)
        found.append(neighbors.approximate(flat, 16, 0)[0])

    for rows, dist in found[1:]:
        assert np.array_equal(rows, found[0][0])
        assert np.array_equal(dist, found[0][1])


def test_lists_of_more_rows_than_are_brought_together_at_once_are_found_and_repeat(rng, monkeypatch):
    from mmtoolkit.projection import descent

    flat, k = rng.normal(size=(3000, 5)).astype(np.float32), 100
    expected, _ = neighbors.exact(flat, k + 1)

    found, d2, _ = descent.descend(flat, k, 0)
    monkeypatch.setenv("MMTOOLKIT_NUM_THREADS", "5")
    again, _, _ = descent.descend(flat, k, 0)

    assert (np.diff(d2, axis=1) >= 0).all()
    assert (
        np.mean([len(set(a) & set(b)) / k for a, b in zip(found.tolist(), expected[:, 1:].tolist(), strict=True)])
        > 0.99
    )
    assert np.array_equal(found, again)


def test_rows_whose_neighbours_are_not_found_are_searched_exactly(X, monkeypatch):
    from mmtoolkit.projection import descent

    monkeypatch.setattr(descent, "_ROUNDS", 0)

    found, enough = neighbors.approximate(X, 16, 0)

    assert enough
    assert np.array_equal(found[0], neighbors.exact(X, 16)[0])


def test_of_very_many_rows_without_structure_what_was_found_is_taken_and_trust_is_not_claimed(monkeypatch):
    from mmtoolkit.projection import descent

    X = np.random.default_rng(0).normal(size=(3000, 128)).astype(np.float32)
    monkeypatch.setattr(descent, "_ROUNDS", 1)
    monkeypatch.setattr(neighbors, "EXACT_BELOW", 1000)
    monkeypatch.setattr(neighbors, "EXACT_AT_MOST", 1000)

    with bypass(), pytest.warns(UserWarning, match=r"neighbours of which \d\d % are the nearest: these 3,000 items"):
        p = mm.project(X)

    assert np.isnan(p.trust).all()
    assert p.trustworthiness > 0.5


def test_a_row_among_many_equal_ones_still_comes_first(rng):
    X = np.repeat(rng.normal(size=(4, 8)), 60, axis=0).astype(np.float32)

    (found, dist), _ = neighbors.approximate(X, 6, 0)

    assert np.array_equal(found[:, 0], np.arange(240))
    assert (dist[:, 0] == 0).all()
