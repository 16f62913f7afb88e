"""Files are replaced whole, by every writer: a full disk, an interrupt and a second writer leave nothing half."""

import errno
import logging
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit._files import replaced
from mmtoolkit.cache import EmbeddingCache, Space
from mmtoolkit.cache.segment import Segment, SegmentNote
from mmtoolkit.derived import remember
from mmtoolkit.errors import CacheError, MMToolkitError
from mmtoolkit.models import get_model
from mmtoolkit.providers.dashscope import canary
from mmtoolkit.reporting import sidecar

LIMIT = 1000  # bytes that a file may have on the full disk


@contextmanager
def full_disk():
    """Let no file grow beyond a limit, which works without root and without mounts."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def test_the_new_content_takes_the_place_of_the_old(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    with replaced(target) as part:
        part.write_text("new")
        assert target.read_text() == "old"

    assert target.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_a_name_as_long_as_the_file_system_takes_is_fine(tmp_path):
    target = tmp_path / ("é" * 120 + ".txt")

    with replaced(target) as part:
        part.write_text("new")

    assert target.read_text() == "new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError("no"), OSError(errno.ENOSPC, "No space left")])
def test_nothing_changes_when_writing_stops(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write():
        with replaced(target) as part:
            part.write_text("ne")
            raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        write()

    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_the_error_names_the_file_that_was_asked_for(tmp_path):
    gone, folder = tmp_path / "gone" / "a.txt", tmp_path / "folder"
    folder.mkdir()

    with pytest.raises(FileNotFoundError, match=r"gone.a\.txt'$"), replaced(gone):
        pass
    with pytest.raises(OSError, match=r"folder'$") as caught, replaced(folder) as part:
        part.write_text("a file does not take the place of a folder")

    assert caught.value.filename == os.fspath(folder)
    assert names(tmp_path) == ["folder"]


def test_an_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"other\.txt'$"), replaced(tmp_path / "a.txt"):
        (tmp_path / "other.txt").read_text()

    assert names(tmp_path) == []


def embeddings(folder, X):
    mm.Embeddings(X).save(folder / "it")


def classifier(folder, X):
    mm.classify(X, ["a", "b"] * 30, duplicates="ignore").save(folder)


def table_of_items(folder, X):
    mm.classify(X, ["a", "b"] * 30, cv=2, duplicates="ignore", inference=False).to_csv(folder / "it.csv")


def vector_table(folder, X):
    from mmtoolkit.cache.table import write_table

    write_table(folder / "it", [([bytes(32)] * len(X), X)], Space("m", "1", X.shape[1]))


def report(folder, X):
    rep = mm.report(mm.cluster(X, 2))
    (folder / "it").touch()
    rep.save(folder / "it.html")


def long_lists(folder, X):
    sidecar.split({"ids": list(range(sidecar.LONGEST + 1))}, folder / "it.json")


def map_file(folder, X):
    mm.explore(X, projection=X[:, :2]).save(folder / "it")


def first_vectors(folder, X):
    spec = get_model("multimodal-embedding-v1")
    day = date(2026, 1, 1 + len(list(folder.rglob("*.json"))))
    canary.check_drift(spec, 1024, {}, lambda contents: np.ones((len(contents), 1024)), day)


def note_of_a_segment(folder, X):
    Segment(folder, "it", SegmentNote("m", 4, dict.fromkeys(range(100), ("1", "{}")))).describe()


WRITERS = {
    embeddings: "it",
    classifier: r"classifier\.npz",
    table_of_items: r"it\.csv",
    vector_table: "it",
    report: r"it\.html",
    long_lists: r"it\.items\.parquet",
    map_file: "it",
    first_vectors: r"\.json",
    note_of_a_segment: "it",
}


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(write, tmp_path, rng, monkeypatch):
    monkeypatch.setenv("MMTOOLKIT_CACHE", os.fspath(tmp_path))
    X = rng.normal(size=(60, 32)).astype(np.float32)
    write(tmp_path, X)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".npz"}

    with full_disk(), pytest.raises((OSError, MMToolkitError), match=WRITERS[write]):
        write(tmp_path, X)

    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file() and p.suffix != ".npz"} == before
    assert not list(tmp_path.rglob("*.part"))


def test_a_full_disk_only_means_that_a_derived_result_is_computed_again(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("MMTOOLKIT_CACHE", os.fspath(tmp_path))

    with full_disk(), caplog.at_level(logging.WARNING, logger="mmtoolkit.derived"):
        found = remember("squares", {}, lambda: {"values": np.arange(1000)}, step=1)

    assert len(found["values"]) == 1000
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    assert "cannot be kept" in caplog.text


def test_a_repair_on_a_full_disk_can_be_done_again(tmp_path, rng):
    cache = EmbeddingCache(tmp_path)
    keys = [n.to_bytes(32, "little") for n in range(500)]
    X = rng.normal(size=(500, 4)).astype(np.float32)
    cache.put(keys, X, Space("m", "1", 4))
    cache.close()
    index = next(p for p in tmp_path.iterdir() if p.suffix in (".sqlite", ".db"))
    index.write_bytes(b"no database")

    with full_disk(), pytest.raises(CacheError, match="cannot be used"):
        EmbeddingCache(tmp_path).verify(repair=True)
    left = names(tmp_path)
    EmbeddingCache(tmp_path).verify(repair=True)

    assert not [name for name in left if name.endswith((".part", ".new"))]
    assert EmbeddingCache(tmp_path).get(keys, Space("m", "1", 4))[1].tobytes() == X.tobytes()


WRITE = {
    "bytes": """
from mmtoolkit._files import replaced
for _ in range(60):
    with replaced(sys.argv[1]) as part:
        part.write_bytes(sys.argv[2].encode() * 3_000_000)
""",
    "vectors": """
import numpy as np, mmtoolkit as mm
for _ in range(20):
    mm.Embeddings(np.full((2000, 64), ord(sys.argv[2]), dtype=np.float32)).save(sys.argv[1])
""",
}


def of_one_writer(kind, path):
    if kind == "bytes":
        found = path.read_bytes()
        return len(found) == 3_000_000 and len(set(found)) == 1
    found = mm.Embeddings.load(path).vectors
    return found.shape == (2000, 64) and len(np.unique(found)) == 1


@pytest.mark.parametrize("kind", WRITE)
def test_two_writers_of_one_file_never_mix(kind, tmp_path):
    target = tmp_path / "one"
    command = [sys.executable, "-c", "import sys\n" + WRITE[kind], os.fspath(target)]

    writers = [subprocess.Popen([*command, letter], stderr=subprocess.PIPE, text=True) for letter in "ab"]
    seen = []
    while any(writer.poll() is None for writer in writers):
        if target.exists():
            seen.append(of_one_writer(kind, target))
    complaints = [writer.communicate()[1] for writer in writers]

    assert [writer.returncode for writer in writers] == [0, 0], complaints
    assert len(seen) > 3
    assert all(seen)
    assert names(tmp_path) == ["one"]


def test_no_module_replaces_files_in_a_way_of_its_own():
    home = Path(mm.__file__).parent
    users = [p.relative_to(home).as_posix() for p in home.rglob("*.py") if "os.replace(" in p.read_text("utf-8")]

    assert users == ["_files.py"]
