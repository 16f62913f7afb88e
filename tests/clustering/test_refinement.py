"""Lloyd's steps and Ward's criterion."""

import numpy as np
import pytest

from mmtoolkit.clustering.refinement import lloyd, ward


def test_ward_merges_what_costs_least():
    means = np.array([[0.0], [1.0], [10.0], [10.5]])

    found = ward(means, np.array([1.0, 1.0, 1.0, 3.0]), {3, 2})

    assert sorted(found[3].ravel()) == pytest.approx([0.0, 1.0, 10.375])
    assert sorted(found[2].ravel()) == pytest.approx([0.5, 10.375])


def test_lloyd_fills_empty_clusters(rng):
    X = rng.standard_normal((50, 3)).astype(np.float32)
    far = np.full((4, 3), 100.0, dtype=np.float32)

    labels, centers = lloyd(X, far, 10)

    assert np.bincount(labels, minlength=4).all()
    assert np.isfinite(centers).all()
