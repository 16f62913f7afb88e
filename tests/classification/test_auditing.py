import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm


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
    assert a.leak_scores["n_items"].tolist() == [140, 140]
    assert a.leak_reason == ""
    assert "without, on the same items." in a.findings.loc["leaks", "what"]
    assert a.imbalance["items"].sum() == 240
    assert "leaks" in repr(a)
    assert a.figure() is not None


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("classes in training", "training needs items of two classes"),
        ("classes in test", "the test items have no class"),
    ],
)
def test_audit_reports_leaks_that_it_cannot_score_and_says_why(rng, lacking, reason):
    X = np.tile(rng.normal(size=(20, 8)), (2, 1))
    split = np.repeat(["train", "test"], 20)
    y = np.array(["a", "b"] * 20, dtype=object)
    y[: 20 if lacking == "classes in training" else 0] = "a"
    y[20 if lacking == "classes in test" else 40 :] = None

    a = mm.audit(X, y, split)

    assert len(a.leaks) == 40
    assert len(a.leak_scores) == 0
    assert a.leak_reason == reason
    assert a.findings.loc["leaks", "what"].endswith(f"What they add to a score is not known: {reason}.")


def test_audit_of_a_test_split_that_leaked_whole_says_so(rng):
    X = np.tile(rng.normal(size=(20, 8)), (2, 1))

    a = mm.audit(X, ["a", "b"] * 20, np.repeat(["train", "test"], 20))

    assert a.leak_reason == "training needs items of two classes that are no duplicates"


def leaky(rng):
    """Noise of two classes; the first ten of the last twenty items are among the first hundred, too."""
    X, y = rng.normal(size=(140, 16)), rng.integers(0, 2, 140)
    X[120:130], y[120:130] = X[:10], y[:10]
    return X, y


@pytest.mark.parametrize(
    ("train", "test"),
    [("train", "Test"), ("Training", " test set "), ("train2", "holdout"), ("训练集", "测试集"), ("rest", "TEST_1")],
)
def test_names_of_splits_are_understood(rng, train, test):
    X, y = leaky(rng)

    a = mm.audit(X, y, np.where(np.arange(140) < 120, train, test))

    assert a.leak_scores["n_items"].tolist() == [20, 20]
    assert a.leak_scores.loc["all", "accuracy"] > a.leak_scores.loc["without leaks", "accuracy"]
    assert set(a.leaks["split"]) == {train, test}


def test_without_a_test_split_the_validation_items_are_scored_and_never_trained_on(rng):
    X, y = leaky(rng)
    split = np.where(np.arange(140) < 120, "train", "val")
    both = mm.audit(np.vstack([X, X[120:]]), np.concatenate([y, y[120:]]), np.append(split, ["test"] * 20))

    assert mm.audit(X, y, split).leak_scores["n_items"].tolist() == [20, 20]
    pd.testing.assert_frame_equal(
        both.leak_scores, mm.audit(X, y, split).leak_scores
    )  # the copies in "val" do not train


def test_duplicates_in_two_splits_of_one_purpose_are_no_leak(rng):
    X, y = leaky(rng)

    a = mm.audit(X, y, np.where(np.arange(140) < 120, "train", "Train 2"))

    assert len(a.leaks) == 0
    assert a.leak_reason == "no item has a duplicate in another split"


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("a", "b"), "none of the splits 'a', 'b' is called test or validation; call one of them 'test'"),
        (
            ("train", "unseen"),
            "none of the splits 'train', 'unseen' is called test or validation; call one of them 'test'",
        ),
        (("a", "b", "test"), "which of the splits 'a', 'b', 'test' is for training is not said; call it 'train'"),
    ],
)
def test_names_that_are_not_understood_are_asked_about(rng, names, reason):
    X, y = leaky(rng)

    a = mm.audit(X, y, np.array(names)[np.minimum(np.arange(140) // 60, len(names) - 1)])

    assert len(a.leaks)
    assert len(a.leak_scores) == 0
    assert a.leak_reason == reason


def test_what_was_not_looked_for_is_not_said_to_be_absent(rng):
    a = mm.audit(rng.normal(size=(20, 4)))

    assert a.findings.loc["leaks", "what"] == "Leaks were not looked for: no split= was given."
    assert (
        a.findings.loc["captions", "what"]
        == "Captions were not looked at: there are no two different captions of pictures or videos."
    )
    assert a.leak_reason == "no splits (split=) were given"


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


def test_an_audit_replays_and_its_record_is_its_own(data):
    X, y = data
    X = X * np.linspace(0.1, 10, 240)[:, None]
    X[:10] = X[100:110]
    split = pd.Series(np.where(np.arange(240) < 100, "train", "test"), dtype="string")
    split[200] = pd.NA

    a = mm.audit(X, y, split, normalize=False, random_state=2)  # it classifies inside

    assert a.recipe.verb == "audit"
    assert set(a.recipe.params) == {"y", "split", "duplicate_threshold", "normalize", "random_state"}
    assert a.recipe.params["split"][199:202] == ["test", None, "test"]
    assert mm.audit(X, **a.recipe.params).evidence() == a.evidence()
    unit = mm.audit(X, y, split, random_state=2)
    pd.testing.assert_frame_equal(unit.leaks, a.leaks)
    assert not unit.leak_scores.equals(a.leak_scores)
    assert mm.audit(X, y.tolist(), split.tolist(), duplicate_threshold=None, random_state=2).recipe.params["normalize"]


def test_an_audit_without_classes_and_splits_still_looks(data):
    a = mm.audit(data[0])

    assert "imbalance" not in a.findings.index
    assert len(a.leaks) == len(a.leak_scores) == len(a.imbalance) == 0
    assert a.recipe.params["y"] is a.recipe.params["split"] is None
    assert "Nothing was found." in str(a.figure().to_json()) or a.findings["items"].any()


def test_tables_show_what_was_found_only(data):
    X, y = data
    X = X.copy()
    X[:10] = X[100:110]
    X[50] = np.nan

    shown = mm.audit(X, y, np.where(np.arange(240) < 100, "train", "test"))._repr_html_()

    for caption in ("findings", "leak scores", "imbalance", "duplicates", "leaks", "unreadable"):
        assert f"<caption>{caption}</caption>" in shown
    assert "<caption>captions</caption>" not in shown


def test_captions_need_a_model_that_reads_them(rng):
    items = pd.DataFrame({"modality": "image", "image": "x.png", "text": ["a cat", "a dog"] * 10})

    assert len(mm.audit(mm.Embeddings(rng.normal(size=(20, 4)), items=items)).captions) == 0
    assert len(mm.audit(mm.Embeddings(rng.normal(size=(20, 4)), items=items.assign(text="a cat"))).captions) == 0


def test_duplicates_inside_the_test_split_make_its_interval_no_narrower(rng):
    y = np.arange(60) % 2
    X = 0.4 * rng.normal(size=(60, 8)) + np.eye(2, 8)[y]
    X = np.concatenate([X, X[:1]])  # the leak
    split = np.array([*["test"] * 20, *["train"] * 41])
    copies = np.repeat(np.arange(20), 5)

    one = mm.audit(X, np.append(y, y[0]), split).leak_scores
    five = mm.audit(
        np.concatenate([X[copies], X[20:]]), np.concatenate([y[copies], y[20:], y[:1]]), [*["test"] * 100, *split[20:]]
    )

    np.testing.assert_allclose(five.leak_scores[["accuracy", "low", "high"]], one[["accuracy", "low", "high"]])
    assert five.leak_scores["n_items"].tolist() == [100, 100]
