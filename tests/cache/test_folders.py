"""Folders that are files, forbidden, full, read-only, on a network, or of another version."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
import stat
import subprocess
import sys

import numpy as np
import pytest

from mmtoolkit.cache import EmbeddingCache
from mmtoolkit.cache.connection import is_network
from mmtoolkit.cache.schema import MIGRATIONS, VERSION
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


@pytest.mark.parametrize("version", range(1, VERSION))
def test_an_older_version_is_read_and_brought_up_to_date_by_the_first_write(cache, space, make, version, tmp_path):
    cache.put(*make(0, 3), space)
    cache.close()
    with sqlite3.connect(cache.path / "index.sqlite", isolation_level=None) as db:  # as that version had written it
        rows = {
            name: db.execute(f"SELECT * FROM {name}").fetchall() for name in ("segments", "spaces", "vectors", "holes")
        }
    db.close()
    (cache.path / "index.sqlite").unlink()
    with sqlite3.connect(cache.path / "index.sqlite") as db:
        for command in itertools.chain(*MIGRATIONS[:version]):
            db.execute(command)
        for name, values in rows.items():
            for row in values:
                db.execute(f"INSERT INTO {name} VALUES ({','.join('?' * len(row))})", row)
        db.execute(f"PRAGMA user_version = {version}")
    db.close()
    (tmp_path / "a").write_text("a")

    reader = EmbeddingCache(cache.path, read_only=True)
    assert reader.get(make(0, 3)[0], space)[0].all()
    assert reader.file_digests([str(tmp_path / "a")])[0] is not None
    reader.close()
    assert cache.put(*make(0, 5), space) == 2
    assert cache.verify().ok
    with sqlite3.connect(cache.path / "index.sqlite") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    db.close()


def test_network_mounts_are_recognised_and_use_no_shared_memory(tmp_path, cache, space, make, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "40 22 0:50 / /home rw - nfs4 server:/home rw\n"
        "41 40 0:51 / /home/a\\040b rw - ext4 /dev/vdb rw\n"
        "42 22 0:52 / /mnt/share rw - fuse.sshfs me@there:/ rw\n"
    )

    expected = {"/home/me/.cache": True, "/home/a b/c": False, "/homeless": False, "/mnt/share": True, "/tmp": False}
    assert {path: is_network(path, mounts) for path in expected} == expected
    assert is_network("/", tmp_path / "no such file") is False

    monkeypatch.setattr("mmtoolkit.cache.connection.is_network", lambda path: True)
    cache.put(*make(0, 3), space)
    assert {p.name for p in cache.path.iterdir()} == {"index.sqlite", "segments"}
    assert cache.get(make(0, 3)[0], space)[0].all()


def test_files_are_as_open_as_the_user_s_umask_says(cache, space, make):
    before = os.umask(0o002)
    try:
        cache.put(*make(0, 3), space)
    finally:
        os.umask(before)

    assert all(stat.S_IMODE(p.stat().st_mode) & 0o040 for p in cache.path.rglob("*"))
