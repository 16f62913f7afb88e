"""Clouds without groups."""

import numpy as np
import pytest

from mmtoolkit.clustering.structureless import CLOUDS, cloud_like, cloud_partings, cloud_peaks
from mmtoolkit.clustering.sweeping import path_range
from mmtoolkit.vectors import unit_rows

STEPS = path_range(list(range(2, 31)), 500)


@pytest.mark.parametrize("draw", CLOUDS[:3])
def test_a_cloud_has_the_covariance_and_the_length_of_the_rows(rng, draw):
    X = unit_rows(rng.standard_normal((3000, 5)) * [3, 1, 1, 1, 0.5] + 1)

    made = cloud_like(X, draw, rng).rows(3000, rng)

    assert np.linalg.norm(made, axis=1) == pytest.approx(1)
    assert np.cov(made.T) == pytest.approx(np.cov(X.T), abs=0.05)


def test_groups_rise_above_all_clouds_and_a_long_cloud_does_not(rng):
    groups = np.repeat(3 * rng.standard_normal((6, 12)), 80, axis=0) + rng.standard_normal((480, 12))
    long = rng.standard_normal((480, 12)) * [4, *[1] * 11]

    found, none = (cloud_peaks(unit_rows(X.astype(np.float32)), STEPS) for X in (groups, long))

    assert (found["rows"] > found["clouds"]).all()
    assert not (none["rows"] > none["clouds"]).all()
    assert np.isnan(none["clouds"]).any()  # answered before all were measured


def test_rows_of_any_length_and_two_rows_are_compared(rng):
    loud = (rng.standard_normal((300, 4)) * rng.lognormal(0, 1, (300, 1))).astype(np.float32)

    assert not (cloud_peaks(loud, STEPS)["rows"] > cloud_peaks(loud, STEPS)["clouds"]).all()
    assert cloud_peaks(np.eye(2, dtype=np.float32), [1, 2])["rows"] == 1.0


def test_a_split_parts_groups_farther_than_all_clouds_and_a_long_cloud_not(rng):
    groups = np.repeat(3 * rng.standard_normal((6, 12)), 80, axis=0) + rng.standard_normal((480, 12))
    long = rng.standard_normal((480, 12)) * [4, *[1] * 11]

    found, none = (cloud_partings(unit_rows(X.astype(np.float32))) for X in (groups, long))

    assert (found["rows"] > found["clouds"]).all()
    assert not (none["rows"] > none["clouds"]).all()
    assert cloud_partings(np.eye(2, dtype=np.float32))["rows"] == 0.0
