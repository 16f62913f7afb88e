import json

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC

import mmtoolkit as mm
from mmtoolkit._described import described as describe
from mmtoolkit.classification.estimators import make_estimator


class Told(GaussianNB):
    """Keeps the groups that it was given."""

    def fit(self, X, y, groups=None):
        self.groups_ = groups
        return super().fit(X, y)


def test_groups_reach_the_last_step_of_a_pipeline(data):
    X, y = data
    groups = np.arange(240) // 6

    r = mm.classify(X, y, groups=groups, estimator=make_pipeline(StandardScaler(), Told()))

    np.testing.assert_array_equal(r.estimator[-1].groups_, r.together)


def test_searches_by_groups_are_told_the_groups_and_replay(data):
    X, y = data
    search = GridSearchCV(LinearSVC(), {"C": [0.1, 1]}, cv=GroupKFold(3))

    r = mm.classify(X, y, groups=np.arange(240) // 6, estimator=make_pipeline(StandardScaler(), search))
    again = mm.classify(X, **json.loads(json.dumps(dict(r.recipe["params"]))))

    assert again.evidence() == r.evidence()
    assert not any("is not told" in note for note in r.notes)


def test_searches_that_cannot_be_told_are_named_where_rows_belong_together(data):
    X, y = data
    search = GridSearchCV(LinearSVC(), {"C": [0.1, 1]}, cv=3)

    grouped = mm.classify(X, y, groups=np.arange(240) // 6, estimator=search)
    single = mm.classify(X, y, estimator=search)

    assert any("GridSearchCV splits its training rows once more (by cv) and is not told" in n for n in grouped.notes)
    assert not any("is not told" in note for note in single.notes)


def test_parameters_of_an_estimator_come_back_as_they_are():
    weights = {0: 1.0, 1: 2.5, 2: float("inf")}
    made = make_pipeline(SimpleImputer(), MinMaxScaler((0, 2)), LogisticRegression(class_weight=weights))

    again = make_estimator(json.loads(json.dumps(describe(made), allow_nan=False)))

    assert np.isnan(again[0].missing_values)
    assert again[1].feature_range == (0, 2)
    assert again[2].class_weight == weights
    assert describe(again[:2]) == describe(made[:2])


@pytest.mark.parametrize(
    ("step", "own_words"),
    [
        (PCA(70), "n_components=70 must be between"),
        (ColumnTransformer([("some", StandardScaler(), ["a", "b"])]), "columns using strings is only supported"),
    ],
)
@pytest.mark.parametrize("kind", [np.array, lambda y: np.array(["no", "yes"])[y]])
def test_what_an_estimator_refuses_says_what_it_was_given(rng, step, own_words, kind):
    X, y = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc")), kind(np.arange(60) % 2)

    given = "Pipeline cannot be fitted on .. rows of 3 features, which are numbered 0 to 2 and have no names"
    with pytest.raises(ValueError, match=f"{given}: .*{own_words}"):
        mm.classify(X, y, estimator=make_pipeline(step, LogisticRegression()), cv=3, duplicates="ignore")


def test_class_weight_reaches_the_default_and_other_classifiers(data):
    X, y = data
    X = X + 6 * np.random.default_rng(0).normal(size=X.shape)
    y = np.where(y == "a", "a", "b")

    even = mm.classify(X, y)
    ours = mm.classify(X, y, class_weight={"a": 50, "b": 1})
    theirs = mm.classify(X, y, estimator=LinearSVC(), class_weight="balanced")

    assert (ours.y_pred == "a").sum() > 2 * (even.y_pred == "a").sum()
    assert theirs.estimator.class_weight == "balanced"
    assert mm.classify(X, **ours.recipe["params"]).evidence() == ours.evidence()


@pytest.mark.parametrize("estimator", [StandardScaler(), GaussianNB, "svm"])
def test_only_classifiers_are_taken(data, estimator):
    with pytest.raises(TypeError, match="must be a scikit-learn classifier"):
        mm.classify(*data, estimator=estimator)
