"""Bars, curves and histograms."""

import numpy as np
import pytest

from mmtoolkit import figures


def test_bars_and_curves_check_lengths():
    with pytest.raises(ValueError, match="for 1 names"):
        figures.bars(["a"], [1, 2])
    with pytest.raises(ValueError, match="series 'a' has shape"):
        figures.curve([1, 2], {"a": ([1], None, None)})


def test_whiskers_end_at_the_interval():
    error = figures.bars(["a"], [0.5], low=[0.2], high=[0.6]).data[0].error_x

    assert error.array == pytest.approx([0.1])
    assert error.arrayminus == pytest.approx([0.3])


def test_histogram_counts_every_value_and_says_what_is_missing(rng):
    fig = figures.histogram(np.append(rng.normal(size=99), np.nan))

    assert sum(fig.data[0].y) == 99
    assert figures.caption_of(fig) == "1 value is missing."


@pytest.mark.parametrize("values", [[], [np.nan], [3.0, 3.0]])
def test_histogram_of_nothing_or_of_one_value(values):
    assert sum(figures.histogram(values).data[0].y) == np.isfinite(values).sum()
