"""Do two samples come from one source? The level of both tests, their power, and what counts once."""

import numpy as np
import pytest

from mmtoolkit.classification.two_sample import differs, differs_within_classes, main_axes, unit_means


def drawn(rng, n, mix=(1, 1, 1), shift=0.0):
    y = rng.choice(3, n, p=np.array(mix) / sum(mix))
    return rng.normal(size=(n, 12)) + 3 * np.eye(3, 12)[y] + shift * np.eye(12)[5], y


def shares(**new):
    p = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        (old, y), (X, _) = drawn(rng, 120), drawn(rng, 60, **new)
        sides = np.arange(180) >= 120
        p.append((differs(np.concatenate([old, X]), sides, seed), differs_within_classes(old, y, X, seed)))
    return (np.array(p) <= 0.05).mean(axis=0)


@pytest.mark.parametrize(
    ("new", "differs_by", "within_by"),
    [({}, (0, 0.15), (0, 0.15)), ({"mix": (8, 1, 1)}, (0.9, 1), (0, 0.15)), ({"shift": 1.2}, (0.9, 1), (0.9, 1))],
)
def test_another_mix_is_a_difference_that_classes_explain_and_a_shift_is_one_that_they_do_not(
    new, differs_by, within_by
):
    whole, within = shares(**new)

    assert differs_by[0] <= whole <= differs_by[1]
    assert within_by[0] <= within <= within_by[1]


def test_units_are_means_of_what_belongs_together():
    means = unit_means(np.array([[1.0, 0.0], [3.0, 2.0], [5.0, 5.0]]), np.array([0, 0, 1]))

    assert means.tolist() == [[2.0, 1.0], [5.0, 5.0]]


def test_a_mix_of_as_many_classes_as_axes_cannot_be_told():
    assert np.isnan(differs_within_classes(np.eye(4, 3), np.arange(4), np.eye(3), 0))


def test_axes_keep_distances():
    X = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)

    Z = main_axes(X, 64)

    assert np.linalg.norm(Z[0] - Z[1]) == pytest.approx(np.linalg.norm(X[0] - X[1]), rel=1e-4)
