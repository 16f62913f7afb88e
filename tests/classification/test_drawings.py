import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.figures import caption_of


@pytest.fixture(scope="module")
def alike():
    """Classes that are told apart without an error, and have names that differ at their ends only."""
    y = np.array([f"A rather long name of a class, number {k:02}" for k in range(12)])[np.arange(72) % 12]
    X = np.eye(12)[np.arange(72) % 12] + np.random.default_rng(0).normal(scale=0.01, size=(72, 12))
    return mm.classify(X, y, cv=3, inference=False, duplicates="ignore")


def test_axes_of_scores_and_shares_end_at_one_where_all_are_perfect(alike):
    for name in ("metrics", "per_class"):
        assert tuple(alike.figure(name).layout.xaxis.range) == (0, 1)
    for name in ("roc", "precision_recall"):
        assert tuple(alike.figure(name).layout.yaxis.range) == (0, 1.02)


def test_every_class_of_a_curve_has_its_line_and_every_tick_its_own_name(alike):
    assert len(alike.figure("roc").data) == 10
    assert len(set(alike.figure("confusion").layout.yaxis.ticktext)) == 12
    assert len(set(alike.figure("per_class").layout.yaxis.ticktext)) == 12


def test_what_is_tied_is_not_said_to_be_the_most_or_the_hardest(alike):
    y = np.array(["a", "b", "c"])[np.arange(60) % 3]
    X = np.eye(3)[np.arange(60) % 3] + np.random.default_rng(0).normal(scale=0.01, size=(60, 3))
    X[[0, 1]] = X[[1, 0]]  # an a lies among the b, and a b among the a
    tied = mm.classify(X, y, inference=False, duplicates="ignore")
    X[[3, 4]] = X[[4, 5]]  # two a lie among the b
    alone = mm.classify(X, y, inference=False, duplicates="ignore")

    assert tied.confusion.to_numpy()[[0, 1], [1, 0]].tolist() == [1, 1]
    assert "; none more often than a for b (1 time, 5 % of that class)." in caption_of(tied.figure("confusion"))
    assert "No confusion is more frequent than “a” taken for “b” (1 time)." in mm.report(tied).to_html()
    assert "; most often a for b (2 times, 10 % of that class)." in caption_of(alone.figure("confusion"))
    assert "The most frequent confusion is “a” taken for “b” (2 times)." in mm.report(alone).to_html()
    assert caption_of(alike.figure("per_class")).startswith("No class is harder than A rather long")


def test_figures_carry_captions_from_the_data(result):
    assert result.figures[0] == "confusion"
    for name in result.figures:
        assert len(caption_of(result.figure(name))) > 30, name
    assert f"{100 * result.metrics.loc['accuracy', 'value']:.1f} %" in caption_of(result.figure("metrics"))
