"""What stands around a classifier: label issues, learning curve, zero-shot, audit, compare, saved classifiers."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

import mmtoolkit as mm
from mmtoolkit.classification.comparison import holm
from mmtoolkit.classification.label_issues import confident_learning
from mmtoolkit.classification.learning_curve import forecast
from mmtoolkit.classification.manifest import manifest_digest
from mmtoolkit.errors import SpaceError, VerifyError


def test_confident_learning_on_a_worked_example():
    proba = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9]])
    codes = np.array([0, 0, 0, 1, 1])  # the third is labelled 0 and looks like 1

    suggested, likely = confident_learning(codes, proba)

    np.testing.assert_array_equal(likely, [False, False, True, False, False])
    assert suggested[2] == 1


def test_flipped_labels_come_first(data):
    X, y = data
    rng = np.random.default_rng(5)
    flipped = rng.choice(240, 24, replace=False)
    noisy = y.copy()
    noisy[flipped] = np.where(y[flipped] == "a", "b", "a")

    issues = mm.classify(X, noisy).label_issues()

    top = issues.head(15)
    assert np.isin(top["row"], flipped).mean() > 0.8
    right = top[np.isin(top["row"], flipped)]
    assert (right["suggested"] == y[right["row"]]).mean() > 0.8
    assert top["evidence"].str.contains("nearest items").all()
    assert issues["quality"].is_monotonic_increasing


def test_all_items_are_ranked_on_request(result):
    table = result.label_issues(all_items=True)

    assert sorted(table["row"]) == list(range(240))
    assert table["quality"].is_monotonic_increasing
    assert table["quality"].between(0, 1).all()


def test_learning_curve_rises_and_repeats(data):
    r = mm.classify(*data, duplicates="ignore")

    first, second = r.learning_curve(sizes=[1, 8], n_draws=1), r.learning_curve(sizes=[1, 8], n_draws=1)

    points = first.points
    assert points["accuracy"].iloc[0] < points["accuracy"].iloc[-1]
    assert points.index.tolist() == [1, 8, 64]
    assert (points["low"] <= points["accuracy"]).all()
    assert first.evidence() == second.evidence()
    assert first.forecast is None
    assert "Cannot say" in first.reason
    assert "labels" in first.figure().layout.xaxis.title.text


def test_learning_curve_trains_on_no_group_of_the_test_rows(rng):
    groups = np.repeat(np.arange(40), 4)
    X = rng.normal(size=(40, 20))[groups] + 0.05 * rng.normal(size=(160, 20))
    y = rng.integers(2, size=40)[groups]  # nothing to learn but the group
    test = np.zeros(160, dtype=bool)
    test[:80:2] = True

    r = mm.classify(X, y, test=test, groups=groups, duplicates="ignore")
    last = r.learning_curve(sizes=[1], n_draws=1).points.iloc[-1]

    assert last["n_train"] == 80
    assert last["accuracy"] == pytest.approx(r.metrics.loc["accuracy", "value"])


def test_results_of_a_comparison_know_which_rows_are_duplicates(rng):
    X = rng.normal(size=(60, 20))
    twice, y = np.concatenate([X, X]), np.tile(np.arange(60) % 2, 2)

    r = mm.compare({"a": twice, "b": twice + 0.1 * rng.normal(size=twice.shape)}, y).results["b"]

    np.testing.assert_array_equal(r.together[:60], r.together[60:])
    assert r.learning_curve(sizes=[1], n_draws=1).points["accuracy"].iloc[-1] < 0.8  # no row's copy trained


@pytest.mark.parametrize("estimator", [KNeighborsClassifier(5), CalibratedClassifierCV(GaussianNB(), cv=3)])
def test_sizes_too_small_for_the_classifier_are_left_out_and_named(data, estimator):
    r = mm.classify(*data, estimator=estimator, cv=2)

    curve = r.learning_curve(n_draws=1)

    assert curve.points.index[-1] == 40
    assert 1 not in curve.points.index
    assert f"Too few labels per class for {type(estimator).__name__}: 1" in curve.reason
    with pytest.raises(ValueError, match=r"n_samples|n_neighbors|examples|splits"):
        r.learning_curve(sizes=[1])


@pytest.mark.parametrize("n_draws", [0, 1.5])
def test_number_of_draws_is_a_count(result, n_draws):
    with pytest.raises(ValueError, match="n_draws must be an integer of at least 1"):
        result.learning_curve(n_draws=n_draws)


def test_forecast_of_a_power_law_is_right(rng):
    n = np.array([10.0, 20, 40, 80, 160, 320])
    scores = [1 - (0.1 + m**-0.5) + rng.normal(size=10) * 0.004 for m in n]

    found, reason = forecast(n, scores, 0)

    truth = 1 - (0.1 + 640**-0.5)
    assert found is not None, reason
    assert found["low"] <= truth <= found["high"]
    assert found["accuracy"] == pytest.approx(truth, abs=0.02)


def test_forecast_is_refused_when_the_past_does_not_foretell(rng):
    n = np.array([10.0, 20, 40, 80, 160, 320])
    scores = [np.full(10, value) + rng.normal(size=10) * 0.002 for value in (0.5, 0.6, 0.7, 0.8, 0.9, 0.4)]

    found, reason = forecast(n, scores, 0)

    assert found is None
    assert "Cannot say" in reason


def test_sizes_must_be_counts(result):
    with pytest.raises(ValueError, match="sizes must be labels per class"):
        result.learning_curve(sizes=[0])


def test_zero_shot_beats_chance_and_replays(stamps):
    names = sorted(set(stamps.items["label"]))

    z = mm.zero_shot(stamps, names, y="label", templates="en")
    again = mm.zero_shot(stamps, **json.loads(json.dumps(dict(z.recipe["params"]))))

    assert z.metrics.loc["accuracy", "low"] > z.metrics.loc["accuracy", "baseline"]
    assert z.scores.shape == (len(stamps), 14)
    assert len(z.prompts["animals"]) == 4
    assert again.evidence() == z.evidence()
    assert len(z.figures) == 2


def test_prompts_without_y_give_classes_only(stamps):
    z = mm.zero_shot(stamps[:5], {"bird": ["a photo of a bird", "鸟"], "car": "a car"})

    assert z.metrics is None
    assert set(z.y_pred) <= {"bird", "car"}
    assert (z.margin >= 0).all()


@pytest.mark.parametrize(
    ("classes", "options", "error", "message"),
    [
        ({"bird": ["a bird"]}, {}, ValueError, "at least two classes, got 1"),
        ({"bird": [], "car": ["a car"]}, {}, ValueError, "class 'bird' has no prompt"),
        ({"bird": [" "], "car": ["a car"]}, {}, ValueError, "class 'bird' has no prompt"),
        (["a", "b"], {"templates": "fr"}, ValueError, "templates must be one of en, zh"),
        (["a", "b"], {"templates": ["a photo"]}, ValueError, "has no {}"),
        ("bird", {}, TypeError, "mapping of class to prompts"),
        (["animals", "car"], {"y": "label"}, ValueError, "which the model does not know"),
    ],
)
def test_bad_prompts_are_named(stamps, classes, options, error, message):
    with pytest.raises(error, match=message):
        mm.zero_shot(stamps, classes, **options)


def test_zero_shot_needs_a_model(data):
    with pytest.raises(TypeError, match="needs Embeddings with a model"):
        mm.zero_shot(data[0], ["a", "b"])


def test_audit_finds_what_was_planted(data):
    X, y = data
    X = X.copy()
    X[:10] = X[100:110]  # leaks: the first rows train, the others test
    X[50] = np.nan
    split = np.where(np.arange(240) < 100, "train", "test")

    a = mm.audit(X, y, split)

    assert set(range(10)) | set(range(100, 110)) <= set(a.leaks["row"])
    assert a.unreadable["row"].tolist() == [50]
    assert a.findings.loc["duplicates", "items"] >= 20
    assert a.leak_scores.index.tolist() == ["all", "without leaks"]
    assert a.leak_scores["n_items"].tolist() == [140, 130]
    assert a.imbalance["items"].sum() == 240
    assert "leaks" in repr(a)
    assert a.figure() is not None


@pytest.mark.parametrize("lacking", ["classes in training", "classes in test"])
def test_audit_reports_leaks_that_it_cannot_score(rng, lacking):
    X = np.tile(rng.normal(size=(20, 8)), (2, 1))
    split = np.repeat(["train", "test"], 20)
    y = np.array(["a", "b"] * 20, dtype=object)
    y[: 20 if lacking == "classes in training" else 0] = "a"
    y[20 if lacking == "classes in test" else 40 :] = None

    a = mm.audit(X, y, split)

    assert len(a.leaks) == 40
    assert len(a.leak_scores) == 0


def test_audit_of_a_test_split_that_leaked_whole_says_so(rng):
    X = np.tile(rng.normal(size=(20, 8)), (2, 1))

    a = mm.audit(X, ["a", "b"] * 20, np.repeat(["train", "test"], 20))

    assert "with them and no test item is without." in a.findings.loc["leaks", "what"]


def test_audit_of_rows_without_any_vector_counts_them():
    a = mm.audit(np.full((6, 3), np.nan), ["a", "b"] * 3, ["train", "test"] * 3)

    assert a.findings["items"].to_dict() == {
        "duplicates": 0,
        "leaks": 0,
        "outliers": 0,
        "unreadable": 6,
        "captions": 0,
        "imbalance": 0,
    }


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.ones(3), ValueError, r"expected an array of shape .* got shape \(3,\)"),
        (np.array([["a", "b"]]), TypeError, "numeric array"),
        (np.empty((0, 3)), ValueError, "nothing to look at"),
    ],
)
def test_audit_names_what_is_no_table_of_vectors(X, error, message):
    with pytest.raises(error, match=message):
        mm.audit(X)


def test_audit_finds_a_lonely_item(rng):
    X = rng.normal(size=(200, 30)) * 0.1 + np.eye(30)[0]
    X[17] = np.eye(30)[1]

    a = mm.audit(X)

    assert a.outliers["row"].iloc[0] == 17


class Dictionary(mm.Embeddings):
    """Embeddings whose model knows the direction of every word."""

    words = ("cat", "dog", "car", "tree", "sun", "sea", "hat", "cup", "key", "pen", "egg", "bus")

    def encode(self, items):
        return np.eye(len(self.words), dtype=np.float32)[[self.words.index(text) for text in items]]


def test_audit_doubts_swapped_captions(rng):
    said = np.arange(60) % 12
    X = np.eye(12)[said] + 0.05 * rng.normal(size=(60, 12))
    said[[3, 9]] = said[[9, 3]]
    X = X - 0.2 * np.eye(12)[said] * np.isin(np.arange(60), [3, 9])[:, None]
    items = pd.DataFrame({"modality": "image", "image": "x.png", "text": [Dictionary.words[i] for i in said]})

    a = mm.audit(Dictionary(X, items=items), duplicate_threshold=1.0)

    assert sorted(a.captions["row"]) == [3, 9]
    assert a.captions["caption"].tolist() == [Dictionary.words[said[row]] for row in a.captions["row"]]


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
    with pytest.raises(ValueError, match="at least two names"):
        mm.compare({"a": X}, y)
    with pytest.raises(ValueError, match="duplicates must be 'group' or 'ignore', got 'foo'"):
        mm.compare({"a": X, "b": X}, y, duplicates="foo")
    with pytest.raises(ValueError, match="embeddings 'b': 1 of 240 rows hold NaN or infinity, first: row 5"):
        mm.compare({"a": X, "b": np.where(np.arange(240)[:, None] == 5, np.nan, X)}, y)
    with pytest.raises(ValueError, match="metric must be one of"):
        mm.compare({"a": X, "b": X}, y, metric="auc")


def test_saved_classifier_predicts_to_the_last_bit(stamps, stamp_result, tmp_path):
    stamp_result.save(tmp_path / "model")

    loaded = mm.load_classifier(tmp_path / "model")

    assert loaded.predict_proba(stamps).tobytes() == stamp_result.predict_proba(stamps).tobytes()
    np.testing.assert_array_equal(loaded.predict(stamps.items.head(3)), stamp_result.predict(stamps[:3]))
    np.testing.assert_array_equal(loaded.predict("a red bird"), stamp_result.predict("a red bird"))
    assert sorted(p.name for p in (tmp_path / "model").iterdir()) == ["classifier.json", "classifier.npz"]


@pytest.mark.parametrize("kind", [int, str, bool])
def test_classes_keep_their_type(rng, tmp_path, kind):
    X, codes = rng.normal(size=(60, 4)), np.arange(60) % 2
    r = mm.classify(X, [kind(c) for c in codes])
    r.save(tmp_path)

    loaded = mm.load_classifier(tmp_path)

    assert type(loaded.predict(X[:1])[0]) is kind
    np.testing.assert_array_equal(loaded.predict(X), r.predict(X))


def test_another_models_vectors_are_refused_after_loading(stamps, stamp_result, tmp_path):
    stamp_result.save(tmp_path)
    loaded = mm.load_classifier(tmp_path)

    with pytest.raises(SpaceError, match="'local'"):
        loaded.predict(mm.Embeddings(stamps.vectors, model="multimodal-embedding-v1"))
    with pytest.raises(SpaceError, match="dimension 512 against 3"):
        loaded.predict(np.ones((1, 3)))

    space = json.loads((tmp_path / "classifier.json").read_text())["space"]
    _sealed(tmp_path, space=space | {"revision": "older"})
    with pytest.raises(SpaceError, match="revision 'older' against"):
        mm.load_classifier(tmp_path).predict("a bird")


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda d: (d / "classifier.npz").unlink(), "holds no saved classifier"),
        (lambda d: (d / "classifier.json").write_text("{"), "holds no saved classifier"),
        (lambda d: (d / "classifier.json").write_text("[]"), "was not written by save"),
        (lambda d: (d / "classifier.npz").write_bytes(b"x"), "is not the file that"),
        (lambda d: (d / "classifier.npz").write_bytes(b"x") and _sealed(d), "does not fit together: "),
        (lambda d: _edit(d, version=9), "saved in format 9"),
        (lambda d: _sealed(d, classes=["a"]), "does not fit together"),
        (lambda d: _edit(d, classes=["c", "b", "a"]), "not what save.. wrote"),
        (lambda d: _edit(d, version=1, classes=["c", "b", "a"]), "sorted and different, got .'c', 'b', 'a'"),
        (lambda d: _sealed(d, classes=["a", "b", "b"]), "sorted and different"),
        (lambda d: _sealed(d, classes=["a", "b", None]), "of one type"),
        (lambda d: _sealed(d, classes=[["a"], ["b"], ["c"]]), "of one type"),
        (lambda d: _sealed(d, recipe={}), "'params' is missing"),
        (lambda d: _sealed(d, recipe={"params": {"normalize": "no"}}), "normalize must be true or false, got 'no'"),
        (
            lambda d: _sealed(d, space={"model": "", "revision": "", "dimension": 12, "params": [1]}),
            "params of a space must",
        ),
        (lambda d: _arrays(d, coef=np.full((3, 12), np.nan, dtype=np.float32)), "coef must hold finite numbers"),
        (lambda d: _arrays(d, temperature=np.float64(0)), "temperature must be above 0"),
    ],
)
def test_damaged_classifiers_are_refused(result, tmp_path, break_it, message):
    result.save(tmp_path)
    break_it(tmp_path)

    with pytest.raises(VerifyError, match=message):
        mm.load_classifier(tmp_path)


def _edit(folder, **changes):
    manifest = json.loads((folder / "classifier.json").read_text()) | changes
    (folder / "classifier.json").write_text(json.dumps(manifest))


def _sealed(folder, **changes):
    """Edit the manifest so that its digests are right again."""
    _edit(folder, arrays_sha256=hashlib.sha256((folder / "classifier.npz").read_bytes()).hexdigest(), **changes)
    _edit(folder, sha256=manifest_digest(json.loads((folder / "classifier.json").read_text())))


def _arrays(folder, **changes):
    with np.load(folder / "classifier.npz") as arrays:
        np.savez(folder / "classifier.npz", **(dict(arrays) | changes))
    _sealed(folder)


def test_classifiers_saved_by_the_first_version_are_read(data, result, tmp_path):
    result.save(tmp_path)
    manifest = json.loads((tmp_path / "classifier.json").read_text()) | {"version": 1}
    del manifest["sha256"]
    (tmp_path / "classifier.json").write_text(json.dumps(manifest))

    np.testing.assert_array_equal(mm.load_classifier(tmp_path).predict(data[0]), result.predict(data[0]))


def test_saved_classifier_centers_what_it_embeds(stamps, tmp_path):
    texts = [f"{text} {i}" for i, text in enumerate(stamps.items["text"])]
    both = mm.concat([stamps, mm.embed_texts(texts, model="local", progress=False)])
    centered = both.centered()
    y = np.tile(stamps.items["label"].isin(["animals", "food"]).to_numpy(), 2)

    r = mm.classify(centered, y, cv=2)
    r.save(tmp_path)
    loaded = mm.load_classifier(tmp_path)

    np.testing.assert_array_equal(loaded.predict_proba(texts), r.predict_proba(texts))
    np.testing.assert_array_equal(loaded.predict(centered), r.predict(centered))
    for one in (r, loaded):
        with pytest.raises(SpaceError, match="centered by image, text against not centered"):
            one.predict(both)
        with pytest.raises(SpaceError, match="by other means"):
            one.predict(both[::3].centered())


def test_other_estimators_are_not_pickled(data, tmp_path):
    r = mm.classify(*data, estimator=GaussianNB())

    with pytest.raises(TypeError, match="only the default classifier can be saved without pickle"):
        r.save(tmp_path)
