"""Classes that are too small to be scored, classes that look equal, and classifiers that want numbers as classes."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mmtoolkit as mm


def points(sizes, seed=0):
    """Return well separated points and their classes."""
    rng = np.random.default_rng(seed)
    y = np.repeat(list(sizes), list(sizes.values()))
    X = rng.normal(size=(len(y), 6))
    for place, name in enumerate(sizes):
        X[y == name, place] += 9
    return X, y


@pytest.fixture(scope="module")
def small():
    X, y = points({"oak": 20, "elm": 20, "yew": 3, "fig": 1})
    return X, y, mm.classify(X, y, duplicates="ignore")


def test_a_small_class_is_left_out_named_counted_and_marked(small):
    _, y, r = small

    assert r.classes.tolist() == ["elm", "oak"]
    assert r.n_scored == 40
    assert r.n_unlabelled == 0
    assert (r.left_out[y == "yew"] == "yew").all()
    assert [value for value in r.left_out if value is not None] == ["yew"] * 3 + ["fig"]
    assert set(r.y_pred[40:]) <= {"elm", "oak"}
    assert (r.fold[40:] == -1).all()
    assert (
        "2 classes are too small to be scored and left out of the final model: 'yew' (3 items), 'fig' (1 item). All 4 items"
        in " ".join(r.notes)
    )


def test_scores_are_those_of_the_other_classes_alone(small):
    X, y, r = small

    pd.testing.assert_frame_equal(r.metrics, mm.classify(X[:40], y[:40], duplicates="ignore").metrics)


def test_the_report_says_it_and_can_be_verified(small, tmp_path):
    _, _, r = small

    page = mm.report(r).save(tmp_path / "r.md").read_text("utf-8")
    mm.report(r).save(tmp_path / "r.json")

    assert "4 items of classes that are too small were predicted as one of the others" in page
    assert json.loads((tmp_path / "r.json").read_text())["results"]["classify"]["exact"]["left_out"].count("yew") == 3
    assert mm.verify(tmp_path / "r.json", vectors=r.source).ok


def test_a_size_of_ones_own_counts_independent_items():
    X, y = points({"oak": 20, "elm": 8, "yew": 20})

    assert mm.classify(X, y, min_class_size=9, duplicates="ignore").classes.tolist() == ["oak", "yew"]
    together = np.where(y == "yew", np.arange(len(y)) // 10, np.arange(len(y)))
    r = mm.classify(X, y, groups=together, cv=5, duplicates="ignore")
    assert r.classes.tolist() == ["elm", "oak"]
    with pytest.raises(ValueError, match="class 'elm' has 8 items, too few for cv=9"):
        mm.classify(X, y, cv=9, min_class_size=2, duplicates="ignore")
    with pytest.raises(ValueError, match="min_class_size must be an integer of at least 1, got 0"):
        mm.classify(X, y, min_class_size=0)


def test_fewer_than_two_classes_left_is_an_error():
    X, y = points({"oak": 20, "elm": 2})

    with pytest.raises(ValueError, match="class 'elm' has 2 items, too few for cv=5"):
        mm.classify(X, y, duplicates="ignore")


def test_a_weight_of_a_class_that_is_left_out_does_no_harm():
    X, y = points({"oak": 20, "elm": 20, "yew": 2})

    assert mm.classify(X, y, class_weight={"oak": 2, "elm": 1, "yew": 9}, duplicates="ignore").n_scored == 40


def test_a_fixed_split_keeps_small_classes():
    X, y = points({"oak": 10, "elm": 10, "yew": 2})

    r = mm.classify(X, y, test=np.arange(22) % 2 == 0, duplicates="ignore")

    assert "yew" in r.classes


def test_a_class_that_is_a_missing_value_made_text_is_noted():
    X, y = points({"oak": 8, "elm": 8, "nan": 8})

    note = "The class 'nan' is what a missing value is written as; if it is one, leave it out: y.where(y != 'nan')"
    assert note in mm.classify(X, y, cv=2, duplicates="ignore").notes


@pytest.mark.parametrize(
    ("pair", "difference"),
    [(("elm", "elm "), "blanks"), (("elm", "Elm"), "case"), (("Fl\u00fcgel", "Flu\u0308gel"), "Unicode")],
)
def test_classes_that_look_equal_are_noted(pair, difference):
    X, y = points({"oak": 8, pair[0]: 8, pair[1]: 8})

    notes = " ".join(mm.classify(X, y, cv=2, duplicates="ignore").notes)

    assert "look equal and differ in" in notes
    assert difference in notes
    assert len(mm.classify(X, y, cv=2, duplicates="ignore").classes) == 3


class Numbered(GaussianNB):
    """Takes classes 0..n-1 only, as XGBClassifier does."""

    def fit(self, X, y, sample_weight=None):
        found = np.unique(y)
        if not np.array_equal(found, np.arange(len(found))):
            msg = f"Invalid classes inferred from unique values of `y`.  Expected: {np.arange(len(found))}, got {found}"
            raise ValueError(msg)
        return super().fit(X, y)


@pytest.mark.parametrize("names", [["oak", "elm", "yew"], [10, 20, 30], [1, 2, 3], [True, False]])
@pytest.mark.parametrize(
    "estimator",
    [
        Numbered(),
        make_pipeline(StandardScaler(), Numbered()),
        GridSearchCV(Numbered(), {"var_smoothing": [1e-9]}, cv=2, error_score="raise"),
    ],
)
def test_classifiers_that_want_numbers_get_them_and_give_classes_back(estimator, names):
    X, y = points(dict.fromkeys(range(len(names)), 12))
    y = np.array(names)[y]

    r = mm.classify(X, y, estimator=estimator, cv=3, duplicates="ignore")

    assert r.classes.tolist() == sorted(names)
    assert set(r.y_pred) == set(names)
    assert r.metrics.loc["accuracy", "value"] > 0.9
    assert set(r.predict(X[:5])) <= set(names)
    np.testing.assert_allclose(r.predict_proba(X[:5]).sum(axis=1), 1)


def test_scores_of_such_a_classifier_are_those_of_the_one_without_the_demand(tmp_path):
    X, y = points({"oak": 12, "elm": 12})

    ours, plain = (mm.classify(X, y, estimator=one, cv=3, duplicates="ignore") for one in (Numbered(), GaussianNB()))

    pd.testing.assert_frame_equal(ours.metrics, plain.metrics)
    with pytest.raises(TypeError, match="this is Numbered"):
        ours.save(tmp_path)


def test_an_error_about_something_else_is_the_classifiers_own():
    X, y = points({"oak": 12, "elm": 12})

    with pytest.raises(ValueError, match="max_iter"):
        mm.classify(X, y, estimator=LogisticRegression(max_iter=-1), duplicates="ignore")


def test_class_weights_reach_a_classifier_that_is_given_numbers():
    class Weighted(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            if isinstance(y[0], str):
                msg = "only numbers from 0"
                raise ValueError(msg)
            assert self.class_weight == {0: 1, 1: 50}
            return super().fit(X, y)

    X, y = points({"oak": 12, "elm": 12})

    r = mm.classify(X, y, estimator=Weighted(), class_weight={"elm": 1, "oak": 50}, cv=2, duplicates="ignore")

    assert r.n_scored == 24


def test_one_patient_as_int_float_and_text_is_one_group():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    number = np.repeat(np.arange(20), 3)
    mixed = [int(v) if row % 3 == 0 else float(v) if row % 3 == 1 else str(v) for row, v in enumerate(number)]

    r = mm.classify(X, ["x", "y", "z"] * 20, groups=mixed, duplicates="ignore")
    coded = mm.classify(X, ["x", "y", "z"] * 20, groups=[*mixed[:-1], "ward 7"], duplicates="ignore")

    assert pd.Series(r.fold).groupby(number).nunique().max() == 1
    assert pd.Series(coded.fold[:-1]).groupby(number[:-1]).nunique().max() == 1


def test_concat_of_int_and_float_groups_keeps_patients_together():
    rng = np.random.default_rng(1)

    def part(prefix, patient):
        ids = [f"{prefix}{i}" for i in range(30)]
        return mm.Embeddings(
            rng.normal(size=(30, 4)), items=pd.DataFrame({"id": ids, "label": list("xyz") * 10, "patient": patient})
        )

    emb = mm.concat(
        [
            part("a", np.arange(30) // 3),
            part("b", [np.nan, *(np.arange(1, 30) // 3).astype(float)]),
            part("c", [str(i // 3) for i in range(30)]),
        ]
    )
    r = mm.classify(emb, groups="patient", duplicates="ignore")

    patients = pd.to_numeric(emb.items["patient"])
    assert pd.Series(r.fold).groupby(patients.to_numpy()).nunique().max() == 1


def test_classes_are_compared_by_value_everywhere():
    X, y = points({"1": 10, "2": 10})

    r = mm.classify(
        X, [int(v) if row % 2 else v for row, v in enumerate(y)], class_weight={"1": 2.0, 2: 1.0}, duplicates="ignore"
    )
    split = mm.audit(X, y.astype(int), split=["train", "test"] * 10)

    assert r.classes.tolist() == [1, 2]
    assert len(split.imbalance) == 2


def test_a_class_of_one_group_is_named_with_its_groups(rng):
    y, groups = np.repeat(["a", "b", "c"], 20), np.arange(60)
    groups[:20] = 0

    r = mm.classify(rng.normal(size=(60, 6)), y, groups=groups, duplicates="ignore", inference=False)

    assert any("left out of the final model: 'a' (20 items in 1 group)" in note for note in r.notes)
