"""Scores and intervals from confusion counts; nothing else leaves the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit.classification.intervals import limits, widened, wilson
from mmtoolkit.classification.metrics import CLASS_METRICS, Counts, metrics_for
from mmtoolkit.classification.score_tables import count_scores
from mmtoolkit.classification.spread import LEAST_OF_EVERY_CLASS

__all__ = ["class_table", "metric_table"]

_N_BOOT = 2000


def _resampled(confusion: NDArray[np.int64], n_groups: int, random_state: int) -> NDArray[np.float64]:
    """Draw confusion counts of other samples of so many distinct items, (n_boot, n_classes, n_classes)."""
    p = confusion.ravel() / confusion.sum()
    drawn = np.random.default_rng(random_state).multinomial(n_groups, p, size=_N_BOOT)
    return drawn.reshape(_N_BOOT, *confusion.shape).astype(np.float64)


def metric_table(
    confusion: NDArray[np.int64], losses: Mapping[str, Any], n_groups: int, random_state: int
) -> pd.DataFrame:
    """Return overall scores with 95 % intervals and the majority baseline.

    Parameters
    ----------
    confusion : ndarray of shape (n_classes, n_classes), int64
        Counts, true classes in rows.
    losses : mapping
        ``log_loss_avg``, ``log_loss_stddev`` and the same of ``brier_score``.
    n_groups : int
        Distinct items among the counted rows: equal ones say the same thing twice, so the intervals go by them.
    random_state : int
        Seed of the bootstrap of the counts.

    Returns
    -------
    DataFrame
        Index metric; value, low, high, baseline. Scores in which every class counts by itself have no interval where a class has
        fewer than ten distinct items.
    """
    rows = metrics_for(len(confusion), "counts")
    value = count_scores(rows, confusion)
    drawn = count_scores(rows, _resampled(confusion, n_groups, random_state))
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    low, high = widened(value, low, high, n_groups, floor=[row.lowest for row in rows])
    shares = np.array([row.interval == "wilson" for row in rows])
    low[shares], high[shares] = wilson(value[shares] * n_groups, n_groups)
    sizes = confusion.sum(axis=1) * (n_groups / confusion.sum())
    if sizes[sizes > 0].min() < LEAST_OF_EVERY_CLASS:
        by_class = np.array([row.by_class for row in rows])
        low[by_class] = high[by_class] = np.nan
    most = np.zeros_like(confusion)
    most[:, confusion.sum(axis=1).argmax()] = confusion.sum(axis=1)
    columns = {"value": value, "low": low, "high": high, "baseline": count_scores(rows, most)}
    table = pd.DataFrame(columns, index=[row.name for row in rows])
    for name in (row.name for row in metrics_for(len(confusion), "items") if f"{row.name}_avg" in losses):
        mean, variance = losses[f"{name}_avg"], float(losses[f"{name}_stddev"] or 0.0) ** 2 / n_groups
        low, high = limits(np.array([mean], dtype=float), np.array([variance]), n_groups, n_groups, lowest=np.nan)
        table.loc[name] = [mean, low[0], high[0], np.nan]
    return table.rename_axis(index="metric")


def class_table(confusion: NDArray[np.int64], classes: Sequence[str], n_groups: int, random_state: int) -> pd.DataFrame:
    """Return precision, recall and F1 per class with 95 % intervals, and support.

    Parameters
    ----------
    confusion : ndarray of shape (n_classes, n_classes), int64
        Counts, true classes in rows.
    classes : sequence of str
        Names.
    n_groups : int
        Distinct items among the counted rows: equal ones say the same thing twice, so the intervals go by them.
    random_state : int
        Seed of the bootstrap of the counts.

    Returns
    -------
    DataFrame
        Index class; the areas are NaN, since they would need every probability on the driver.
    """
    counts, drawn = Counts(confusion), Counts(_resampled(confusion, n_groups, random_state))
    called, own = (confusion.sum(axis=axis) * (n_groups / confusion.sum()) for axis in (0, 1))
    either = called + own - confusion.diagonal() * (n_groups / confusion.sum())
    behind = {"predicted": called, "true": own, "either": either}
    columns: dict[str, Any] = {}
    for row in CLASS_METRICS:
        value, n = getattr(counts, row.name), behind[row.behind]
        low, high = np.percentile(getattr(drawn, row.name), [2.5, 97.5], axis=0)
        low, high = wilson(value * n, n) if row.interval == "wilson" else widened(value, low, high, n)
        columns |= {row.name: value, f"{row.name}_low": low, f"{row.name}_high": high}
    columns |= {"support": confusion.sum(axis=1), "roc_auc": np.nan, "average_precision": np.nan}
    return pd.DataFrame(columns, index=pd.Index(list(classes), name="class"))
