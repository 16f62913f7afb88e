"""The nearest rows are exact and have the same bytes whatever the blocks and threads."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from mmtoolkit import _nearest as exact


def brute(Q, X, k):
    S = Q.astype(np.float64) @ X.T.astype(np.float64)
    order = np.stack([np.lexsort((np.arange(len(X)), -np.round(s, 12))) for s in S])[:, :k]
    return order, np.take_along_axis(S, order, axis=1)


@pytest.mark.parametrize("k", [1, 10, 499, 500])
def test_search_is_exact_with_equals_in_row_order(X, k, monkeypatch):
    monkeypatch.setattr(exact, "_CELLS", 640)
    monkeypatch.setattr(exact, "_ITEMS", 64)
    Q = np.concatenate([X[[7, 0]], -X[3:4]])

    rows, scores = exact.top_k(Q, X, k)

    expected, values = brute(Q, X, k)
    np.testing.assert_array_equal(rows, expected)
    np.testing.assert_allclose(scores, values, atol=1e-12)


def test_search_gives_the_same_bytes_whatever_the_blocks_and_threads(X, monkeypatch):
    with threadpool_limits(1):
        one = exact.top_k(X[:60], X, 9)
    monkeypatch.setattr(exact, "_CELLS", 640)
    monkeypatch.setattr(exact, "_ITEMS", 100)
    monkeypatch.setattr(exact, "_QUERIES", 7)
    with threadpool_limits(2):
        two = exact.top_k(X[:60], X, 9)

    assert [a.tobytes() for a in one] == [a.tobytes() for a in two]


def test_rows_of_any_length_are_ranked_by_their_dot_products(X, monkeypatch):
    monkeypatch.setattr(exact, "_CELLS", 640)
    monkeypatch.setattr(exact, "_ITEMS", 64)
    long = X * np.geomspace(1e-3, 1e3, len(X), dtype=np.float32)[:, None]
    long[7] = long[3]

    _, scores = exact.top_k(long[:5], long, 12, unit=False)

    S = long[:5].astype(np.float64) @ long.T.astype(np.float64)
    np.testing.assert_allclose(scores, -np.sort(-S, axis=1)[:, :12], rtol=1e-12)
