"""Fingerprints and the environment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import mmtoolkit as mm
from mmtoolkit._arguments import checked_seed
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


def test_one_thread_ends_with_the_last_context_of_several_threads():
    entered, leave = Event(), Event()

    def work():
        with one_thread():
            entered.set()
            leave.wait(60)
            return {pool["num_threads"] for pool in threadpool_info()}

    with threadpool_limits(2), ThreadPoolExecutor(1) as pool:
        before = [pool["num_threads"] for pool in threadpool_info()]
        with one_thread():
            other = pool.submit(work)
            assert entered.wait(60)
        leave.set()  # the first context is left, the second is not
        assert other.result() == {1}
        assert [pool["num_threads"] for pool in threadpool_info()] == before
        assert max(before) == 2


def test_one_thread_ends_with_the_last_context_of_one_thread_whatever_their_order():
    with threadpool_limits(2):
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        inside = {pool["num_threads"] for pool in threadpool_info()}
        second.__exit__(None, None, None)
        after = {pool["num_threads"] for pool in threadpool_info()}

    assert inside == {1}
    assert max(after) == 2


VERBS = {
    "cluster": lambda X, **seed: mm.cluster(X, 2, **seed),
    "classify": lambda X, **seed: mm.classify(X, ["a", "b"] * 10, **seed),
    "compare": lambda X, **seed: mm.compare({"one": X, "two": X}, ["a", "b"] * 10, **seed),
    "project": lambda X, **seed: mm.project(X, method="pca", **seed),
    "pick": lambda X, **seed: mm.pick(X, 2, **seed),
    "audit": lambda X, **seed: mm.audit(X, **seed),
    "evaluate_search": lambda X, **seed: mm.evaluate_search(X, X[:1], [[0]], **seed),
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("seed", [None, -1, 1.7, 2**32, True, "1"])
def test_every_verb_takes_the_same_seeds(rng, verb, seed):
    with pytest.raises(ValueError, match=r"random_state must be an integer from 0 to 2\*\*32 - 1, got "):
        VERBS[verb](rng.normal(size=(20, 4)), random_state=seed)


def test_a_seed_of_numpy_is_a_plain_int():
    assert type(checked_seed(np.uint32(7))) is int
