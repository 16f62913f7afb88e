"""Fingerprints and the environment."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from mmtoolkit.provenance import environment, fingerprint, one_thread, versions


def test_fingerprint_tells_value_shape_and_dtype_apart_and_not_the_layout():
    X = np.arange(6, dtype=np.float32).reshape(2, 3)
    changed = X.copy()
    changed[1, 2] = np.nextafter(changed[1, 2], np.float32(9))

    assert fingerprint(X) == fingerprint(np.asfortranarray(X)) == fingerprint(X.copy())
    assert len({fingerprint(v) for v in (X, changed, X.T, X.ravel(), X.astype(np.float64))}) == 5


@pytest.mark.parametrize(("a", "b"), [(["x", None], ["x", "None"]), ([1, "1"], ["1", 1]), (["ab", "c"], ["a", "bc"])])
def test_fingerprint_tells_objects_apart(a, b):
    assert fingerprint(np.array(a, dtype=object)) != fingerprint(np.array(b, dtype=object))


def test_environment_names_versions_and_processor_kind_and_is_stable():
    here = environment()

    assert here == environment()
    assert here["libraries"]["numpy"] == np.__version__
    assert here["blas"]


def test_missing_libraries_have_no_version():
    assert versions(("numpy", "no-such-library")) == {"numpy": np.__version__}


def test_one_thread_holds_inside_only():
    before = [pool["num_threads"] for pool in threadpool_info()]

    with one_thread():
        inside = {pool["num_threads"] for pool in threadpool_info()}

    assert inside == {1}
    assert [pool["num_threads"] for pool in threadpool_info()] == before
