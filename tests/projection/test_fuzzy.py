"""The neighbour graph has umap-learn's weights."""

import warnings

import numpy as np
import pytest

from mmtoolkit.projection.fuzzy import fuzzy_graph, smooth_widths
from mmtoolkit.projection.neighbors import exact


@pytest.fixture(scope="module")
def umap_():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import umap_

    return umap_


@pytest.fixture
def neighbors(rng):
    X = rng.normal(size=(80, 6)).astype(np.float32)
    X[:20] = X[0]  # more equal rows than neighbours
    X[20:24] = X[30:34]
    return exact(X, 15)


def test_widths_are_umap_learns(neighbors, umap_):
    widths, nearest = smooth_widths(neighbors[1].astype(np.float64))

    expected, expected_nearest = umap_.smooth_knn_dist.py_func(neighbors[1], 15.0)

    assert widths == pytest.approx(expected, rel=1e-4)
    assert nearest == pytest.approx(expected_nearest, rel=1e-6)


def test_weights_are_umap_learns(neighbors, umap_):
    from scipy.sparse import coo_matrix

    widths, nearest = umap_.smooth_knn_dist.py_func(neighbors[1], 15.0)
    rows, columns, values, _ = umap_.compute_membership_strengths.py_func(*neighbors, widths, nearest)
    own = coo_matrix((values, (rows, columns)), shape=(80, 80)).tocsr()
    expected = (own + own.T - own.multiply(own.T)).toarray()

    graph = fuzzy_graph(neighbors).toarray()

    assert graph == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(graph, graph.T)
    assert (graph.diagonal() == 0).all()
