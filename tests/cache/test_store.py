"""What every caller sees: put, get, missing, chains, memory, bad arguments."""

from __future__ import annotations

import copy
import pickle
import shutil

import numpy as np
import pytest

from mmtoolkit.cache import EmbeddingCache, Space, VectorStore, open_cache
from mmtoolkit.errors import CacheError


@pytest.mark.parametrize("n", [1, 700, 5000])  # asked one by one, and matched in one go
def test_vectors_come_back_bit_for_bit_in_the_order_asked(cache, space, make, rng, n):
    keys, X = make(0, n)
    strangers, _ = make(n, n + 100)
    cache.put(keys, X, space)
    order = rng.permutation(np.r_[0:n, 0:n, n : n + 100])
    asked = [[*keys, *strangers][i] for i in order]

    found, got = cache.get(asked, space)

    assert found.tolist() == (order < n).tolist()
    assert np.array_equal(got[found], X[order[order < n]])
    assert np.isnan(got[~found]).all()
    assert np.array_equal(cache.missing(asked, space), ~found)


def test_nothing_is_made_before_the_first_write(cache, space, make):
    keys, _ = make(0, 3)

    found, X = cache.get(keys, space)
    cache.missing(keys, space)
    stats, report, freed = cache.stats(), cache.verify(), cache.compact()

    assert not found.any()
    assert np.isnan(X).all()
    assert (len(stats), report.ok, freed, cache.prune(max_size=0)) == (0, True, 0, 0)
    assert not cache.path.exists()


def test_put_keeps_what_is_there_and_counts_what_is_new(cache, space, make):
    keys, X = make(0, 4)

    added = [cache.put(keys[:3], X[:3], space), cache.put([*keys, keys[3]], np.vstack([X * 2, X[:1]]), space)]

    assert added == [3, 1]
    assert np.array_equal(cache.get(keys, space)[1], np.vstack([X[:3], X[3:] * 2]))


def test_rows_in_file_order_are_a_read_only_view_that_outlives_the_file(cache, space, make):
    keys, X = make(0, 3000)
    cache.put(keys[:1000], X[:1000], space)
    cache.put(keys[1000:], X[1000:], space)

    _, view = cache.get(keys, space)
    _, part = cache.get(keys[10:20], space)
    assert not view.flags.writeable
    assert not view.flags.owndata
    assert not part.flags.owndata
    cache.prune(max_size=1000)
    shutil.rmtree(cache.path)

    assert np.array_equal(view, X)
    assert np.array_equal(part, X[10:20])


def test_spaces_are_kept_apart_even_with_equal_keys(cache, make):
    keys, X = make(0, 2)
    spaces = [
        Space("m", "1", 8),
        Space("m", "2", 8),
        Space("m", "1", 8, {"a": 1}),
        Space("../../m", "1", 8),
        Space("m\n;'DROP", "1", 8),
    ]

    for factor, one in enumerate(spaces, 1):
        cache.put(keys, X * factor, one)

    for factor, one in enumerate(spaces, 1):
        assert np.array_equal(cache.get(keys, one)[1], X * factor)
    assert {path.parent for path in cache.path.rglob("*.f32")} == {cache.path / "segments"}
    assert len(cache.stats()) == len(spaces)
    assert cache.verify().ok


def test_a_dimension_may_be_a_numpy_integer(cache, make):
    keys, X = make(0, 2)

    cache.put(keys, X, Space("m", "", np.int64(8)))

    assert not cache.missing(keys, Space("m", "", 8)).any()


def test_params_are_equal_whatever_their_order(cache, make):
    keys, X = make(0, 2)

    cache.put(keys, X, Space("m", "", 8, {"a": 1, "b": 2}))

    assert not cache.missing(keys, Space("m", "", 8, {"b": 2, "a": 1})).any()


@pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
def test_a_bad_vector_is_refused_and_the_others_are_kept(space, make, tmp_path, bad):
    keys, X = make(0, 3)
    X[1] = bad if bad else 0.0

    for store in (EmbeddingCache(tmp_path), EmbeddingCache.in_memory()):
        with pytest.raises(CacheError, match="row 1 is zero or not finite"):
            store.put(keys, X, space)

        assert store.missing(keys, space).tolist() == [False, True, False]


def test_very_large_and_very_small_values_are_not_bad(cache, space, make):
    keys, X = make(0, 2)
    X[0], X[1] = 1e30, 1e-30

    cache.put(keys, X, space)

    assert np.array_equal(cache.get(keys, space)[1], X)


def test_bad_arguments_say_what_was_expected(cache, space, make):
    keys, X = make(0, 2)
    with pytest.raises(ValueError, match=r"expected vectors of shape \(2, 8\), got \(2, 7\)"):
        cache.put(keys, X[:, :7], space)
    with pytest.raises(ValueError, match="keys must have 32 bytes, key 1 has 5"):
        cache.get([keys[0], b"short"], space)
    with pytest.raises(ValueError, match="dimension must be a positive integer, got 0"):
        Space("m", "", 0)
    with pytest.raises(CacheError, match="read_only=True"):
        EmbeddingCache(cache.path, read_only=True).put(keys, X, space)


def test_a_chain_looks_in_all_and_writes_to_the_first(tmp_path, space, make):
    keys, X = make(0, 6)
    mine, team = EmbeddingCache(tmp_path / "mine"), EmbeddingCache(tmp_path / "team")
    mine.put(keys[:2], X[:2], space)
    team.put(keys[1:4], X[1:4], space)
    chain = open_cache([mine, EmbeddingCache(team.path, read_only=True)])

    found, got = chain.get(keys, space)

    assert found.tolist() == [True] * 4 + [False] * 2
    assert np.array_equal(got[:4], X[:4])
    assert chain.missing(keys, space).tolist() == (~found).tolist()
    chain.put(keys[4:], X[4:], space)
    assert mine.missing(keys, space).tolist() == [False, False, True, True, False, False]
    assert team.missing(keys, space).tolist() == [True, False, False, False, True, True]


def test_what_a_user_may_pass_as_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path / "default"))
    memory = EmbeddingCache.in_memory()

    assert open_cache(False) is None
    assert open_cache(None).path == tmp_path / "default"
    assert open_cache(str(tmp_path / "a")).path == open_cache(tmp_path / "a").path == tmp_path / "a"
    assert open_cache(memory) is memory
    assert open_cache([memory]) is memory
    assert all(isinstance(open_cache(c), VectorStore) for c in (None, memory, [memory, tmp_path / "a"]))
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path / "other"))
    assert open_cache(None).path == tmp_path / "other"
    with pytest.raises(TypeError, match="cache must be None, False, a path"):
        open_cache(3)
    with pytest.raises(ValueError, match="names no cache"):
        open_cache([])
    with pytest.raises(TypeError, match="may not hold False"):
        open_cache([memory, False])


def test_memory_behaves_like_the_disk(space, make):
    keys, X = make(0, 4)
    memory = EmbeddingCache.in_memory()

    assert memory.put([*keys[:2], keys[0]], X[[0, 1, 3]], space) == 2

    found, got = memory.get(keys, space)
    assert found.tolist() == [True, True, False, False]
    assert np.array_equal(got[:2], X[:2])
    got[:] = 0
    assert np.array_equal(memory.get(keys[:2], space)[1], X[:2])
    assert copy.deepcopy(memory) is memory
    assert memory.stats()["vectors"].tolist() == [2]


def test_copies_and_pickles_name_the_same_folder(cache, space, make):
    keys, X = make(0, 2)
    cache.put(keys, X, space)

    for twin in (pickle.loads(pickle.dumps(cache)), copy.deepcopy(cache)):
        assert np.array_equal(twin.get(keys, space)[1], X)


def test_a_folder_that_is_deleted_under_a_running_process_is_made_again(cache, space, make):
    keys, X = make(0, 4)
    cache.put(keys, X, space)
    shutil.rmtree(cache.path)

    assert cache.missing(keys, space).all()
    assert cache.put(keys, X * 2, space) == 4

    assert np.array_equal(EmbeddingCache(cache.path).get(keys, space)[1], X * 2)


def test_prune_by_age_size_and_model_gives_space_back(cache, make, monkeypatch):
    keys, X = make(0, 3000, 64)
    for model, age_days in (("old", 40), ("new", 1), ("future", -400)):  # a clock may jump
        monkeypatch.setattr("time.time", lambda now=1.8e9 - age_days * 86400: now)
        cache.put(keys, X, Space(model, "", 64))
    monkeypatch.setattr("time.time", lambda: 1.8e9)
    size = sum(p.stat().st_size for p in cache.path.rglob("*"))

    assert cache.prune(older_than="30d") == 3000
    assert cache.stats()["model"].tolist() == ["future", "new"]
    assert sum(p.stat().st_size for p in cache.path.rglob("*")) < 0.75 * size
    assert cache.prune(older_than=30.0) == 0
    dropped = cache.prune(max_size="1 MB")
    assert 3000 < dropped < 6000
    assert sum(p.stat().st_size for p in cache.path.rglob("*") if p.suffix in (".f32", ".keys", ".sqlite")) <= 1_000_000
    kept = ~cache.missing(keys, Space("future", "", 64))
    assert np.array_equal(cache.get(keys, Space("future", "", 64))[1][kept], X[kept])
    assert cache.prune(model="future") == kept.sum()
    assert list(cache.path.rglob("*.f32")) == []
    assert cache.verify().ok


def test_prune_by_revision(cache, make):
    keys, X = make(0, 4, 64)
    for revision in ("1", "2"):
        cache.put(keys, X, Space("m", revision, 64))

    assert cache.prune(model="another", revision="1") == 0
    assert cache.prune(model="m", revision="1") == 4

    assert cache.stats()["revision"].tolist() == ["2"]
    assert np.array_equal(cache.get(keys, Space("m", "2", 64))[1], X)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "at least one of"),
        ({"older_than": "soon"}, "like '30d'"),
        ({"older_than": -1.0}, ">= 0"),
        ({"max_size": "2 bananas"}, "500 MB"),
        ({"max_size": "-3"}, "500 MB"),
        ({"max_size": "9" * 400 + "TB"}, "500 MB"),
        ({"older_than": "9" * 400 + "d"}, "like '30d'"),
    ],
)
def test_prune_refuses_what_it_does_not_understand(cache, options, match):
    with pytest.raises(ValueError, match=match):
        cache.prune(**options)
