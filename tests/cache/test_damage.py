"""Bytes that changed on disk: found, given up or rescued, never returned."""

from __future__ import annotations

import warnings
from contextlib import nullcontext

import numpy as np
import pytest

from mmtoolkit.cache import EmbeddingCache, Space

N = 3000


@pytest.fixture
def filled(cache, space, make):
    keys, X = make(0, N)
    for start in range(0, N, 500):
        cache.put(keys[start : start + 500], X[start : start + 500], space)
    cache.close()
    return cache, keys, X


def the(cache, ending):
    (path,) = cache.path.rglob(f"*{ending}")
    return path


def flip(path, offsets):
    data = bytearray(path.read_bytes())
    for offset in offsets:
        data[offset] ^= 0x40
    path.write_bytes(data)


@pytest.mark.parametrize("ending", [".f32", ".sqlite", ".keys", ".json"])
@pytest.mark.parametrize("seed", range(4))
def test_twenty_flipped_bytes_are_found_and_all_other_rows_stay(filled, space, ending, seed):
    cache, keys, X = filled
    path = the(cache, ending)
    size = path.stat().st_size
    start = (
        0 if ending != ".sqlite" else path.read_bytes().index(b'"dimension"') - 20
    )  # what the index says of the segment
    offsets = np.random.default_rng(seed).integers(start, size if ending != ".sqlite" else start + 200, 20)
    flip(path, offsets)

    report = cache.verify()
    repair = cache.verify(repair=True)

    assert not report.ok
    assert repair.repaired
    assert len(repair.damaged) == (len(set(offsets // 32)) if ending == ".f32" else 0)
    found, got = cache.get(keys, space)
    assert (~found).sum() == len(repair.damaged)
    assert np.array_equal(got[found], X[found])
    assert cache.put(keys, X, space) == (~found).sum()
    assert np.array_equal(cache.get(keys, space)[1], X)
    assert cache.verify().ok


def test_flips_everywhere_at_once(filled, space):
    cache, keys, X = filled
    for seed, ending in enumerate((".f32", ".keys", ".sqlite")):
        path = the(cache, ending)
        flip(path, np.random.default_rng(seed).integers(100, path.stat().st_size, 20))

    cache.verify(repair=True)

    found, got = cache.get(keys, space)
    assert (~found).sum() <= 40
    assert np.array_equal(got[found], X[found])
    cache.put(keys, X, space)
    assert cache.verify().ok


@pytest.mark.parametrize("how", ["removed", "emptied", "garbage", "cut"])
def test_a_lost_index_is_made_again_from_the_records(filled, space, how):
    cache, keys, X = filled
    index = the(cache, ".sqlite")
    data = index.read_bytes()
    index.unlink()
    if how != "removed":
        index.write_bytes({"emptied": b"", "garbage": b"garbage" * 999, "cut": data[: len(data) // 2]}[how])

    assert not cache.verify().ok
    report = cache.verify(repair=True)

    assert report.damaged.empty
    assert np.array_equal(cache.get(keys, space)[1], X)
    assert cache.verify().ok


@pytest.mark.parametrize("how", ["removed", "emptied", "zeroed", "garbage", "cut", "older"])
@pytest.mark.parametrize("read_only", [False, True])
def test_the_next_opening_makes_an_index_anew_and_says_so(filled, space, make, how, read_only):
    cache, keys, X = filled
    index = the(cache, ".sqlite")
    older = index.read_bytes()
    more, Y = make(N, N + 700)
    cache.put(more, Y, space)
    cache.put(keys[:2], X[:2], Space("another", "", 8))
    data = index.read_bytes()
    index.unlink()
    states = {"emptied": b"", "zeroed": bytes(len(data)), "garbage": b"garbage" * 999, "cut": data[: len(data) // 2]}
    if how != "removed":
        index.write_bytes({**states, "older": older}[how])
    reader = EmbeddingCache(cache.path, read_only=read_only)
    said = "takes? the place|take its place in memory" if read_only else "made anew from the records of 3702 vectors"

    with nullcontext() if how == "older" else pytest.warns(UserWarning, match=said):
        found, got = reader.get(
            [*keys, *more], space
        )  # what is older is behind, as after a kill: told to the log alone

    assert found.all()
    assert np.array_equal(got, np.vstack([X, Y]))
    assert reader.get(keys[:2], Space("another", "", 8))[0].all()
    assert len(reader.stats()) == 2
    if not read_only:
        assert reader.put(keys, X, space) == 0
        assert reader.compact() == 0
        assert reader.verify().ok


@pytest.mark.parametrize("count", [5, N])
def test_rows_that_are_zero_or_not_finite_are_not_returned_and_stored_anew(filled, space, count):
    cache, keys, X = filled
    values = np.memmap(the(cache, ".f32"), np.float32, "r+").reshape(N, 8)
    values[1], values[3, 2] = 0, np.nan
    values.flush()

    with pytest.warns(UserWarning, match="2 cached vectors are damaged"):
        found, got = cache.get(keys[:count], space)

    assert np.flatnonzero(~found).tolist() == [1, 3]
    assert np.isnan(got[[1, 3]]).all()
    assert np.array_equal(got[found], X[:count][found])
    assert cache.missing(keys, space).sum() == 2
    assert cache.put(keys, X, space) == 2
    assert np.array_equal(cache.get(keys, space)[1], X)
    assert cache.verify().ok


def test_a_segment_that_was_cut_off_loses_only_the_tail(filled, space):
    cache, keys, X = filled
    path = the(cache, ".f32")
    path.write_bytes(path.read_bytes()[: 2000 * 32 + 5])
    cache = EmbeddingCache(cache.path)

    assert len(cache.verify().damaged) == N - 2000
    with pytest.warns(UserWarning, match="1000 cached vectors are damaged"):
        found, _ = cache.get(keys, space)

    assert np.flatnonzero(found).tolist() == list(range(2000))
    assert cache.put(keys, X, space) == 1000
    assert np.array_equal(cache.get(keys, space)[1], X)
    assert cache.verify().ok


def test_lost_vectors_and_lost_records_are_missing_and_said_to_be(filled, space):
    cache, keys, X = filled
    records = the(cache, ".keys").read_bytes()
    the(cache, ".keys").write_bytes(records[: 48 * 2000 + 17])

    with pytest.warns(
        UserWarning, match="counts 1000 rows more than there are records, whose vectors are computed again"
    ):
        found, got = cache.get(keys, space)

    assert np.flatnonzero(found).tolist() == list(range(2000))
    assert np.array_equal(got[found], X[found])
    assert cache.put(keys, X, space) == 1000
    assert np.array_equal(cache.get(keys, space)[1], X)
    the(cache, ".f32").unlink()
    with pytest.warns(UserWarning, match=f"{N} cached vectors are damaged"):
        found, _ = EmbeddingCache(cache.path).get(keys, space)
    assert not found.any()


def test_a_record_of_which_one_byte_changed_is_mended(filled, space):
    cache, keys, X = filled
    flip(the(cache, ".keys"), [48 * row + row % 48 for row in range(0, N, 50)])

    with pytest.warns(UserWarning, match="60 records of .* are damaged: 60 were mended in memory, 0 vectors"):
        assert np.array_equal(cache.get(keys, space)[1], X)
    flip(the(cache, ".keys"), [48 * 7, 48 * 7 + 1])
    with pytest.warns(UserWarning, match="61 records of .* are damaged: 60 were mended in memory, 1 vectors"):
        assert np.flatnonzero(~cache.get(keys, space)[0]).tolist() == [7]
    report = cache.verify(repair=True)

    assert report.damaged["reason"].tolist() == ["the record is damaged"]
    assert cache.verify().ok
    assert cache.put(keys, X, space) == 1


def test_compaction_leaves_damaged_rows_behind(filled, space):
    cache, keys, _ = filled
    flip(the(cache, ".f32"), [32 * 7])
    flip(the(cache, ".f32"), [32 * 9 + 31])
    with pytest.warns(UserWarning, match="2 cached vectors are damaged"):
        cache.get(keys, space)

    cache.compact()

    assert np.flatnonzero(cache.missing(keys, space)).tolist() == [7, 9]
    assert cache.verify().ok


def test_a_repair_disturbs_nobody(filled, space):
    cache, keys, _ = filled
    reader = EmbeddingCache(cache.path)
    _, view = reader.get(keys, space)
    flip(the(cache, ".f32"), [0])
    changed = view.copy()

    assert len(cache.verify(repair=True).damaged) == 1

    assert np.array_equal(view, changed)
    assert np.flatnonzero(~reader.get(keys, space)[0]).tolist() == [0]
    assert cache.verify().ok


@pytest.mark.parametrize("repair", [False, True])
def test_an_index_whose_words_are_no_text_is_made_anew(cache, make, repair):
    keys, X = make(0, 10, 64)
    space = Space("m", "1", 64)
    cache.put(keys, X, space)
    index = cache.path / "index.sqlite"
    index.write_bytes(index.read_bytes().replace(b"ROWID", b"\xd2OWID"))

    again = EmbeddingCache(cache.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it is said
        assert again.verify(repair=True).repaired if repair else again.get(keys, space)[0].all()

    assert EmbeddingCache(cache.path).verify().ok
    assert EmbeddingCache(cache.path).get(keys, space)[0].all()
