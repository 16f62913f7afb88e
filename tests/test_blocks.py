"""Work in parts by several threads: the same bytes with any number of them, in order, and it can be stopped."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit import _blocks as blocks_of
from mmtoolkit._blocks import blocks, in_order, n_workers


@pytest.fixture
def threads(monkeypatch):
    return lambda n: monkeypatch.setenv("MMTOOLKIT_NUM_THREADS", str(n))


def test_results_come_in_order_from_several_threads(threads):
    threads(3)
    together = threading.Barrier(3, timeout=30)

    def work(part):
        if part < 3:
            together.wait()
        time.sleep(0.01 * (part % 3 == 0))
        return part, threading.current_thread().name

    found = list(in_order(work, range(20)))

    assert [part for part, _ in found] == list(range(20))
    assert len({name for _, name in found}) == 3


def test_blocks_cover_all_rows():
    assert blocks(7, 3) == [slice(0, 3), slice(3, 6), slice(6, 7)]
    assert blocks(0, 3) == []
    assert list(in_order(str, [])) == []


def test_parts_inside_a_part_are_computed_by_the_same_thread(threads):
    threads(2)

    def inner(_):
        return threading.get_ident()

    def outer(_):
        return {threading.get_ident(), *in_order(inner, range(5))}

    assert [len(found) for found in in_order(outer, range(4))] == [1, 1, 1, 1]


def test_a_part_has_one_thread_of_openmp(threads):
    import sklearn.utils  # noqa: F401 - brings OpenMP
    from threadpoolctl import threadpool_info

    threads(2)
    found = list(
        in_order(lambda _: [p["num_threads"] for p in threadpool_info() if p["user_api"] == "openmp"], range(4))
    )

    assert found == [[1] * len(found[0])] * 4
    assert found[0]


def test_an_error_in_a_part_reaches_the_caller_and_the_rest_is_dropped(threads):
    threads(2)
    begun = []

    def work(part):
        begun.append(part)
        if part == 1:
            msg = "part 1"
            raise KeyError(msg)
        return part

    with pytest.raises(KeyError, match="part 1"):
        list(in_order(work, range(100)))
    assert len(begun) < 100


@pytest.mark.parametrize("value", ["0", "1.5", "many", "-2"])
def test_a_number_of_threads_that_is_none_is_refused(threads, value):
    threads(value)
    with pytest.raises(ValueError, match=f"MMTOOLKIT_NUM_THREADS .* got '{value}'"):
        n_workers()


@pytest.mark.parametrize("value", ["-1", "", "3"])
def test_all_cores_or_as_many_as_asked(threads, value):
    threads(value)
    assert n_workers() == (3 if value == "3" else len(os.sched_getaffinity(0)))


rng = np.random.default_rng(0)
CODES = rng.integers(0, 6, 20_500)
ROWS = (rng.normal(size=(6, 16))[CODES] + rng.normal(size=(20_500, 16))).astype(np.float32)

VERBS = {
    "cluster": lambda: mm.cluster(ROWS, 6).labels,
    "sweep": lambda: mm.cluster(ROWS[:3000], n_clusters=(2, 9)).sweep.to_numpy(),
    "stability": lambda: mm.cluster(ROWS[:600], 4).stability(4).ari,
    "learning_curve": lambda: learner().learning_curve(sizes=[4, 9]).points.to_numpy(),
    "classify": lambda: mm.classify(ROWS[:1500], CODES[:1500], cv=2).y_proba,
    "classify in blocks": lambda: mm.classify(ROWS[:2000], CODES[:2000], cv=2).y_proba,
    "classify, many rows": lambda: (
        mm.classify(ROWS[:5000], CODES[:5000], inference=False, cv=2, duplicates="ignore").y_proba
    ),
    "classify others": lambda: mm.classify(ROWS[:900], CODES[:900], estimator=_nb()).y_proba,
    "near_duplicates": lambda: mm.near_duplicates(ROWS[:5000]).nearest,
    "project": lambda: mm.project(ROWS[:1100]).coords,
}


def learner():
    return mm.classify(ROWS[:400], CODES[:400], cv=2, inference=False)


def _nb():
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB()


@pytest.mark.parametrize("verb", VERBS)
def test_bytes_do_not_depend_on_the_number_of_threads(threads, tmp_path, monkeypatch, verb):
    if verb == "classify in blocks":  # as a large matrix is: one fold after another, each by all threads
        monkeypatch.setattr("mmtoolkit.classification.trial._TOGETHER", 0)
        monkeypatch.setattr("mmtoolkit.classification.gradients._CACHED", 0)
    found = []
    for n in (1, 2, 5):
        threads(n)
        monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path / str(n)))  # or the second would be remembered
        found.append(np.asarray(VERBS[verb]()).tobytes())
    assert found[0] == found[1] == found[2]


def test_n_jobs_is_how_many_threads_a_verb_uses_and_changes_nothing(threads, tmp_path, monkeypatch):
    threads(2)
    found, used = [], []
    monkeypatch.setattr("mmtoolkit._blocks._pool", lambda n, pool=blocks_of._pool: used.append(n) or pool(n))
    for n_jobs in (None, 1, 3, -1):
        monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path / str(n_jobs)))
        c = mm.cluster(ROWS, 6, n_jobs=n_jobs)
        found.append((c.labels.tobytes(), c.centers.tobytes(), c.recipe))
        used.append("|")

    assert len({(labels, centers) for labels, centers, _ in found}) == 1
    assert len({repr(recipe) for *_, recipe in found}) == 1
    assert "n_jobs" not in found[1][2]["params"]
    cores = len(os.sched_getaffinity(0))
    asked = [set(part) for part in "".join(str(n) for n in used).split("|")][:4]
    assert asked == [{"2"}, set(), {"3"}, {str(cores)} if cores > 1 else set()]


@pytest.mark.parametrize("n_jobs", [0, 1.5, -2, True, "2"])
def test_n_jobs_that_is_none_is_refused(n_jobs):
    with pytest.raises(
        ValueError, match="n_jobs must be a number of threads of at least 1, or -1 or None for all cores"
    ):
        mm.near_duplicates(ROWS[:50], n_jobs=n_jobs)


INTERRUPTED = """
import numpy as np, mmtoolkit as mm
rng = np.random.default_rng(0)
X = rng.normal(size=(40_000, 256)).astype(np.float32)
y = rng.integers(40, size=len(X))
r = mm.classify(X[:1000], y[:1000] % 4, cv=2, duplicates="ignore", inference=False)
verbs = {
    "classify": lambda: mm.classify(X, y),
    "compare": lambda: mm.compare({"a": X[:, :200], "b": X[:, 56:]}, y),
    "cluster": lambda: mm.cluster(X[:20_000], 5_000),
    "cluster, no number": lambda: mm.cluster(X),
    "learning_curve": lambda: r.learning_curve(n_draws=500),
    "check_new": lambda: [mm.check_new(r, X) for _ in range(1000)],
    "near_duplicates": lambda: [mm.near_duplicates(X) for _ in range(1000)],
    "search": lambda: [mm.search(X, X[:2000]) for _ in range(1000)],
    "project": lambda: [mm.project(X, random_state=seed, progress=False) for seed in range(1000)],
}
for name, work in verbs.items():
    print("begun", flush=True)
    try:
        work()
    except KeyboardInterrupt:
        print("stopped", name, flush=True)
"""


def test_ctrl_c_ends_every_verb(tmp_path):
    env = {**os.environ, "MMTOOLKIT_CACHE": str(tmp_path)}
    command = [sys.executable, "-W", "ignore", "-c", INTERRUPTED]
    stopped = []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
        while process.stdout.readline() == b"begun\n":
            time.sleep(0.7)
            process.send_signal(signal.SIGINT)
            start = time.monotonic()
            line = process.stdout.readline().decode()
            stopped.append((line.removeprefix("stopped ").strip(), time.monotonic() - start))
    assert process.returncode == 0
    assert [name for name, _ in stopped] == re.findall(r'^    "([^"]*)": lambda', INTERRUPTED, re.MULTILINE)
    print(stopped)
    late = [(name, seconds) for name, seconds in stopped if seconds > 20]  # alone each takes less than two
    assert not late


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_child_of_a_fork_has_threads_of_its_own(threads):
    threads(2)
    assert list(in_order(abs, range(4))) == [0, 1, 2, 3]
    pid = os.fork()
    if pid == 0:
        os._exit(0 if list(in_order(abs, range(4))) == [0, 1, 2, 3] else 1)
    assert os.waitpid(pid, 0)[1] == 0
