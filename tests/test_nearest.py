"""Nearest rows: blocks change nothing, equal rows are found, groups are kept apart."""

import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mmtoolkit import _nearest
from mmtoolkit._blocks import n_workers
from mmtoolkit._nearest import for_pairs, most_similar, nearest_rows, products, squares
from mmtoolkit.vectors import unit_rows


@pytest.fixture
def X(rng):
    return unit_rows(rng.normal(size=(230, 12)))


def test_blocks_cover_every_row_once(X):
    whole = np.concatenate([S for _, S in products(X, X[:7], 50)])

    assert whole.shape == (230, 7)
    np.testing.assert_allclose(whole, X @ X[:7].T, atol=1e-6)


def test_pairs_of_blocks_cover_every_pair_once(X):
    seen = np.zeros((230, 230), dtype=int)
    for rows, columns, S in for_pairs(lambda *found: found, X, 64):
        assert S.shape == (rows.stop - rows.start, columns.stop - columns.start)
        seen[rows, columns] += 1

    assert (seen[np.triu_indices(230)] == 1).all()
    assert seen.sum() - np.trace(seen) < 230 * 230


@pytest.mark.parametrize("k", [1, 5, 230])
def test_most_similar_rows_are_those_of_highest_cosine(X, k):
    rows, cosines = most_similar(X[:40], X, k, block=16)

    expected = np.sort(X[:40].astype(np.float64) @ X.T.astype(np.float64), axis=1)[:, ::-1][:, :k]
    np.testing.assert_allclose(cosines, expected, atol=1e-6)
    assert (rows[:, 0] == np.arange(40)).all()


@pytest.mark.parametrize("n_items", [3200, 3215])
def test_the_largest_of_many_columns_are_found_set_by_set(rng, n_items):
    X, Q = (unit_rows(rng.normal(size=(n, 6))) for n in (n_items, 30))
    X[:40] = X[40]  # equal numbers, more than are asked for

    rows, cosines = most_similar(np.concatenate([Q, X[:2]]), X, 25)

    expected = np.sort(np.concatenate([Q, X[:2]]) @ X.T, axis=1)[:, ::-1][:, :25]
    np.testing.assert_allclose(cosines, expected, atol=1e-6)
    assert all(len(set(found)) == 25 for found in rows.tolist())


def test_a_group_is_no_neighbour_of_itself(X):
    groups = np.arange(230) % 3

    rows, cosines = most_similar(X, X, 10, apart=(groups, groups))
    _, alone = most_similar(X, X, 2, apart=(np.zeros(230, int), np.zeros(230, int)))

    assert (groups[rows] != groups[:, None]).all()
    assert (cosines > -1.01).all()
    assert (alone == -2.0).all()


def test_nobody_has_no_neighbours():
    rows, cosines = most_similar(np.empty((0, 4), np.float32), np.ones((3, 4), np.float32), 2)

    assert rows.shape == cosines.shape == (0, 2)


def test_equal_rows_are_at_distance_zero_and_the_lower_number_comes_first(X):
    twice = np.concatenate([X, X])

    rows, dist = nearest_rows(X[:30], twice, 2)

    assert (dist == 0).all()
    assert (rows == np.arange(30)[:, None] + [0, 230]).all()


def test_squares_are_those_of_the_differences(X):
    expected = np.square(X[:, None].astype(np.float64) - X[None, :9]).sum(axis=2)

    np.testing.assert_allclose(squares(X, X[:9]), expected, atol=1e-6)


def test_no_module_has_a_blocked_search_of_its_own():
    """The names that were eight copies; spark keeps the best of a partition while it reads, which is another thing."""
    from pathlib import Path

    import mmtoolkit

    home = Path(mmtoolkit.__file__).parent
    users = [p.relative_to(home).as_posix() for p in home.rglob("*.py") if "np.argpartition(" in p.read_text("utf-8")]

    ours = [
        "_nearest.py",
        "projection/descent.py",
        "retrieval/pairs.py",
    ]  # the last two: of a leaf, and of the pairs found
    assert sorted(users) == ours


@pytest.fixture
def copies(rng):
    """500 unit rows with exact copies among them."""
    X = unit_rows(rng.standard_normal((500, 24)))
    X[100:110] = X[7]
    return X


def brute(Q, X, k):
    S = Q.astype(np.float64) @ X.T.astype(np.float64)
    order = np.stack([np.lexsort((np.arange(len(X)), -np.round(s, 12))) for s in S])[:, :k]
    return order, np.take_along_axis(S, order, axis=1)


@pytest.mark.parametrize("k", [1, 10, 499, 500])
def test_search_is_exact_with_equals_in_row_order(copies, k, monkeypatch):
    monkeypatch.setattr(_nearest, "_CELLS", 640)
    monkeypatch.setattr(_nearest, "_ITEMS", 64)
    Q = np.concatenate([copies[[7, 0]], -copies[3:4]])

    rows, scores = _nearest.top_k(Q, copies, k)

    expected, values = brute(Q, copies, k)
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(scores, values, atol=1e-12)


def test_search_gives_the_same_bytes_whatever_the_blocks_and_threads(copies, monkeypatch):
    with threadpool_limits(1):
        one = _nearest.top_k(copies[:60], copies, 9)
    monkeypatch.setattr(_nearest, "_CELLS", 640)
    monkeypatch.setattr(_nearest, "_ITEMS", 100)
    monkeypatch.setattr(_nearest, "_QUERIES", 7)
    with threadpool_limits(2):
        two = _nearest.top_k(copies[:60], copies, 9)

    assert [a.tobytes() for a in one] == [a.tobytes() for a in two]


def test_rows_of_any_length_are_ranked_by_their_dot_products(copies, monkeypatch):
    monkeypatch.setattr(_nearest, "_CELLS", 640)
    monkeypatch.setattr(_nearest, "_ITEMS", 64)
    long = copies * np.geomspace(1e-3, 1e3, len(copies), dtype=np.float32)[:, None]
    long[7] = long[3]

    _, scores = _nearest.top_k(long[:5], long, 12, unit=False)

    S = long[:5].astype(np.float64) @ long.T.astype(np.float64)
    np.testing.assert_allclose(scores, -np.sort(-S, axis=1)[:, :12], rtol=1e-12)


def test_memory_does_not_grow_with_queries_times_items(rng):
    X = unit_rows(rng.normal(size=(16_000, 4)))
    most_similar(X[:10], X[:100], 3)

    tracemalloc.start()
    try:
        most_similar(X[:4000], X, 5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    n_threads = n_workers()
    assert peak < 100e6 * n_threads  # a product, its copy and the places; it was 500 MB a thread
