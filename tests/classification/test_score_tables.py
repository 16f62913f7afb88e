import numpy as np
import pytest

from mmtoolkit.classification import score_tables
from mmtoolkit.classification.spread import HeldOutScores
from mmtoolkit.classification.variance import Sample


def tables(codes, predicted, proba, groups, classes=None):
    """Both tables of one classifier that stays what it is."""
    held = HeldOutScores(codes, predicted[None], proba[None], groups)
    sample = Sample.drawn(proba, codes, groups, 0)
    value, variance = held.values(), held.variances(sample, cv=None, class_weight=None, random_state=0)
    names = np.arange(proba.shape[1]) if classes is None else np.array(classes)
    return score_tables.metric_table(held, value, variance), score_tables.class_table(held, names, value, variance)


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

    overall, classes = tables(codes, codes, proba, groups, ["a", "b", "c"])
    overall = overall.drop(["log_loss", "brier_score", "ece"])

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
        table, _ = tables(np.tile(codes, copies), np.tile(said, copies), np.tile(proba, (copies, 1)), groups)
        return table.loc["f1_macro", "high"] - table.loc["f1_macro", "low"]

    once = width(1, np.arange(120))
    assert width(4, np.tile(np.arange(120), 4)) == pytest.approx(once, rel=1e-6)
    assert width(4, np.arange(480)) < 0.7 * once


def test_a_small_class_has_no_interval_and_the_others_have(rng):
    codes = np.repeat(np.arange(3), [60, 19, 9])
    said = np.where(rng.random(88) < 0.8, codes, (codes + 1) % 3)

    overall, classes = tables(codes, said, np.eye(3)[said] * 0.9 + 0.1 / 3, np.arange(88))

    for name in ("precision", "recall", "f1", "roc_auc"):
        assert classes[f"{name}_low"].notna().tolist() == [True, False, False]
    assert classes["average_precision_low"].notna().tolist() == [True, False, False]
    assert overall["low"].isna().to_dict() == {
        **dict.fromkeys(["accuracy", "f1_weighted", "top_2_accuracy", "log_loss", "brier_score"], False),
        **dict.fromkeys(["balanced_accuracy", "f1_macro", "matthews_corrcoef", "ece"], True),
    }


def test_average_precision_needs_fifty_positives(rng):
    codes = np.repeat(np.arange(2), [49, 60])
    proba = rng.dirichlet(np.ones(2), size=109)

    _, classes = tables(codes, proba.argmax(axis=1), proba, np.arange(109))

    assert classes["roc_auc_low"].notna().all()
    assert classes["average_precision_low"].notna().tolist() == [False, True]


def test_areas_are_scikit_learns_with_ties(rng):
    from sklearn.metrics import average_precision_score, roc_auc_score

    codes = np.arange(90) % 3
    proba = np.round(rng.dirichlet(np.ones(3), size=90), 1)

    _, classes = tables(codes, proba.argmax(axis=1), proba, np.arange(90))

    for k in range(3):
        assert classes["roc_auc"][k] == pytest.approx(roc_auc_score(codes == k, proba[:, k]))
        assert classes["average_precision"][k] == pytest.approx(average_precision_score(codes == k, proba[:, k]))


def test_the_interval_of_one_model_is_that_of_counting(rng):
    codes = np.arange(400) % 2
    said = np.where(rng.random(400) < 0.8, codes, 1 - codes)

    overall, _ = tables(codes, said, np.eye(2)[said] * 0.8 + 0.1, np.arange(400))

    p = overall.loc["accuracy", "value"]
    assert overall.loc["accuracy", "error"] == pytest.approx(np.sqrt(p * (1 - p) / 400), rel=0.1)
    assert overall.loc["accuracy", "high"] - overall.loc["accuracy", "low"] == pytest.approx(0.078, rel=0.1)


def test_a_score_that_cannot_move_has_no_interval_of_zero_width():
    codes = np.arange(60) % 2

    overall, _ = tables(codes, codes, np.eye(2)[codes], np.arange(60))  # all probabilities are 1

    assert overall["low"].isna()[["log_loss", "brier_score"]].all()
    assert (overall["high"] - overall["low"]).drop(["log_loss", "brier_score", "ece"]).min() > 0.03


def test_areas_near_one_hold_the_truth_of_few_items(rng):
    truth, held = 0.98895, 0  # of normal scores 3.24 apart, where 20 items say little of the few that are far out
    codes = np.repeat([0, 1], [600, 20])
    for _ in range(40):
        own = 1 / (1 + np.exp(-rng.normal(size=620) - 3.24 * codes))
        _, classes = tables(codes, (own > 0.9).astype(int), np.stack([1 - own, own], axis=1), np.arange(620))
        held += classes.loc[1, "roc_auc_low"] <= truth <= classes.loc[1, "roc_auc_high"]

    assert held >= 36


def test_areas_of_many_items_are_as_sure_as_their_spread_says(rng):
    codes = np.repeat([0, 1], [1900, 100])
    score = rng.normal(size=2000) + 2.2 * codes
    constant = np.full(2000, 0.5)

    near_one, flat = (
        tables(codes, (own > 0.9).astype(int), np.stack([1 - own, own], axis=1), np.arange(2000))[1].loc[1]
        for own in (1 / (1 + np.exp(-score)), constant)
    )

    assert 0.02 < near_one["roc_auc_high"] - near_one["roc_auc_low"] < 0.04
    assert flat["roc_auc"] == 0.5
    assert flat["roc_auc_high"] - flat["roc_auc_low"] > 0.1  # equal scores are no certainty


def test_losses_of_few_groups_have_no_interval(rng):
    groups = np.arange(95) // 5
    codes = groups % 2
    proba = rng.dirichlet(np.ones(2), size=95)

    few, enough = (
        tables(codes, proba.argmax(axis=1), proba, g)[0]["low"].isna()[["accuracy", "log_loss", "brier_score"]].tolist()
        for g in (groups, np.arange(95))
    )

    assert few == [False, True, True]
    assert enough == [False, False, False]


def test_with_class_weights_few_items_of_a_class_decide():
    codes = np.repeat([0, 1], [2000, 20])

    deciding = [
        HeldOutScores(codes, codes[None], np.eye(2)[codes][None], np.arange(2020), weighted).n_deciding
        for weighted in (False, True)
    ]

    assert deciding[0] == 2020
    assert deciding[1] == pytest.approx(20.4, abs=0.1)


def test_groups_of_several_classes_count_for_each(rng):
    codes = np.tile([0, 1, 1], 100)
    own = np.clip(rng.normal(0.3 + 0.4 * codes, 0.1), 0, 1)
    proba = np.stack([1 - own, own], axis=1)

    mixed, alone = (
        tables(codes, proba.argmax(axis=1), proba, g)[1].loc[1] for g in (np.arange(300) // 3, np.arange(300))
    )

    assert mixed["roc_auc_high"] - mixed["roc_auc_low"] < 3 * (alone["roc_auc_high"] - alone["roc_auc_low"])


def test_a_rare_class_without_an_error_is_no_certainty():
    codes = np.repeat([0, 1], [2000, 20])
    said = codes.copy()
    said[0] = 1
    proba = np.eye(2)[said]

    overall, _ = tables(codes, said, proba, np.arange(2020))

    row = overall.loc["balanced_accuracy"]
    assert row["low"] == pytest.approx(row["value"] - (1 - 0.8389) / 2, abs=1e-4)  # Wilson, 20 of 20
    assert overall.loc["accuracy", "low"] > 0.99


def test_a_class_of_few_has_no_interval_of_scores_that_count_it_like_the_others(rng):
    codes = np.repeat([0, 1, 2], [60, 30, 3])
    said = np.where(rng.random(93) < 0.8, codes, (codes + 1) % 3)

    table = score_tables.hit_table(codes, said, np.arange(93), 3)

    assert table.loc[["balanced_accuracy", "f1_macro", "matthews_corrcoef"], ["low", "high"]].isna().all(axis=None)
    assert table.loc[["accuracy", "f1_weighted"], ["low", "high"]].notna().all(axis=None)
