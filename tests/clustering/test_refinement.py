"""Lloyd's steps."""

import numpy as np

from mmtoolkit.clustering.refinement import lloyd


def test_lloyd_fills_empty_clusters(rng):
    X = rng.standard_normal((50, 3)).astype(np.float32)
    far = np.full((4, 3), 100.0, dtype=np.float32)

    labels, centers = lloyd(X, far, 10)

    assert np.bincount(labels, minlength=4).all()
    assert np.isfinite(centers).all()
