"""Small data with a known answer, and one result that several tests read."""

import numpy as np
import pytest

import mmtoolkit as mm


def blobs(rng, n=240, d=12, classes=3, apart=1.0):
    """Overlapping Gaussian classes named a, b, c, ..."""
    centers = rng.normal(size=(classes, d)) * apart
    codes = np.arange(n) % classes
    X = centers[codes] + rng.normal(size=(n, d))
    return X.astype(np.float32), np.array([chr(97 + c) for c in codes])


@pytest.fixture(scope="session")
def data():
    return blobs(np.random.default_rng(3))


@pytest.fixture(scope="session")
def result(data):
    return mm.classify(*data)


@pytest.fixture(scope="session")
def stamp_result(stamps):
    return mm.classify(stamps)
