"""Keys, vectors and a cache of its own for each test."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from mmtoolkit.cache import EmbeddingCache, Space


def keys_of(*names):
    return [hashlib.sha256(str(name).encode()).digest() for name in names]


def vectors_of(keys, dimension):
    """A vector that can be told from its key: every reader knows what is right."""
    rows = [np.random.default_rng(list(key)).standard_normal(dimension, dtype=np.float32) for key in keys]
    return np.array(rows, dtype=np.float32).reshape(len(keys), dimension)


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
    """(keys, vectors) for a range of numbers."""

    def make(start, stop, space):
        keys = keys_of(*range(start, stop))
        return keys, vectors_of(keys, space.dimension)

    return make
