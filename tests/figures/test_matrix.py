"""The heatmap."""

import numpy as np
import pytest

from mmtoolkit import figures


def test_equal_names_keep_their_own_rows_and_bars():
    heat = figures.heatmap(np.eye(2), ["1", "1"], ["1", "1"])
    bars = figures.bars(["x", "x"], [1, 2])

    assert heat.layout.xaxis.ticktext == ("1", "1")
    assert bars.data[0].y.tolist() == [0, 1]


def test_heatmap_names_must_fit():
    with pytest.raises(ValueError, match=r"values has shape \(2, 2\)"):
        figures.heatmap(np.eye(2), ["a"], ["a", "b"])


def test_heatmap_of_nothing_but_missing_values():
    fig = figures.heatmap(np.full((2, 2), np.nan), "ab", "ab")

    assert set(fig.data[1].text) == {""}
