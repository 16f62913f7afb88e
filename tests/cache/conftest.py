"""Keys, vectors and a cache of its own for each test."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from mmtoolkit.cache import EmbeddingCache, Space


@pytest.fixture
def space():
    return Space("model/../β <b>", "r1", 8, {"z": 1, "a": [True, None]})


@pytest.fixture
def cache(tmp_path):
    cache = EmbeddingCache(tmp_path / "store")
    yield cache
    cache.close()


@pytest.fixture
def make():
    """(keys, vectors) for a range of numbers; a vector can be told from its key."""

    def make(start, stop, dimension=8):
        keys = [hashlib.sha256(str(i).encode()).digest() for i in range(start, stop)]
        rows = [np.random.default_rng(i).standard_normal(dimension, dtype=np.float32) for i in range(start, stop)]
        return keys, np.array(rows, dtype=np.float32).reshape(len(keys), dimension)

    return make
