import datetime
import decimal
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from threadpoolctl import threadpool_limits

import mmtoolkit as mm
from mmtoolkit._described import restored
from mmtoolkit.classification.intervals import wilson


def test_scores_describe_the_held_out_predictions(data, result):
    _, y = data

    assert result.metrics.loc["accuracy", "value"] == pytest.approx((result.y_pred == y).mean())
    np.testing.assert_array_equal(
        result.confusion.to_numpy().sum(axis=1), np.bincount(np.unique(y, return_inverse=True)[1])
    )
    np.testing.assert_allclose(result.y_proba.sum(axis=1), 1.0)
    assert set(result.fold) == {0, 1, 2, 3, 4}
    assert list(result.metrics.columns) == ["value", "low", "high", "baseline"]
    assert result.metrics.loc["accuracy", "baseline"] == pytest.approx(1 / 3, abs=0.02)
    inside = result.metrics.drop(index="ece")
    assert ((inside["low"] <= inside["value"]) & (inside["value"] <= inside["high"])).all()
    assert np.isnan(result.metrics.loc["ece", "low"])


def test_every_held_out_row_was_predicted_by_a_model_that_never_saw_it(data):
    class Memory(GaussianNB):
        """Answers right only for rows it has seen."""

        def fit(self, X, y, sample_weight=None):
            self.seen_ = {row.tobytes(): label for row, label in zip(X, y, strict=True)}
            return super().fit(X, y)

        def predict_proba(self, X):
            out = np.full((len(X), len(self.classes_)), 1e-3)
            for i, row in enumerate(X):
                out[i, np.flatnonzero(self.classes_ == self.seen_.get(row.tobytes(), self.classes_[0]))] = 1.0
            return out / out.sum(axis=1, keepdims=True)

        def predict(self, X):
            return self.classes_[self.predict_proba(X).argmax(axis=1)]

    X, y = data

    r = mm.classify(X, y, estimator=Memory())

    assert (r.y_pred == "a").all()


def test_recipe_replays_and_survives_json(data, result):
    again = mm.classify(data[0], **json.loads(json.dumps(dict(result.recipe["params"]))))

    assert again.evidence() == result.evidence()


def test_threads_change_nothing(data, result):
    with threadpool_limits(2):
        again = mm.classify(*data)

    assert again.y_proba.tobytes() == result.y_proba.tobytes()
    assert again.evidence() == result.evidence()


def test_rows_without_a_class_are_predicted_and_not_scored(data):
    X, y = data
    partly = pd.Series(y, dtype=object)
    partly[::4] = None

    r = mm.classify(X, partly)

    assert r.n_unlabelled == 60
    assert r.n_scored == 180
    assert (r.fold[::4] == -1).all()
    assert (r.y_pred[::4] == y[::4]).mean() > 0.5
    assert any("60 of 240 items have no class" in note for note in r.notes)


def test_planted_duplicates_do_not_flatter_the_score(rng):
    X, y = _noisy(rng, 150)
    fresh, fresh_y = _noisy(rng, 3000)
    twice = np.concatenate([X, X + 1e-4 * rng.normal(size=X.shape)]).astype(np.float32)

    r = mm.classify(twice, np.tile(y, 2))

    truth = (r.predict(fresh.astype(np.float32)) == fresh_y).mean()
    assert abs(r.metrics.loc["accuracy", "value"] - truth) < 0.08
    assert r.ungrouped_accuracy > r.metrics.loc["accuracy", "value"] + 0.05
    assert any("duplicates on both sides" in note for note in r.notes)
    np.testing.assert_array_equal(r.duplicate_groups[150:], np.arange(150))


def _noisy(rng, n):
    """Classes that overlap, one label in five at random."""
    centers = np.random.default_rng(11).normal(size=(3, 60)) * 0.25
    codes = np.arange(n) % 3
    X = centers[codes] + rng.normal(size=(n, 60))
    wrong = rng.random(n) < 0.2
    return X, np.where(wrong, rng.integers(3, size=n), codes)


def test_copies_stay_together_at_any_threshold(rng):
    X = rng.normal(size=(150, 37))
    X[[4, 100]] = 0.0

    r = mm.classify(np.concatenate([X, X]), np.tile(np.arange(150) % 3, 2), duplicate_threshold=1.0)

    np.testing.assert_array_equal(r.duplicate_groups[:150], r.duplicate_groups[150:])
    np.testing.assert_array_equal(r.fold[:150], r.fold[150:])
    assert r.duplicate_groups[100] == 4


def test_duplicates_of_one_class_are_named(data):
    X, y = data
    X = X.copy()
    X[np.flatnonzero(y == "a")[:10]] = X[0]

    r = mm.classify(X, y)

    assert len(set(r.fold[np.flatnonzero(y == "a")[:10]])) == 1
    assert any("10 of the 80 items of class 'a' form one group of duplicates" in note for note in r.notes)


def test_fixed_split_scores_the_test_rows_only(data):
    X, y = data
    test = np.arange(240) >= 160

    r = mm.classify(X, y, test=test)

    np.testing.assert_array_equal(r.fold >= 0, test)
    assert all(value is None for value in r.y_pred[:160])
    assert np.isnan(r.y_proba[:160]).all()
    by_number = mm.classify(X, y, test=np.flatnonzero(test))
    assert by_number.evidence() == r.evidence()


def test_intervals_say_what_they_are_for(data, result):
    X, y = data
    fixed = mm.classify(X, y, test=np.arange(240) >= 160)

    assert result.interval_of == (
        "the expected score on new items of models trained on 192 of your 240 items; the model that is kept was trained on "
        "all 240"
    )
    assert fixed.interval_of.startswith("the score of this model, trained on 160 items, on other items like the 80 ")
    for r in (result, fixed):
        assert any(r.interval_of in note for note in r.notes)
        scores = r.metrics.drop("ece")
        assert ((scores["low"] < scores["value"]) & (scores["value"] <= scores["high"])).all()
    assert "ten pairs of disjoint halves" in result.notes[1]
    assert "halves" not in fixed.notes[1]


def test_inference_can_be_left_out(data, result, tmp_path):
    r = mm.classify(*data, inference=False)

    assert r.metrics["low"].isna().all()
    assert r.per_class.filter(like="_low").isna().all(axis=None)
    assert r.metrics["value"].equals(result.metrics["value"])
    assert r.notes[0] == "Intervals and tests were left out (inference=False)."
    assert (r.moves, r.interval_of) == ({}, "")
    assert "baseline 0.3" in repr(r)
    said = mm.report(r).save(tmp_path / "report.md").read_text("utf-8")
    assert "interval (thin line)" not in said
    with pytest.raises(ValueError, match="inference must be True or False, got 'no'"):
        mm.classify(*data, inference="no")


def test_one_feature_at_unit_length_is_refused(rng):
    X, y = rng.normal(size=(40, 1)) + np.arange(40)[:, None] % 2, np.arange(40) % 2

    with pytest.raises(
        ValueError, match=r"one feature has no direction: .*; pass normalize=False, and duplicates='ignore'"
    ):
        mm.classify(X, y)
    assert mm.classify(X, y, normalize=False, duplicates="ignore").n_scored == 40


def test_a_class_that_is_one_group_is_refused_with_the_way_out(rng):
    X, y = rng.normal(size=(60, 5)), np.arange(60) % 2

    with pytest.raises(
        ValueError, match=r"class 0 has 30 items in 1 group of .* a class that is one group cannot be told"
    ):
        mm.classify(X, y, groups=y)
    with pytest.raises(
        ValueError, match=r"40 of 40 training rows were left out because a test row is .* finer groups="
    ):
        mm.classify(X, y, groups=y, test=np.arange(60) < 20)


def test_what_errors_cost_is_not_said_where_there_are_none(rng):
    y = np.arange(80) % 2
    clear = mm.classify(np.eye(2)[y] + 0.05 * rng.normal(size=(80, 2)), y, duplicates="ignore")
    overlap = mm.classify(rng.normal(size=(80, 2)) + y[:, None], y, duplicates="ignore")

    said = "Log-loss and Brier score have no interval: 0 of the independent items were predicted wrong, 3 are needed"
    assert clear.metrics.loc[["log_loss", "brier_score"], ["low", "high"]].isna().all(axis=None)
    assert any(note.startswith(said) for note in clear.notes)
    assert overlap.metrics.loc[["log_loss", "brier_score"], ["low", "high"]].notna().all(axis=None)
    assert not any(note.startswith("Log-loss and") for note in overlap.notes)


def test_the_interval_has_training_in_it_where_there_is_training(rng):
    y = np.arange(120) % 8  # few items of many classes
    X = rng.normal(size=(8, 30))[y] * 0.6 + rng.normal(size=(120, 30))

    folds = mm.classify(X, y, duplicates="ignore").metrics.loc["accuracy"]

    counted = wilson(folds["value"] * 120, 120)
    assert folds["high"] - folds["low"] > 1.02 * (counted[1] - counted[0])


@pytest.mark.parametrize("classes", [2, 3])
def test_a_handful_of_items_has_scores_and_says_what_it_lacks(rng, classes):
    y = np.repeat(np.arange(classes), 2)
    X = rng.normal(size=(len(y), 1))  # one feature

    r = mm.classify(X, y, cv=2, duplicates="ignore", normalize=False)

    assert 0 <= r.metrics.loc["accuracy", "low"] < r.metrics.loc["accuracy", "high"] <= 1
    assert r.metrics.loc["f1_macro", ["low", "high"]].isna().all()
    assert any(
        note.startswith("Too few for an interval, which needs 20 independent items of a class") for note in r.notes
    )


def test_training_rows_that_leak_into_the_test_rows_are_left_out(data):
    X, y = data
    X = X.copy()
    X[:20] = X[200:220]

    r = mm.classify(X, y, test=np.arange(240) >= 160)

    assert "20 training rows were left out because a test row is their duplicate." in r.notes
    grouped = mm.classify(X, y, test=np.arange(240) >= 160, groups=np.maximum(np.arange(240) - 1, 0) % 160)
    assert any("a test row is their duplicate or of their group" in note for note in grouped.notes)


@pytest.mark.parametrize("rows", [1, 8])
def test_a_test_set_of_one_group_has_scores_and_says_what_it_lacks(data, rows):
    X, y = data
    test = np.arange(240) < rows

    r = mm.classify(X, y, test=test, groups=np.where(test, 0, np.arange(240)))

    assert r.n_scored == rows
    assert np.isnan(r.metrics.loc["f1_macro", "low"])
    assert "All scored items form one group: how far the scores would move with another cannot be said." in r.notes
    assert f"{rows} item{'s' if rows > 1 else ''} scored" in repr(r)
    assert all(r.figure(name) is not None for name in r.figures)
    assert json.dumps(r.evidence(), allow_nan=False)
    assert "form one group" in mm.report(r).to_html()
    assert "[nan" not in repr(r)
    issues = r.label_issues(all_items=True)  # nobody of another group is near: the probability alone ranks
    np.testing.assert_allclose(issues["quality"], issues["p_label"])
    assert issues["evidence"].str.contains("of its 0 nearest items 0 are").all()


def test_user_groups_stay_together(data):
    X, y = data
    groups = np.arange(240) // 6

    r = mm.classify(X, y, groups=groups)

    assert all(len(set(r.fold[groups == g])) == 1 for g in range(40))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.str_, str),
        (decimal.Decimal, int),
        (lambda g: (np.int64(g), "a"), lambda g: (g, "a")),
        (lambda g: [g], lambda g: [g]),
        (str, lambda g: f"{g}.0"),
        (lambda g: f"p{g}", lambda g: f"p{g}".encode()),
        (lambda g: g / 10, lambda g: np.float32(g / 10)),
        (lambda g: frozenset([f"{g}", "a", "b", "c"]), lambda g: frozenset(["c", "b", "a", f"{g}"])),
        (
            lambda g: pd.Timestamp(datetime.date(2026, 1, 1) + datetime.timedelta(g)),
            lambda g: datetime.date(2026, 1, 1) + datetime.timedelta(g),
        ),
    ],
)
def test_a_group_that_is_written_in_two_ways_stays_together(data, one, other):
    X, y = data
    groups = np.arange(240) // 6
    written = pd.Series([(one, other)[row % 2](group) for row, group in enumerate(groups.tolist())], dtype=object)

    r = mm.classify(X, y, groups=written, inference=False)

    assert all(len(set(r.fold[groups == g])) == 1 for g in range(40))


def test_repeats_average_scores_over_other_folds(data, result):
    X, y = data

    r = mm.classify(X, y, repeats=2)
    second = mm.classify(X, y, random_state=1)

    np.testing.assert_array_equal(r.fold, result.fold)
    assert r.confusion.to_numpy().sum() == 240
    both = (result.confusion.to_numpy() + second.confusion.to_numpy()) / 2
    np.testing.assert_allclose(np.trace(r.confusion.to_numpy()), np.trace(both), atol=6)


@pytest.mark.parametrize(
    "estimator",
    [RandomForestClassifier(10), make_pipeline(StandardScaler(), GaussianNB()), LinearSVC()],
    ids=["forest", "pipeline", "svm"],
)
def test_any_classifier_repeats_and_replays(data, estimator):
    X, y = data

    r = mm.classify(X, y, estimator=estimator)
    again = mm.classify(X, **json.loads(json.dumps(dict(r.recipe["params"]))))

    assert r.metrics.loc["accuracy", "value"] > 0.6
    assert again.evidence() == r.evidence()


def test_small_samples_carry_a_warning(rng):
    r = mm.classify(rng.normal(size=(20, 10)), np.arange(20) % 2, cv=2)

    assert any("Only 20 independent groups" in note for note in r.notes)


def test_hostile_class_names_are_escaped(rng):
    X, y = rng.normal(size=(60, 4)), np.array(["<script>x</script>", "b"])[np.arange(60) % 2]

    r = mm.classify(X, y)

    assert "<script>" not in r._repr_html_()
    assert "<script>" not in r.figure().to_json()
    assert json.dumps(r.to_dict(), allow_nan=False)


def test_stamps_score_what_the_offline_model_is_known_for(stamp_result):
    assert stamp_result.metrics.loc["accuracy", "low"] > 0.4
    assert stamp_result.predict("a dog")[0] in stamp_result.classes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": ["a"] * 240}, "at least two classes, y has one: 'a'"),
        ({"y": [None] * 240}, "at least two classes, y has none"),
        ({"y": ["a"] * 120 + [1] * 120}, "y mixes types: row 0 .* row 120"),
        ({"y": [["a"]] * 240}, "a class must be text, a number or a bool, got list .*; write it as text"),
        (
            {"y": [10**30, 1] * 120},
            "row 0, id '0': the class 1000.* is too large for a whole number of 64 bits; write it as",
        ),
        ({"y": [1, 2**63, 2**63 + 1, -1] * 60}, "row 1, id '1': the class 9223372036854775808 is too large"),
        ({"y": np.linspace(0, 1, 240)}, "240 different decimal numbers"),
        ({"y": [1.0, np.inf] * 120}, "2 different decimal numbers, first inf"),
        ({"y": ["a"] * 237 + ["rare"] * 3}, "class 'rare' has 3 items, too few for cv=5: use cv=3 or less"),
        (
            {"y": ["a"] * 236 + ["rare"] * 3 + ["one"]},
            "class 'one' has 1 item, class 'rare' has 3 items, too few for cv=5: add items, or leave these classes out",
        ),
        (
            {"y": [f"c{i // 2}" for i in range(240)]},
            "class 'c0' has 2 items, .*, class 'c101' has 2 items and 115 more classes, too few for cv=5",
        ),
        ({"y": ["a", "b"] * 119}, "y has 238 values for 240 items"),
        ({"y": "label"}, "a plain array has no columns"),
        ({"groups": np.repeat([0, 1], 120)}, "80 items in 2 groups .* too few for cv=5"),
        ({"class_weight": {"a": -1, "b": 1}}, "class weights must be numbers of at least 0, got -1"),
        (
            {"class_weight": {"a": -1, "b": 1}, "estimator": LinearSVC()},
            "class weights must be numbers of at least 0, got -1",
        ),
        ({"cv": 1}, "cv must be an integer of at least 2, got 1"),
        ({"repeats": 0}, "repeats must be"),
        ({"duplicates": "drop"}, "duplicates must be one of group, ignore, got 'drop'"),
        ({"duplicate_threshold": 1.5}, "cosine similarity above 0 and at most 1, got 1.5"),
        ({"test": [500]}, "row numbers from 0 to 239"),
        ({"test": (np.arange(240) > 100).astype(int)}, "240 zeros and ones, .* pass a mask as booleans"),
        ({"test": [7, 8, 7]}, "test names row 7 more than once"),
        ({"test": np.zeros(240, dtype=bool)}, "test holds 0 of 240 rows"),
        ({"estimator": {"class": "os.system", "params": {}}}, "not from scikit-learn"),
        ({"estimator": GaussianNB(), "class_weight": "balanced"}, "GaussianNB takes no class_weight"),
    ],
)
def test_bad_arguments_are_named(data, change, message):
    X, y = data

    with pytest.raises(ValueError, match=message):
        mm.classify(X, **({"y": y} | change))


def test_class_that_only_the_test_rows_have_counts_as_errors(data):
    X, y = data
    names = np.array(y, dtype=object)
    test = np.arange(240) % 4 == 0
    names[test & (np.arange(240) < 40)] = "never learned"

    r = mm.classify(X, names, test=test, duplicates="ignore")

    true, predicted = names[test], r.y_pred[test]
    assert not (predicted == "never learned").any()
    assert r.metrics.loc["accuracy", "value"] == pytest.approx((true == predicted).mean())
    assert r.per_class.loc["never learned", "recall"] == 0
    assert "No training row is of class 'never learned': its 10 test items count as errors." in r.notes


def test_nan_rows_are_named(data):
    X, y = data
    X = X.copy()
    X[7, 2] = np.nan

    with pytest.raises(ValueError, match="1 of 240 rows hold NaN or infinity, first: row 7"):
        mm.classify(X, y)
    with pytest.raises(ValueError, match=r"drop_failed"):
        mm.classify(mm.Embeddings(X), y)


@pytest.mark.parametrize("make", [np.asarray, mm.Embeddings, pd.DataFrame])
def test_a_number_that_is_too_large_for_float32_is_called_so(data, make):
    X, y = data
    X = X.astype(np.float64)
    X[7, 2] = -1e300

    with pytest.raises(ValueError, match=r"row 7 holds -1e\+300, which is too large for float32 \(at most 3.4e\+38\)"):
        mm.classify(make(X), y)
    with pytest.raises(ValueError, match=r"query 0 holds -1e\+300, which is too large"):
        mm.search(data[0], X[7])


def test_the_baseline_of_equal_classes_is_chance(rng):
    X, y = rng.normal(size=(72, 6)), np.repeat(["a", "b", "c", "d"], 18)

    made = mm.classify(X, y, duplicates="ignore")

    assert made.metrics.loc["accuracy", "baseline"] == pytest.approx(0.25)
    assert made.metrics.loc["matthews_corrcoef", "baseline"] == 0.0


def test_the_baseline_of_a_fixed_split_is_the_most_frequent_class_in_training(rng):
    X, y = rng.normal(size=(60, 6)), np.repeat(["a", "b"], [40, 20])

    made = mm.classify(X, y, test=np.r_[0:5, 40:55], duplicates="ignore")

    assert made.metrics.loc["accuracy", "baseline"] == pytest.approx(5 / 20)


def test_no_items_and_no_classes_are_told_apart(data):
    with pytest.raises(ValueError, match=r"there is nothing to work on: got shape \(0, "):
        mm.classify(data[0][:0], [])
    with pytest.raises(ValueError, match="y is None; pass one value per item, or the name of a column"):
        mm.classify(data[0], None)


def replayed(function, source, recipe):
    """Call a verb again as ``verify`` does, after its parameters were written as JSON."""
    params = json.loads(json.dumps(dict(recipe.params), allow_nan=False))
    return function(source, **{name: restored(value) for name, value in params.items()})


def test_what_was_asked_is_recorded_and_replays(data):
    X, y = data
    partly = pd.Series(y, dtype="string")
    partly[::5] = pd.NA
    test = np.arange(240) >= 160
    groups = pd.Series(np.arange(240) // 2, dtype="Int64")
    groups[7] = pd.NA

    r = mm.classify(X, partly, test=test, groups=groups, class_weight={"a": 2.0, "b": 1.0, "c": 1.0}, cv=np.int64(4))

    assert (r.recipe.verb, r.recipe.of) == ("classify", None)
    assert r.recipe["params"]["y"][:2] == [None, "b"]
    assert r.recipe.params["test"] == list(range(160, 240))
    assert r.recipe.params["groups"][6:8] == [3, None]
    assert r.recipe.params["class_weight"] == [["a", 2.0], ["b", 1.0], ["c", 1.0]]
    assert r.recipe.params["cv"] == 4
    assert r.source is X
    assert replayed(mm.classify, X, r.recipe).evidence() == r.evidence()


def test_parameters_that_the_first_version_recorded_replay(data):
    X, y = data
    old = {
        "y": y.tolist(),
        "estimator": {"class": "sklearn.naive_bayes.GaussianNB", "params": {"priors": None, "var_smoothing": 1e-9}},
        "cv": 5,
        "test": list(range(200, 240)),
        "groups": [i // 2 for i in range(240)],
        "duplicates": "group",
        "duplicate_threshold": None,
        "class_weight": None,
        "repeats": 1,
        "normalize": True,
        "random_state": 0,
    }

    made = mm.classify(X, **old)

    since = {"test_after": None, "min_class_size": None, "inference": True}
    assert dict(made.recipe.params) == {**old, **since}
    weighted = old | {"estimator": None, "class_weight": [["a", 50], ["b", 1], ["c", 1]]}
    assert mm.classify(X, **weighted).evidence() != mm.classify(X, **(weighted | {"class_weight": None})).evidence()
    assert dict(mm.classify(X, **weighted).recipe.params) == {**weighted, **since}


def test_raw_rows_are_used_as_they_are(data):
    X, y = data
    raw = X * np.linspace(0.1, 10, 240)[:, None]

    r = mm.classify(raw, y, normalize=False)

    assert r.recipe.params["normalize"] is False
    assert r.evidence() != mm.classify(raw, y).evidence()
    assert replayed(mm.classify, raw, r.recipe).evidence() == r.evidence()


@pytest.mark.parametrize("seed", [None, -1, 0.5])
def test_a_seed_that_nobody_can_repeat_is_refused(data, seed):
    with pytest.raises(ValueError, match="random_state must be an integer from 0"):
        mm.classify(*data, random_state=seed)


def test_a_split_without_training_classes_is_named(data):
    X, y = data
    one = np.array(y, dtype=object)
    one[:100] = "a"

    with pytest.raises(ValueError, match="the training side of the split holds only one class"):
        mm.classify(X, one, test=np.arange(240) >= 100)
    with pytest.raises(ValueError, match="no row with a class is left for the training side"):
        mm.classify(X, y, test=np.arange(240) >= 100, groups=np.zeros(240))
    with pytest.raises(ValueError, match="test is a mask of 3 rows for 240 items"):
        mm.classify(X, y, test=[True, False, True])


def test_columns_of_the_items_name_classes_groups_and_test_rows(data):
    X, y = data
    items = pd.DataFrame(
        {"label": y, "page": np.arange(240) // 4, "part": np.where(np.arange(240) < 160, "train", "test")}
    )
    emb = mm.Embeddings(X, items=items)

    r = mm.classify(emb, groups="page", test="part")

    assert r.recipe.params["y"] == "label"
    assert (r.recipe.params["groups"], r.recipe.params["test"]) == ("page", "part")
    assert r.n_scored == 80
    with pytest.raises(ValueError, match=r"no row of column 'label' says 'test' \(or True\); it holds 'a', 'b', 'c'"):
        mm.classify(emb, test="label")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"class_weight": [1, 2]}, "class_weight must be None, 'balanced' or a mapping"),
        ({"class_weight": "balance"}, "class_weight must be None, 'balanced' or a mapping"),
        ({"class_weight": {"zzz": 3}}, "class_weight names 'zzz', which is none of the classes a, b"),
        ({"duplicate_threshold": "a"}, "duplicate_threshold is a cosine similarity above 0"),
        ({"duplicate_threshold": 2, "duplicates": "ignore"}, "duplicate_threshold is a cosine similarity above 0"),
        (
            {"y": np.array([["a", "b"]] * 20)},
            r"y must be one value per item, got shape \(20, 2\); .* y.argmax\(axis=1\)",
        ),
    ],
)
def test_plausible_mistakes_are_named(rng, options, message):
    with pytest.raises(ValueError, match=message):
        mm.classify(rng.normal(size=(20, 3)), **{"y": ["a", "b"] * 10, "cv": 2, **options})


def test_a_curve_of_letters_is_refused(rng):
    with pytest.raises(ValueError, match="sizes must be labels per class, a list of whole numbers, got 'a'"):
        mm.classify(rng.normal(size=(20, 3)), ["a", "b"] * 10, cv=2).learning_curve(sizes="a")


def test_prompts_must_be_texts(stamps):
    with pytest.raises(ValueError, match="class 1 has no prompt, or one that is not text"):
        mm.zero_shot(stamps, {1: 2, "b": "bird"})


def test_bounds_for_open_test_items_go_by_groups(rng):
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 6)) + np.eye(2, 6)[y]
    y = np.where(np.arange(40) == 3, np.array(None), y)
    again, options = np.repeat(np.arange(40), 5), {"normalize": False, "duplicates": "ignore", "inference": False}

    one = mm.classify(X, y, test=np.arange(40) < 20, **options).accuracy_bounds
    five = mm.classify(X[again], y[again], test=again < 20, groups=again, **options).accuracy_bounds

    assert five == pytest.approx(one)


def test_classes_that_are_several_others_at_once_are_noted(rng):
    y = np.array(["cat", "dog", "cat, dog", "rock & roll"])[np.arange(80) % 4]

    notes = mm.classify(rng.normal(size=(80, 4)), y, inference=False, duplicates="ignore").notes

    told = [note for note in notes if "several of the others" in note]
    assert len(told) == 1
    assert told[0].startswith("The class 'cat, dog' reads like several of the others at once")
