import json

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.classification.comparison import holm


def test_results_of_a_comparison_know_which_rows_are_duplicates(rng):
    X = rng.normal(size=(60, 20))
    twice, y = np.concatenate([X, X]), np.tile(np.arange(60) % 2, 2)

    r = mm.compare({"a": twice, "b": twice + 0.1 * rng.normal(size=twice.shape)}, y).results["b"]

    np.testing.assert_array_equal(r.together[:60], r.together[60:])
    assert r.learning_curve(sizes=[1], n_draws=1).points["accuracy"].iloc[-1] < 0.8  # no row's copy trained


def test_comparison_says_which_is_better(data):
    X, y = data
    rng = np.random.default_rng(0)
    worse = X + 3 * rng.normal(size=X.shape)

    c = mm.compare({"worse": worse, "good": X}, y)

    assert c.pairs["better"].tolist() == ["good"]
    assert c.pairs["low"].iloc[0] > 0
    assert "good is better than worse by" in repr(c)
    assert c.scores.index.tolist() == ["good", "worse"]
    np.testing.assert_array_equal(c.results["good"].fold, c.results["worse"].fold)
    right = c.results["good"].y_pred == y
    assert (right[c.flips["row"]] != (c.results["worse"].y_pred == y)[c.flips["row"]]).all()
    assert c.figure() is not None
    again = mm.compare({"worse": worse, "good": X}, **json.loads(json.dumps(dict(c.recipe["params"]))))
    assert again.evidence() == c.evidence()


def test_equal_embeddings_show_no_difference(stamps):
    c = mm.compare({"a": stamps, "b": stamps})

    assert c.pairs["difference"].iloc[0] == 0
    assert "No difference can be shown" in c.pairs["verdict"].iloc[0]
    assert len(c.flips) == 0
    assert c.scores["price_per_1000"].tolist() == [0, 0]


def test_holm_is_stricter_with_more_pairs():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])


def test_other_items_are_not_compared(data, stamps):
    X, y = data
    with pytest.raises(ValueError, match="'a' has 240 items, 'b' has 239"):
        mm.compare({"a": X, "b": X[1:]}, y)
    with pytest.raises(ValueError, match="row 0 is item"):
        mm.compare({"a": stamps, "b": stamps[::-1]})
    with pytest.raises(ValueError, match=r"at least two names .* got list"):
        mm.compare([X, X], y)
    with pytest.raises(ValueError, match=r"at least two names .* got dict of 1"):
        mm.compare({"a": X}, y)
    with pytest.raises(ValueError, match="duplicates must be one of group, ignore, got 'foo'"):
        mm.compare({"a": X, "b": X}, y, duplicates="foo")
    with pytest.raises(ValueError, match="embeddings 'b': 1 of 240 rows hold NaN or infinity, first: row 5"):
        mm.compare({"a": X, "b": np.where(np.arange(240)[:, None] == 5, np.nan, X)}, y)
    with pytest.raises(ValueError, match="metric must be one of"):
        mm.compare({"a": X, "b": X}, y, metric="auc")


def test_a_comparison_and_the_classifications_inside_keep_their_own_records(data):
    X, y = data
    groups = np.arange(240) // 3

    c = mm.compare({"one": X, "other": X[:, :6]}, y, groups=groups, cv=3, normalize=False, random_state=4)

    inside = c.results["other"]
    assert (c.recipe.verb, inside.recipe.verb) == ("compare", "classify")
    assert set(c.recipe.params) == {
        "y", "metric", "estimator", "cv", "groups", "duplicates", "margin", "repeats", "normalize", "random_state",
    }  # fmt: skip
    assert c.recipe.params["groups"] == groups.tolist()
    assert (c.recipe.params["duplicates"], inside.recipe.params["duplicates"]) == ("group", "ignore")
    assert (c.recipe.params["random_state"], inside.recipe.params["random_state"]) == (4, 4)
    assert c.recipe.params["normalize"] is inside.recipe.params["normalize"] is False
    assert set(c.source) == {"one", "other"}
    assert inside.source is c.source["other"]
    assert mm.classify(c.source["other"], **inside.recipe.params).evidence() == inside.evidence()
    assert mm.compare(c.source, **c.recipe.params).evidence() == c.evidence()


def test_raw_rows_are_compared_on_request(data):
    X, y = data
    raw = X * np.linspace(0.1, 10, 240)[:, None]

    as_they_are = mm.compare({"raw": raw, "unit": X}, y, normalize=False)
    scaled = mm.compare({"raw": raw, "unit": X}, y)

    assert scaled.pairs["difference"].iloc[0] == pytest.approx(0, abs=0.01)
    assert as_they_are.evidence() != scaled.evidence()


def test_parameters_that_the_first_version_recorded_are_compared_again(data):
    X, y = data
    old = {
        "y": y.tolist(), "metric": "f1_macro", "estimator": None, "cv": 3, "groups": None, "duplicates": "group",
        "random_state": 0,
    }  # fmt: skip

    c = mm.compare({"a": X, "b": X[:, :4]}, **old)

    assert dict(c.recipe.params) == old | {"margin": None, "repeats": 1, "normalize": True}
    assert "points" in repr(c)
    assert "price unknown" in c.figure().to_json()


def test_scores_have_the_intervals_of_their_classifications(data):
    X, y = data

    c = mm.compare({"all": X, "some": X[:, :4]}, y, cv=3)

    for name, r in c.results.items():
        np.testing.assert_array_equal(
            c.scores.loc[name, ["value", "low", "high"]].astype(float),
            r.metrics.loc["accuracy", ["value", "low", "high"]],
        )


def test_scores_are_those_of_classify_where_the_same_items_are_duplicates(rng):
    X, y = rng.normal(size=(150, 8)), np.arange(150) % 3
    X[:, 0] += y
    X[140:] = X[:10]
    y[140:] = y[:10]

    for groups in (None, np.arange(150) // 2):
        alone = mm.classify(X, y, groups=groups)
        found = mm.compare({"all": X, "most": X[:, :6]}, y, groups=groups)

        wanted = alone.metrics.loc["accuracy", ["value", "low", "high"]].to_list()
        assert found.scores.loc["all", ["value", "low", "high"]].to_list() == wanted


def noisy(data, rng, much=0.1):
    """The vectors of the data, and the same with a little noise."""
    X, y = data
    return {"one": X, "other": X + much * rng.normal(size=X.shape)}, y


def test_what_could_have_been_shown_stands_beside_what_could_not(data, rng):
    c = mm.compare(*noisy(data, rng), cv=3)

    pair = c.pairs.iloc[0]
    assert pair["p_holm"] > 0.05
    assert pair["detectable"] > (pair["high"] - pair["low"]) / 2 > 0
    assert pair["equivalent"] is None
    assert pair["verdict"].endswith(
        f"Such data would have shown one of {100 * pair['detectable']:.1f} points in four of five cases."
    )


def test_equivalence_is_shown_within_a_margin_or_not(data, rng):
    embeddings, y = noisy(data, rng)

    wide, narrow = (mm.compare(embeddings, y, cv=3, margin=margin).pairs.iloc[0] for margin in (0.2, 0.001))

    assert wide["equivalent"] is True
    assert wide["verdict"].endswith("They are equivalent within ±20.0 points.")
    assert narrow["equivalent"] is False
    assert narrow["verdict"].endswith("That they are equivalent within ±0.1 points cannot be shown.")
    assert wide["p_value"] == narrow["p_value"]


@pytest.mark.parametrize("margin", [0, -0.1, 1.0, 2, "0.02", True, float("nan")])
def test_margins_that_are_none_are_refused(data, margin):
    X, y = data

    with pytest.raises(ValueError, match=r"margin is a difference between 0 and 1, such as 0\.02 for two points, got"):
        mm.compare({"a": X, "b": X}, y, margin=margin)


def test_predictions_that_agree_on_all_items_are_no_certainty(data):
    X, y = data

    pair = mm.compare({"a": X, "b": X.copy()}, y, cv=3, margin=0.1).pairs.iloc[0]

    assert pair["p_value"] == 1
    assert pair["low"] < 0 < pair["high"]
    assert pair["high"] == pytest.approx(1.96 * 1.97 / 240, rel=1e-3)  # normal, and Student's
    assert pair["equivalent"] is True


def test_more_pairs_show_less(data, rng):
    X, y = data
    embeddings = {name: X + 0.1 * rng.normal(size=X.shape) for name in "abc"}

    three = mm.compare(embeddings, y, cv=3).pairs.set_index(["better", "other"])
    two = mm.compare({name: embeddings[name] for name in "ab"}, y, cv=3).pairs.iloc[0]

    same = three[[set(pair) == {"a", "b"} for pair in three.index]].iloc[0]
    assert len(three) == 3
    assert same["difference"] == pytest.approx(two["difference"])
    assert same["detectable"] > two["detectable"]


def test_with_repeats_differences_are_those_of_the_mean_scores(rng):
    y = np.arange(60) % 2
    X = rng.normal(size=(60, 6)) + 0.7 * y[:, None]

    one, three = (
        mm.compare({"all": X, "half": X[:, :3]}, y, cv=3, repeats=repeats, duplicates="ignore") for repeats in (1, 3)
    )

    for c in (one, three):
        assert c.pairs["difference"].iloc[0] == pytest.approx(abs(np.diff(c.scores["value"])[0]))
    assert not np.array_equal(one.scores["value"], three.scores["value"])


def test_one_feature_and_groups_are_compared(rng):
    y = np.arange(60) % 2
    good, bad = y[:, None] + 0.1 * rng.normal(size=(60, 1)), rng.normal(size=(60, 1))

    c = mm.compare({"bad": bad, "good": good}, y, groups=np.arange(60) // 2, cv=3, normalize=False, duplicates="ignore")

    assert c.pairs["better"].tolist() == ["good"]
    assert c.pairs["p_holm"].iloc[0] < 0.05


def test_classes_that_are_too_small_for_a_score_by_class_are_not_tested(rng):
    X, y = rng.normal(size=(60, 4)), np.array(["a"] * 57 + ["b"] * 3)

    by_class = mm.compare({"one": X, "two": X[:, :2]}, y, cv=3, metric="f1_macro", margin=0.1).pairs.iloc[0]
    by_item = mm.compare({"one": X, "two": X[:, :2]}, y, cv=3, margin=0.3).pairs.iloc[0]

    assert np.isnan(by_class[["low", "high", "p_value", "p_holm", "detectable"]].astype(float)).all()
    assert by_class["equivalent"] is None
    assert "with so few independent items (of a class) that cannot be tested" in by_class["verdict"]
    assert by_item["low"] < 0 < by_item["high"]
