"""Scores and intervals from counts alone, as the driver gets them."""

from __future__ import annotations

import numpy as np
import pytest

from mmtoolkit.classification.intervals import wilson
from mmtoolkit.classification.metrics import metrics_for
from mmtoolkit.spark.scores import class_table, metric_table

NAMES = ["a", "b", "c"]
COUNTED = [row.name for row in metrics_for(3, "counts")]
LOSSES = {"log_loss_avg": 0.2, "log_loss_stddev": 0.4, "brier_score_avg": 0.1, "brier_score_stddev": 0.2}


def test_a_perfect_score_is_no_certainty():
    metrics = metric_table(np.diag([20, 30, 10]), LOSSES, 60, 0)
    per_class = class_table(np.diag([20, 30, 10]), NAMES, 60, 0)

    assert (metrics.loc[COUNTED, "value"] == 1).all()
    assert (metrics.loc[COUNTED, "low"] < 0.95).all()
    assert (metrics.loc[COUNTED, "high"] > 1 - 1e-9).all()
    for name in ("precision", "recall", "f1"):
        assert (per_class[f"{name}_low"] < 0.95).all()
        assert per_class.loc["c", f"{name}_low"] < per_class.loc["b", f"{name}_low"]


def test_equal_items_make_no_interval_narrower():
    once = np.array([[18, 1, 1], [2, 26, 2], [0, 3, 7]])

    thrice = metric_table(3 * once, LOSSES, 60, 0)
    assert np.allclose(thrice, metric_table(once, LOSSES, 60, 0), equal_nan=True)
    tripled, single = class_table(3 * once, NAMES, 60, 0), class_table(once, NAMES, 60, 0)
    assert np.allclose(tripled.drop(columns="support"), single.drop(columns="support"), equal_nan=True)
    assert thrice.loc["accuracy", "low"] == pytest.approx(float(wilson(51, 60)[0]))


def test_losses_are_never_below_0_and_small_classes_leave_scores_of_all_classes_open():
    few = np.array([[40, 2, 0], [3, 30, 1], [1, 0, 4]])
    wide = {"log_loss_avg": 0.2, "log_loss_stddev": 2.0, "brier_score_avg": 0.1, "brier_score_stddev": 0.2}

    metrics = metric_table(few, wide, 81, 0)

    assert 0 <= metrics.loc["log_loss", "low"] < 0.2 < metrics.loc["log_loss", "high"]
    assert metrics.loc[["balanced_accuracy", "f1_macro", "matthews_corrcoef"], ["low", "high"]].isna().all(axis=None)
    assert metrics.loc["accuracy", ["low", "high"]].notna().all()
