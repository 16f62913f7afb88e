import numpy as np
import pytest

from mmtoolkit.classification.calibration import COLDEST, HeldOutLoss
from mmtoolkit.classification.multinomial import softmax


def _sure(rng, right, n=500):
    """Return logits that are very sure, of which a share is right."""
    codes = np.arange(n) % 2
    logits = np.zeros((n, 2))
    logits[np.arange(n), np.where(rng.random(n) < right, codes, 1 - codes)] = 10.0
    return logits, codes


def _loss(codes):
    return HeldOutLoss(codes, np.ones(len(codes)), np.arange(len(codes)))


def test_temperature_cools_an_overconfident_model(rng):
    logits, codes = _sure(rng, 0.7)

    t = _loss(codes).temperature(logits, np.arange(500) % 5)

    assert softmax(logits / t).max(axis=1).mean() == pytest.approx(0.7, abs=0.05)


def test_temperature_stays_above_its_floor(rng):
    logits, codes = _sure(rng, 1.0, n=10_000)

    assert _loss(codes).temperature(logits / 100, np.arange(len(codes)) % 5) == pytest.approx(COLDEST, rel=1e-3)


def test_temperature_is_left_alone_where_it_helps_no_other_fold(rng):
    logits = rng.normal(size=(40, 2))
    codes = (rng.random(40) < softmax(logits)[:, 1]).astype(int)

    assert _loss(codes).temperature(logits, np.arange(40) % 5) == 1.0


def test_without_errors_the_loss_has_a_bottom(rng):
    logits, codes = _sure(rng, 1.0, n=60)
    loss = _loss(codes)

    assert loss(logits / 2) < loss(logits) < loss(10 * logits)


def test_smoothing_counts_groups(rng):
    _, codes = _sure(rng, 1.0, n=60)
    alone = HeldOutLoss(codes, np.ones(60), np.arange(60))
    groups = HeldOutLoss(codes, np.ones(60), np.arange(60) // 6)

    assert groups.smoothing > 5 * alone.smoothing


def test_offsets_take_class_weights_out_again(rng):
    codes = (np.arange(4000) >= 3600).astype(int)
    score = rng.normal(size=4000) + 2.0 * codes
    exact = np.stack([np.zeros(4000), 2.0 * score - 2.0], axis=1)  # log-odds of equal classes

    t, offsets = _loss(codes).offsets(exact, np.array([0.5556, 5.0]))

    assert t == pytest.approx(1.0, abs=0.15)
    assert offsets[1] - offsets[0] == pytest.approx(np.log(0.1 / 0.9), abs=0.3)
    assert softmax(exact / t + offsets)[:, 1].mean() == pytest.approx(0.1, rel=0.05)
