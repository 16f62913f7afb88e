import numpy as np
import pytest

from mmtoolkit.classification.intervals import bca, limits, resamples, widened, wilson


def test_wilson_matches_the_published_example():
    low, high = wilson(81, 263)  # Newcombe (1998), table I, method 3

    assert (round(float(low), 4), round(float(high), 4)) == (0.2553, 0.3662)


def test_wilson_stays_inside_and_has_none_without_trials():
    low, high = wilson([0, 10, 0], [10, 10, 0])

    assert low[0] == 0
    assert high[1] == pytest.approx(1)
    assert 0 < high[0] < 0.4
    assert np.isnan(low[2])


def test_bca_of_a_mean_is_close_to_the_normal_interval(rng):
    values = rng.normal(size=400)
    table = np.column_stack([values, np.ones(400)])

    low, high, error = bca(table, lambda sums: sums[:, :1] / sums[:, 1:])

    assert error[0] == pytest.approx(values.std() / 20, rel=0.1)
    assert low[0] == pytest.approx(values.mean() - 1.96 * error[0], abs=0.02)
    assert high[0] == pytest.approx(values.mean() + 1.96 * error[0], abs=0.02)


def test_bca_matches_scipys(rng):
    from scipy.stats import bootstrap

    values = rng.exponential(size=80)

    low, high, _ = bca(np.column_stack([values, np.ones(80)]), lambda sums: sums[:, :1] / sums[:, 1:], n_boot=9000)

    theirs = bootstrap((values,), np.mean, n_resamples=9000, method="BCa", random_state=0).confidence_interval
    assert low[0] == pytest.approx(theirs.low, abs=0.02)
    assert high[0] == pytest.approx(theirs.high, abs=0.02)


def test_bca_of_one_group_has_no_limits():
    for found in bca(np.ones((1, 2)), lambda sums: sums):
        np.testing.assert_array_equal(found, [np.nan, np.nan])


def test_no_spread_is_no_certainty():
    value = np.array([1.0, 0.0, 0.5, 1.0])

    low, high = widened(value, np.array([1.0, 0, 0.4, 1]), np.array([1.0, 0, 0.6, 1]), [40, 40, 40, 0])

    np.testing.assert_allclose(low, [0.9124, 0, 0.4, np.nan], atol=1e-4)
    np.testing.assert_allclose(high, [1, 0.0876, 0.6, np.nan], atol=1e-4)
    assert widened(np.ones(1), np.ones(1), np.ones(1), 40, floor=-1)[0] == pytest.approx(2 * low[0] - 1)


def test_resamples_draw_as_many_groups_as_there_are():
    counts = np.concatenate(list(resamples(37, 50, 0)))

    assert counts.shape == (50, 37)
    assert (counts.sum(axis=1) == 37).all()


def test_a_loss_reaches_further_up_than_down_and_never_below_nothing():
    low, high = limits(np.array([1.0, 1.0]), np.array([0.01, 4.0]), 40, 10_000, lowest=np.nan)

    np.testing.assert_allclose(low, [1 - 0.196, 0], atol=1e-3)
    np.testing.assert_allclose(high, [1.216, 17.3], rtol=1e-2)  # ends of (high - 1)^2 = z^2 variance high


def test_few_groups_widen_an_interval():
    few, many = (np.subtract(*limits(np.array([0.7]), np.array([0.01]), 40, n)[::-1])[0] for n in (5, 1000))

    assert few == pytest.approx(1.3 * many, rel=0.1)  # Student's quantile of four degrees
