"""Derived results: computed once, by these library versions, within bounds, and never trusted when broken."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

from mmtoolkit import derived
from mmtoolkit.derived import bypass, remember


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path))
    return tmp_path / "derived"


class Work:
    """Counts how often it was done."""

    def __init__(self, **arrays):
        self.arrays = arrays or {"a": np.arange(6, dtype=np.int8).reshape(2, 3, order="F"), "b": np.float32(0.1)}
        self.done = 0

    def __call__(self):
        self.done += 1
        return self.arrays


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].dtype == np.asarray(b[name]).dtype
        assert np.array_equal(a[name], b[name])


def test_the_same_is_computed_once(folder):
    work = Work()

    for parts in ({"x": "ab", "n": 2, "t": [1, 2]}, {"n": np.int64(2), "t": (1, 2), "x": "ab"}):
        same(remember("graph", parts, work, step=1, libraries=("numpy",)), work.arrays)

    assert work.done == 1
    assert len(list(folder.glob("graph/*.npz"))) == 1


@pytest.mark.parametrize("change", ["kind", "parts", "step", "libraries", "versions"])
def test_anything_else_is_computed_anew(folder, monkeypatch, change):
    work = Work()
    call = {"kind": "graph", "parts": {"x": 1}, "step": 1, "libraries": ("numpy",)}
    other = {"kind": "map", "parts": {"x": 2}, "step": 2, "libraries": ("numpy", "scipy")}

    remember(call["kind"], call["parts"], work, step=call["step"], libraries=call["libraries"])
    if change == "versions":
        monkeypatch.setattr(derived, "versions", lambda names: dict.fromkeys(names, "99"))
    else:
        call[change] = other[change]
    remember(call["kind"], call["parts"], work, step=call["step"], libraries=call["libraries"])

    assert work.done == 2


def test_bypass_neither_reads_nor_writes(folder):
    work = Work()
    remember("graph", {}, work, step=1)

    with bypass():
        remember("graph", {}, work, step=1)
        remember("graph", {"other": 1}, work, step=1)
    remember("graph", {}, work, step=1)

    assert work.done == 3
    assert len(list(folder.glob("*/*"))) == 1


@pytest.mark.parametrize("seed", range(12))
def test_a_broken_file_is_computed_again_and_replaced(folder, seed):
    work = Work(a=np.random.default_rng(0).standard_normal(200))
    remember("graph", {}, work, step=1)
    (path,) = folder.glob("graph/*.npz")
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(seed)
    if seed % 3:
        for i in rng.integers(0, len(data), 20):
            data[i] ^= int(rng.integers(1, 256))
    path.write_bytes(data[: len(data) if seed % 3 else int(rng.integers(0, len(data)))])

    same(remember("graph", {}, work, step=1), work.arrays)
    same(remember("graph", {}, work, step=1), work.arrays)

    assert work.done == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_in_place_of_a_file_is_not_waited_for(folder):
    work = Work()
    remember("graph", {}, work, step=1)
    (path,) = folder.glob("graph/*.npz")
    path.unlink()
    os.mkfifo(path)

    same(remember("graph", {}, work, step=1), work.arrays)
    same(remember("graph", {}, work, step=1), work.arrays)

    assert work.done == 2


def test_pickles_are_neither_written_nor_read(folder):
    with pytest.raises(ValueError, match="the array 'a' of object is not a plain array"):
        remember("graph", {}, Work(a=np.array([{}], dtype=object)), step=1)
    assert list(folder.glob("*/*")) == []

    work = Work()
    remember("graph", {}, work, step=1)
    (path,) = folder.glob("graph/*.npz")
    np.savez(path, a=np.array([{}], dtype=object))
    same(remember("graph", {}, work, step=1), work.arrays)


def test_an_unwritable_store_only_means_computing(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path / "file"))
    work = Work()

    same(remember("graph", {}, work, step=1), work.arrays)

    assert work.done == 1
    assert "cannot be kept" in caplog.text


def test_the_folder_is_bounded_and_forgets_what_was_used_longest_ago(folder, monkeypatch):
    monkeypatch.setattr(derived, "_MAX_BYTES", 100_000)
    (folder / "graph").mkdir(parents=True)
    left = folder / "graph" / "x.part"
    left.write_text("a process died here")
    os.utime(left, (0, 0))
    array = np.zeros(2000, dtype=np.uint8)
    first = Work(a=array)
    remember("graph", {"i": -1}, first, step=1)
    for i in range(60):
        remember("graph", {"i": i}, Work(a=array), step=1)
        for path in folder.glob("graph/*.npz"):
            s = os.stat(path)
            os.utime(path, ns=(s.st_atime_ns, s.st_mtime_ns - 10**9))  # a second passes
        remember("graph", {"i": -1}, first, step=1)

    assert sum(p.stat().st_size + 4096 for p in folder.glob("*/*")) <= 100_000
    assert len(list(folder.glob("*/*"))) >= 10
    assert first.done == 1
    assert not left.exists()


def test_many_threads_may_compute_the_same(folder):
    work, found = Work(a=np.arange(50_000)), []
    threads = [threading.Thread(target=lambda: found.append(remember("g", {}, work, step=1))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    for one in found:
        same(one, work.arrays)
    assert [p.suffix for p in folder.glob("*/*")] == [".npz"]


def test_parts_must_be_json(folder):
    with pytest.raises(TypeError, match="got ndarray; pass an array by its fingerprint"):
        remember("graph", {"x": np.zeros(3)}, Work(), step=1)


def test_min_dist_keeps_the_neighbours_and_n_clusters_the_map(folder, glosses):
    import mmtoolkit as mm

    X = glosses.vectors[:120]
    for min_dist in (0.1, 0.5):
        mm.project(X, min_dist=min_dist)
    kept = {p.parent.name: set(p.parent.iterdir()) for p in folder.glob("*/*")}

    assert len(kept["neighbors"]) == 1
    assert len(kept["map"]) == 2

    for n_clusters in (2, 3):
        mm.cluster(X, n_clusters=n_clusters)
        mm.project(X)
    assert {p.parent.name: set(p.parent.iterdir()) for p in folder.glob("[nm]*/*")} == kept
