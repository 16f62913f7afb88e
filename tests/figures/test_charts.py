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


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 0], (0, 1)), ([], (0, 1)), ([0.99, 1.0], (0, 1)), ([0.003, 0], None), ([4, 12], None), ([-0.2, 0.9], None)],
)
def test_bars_of_nothing_and_of_scores_have_an_axis_from_0_to_1(values, expected):
    found = figures.bars([f"bar {i}" for i in range(len(values))], values, baseline=None).layout.xaxis.range

    assert (found if found is None else tuple(found)) == expected


@pytest.mark.parametrize("baseline", [0.5, 1.0])
def test_the_word_of_a_baseline_ends_inside_an_axis_that_ends_at_1(baseline):
    fig = figures.bars(["a", "b"], [1.0, 1.0], baseline=baseline, baseline_name="always the most frequent class")

    assert [a.xanchor for a in fig.layout.annotations if "frequent" in a.text] == ["right"]
