"""Folders that are files, forbidden, full, read-only, on a network, or of another version."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import zlib

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.cache import EmbeddingCache
from mmtoolkit.cache.index import VERSION
from mmtoolkit.errors import CacheError, CacheVersionError

AS_NOBODY = """
import os, sys, tempfile, warnings
import numpy as np
from mmtoolkit.cache import EmbeddingCache, Space
from mmtoolkit.errors import CacheError
space = Space("m", "1", 4)
warm = EmbeddingCache(tempfile.mkdtemp())  # imports all there is to import, while this is still allowed
warm.put([bytes([9]) * 32], np.ones((1, 4), "f4"), space)
warm.stats(), warm.verify()
os.setgid(65534); os.setuid(65534)
cache = EmbeddingCache(sys.argv[1])
"""


def as_nobody(script, *args):
    if os.name == "nt" or os.getuid() != 0:
        pytest.skip("needs root, to become somebody who may do nothing")
    command = [sys.executable, "-c", AS_NOBODY + script, *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def open_folder():
    """A folder that every user can reach, unlike pytest's own."""
    import tempfile

    folder = tempfile.mkdtemp()
    os.chmod(folder, 0o755)
    yield os.path.join(folder, "store")
    shutil.rmtree(folder)


@pytest.mark.parametrize("inner", ["", "below"])
def test_a_folder_that_is_a_file(tmp_path, space, make, inner):
    (tmp_path / "file").write_text("mine")
    cache = EmbeddingCache(tmp_path / "file" / inner)

    with pytest.raises(CacheError, match="in, a file; expected a folder"):
        cache.put(*make(0, 1), space)
    with pytest.raises(CacheError, match="in, a file; expected a folder"):
        cache.get(make(0, 1)[0], space)

    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_without_permission(open_folder):
    os.mkdir(open_folder, 0o700)

    out = as_nobody(
        "for call in (lambda: cache.put([bytes(32)], np.ones((1, 4), 'f4'), space), lambda: cache.get([bytes(32)], space)):\n"
        "    try: call()\n"
        "    except CacheError as error: print(error)\n",
        open_folder,
    )

    assert out.count("no permission. Change it, or name another folder with cache= or MMTOOLKIT_CACHE") == 2


@pytest.mark.parametrize("closed", [True, False])
def test_a_team_cache_that_may_only_be_read(open_folder, closed):
    from mmtoolkit.cache import Space

    owner, space = EmbeddingCache(open_folder), Space("m", "1", 4)
    owner.put([bytes([i]) * 32 for i in range(1, 5)], np.eye(4, dtype=np.float32), space)
    if closed:
        owner.close()
    for path, _, files in os.walk(open_folder):
        os.chmod(path, 0o555)
        for name in files:
            os.chmod(os.path.join(path, name), 0o444)

    out = as_nobody(
        "keys = [bytes([i]) * 32 for i in range(1, 6)]\n"
        "print(cache.get(keys, space)[0].tolist(), cache.verify().ok, cache.stats()['vectors'].tolist())\n"
        "with warnings.catch_warnings(record=True) as caught: found = cache.file_digests(['/etc/hostname'])\n"
        "print(found[0] is not None, [str(w.message)[:37] for w in caught])\n"
        "try: cache.put(keys, np.ones((5, 4), 'f4'), space)\n"
        "except CacheError as error: print(error)\n"
        "print('afterwards', cache.get(keys, space)[0].tolist())\n",
        open_folder,
    )

    assert "[True, True, True, True, False] True [4]\n" in out
    assert "afterwards [True, True, True, True, False]\n" in out
    assert "True ['1 files will be read again next time:']" in out
    assert "no permission" in out
    owner.close()


def test_a_read_only_reader_sees_what_the_owner_adds(open_folder):
    from mmtoolkit.cache import Space

    owner, space = EmbeddingCache(open_folder), Space("m", "1", 4)
    keys = [bytes([i]) * 32 for i in range(1, 5)]
    reader = EmbeddingCache(open_folder, read_only=True)
    assert reader.missing(keys, space).all()
    for i in range(4):
        owner.put(keys[i : i + 1], np.eye(4, dtype=np.float32)[i : i + 1], space)
        owner.close()

        assert reader.missing(keys, space).tolist() == [j > i for j in range(4)]
    reader.close()


def test_a_full_disk_loses_nothing(tmp_path, make):
    from mmtoolkit.cache import Space

    space = Space("m", "1", 256)
    mount = tmp_path / "small"
    mount.mkdir()
    if os.name == "nt" or os.getuid() != 0:
        pytest.skip("needs root, to make a small file system")
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        cache = EmbeddingCache(mount / "store")
        kept, error = 0, None
        while error is None and kept < 5000:
            try:
                kept += cache.put(*make(kept, kept + 100, 256), space)
            except CacheError as full:
                error = full
        assert "the disk is full; nothing that was stored is lost" in str(error)
        assert 1000 < kept < 3000
        keys, X = make(0, kept, 256)
        assert np.array_equal(cache.get(keys, space)[1], X)
        assert EmbeddingCache(mount / "store").verify().ok
        subprocess.run(["mount", "-o", "remount,size=9m", str(mount)], check=True)
        assert cache.put(*make(0, kept + 100, 256), space) == 100
        assert cache.verify().ok
        cache.close()
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def fill(path):
    """Take all the room that is left."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


@pytest.mark.parametrize("how", [{"max_size": 1_000_000}, {"model": "old"}, {"max_size": 2_900_000}])
def test_prune_gives_room_back_on_a_full_disk(tmp_path, make, how):
    from mmtoolkit.cache import Space

    if os.name == "nt" or os.getuid() != 0:
        pytest.skip("needs root, to make a small file system")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path)], check=False, capture_output=True
    ).returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        cache, space, kept = EmbeddingCache(tmp_path / "store"), Space("m", "1", 256), 0
        cache.put(*make(90_000, 90_300, 256), Space("old", "1", 256))
        full = None
        while full is None and kept < 5000:
            try:
                kept += cache.put(*make(kept, kept + 100, 256), space)
            except CacheError as error:
                full = error
        assert "the disk is full" in str(full)
        fill(tmp_path / "rest")

        dropped = cache.prune(**how)

        left = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
        assert left > 0.9 * 1024 * dropped > 0
        keys, X = make(0, kept, 256)
        found, got = cache.get(keys, space)
        assert np.array_equal(got[found], X[found])
        assert found.sum() >= kept - dropped
        assert cache.verify().ok
        assert cache.put(*make(50_000, 50_100, 256), space) == 100
        del got
        cache.close()
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)


def test_a_cache_of_a_newer_version_is_left_alone(cache, space, make):
    cache.put(*make(0, 3), space)
    cache.close()
    with sqlite3.connect(cache.path / "index.sqlite") as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()

    for call in (
        lambda: cache.get(make(0, 3)[0], space),
        lambda: cache.put(*make(0, 3), space),
        lambda: cache.verify(repair=True),
        lambda: cache.prune(max_size=0),
    ):
        with pytest.raises(CacheVersionError, match=f"format {VERSION + 1}, written by a newer version"):
            call()

    with sqlite3.connect(cache.path / "index.sqlite") as db:
        db.execute(f"PRAGMA user_version = {VERSION}")
    db.close()
    assert cache.get(make(0, 3)[0], space)[0].all()


OLD = """
CREATE TABLE segments (id INTEGER PRIMARY KEY, model TEXT, dimension INTEGER, stem TEXT, rows INTEGER);
CREATE TABLE spaces (id INTEGER PRIMARY KEY, segment INTEGER, revision TEXT, params TEXT);
CREATE TABLE vectors (key BLOB, space INTEGER, row INTEGER, checksum INTEGER, created INTEGER, PRIMARY KEY (key, space)) WITHOUT ROWID;
CREATE TABLE holes (segment INTEGER, row INTEGER, PRIMARY KEY (segment, row)) WITHOUT ROWID;
CREATE TABLE fresh (id INTEGER PRIMARY KEY, space INTEGER, first INTEGER, created INTEGER, keys BLOB, sums TEXT);
CREATE VIEW entries AS SELECT key, space, row, checksum, created FROM vectors UNION ALL
SELECT substr(f.keys, 32 * n.i + 1, 32), f.space, f.first + n.i, CAST(substr(f.sums, 10 * n.i + 1, 10) AS INTEGER), f.created
FROM fresh f JOIN (WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i < 99) SELECT i FROM numbers) n
ON n.i < length(f.keys) / 32;
"""


def made_old(cache, space, keys, X, version):
    """Put the index of an older format in the place of the index, with the log that it would have."""
    cache.close()
    index = cache.path / "index.sqlite"
    index.unlink()
    (note,) = cache.path.rglob("*.json")
    number = int(next(iter(json.loads(note.read_text())["spaces"])))
    db = sqlite3.connect(index, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(OLD)
    db.execute("INSERT INTO segments VALUES (1, ?, ?, ?, ?)", (space.model, space.dimension, note.stem, len(keys)))
    db.execute("INSERT INTO spaces VALUES (?, 1, ?, ?)", (number, space.revision, space.params_json))
    sums = [zlib.crc32(x, zlib.crc32(key)) for key, x in zip(keys, X, strict=True)]
    kept = 1 if version == 3 else len(keys)
    rows = [(key, number, row, sums[row], 1_700_000_000) for row, key in enumerate(keys[:kept])]
    db.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?, ?)", rows)
    if version == 3:
        written = "".join(f"{value:010d}" for value in sums[1:])
        db.execute("INSERT INTO fresh VALUES (1, ?, 1, 1700000000, ?, ?)", (number, b"".join(keys[1:]), written))
    db.execute(f"PRAGMA user_version = {version}")
    return db


@pytest.mark.parametrize("version", range(1, VERSION))
@pytest.mark.parametrize("records", ["there", "damaged"])
def test_an_older_version_is_brought_up_to_date_and_its_processes_fail(cache, space, make, version, records, tmp_path):
    keys, X = make(0, 20)
    cache.put(keys, X, space)
    other = made_old(cache, space, keys, X, version)  # a process that has it open
    before = (cache.path / "index.sqlite").stat().st_ino
    if records == "damaged":
        with next(cache.path.rglob("*.keys")).open("rb+") as file:
            file.write(b"?")
    (tmp_path / "a").write_text("a")

    reader = EmbeddingCache(cache.path, read_only=True)
    with (
        contextlib.nullcontext()
        if records == "there"
        else pytest.warns(UserWarning, match="1 records .*: 1 were mended in memory, 0")
    ):
        assert reader.get(keys, space)[0].all()
    assert reader.file_digests([str(tmp_path / "a")])[0] is not None
    assert cache.put(*make(0, 25), space) == 5

    assert np.array_equal(reader.get(make(0, 25)[0], space)[1], make(0, 25)[1])
    assert cache.verify().ok
    assert (cache.path / "index.sqlite").stat().st_ino != before
    assert {path.name for path in cache.path.glob("index*")} == {"index.sqlite"}
    other.close()
    assert cache.verify().ok
    assert {path.name for path in cache.path.glob("index*")} == {"index.sqlite"}


def test_nothing_but_files_and_locks_of_its_own_is_used(cache, space, make):
    """No log and no shared memory, which network file systems cannot have."""
    cache.put(*make(0, 3), space)

    assert {p.name for p in cache.path.iterdir()} == {"index.sqlite", "segments", "lock", "lock.next", "lock.holder"}
    with sqlite3.connect(cache.path / "index.sqlite") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    db.close()


@pytest.mark.parametrize("name", ["index.sqlite", "segments", "lock", ".f32", ".keys"])
def test_links_in_a_folder_from_somebody_else_lead_nowhere(cache, space, make, tmp_path, name):
    keys, X = make(0, 30)
    cache.put(keys, X, space)
    (path,) = cache.path.rglob(f"*{name}")
    path.rename(tmp_path / "outside")
    before = (tmp_path / "outside").read_bytes() if path.suffix else b""
    path.symlink_to(tmp_path / "outside")
    cache = EmbeddingCache(cache.path)

    with pytest.raises(CacheError, match="link"):
        cache.put(*make(0, 40), space)
    if name == "lock":  # a reader needs none
        assert cache.get(keys, space)[0].all()
    else:
        with pytest.raises(CacheError, match="link"):
            cache.get(keys, space)

    if path.suffix:
        assert (tmp_path / "outside").read_bytes() == before


def test_an_index_from_somebody_else_cannot_name_other_files_or_sizes(cache, space, make):
    keys, X = make(0, 30)
    cache.put(keys, X, space)
    for change in (
        "stem = '../../x'",
        "stem = '/etc/passwd'",
        "rows = 1 << 60",
        "rows = -3",
        "note = 'x'",
        "rows = 'many'",
    ):
        with sqlite3.connect(cache.path / "index.sqlite") as db:
            db.execute(f"UPDATE segments SET {change}")
        db.close()

        with pytest.warns(UserWarning, match="made anew from the records of 30 vectors"):
            found, got = cache.get(keys, space)

        assert found.all()
        assert np.array_equal(got, X)
    assert cache.verify().ok


@pytest.mark.parametrize("name", ["{stem} (1)", "{stem}-desktop’s conflicted copy 2026", "\x1b[31mred", "x" * 150])
def test_other_names_beside_the_segments_are_left_alone(cache, space, make, name):
    keys, X = make(0, 30)
    cache.put(keys, X, space)
    copies = []
    for path in sorted((cache.path / "segments").iterdir()):
        copies.append(path.with_name(f"{name.format(stem=path.stem)}{path.suffix}"))
        copies[-1].write_bytes(path.read_bytes())

    assert cache.stats()["vectors"].tolist() == [30]
    assert cache.verify().ok
    cache.compact()
    assert cache.put(*make(30, 40), space) == 10
    assert all(path.exists() for path in copies)


@pytest.mark.parametrize(
    "change",
    [
        {"dimension": 2**40},
        {"dimension": 2**70},
        {"dimension": 1.5},
        {"dimension": True},
        {"model": 5},
        {"spaces": {"1": {"revision": "r", "params": "[1]"}}},
        {"spaces": {"1": {"revision": "r", "params": "{no"}}},
        {"spaces": {"1": {"revision": "r", "params": '{"a":' * 9000}}},
        {"spaces": {"1": {"revision": None, "params": "{}"}}},
    ],
)
def test_a_note_from_somebody_else_that_names_no_space_keeps_no_others_away(cache, space, make, tmp_path, change):
    keys, X = make(0, 30)
    cache.put(keys, X, space)
    note = {"model": "m", "dimension": 4, "spaces": {}} | change
    check = hashlib.sha256(json.dumps(note, sort_keys=True).encode()).hexdigest()
    (cache.path / "segments" / "evil.json").write_text(json.dumps(note | {"check": check}))
    (cache.path / "segments" / "evil.keys").write_bytes(bytes(64))
    cache = EmbeddingCache(cache.path)

    assert cache.stats()["vectors"].tolist() == [30]
    assert cache.export(tmp_path / "out.parquet") == 30
    assert cache.verify().problems == ("evil.json is lost or damaged: nobody knows what evil.keys means",)


def test_an_index_that_is_a_folder(cache, space, make):
    (cache.path / "index.sqlite").mkdir(parents=True)

    for call in (lambda: cache.put(*make(0, 1), space), lambda: cache.get(make(0, 1)[0], space), cache.verify):
        with pytest.raises(CacheError, match=r"index.sqlite' is a link or no file.*Remove it"):
            call()


def test_a_clock_in_another_century(cache, space, make, monkeypatch):
    keys, X = make(0, 4)
    for i, now in enumerate((4.1e9, -5.0, 1.8e9)):  # 2099, 1969, 2027
        monkeypatch.setattr("mmtoolkit.cache.store.time.time", lambda now=now: now)
        cache.put(keys[i : i + 1], X[i : i + 1], space)

    assert cache.stats()["newest"].dt.year.tolist() == [2099]
    assert cache.prune(older_than="30d") == 1
    assert cache.missing(keys, space).tolist() == [False, True, False, True]
    assert cache.verify().ok


def test_files_are_as_open_as_the_user_s_umask_says(cache, space, make):
    before = os.umask(0o002)
    try:
        cache.put(*make(0, 3), space)
    finally:
        os.umask(before)

    assert all(stat.S_IMODE(p.stat().st_mode) & 0o040 for p in cache.path.rglob("*"))


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_in_the_folder_is_never_written_through_and_a_pipe_never_waited_for(tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("of somebody else")
    for name in ("link", "pipe"):
        folder = tmp_path / name
        mm.embed_texts(["a"], model="local", cache=folder, progress=False)
        holder = folder / "lock.holder"
        holder.unlink()
        holder.symlink_to(other) if name == "link" else os.mkfifo(holder)

        mm.embed_texts(["b"], model="local", cache=folder, progress=False)

        again = mm.embed_texts(["a", "b"], model="local", cache=folder, progress=False)
        assert again.usage["cached"] == 2
    assert other.read_text() == "of somebody else"
