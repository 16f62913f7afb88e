import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mmtoolkit.classification import score_tables, scores
from mmtoolkit.classification.intervals import bca, resamples, widened, wilson


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), classes=st.integers(2, 6))
def test_label_scores_are_scikit_learns(seed, classes):
    rng = np.random.default_rng(seed)
    true, said = rng.integers(classes, size=(2, 60))

    found = dict(
        zip(
            scores.LABEL_SCORES,
            scores.label_scores(scores.confusion_of(true, said, classes).astype(float)),
            strict=True,
        )
    )

    assert found["accuracy"] == pytest.approx(sk.accuracy_score(true, said))
    assert found["f1_macro"] == pytest.approx(sk.f1_score(true, said, average="macro", zero_division=0))
    assert found["f1_weighted"] == pytest.approx(sk.f1_score(true, said, average="weighted", zero_division=0))
    assert found["matthews_corrcoef"] == pytest.approx(sk.matthews_corrcoef(true, said))
    recall = sk.recall_score(true, said, average="macro", labels=np.unique(true), zero_division=0)
    assert found["balanced_accuracy"] == pytest.approx(recall)


@pytest.mark.parametrize("classes", [2, 5])
def test_probability_scores_are_scikit_learns(rng, classes):
    codes = rng.permutation(np.arange(100) % classes)
    proba = rng.dirichlet(np.ones(classes), size=100)

    found = {name: values.mean() for name, values in scores.item_scores(codes, proba).items()}

    assert found["log_loss"] == pytest.approx(sk.log_loss(codes, proba))
    if classes == 2:
        assert found["brier_score"] == pytest.approx(sk.brier_score_loss(codes, proba[:, 1]))
    else:
        assert found["brier_score"] == pytest.approx(sk.brier_score_loss(codes, proba))
        assert found["top_3_accuracy"] == pytest.approx(sk.top_k_accuracy_score(codes, proba, k=3))


def test_class_scores_are_scikit_learns(rng):
    true, said = rng.integers(4, size=(2, 80))

    found = scores.class_scores(scores.confusion_of(true, said, 4).astype(float))

    theirs = sk.precision_recall_fscore_support(true, said, labels=range(4), zero_division=0)
    np.testing.assert_allclose(found, theirs[:3])


def test_calibration_error_of_a_perfect_and_of_a_boastful_forecaster():
    codes = np.zeros(100, dtype=int)
    sure, right, count = scores.calibration(codes, np.tile([1.0, 0.0], (100, 1)))
    assert np.abs(sure - right) @ count == 0

    sure, right, count = scores.calibration(np.arange(100) % 2, np.tile([1.0, 0.0], (100, 1)))
    assert np.abs(sure - right) @ count / 100 == pytest.approx(0.5)


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


def test_resamples_draw_as_many_groups_as_there_are():
    counts = np.concatenate(list(resamples(37, 50, 0)))

    assert counts.shape == (50, 37)
    assert (counts.sum(axis=1) == 37).all()


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
