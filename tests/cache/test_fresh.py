"""Batches written last count as much as the index, and are sorted into it many at a time."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from mmtoolkit.cache import EmbeddingCache, Space
from mmtoolkit.errors import CacheError


@pytest.fixture
def kept(cache, space, make):
    """A cache with 600 rows in two batches, none of them sorted into the index yet."""
    keys, X = make(0, 600)
    for start in (0, 300):
        cache.put(keys[start : start + 300], X[start : start + 300], space)
    assert counts(cache) == (0, 2)
    return cache, keys, X


def counts(cache):
    """How many rows are sorted in, and how many batches are not."""
    with cache._connections.reading() as db:
        return tuple(db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("vectors", "fresh"))


def change(cache, query):
    cache.close()
    with sqlite3.connect(cache.path / "index.sqlite") as db:
        db.execute(query)
    db.close()


def test_kept_batches_are_found_and_counted(kept, space, tmp_path):
    cache, keys, X = kept

    assert np.array_equal(cache.get(keys[::-7], space)[1], X[::-7])
    assert cache.missing([keys[5], bytes(32)], space).tolist() == [False, True]
    assert cache.put(keys[250:350], X[250:350], space) == 0
    assert cache.stats()["vectors"].tolist() == [600]
    assert cache.verify().ok
    assert cache.export(tmp_path / "x.parquet") == 600


def test_other_spaces_do_not_find_them(kept, space):
    cache, keys, _ = kept

    assert cache.missing(keys[:3], Space(space.model, "another", 8)).all()
    cache.put(keys[:1], np.ones((1, 8), dtype=np.float32), Space(space.model, "another", 8))
    assert cache.get(keys[:1], Space(space.model, "another", 8))[1].tolist() == [[1.0] * 8]


def test_many_batches_are_sorted_in_at_once(cache, space, make):
    keys, X = make(0, 20_000)
    for start in range(0, 20_000, 1000):
        cache.put(keys[start : start + 1000], X[start : start + 1000], space)

    rows, batches = counts(cache)
    assert rows > 16_000
    assert rows + 1000 * batches == 20_000
    assert np.array_equal(EmbeddingCache(cache.path).get(keys[::3], space)[1], X[::3])
    assert cache.verify().ok


def test_small_and_huge_writes_go_into_the_index(cache, space, make):
    keys, X = make(0, 17_010)
    cache.put(keys[:10], X[:10], space)
    cache.put(keys[10:], X[10:], space)

    assert counts(cache) == (17_010, 0)


def test_prune_and_compact_know_them(kept, space):
    cache, keys, X = kept

    assert cache.prune(max_size=100 * (8 * 4 + 120)) == 500

    found, got = cache.get(keys, space)
    assert found.sum() == 100
    assert np.array_equal(got[found], X[found])
    assert cache.verify().ok


@pytest.mark.parametrize("damage", ["sums = 'none'", "sums = substr(sums, 1, 2990)", "keys = substr(keys, 1, 9590)"])
def test_a_damaged_batch_is_said_and_repaired(kept, space, damage):
    cache, keys, X = kept
    change(cache, f"UPDATE fresh SET {damage} WHERE id = 2")

    assert not cache.verify().ok
    with pytest.raises(CacheError, match="verify --repair"):
        cache.compact()
    cache.verify(repair=True)

    assert cache.verify().ok
    assert np.array_equal(cache.get(keys, space)[1], X)
    assert counts(cache) == (600, 0)


def test_rows_given_up_are_stored_again(kept, space):
    cache, keys, X = kept
    cache.close()
    (path,) = cache.path.glob("segments/*.f32")
    with path.open("r+b") as file:
        file.seek(32 * 17)
        file.write(bytes(32))

    with pytest.warns(UserWarning, match="1 cached vectors are damaged"):
        assert np.flatnonzero(~cache.get(keys, space)[0]).tolist() == [17]
    assert cache.put(keys, X, space) == 1
    assert np.array_equal(cache.get(keys, space)[1], X)
