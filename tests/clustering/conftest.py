"""Clusterings and vectors that several files of tests use."""

import numpy as np
import pytest

import mmtoolkit as mm


def _groups(k=6, per=30, d=24, spread=0.15, seed=0):
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((k, d))
    y = np.repeat(np.arange(k), per)
    X = centers[y] + spread * rng.standard_normal((k * per, d)) * np.sqrt(8)
    order = rng.permutation(len(y))
    return X[order].astype(np.float32), y[order]


@pytest.fixture
def groups():
    """A function that makes well separated groups, and the group of each row."""
    return _groups


@pytest.fixture(scope="session")
def clustered(stamps):
    """Eight clusters of the stamps."""
    return mm.cluster(stamps, 8)


@pytest.fixture(scope="session")
def noisy():
    """Three dense groups and rows between them."""
    rng = np.random.default_rng(1)
    dense = np.repeat(rng.standard_normal((3, 8)) * 4, 40, axis=0) + 0.2 * rng.standard_normal((120, 8))
    return np.concatenate([dense, 8 * rng.standard_normal((30, 8))]).astype(np.float32)
