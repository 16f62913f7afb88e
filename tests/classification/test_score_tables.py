import numpy as np
import pytest

from mmtoolkit.classification import score_tables


def test_no_hit_at_all_is_no_certainty():
    codes = np.arange(40) % 2
    groups = np.append(np.arange(39), 0)

    table = score_tables.hit_table(codes, 1 - codes, groups, 2)

    assert table.loc["accuracy", "value"] == 0
    assert table.loc["accuracy", "high"] == pytest.approx(0.0897, abs=1e-4)  # Wilson, 0 of 39 groups
    assert table.loc["matthews_corrcoef", "high"] == pytest.approx(2 * 0.0897 - 1, abs=1e-3)


@pytest.mark.parametrize("copies", [0, 1])
def test_perfect_predictions_have_intervals_with_and_without_a_duplicate(copies):
    codes = np.arange(40) % 2
    groups = np.append(np.arange(40), np.zeros(copies, dtype=int))
    codes = np.append(codes, np.zeros(copies, dtype=int))
    proba = np.eye(3)[codes]

    overall = score_tables.metric_table(codes, codes[None], proba[None], groups).drop(
        ["log_loss", "brier_score", "ece"]
    )
    classes = score_tables.class_table(codes, codes[None], proba[None], groups, np.array(["a", "b", "c"]))

    assert overall.loc["accuracy", "low"] == pytest.approx(0.9124, abs=1e-4)
    assert (overall["low"] < 0.92).all()
    assert (overall["high"] == 1).all()
    assert (overall["error"] > 0.01).all()
    for name in ("precision", "recall", "f1"):
        np.testing.assert_allclose(classes[f"{name}_low"], [0.8389, 0.8389, np.nan], atol=1e-4)  # Wilson, 20 of 20
        np.testing.assert_array_equal(classes[f"{name}_high"], [1, 1, np.nan])


def test_copies_in_one_group_do_not_narrow_the_interval(rng):
    codes = np.arange(120) % 3
    said = np.where(rng.random(120) < 0.7, codes, (codes + 1) % 3)
    proba = np.eye(3)[said] * 0.9 + 0.1 / 3

    def width(copies, groups):
        table = score_tables.metric_table(
            np.tile(codes, copies), np.tile(said, copies)[None], np.tile(proba, (copies, 1))[None], groups
        )
        return table.loc["f1_macro", "high"] - table.loc["f1_macro", "low"]

    once = width(1, np.arange(120))
    assert width(4, np.tile(np.arange(120), 4)) == pytest.approx(once, rel=1e-6)
    assert width(4, np.arange(480)) < 0.7 * once
