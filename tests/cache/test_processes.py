"""Many processes and threads on one folder; processes that die at any moment."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from mmtoolkit.cache import EmbeddingCache, Space
from mmtoolkit.errors import CacheError

SPACE = Space("m", "1", 64)


def needs_fork(test):
    test = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")(test)
    return pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")(test)


COMMON = """
import hashlib, sys
import numpy as np
from mmtoolkit.cache import EmbeddingCache, Space
space = Space("m", "1", 64)
def make(start, stop):
    keys = [hashlib.sha256(str(i).encode()).digest() for i in range(start, stop)]
    return keys, np.array([np.random.default_rng(i).standard_normal(64, dtype=np.float32) for i in range(start, stop)])
cache = EmbeddingCache(sys.argv[1])
"""

WRITE_FOREVER = """
start = int(sys.argv[2])
while True:
    cache.put(*make(start, start + 20), space)
    print(start, flush=True)  # acknowledged
    start += 20
"""

COMPACT_FOREVER = """
while True:
    cache.put(*make(0, 200), Space("doomed", "1", 64))
    cache.put(*make(200, 400), space)
    print("go", flush=True)
    cache.prune(model="doomed")
    cache.verify()
"""

OVERLAP = """
for number in range(20):
    first = (number + int(sys.argv[2])) % 10 * 50
    cache.put(*make(first, first + 100), space)
    assert not cache.missing(make(first, first + 100)[0], space).any()
"""


def start(script, *args):
    command = [sys.executable, "-c", COMMON + script, *map(str, args)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_writer_killed_at_any_moment_loses_nothing_that_it_was_told_is_kept(cache, make):
    told = 0
    for trial in range(4):
        process = start(WRITE_FOREVER, cache.path, told)
        process.stdout.readline()
        time.sleep(random.Random(trial).uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        lines = process.communicate()[0].split()
        told = int(lines[-1]) + 20 if lines else told + 20

        keys, X = make(0, told, 64)
        found, got = cache.get(keys, SPACE)
        assert found.all()
        assert np.array_equal(got, X)
    assert cache.verify().ok
    more = make(told + 1000, told + 1010, 64)
    assert cache.put(*more, SPACE) == 10


def test_a_process_that_dies_while_compacting_changes_nothing(cache, make):
    keys, X = make(0, 400, 64)
    cache.put(keys, X, SPACE)
    for trial in range(3):
        process = start(COMPACT_FOREVER, cache.path)
        process.stdout.readline()
        time.sleep(random.Random(trial).uniform(0.0, 0.1))
        process.send_signal(signal.SIGKILL)
        process.communicate()

        assert np.array_equal(cache.get(keys, SPACE)[1], X)
        assert cache.verify().ok
    cache.prune(model="doomed")
    assert len(list(cache.path.rglob("*.f32"))) == 1  # what the dead left behind is gone


def test_four_processes_write_overlapping_keys(cache, make):
    processes = [start(OVERLAP, cache.path, 3 * i) for i in range(4)]
    for process in processes:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors

    keys, X = make(0, 550, 64)
    assert np.array_equal(cache.get(keys, SPACE)[1], X)
    assert cache.stats()["vectors"].tolist() == [550]
    assert (cache.path / "segments").joinpath(next(cache.path.rglob("*.f32"))).stat().st_size == 550 * 256
    assert cache.verify().ok


def test_threads_read_whole_rows_while_others_write_and_compact(cache, make, monkeypatch):
    keys, X = make(0, 600, 64)
    doomed = Space("m", "old", 64)
    errors = []
    done = threading.Event()

    def guarded(work):
        try:
            work()
        except BaseException as error:
            errors.append(error)

    def read():
        while not done.is_set():
            found, got = cache.get(keys, SPACE)
            assert np.array_equal(got[found], X[found])

    def write():
        for i in range(0, 600, 20):
            cache.put(keys[i : i + 20], X[i : i + 20], SPACE)
            with monkeypatch.context() as patch:
                patch.setattr("mmtoolkit.cache.store.time.time", lambda: 1e9)  # long ago
                cache.put(keys[i : i + 5], X[i : i + 5], doomed)
            if i % 100 == 0:
                assert cache.prune(older_than="30d") >= 5

    readers = [threading.Thread(target=guarded, args=(read,)) for _ in range(3)]
    for thread in readers:
        thread.start()
    guarded(write)
    done.set()
    for thread in readers:
        thread.join()

    assert errors == []
    assert np.array_equal(cache.get(keys, SPACE)[1], X)
    assert cache.verify().ok


def test_an_index_that_cannot_be_made_keeps_no_other_thread_out(cache, make):
    resource = pytest.importorskip("resource")
    keys, X = make(0, 10, 64)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(CacheError):
            cache.put(keys, X, SPACE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    other = threading.Thread(target=cache.put, args=(keys, X, SPACE), daemon=True)
    other.start()
    other.join(60)

    assert not other.is_alive()
    assert cache.get(keys, SPACE)[0].all()


@needs_fork
def test_children_of_a_fork_and_their_parent_write_without_loss(cache, make):
    keys, X = make(0, 200, 64)
    cache.put(keys[:10], X[:10], SPACE)
    cache.get(keys, SPACE)
    context = multiprocessing.get_context("fork")

    def child(first):
        cache.put(keys[first : first + 60], X[first : first + 60], SPACE)
        os._exit(0 if cache.get(keys[first : first + 60], SPACE)[0].all() else 1)

    children = [context.Process(target=child, args=(first,)) for first in (10, 60, 110)]
    for process in children:
        process.start()
        cache.put(keys[170:], X[170:], SPACE)
    cache.close()  # the last connection of this process goes while the children still write
    for process in children:
        process.join(60)

    assert [process.exitcode for process in children] == [0, 0, 0]
    assert np.array_equal(cache.get(keys, SPACE)[1], X)
    assert cache.verify().ok


@needs_fork
@pytest.mark.timeout(120)
def test_a_fork_while_another_thread_writes_leaves_a_child_that_reads_and_writes(cache, make):
    keys, X = make(0, 2000, 64)
    writer = threading.Thread(
        target=lambda: [cache.put(keys[i : i + 50], X[i : i + 50], SPACE) for i in range(100, 2000, 50)]
    )
    writer.start()
    first = 0
    while writer.is_alive() or not first:
        pid = os.fork()
        if pid == 0:
            cache.put(keys[first : first + 1], X[first : first + 1], SPACE)
            os._exit(0 if not cache.missing(keys[first : first + 1], SPACE).any() else 1)
        assert os.waitpid(pid, 0)[1] == 0
        first = min(first + 1, 99)
    writer.join()

    assert np.array_equal(EmbeddingCache(cache.path).get(keys[100:], SPACE)[1], X[100:])
    assert not cache.missing(keys[:first], SPACE).any()


@needs_fork
@pytest.mark.timeout(120)
def test_a_child_is_not_locked_out_by_what_a_thread_of_its_parent_held_at_the_fork(cache, make):
    keys, X = make(0, 3, 64)
    cache.put(keys[2:], X[2:], SPACE)
    held, release = threading.Event(), threading.Event()

    def hold():
        with cache._index.lock.held():
            held.set()
            release.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(60)
    pid = os.fork()
    if pid == 0:
        cache.put(keys, X, SPACE)  # waits for the parent, not for its own copy of the lock
        os._exit(0)
    time.sleep(0.2)
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)  # the parent's lock holds against the child
    release.set()
    thread.join()

    assert os.waitpid(pid, 0)[1] == 0
    assert not cache.missing(keys, SPACE).any()


HOLD = """
with cache._index.lock.held():
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_who_waits_for_long_is_told_for_whom(cache, make, monkeypatch):
    cache.path.mkdir()
    command = [sys.executable, "-c", COMMON + HOLD, str(cache.path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdout.readline()
    monkeypatch.setattr("mmtoolkit.cache.lock._TELL_S", 0.2)
    monkeypatch.setattr("mmtoolkit.cache.lock._WAIT_S", 0.6)

    with (
        pytest.warns(
            UserWarning, match=f"has been locked by process {holder.pid} on .* for 0 s. Wait for it or end it"
        ),
        pytest.raises(CacheError, match=f"has been locked by process {holder.pid}"),
    ):
        cache.put(*make(0, 1, 64), SPACE)

    holder.communicate("go")
    assert cache.put(*make(0, 1, 64), SPACE) == 1


def test_what_a_stranger_wrote_in_the_name_of_the_holder_is_shown_on_one_line(cache, make, monkeypatch):
    cache.path.mkdir()
    (cache.path / "lock.holder").write_text("\x1b[31mprocess 1\x07\n" + "x" * 10_000)
    monkeypatch.setattr("mmtoolkit.cache.lock._WAIT_S", 0.2)
    with contextlib.closing(sqlite3.connect(cache.path / "lock.next", isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")

        with pytest.raises(CacheError, match=r"locked by \[31mprocess 1 x+ for 0 s"):
            cache.put(*make(0, 1, 64), SPACE)


TAKE_TURNS = """
import time
longest, stop = 0, time.monotonic() + 3
while time.monotonic() < stop:
    start = time.monotonic()
    cache.put(*make(int(start * 1e6) % 10**9, int(start * 1e6) % 10**9 + 5), space)
    longest = max(longest, time.monotonic() - start)
print(longest)
"""


def test_writers_that_compete_take_turns(cache):
    processes = [start(TAKE_TURNS, cache.path) for _ in range(4)]

    longest = [float(process.communicate(timeout=120)[0]) for process in processes]

    assert max(longest) < 2.0  # a second on a machine with nothing else to do
