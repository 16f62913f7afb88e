"""Digests of local files: parallel, remembered while nothing changed, never wrong."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time

import pytest

from mmtoolkit.cache import EmbeddingCache, open_cache


@pytest.fixture(params=["disk", "memory", "chain"])
def store(request, tmp_path):
    disk = EmbeddingCache(tmp_path / "store")
    return {"disk": disk, "memory": EmbeddingCache.in_memory(), "chain": open_cache([disk, tmp_path / "b"])}[
        request.param
    ]


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    paths = [folder / f"{i} \udce4.jpg" for i in range(60)]  # a name that is not valid Unicode
    for i, path in enumerate(paths):
        path.write_bytes(bytes([i]) * 5000)
    time.sleep(0.06)  # files this young may still change unseen
    return [str(path) for path in paths]


def sha(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).digest()


def no_reading(monkeypatch):
    def refuse(path, *_):
        raise AssertionError(path)

    monkeypatch.setattr("mmtoolkit.cache.files._read", refuse)


def test_unchanged_files_are_not_opened_again(store, pictures, monkeypatch):
    expected = [sha(path) for path in pictures]

    assert store.file_digests([*pictures, pictures[0]]) == [*expected, expected[0]]
    no_reading(monkeypatch)

    assert store.file_digests(pictures) == expected


def test_any_change_is_seen(store, pictures):
    store.file_digests(pictures)
    before = os.stat(pictures[0])
    with open(pictures[0], "r+b") as file:  # same size, same name, times set back
        file.write(b"x")
    os.utime(pictures[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    os.replace(pictures[1], pictures[2])
    with open(pictures[3], "ab") as file:
        file.write(b"x")

    digests = store.file_digests(pictures)

    assert digests[0] == sha(pictures[0])
    assert digests[1] is None
    assert digests[2:] == [sha(path) for path in pictures[2:]]


@pytest.mark.parametrize("quick_s", [0, 60], ids=["slow disk", "quick disk"])
def test_small_and_large_files_keep_their_places_on_any_disk(tmp_path, monkeypatch, quick_s):
    monkeypatch.setattr("mmtoolkit.cache.files._QUICK_S", quick_s)
    paths = [tmp_path / str(number) for number in range(100)]
    for number, path in enumerate(paths):
        path.write_bytes(bytes([number]) * (3_000_000 if number % 30 == 1 else number))
    names = [*map(str, paths), str(tmp_path / "none"), str(paths[0])]

    digests = EmbeddingCache.in_memory().file_digests(names)

    assert digests == [*map(sha, paths), None, sha(paths[0])]


def test_a_file_that_is_still_young_is_not_remembered(tmp_path, monkeypatch):
    cache = EmbeddingCache.in_memory()
    path = tmp_path / "new"
    path.write_bytes(b"1")
    now = os.stat(path).st_ctime_ns

    for clock in (now + 1000, now - 10**12):  # just written; a clock that was set back
        monkeypatch.setattr("mmtoolkit.cache.files.time.time_ns", lambda clock=clock: clock)
        cache.file_digests([str(path)])
        assert cache._files == {}


def test_what_cannot_be_read_is_none(store, tmp_path):
    assert store.file_digests([str(tmp_path), str(tmp_path / "none"), "a\0b"]) == [None, None, None]


def test_a_read_only_store_still_digests(tmp_path, pictures):
    assert EmbeddingCache(tmp_path / "y", read_only=True).file_digests(pictures)[0] == sha(pictures[0])
    assert not (tmp_path / "y").exists()


SECOND_PASS = """
import sys
import mmtoolkit as mm
paths, opened = sys.argv[2:], []
for turn in range(2):
    emb = mm.embed_images(paths, model="local", cache=sys.argv[1], progress=False)
    if turn == 0:
        sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and args[0] in paths else None)
print(len(opened), emb.usage["cached"])
"""


def test_a_second_embed_images_opens_no_picture(tmp_path):
    from PIL import Image

    paths = [tmp_path / f"{i}.png" for i in range(5)]
    for i, path in enumerate(paths):
        Image.new("RGB", (40, 30), (50 * i, 20, 99)).save(path)
    time.sleep(0.06)

    command = [sys.executable, "-c", SECOND_PASS, str(tmp_path / "store"), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)

    assert done.stdout.split() == ["0", "5"]
