"""The scikit-learn transformer: clones, pickles, pipelines, grid search."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

import mmtoolkit as mm

TEXTS = ["a cat", "a dog", "a kitten", "a puppy", "a car", "a bus", "a truck", "a train"] * 2
Y = np.array(["pet"] * 4 + ["road"] * 4).tolist() * 2


CHECKS = [  # those of scikit-learn's that need no numeric matrix
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learns_own_checks(check):
    getattr(estimator_checks, check)("Embedder", mm.Embedder(model="local", cache=False))


def test_clones_are_equal_and_unfitted():
    made = mm.Embedder(model="local", modality="text", cache=False, normalize=False).fit(TEXTS)

    copy = clone(made)

    assert copy.get_params() == made.get_params()
    assert not hasattr(copy, "n_features_out_")
    assert copy.fit_transform(TEXTS).tobytes() == made.transform(TEXTS).tobytes()


def test_vectors_are_those_of_embed():
    emb = mm.embed_texts(TEXTS, model="local")

    assert mm.Embedder(model="local").fit_transform(TEXTS).tobytes() == emb.unit.tobytes()
    assert mm.Embedder(model="local", normalize=False).transform(TEXTS).tobytes() == emb.vectors.tobytes()


def test_arrays_and_series_of_texts_are_taken():
    import pandas as pd

    made = mm.Embedder(model="local").fit(TEXTS)

    for X in (np.array(TEXTS), np.array(TEXTS, dtype=object), pd.Series(TEXTS, index=range(5, 21))):
        assert made.transform(X).tobytes() == made.transform(TEXTS).tobytes()


def test_pictures_go_in_by_path(stamps):
    paths = stamps.items["image"][:6].tolist()

    X = mm.Embedder(model="local", modality="image").fit_transform(paths)

    assert X.tobytes() == stamps.unit[:6].tobytes()


def test_it_works_in_a_pipeline_and_a_grid_search():
    pipeline = make_pipeline(mm.Embedder(model="local"), LogisticRegression())

    search = GridSearchCV(pipeline, {"logisticregression__C": [1, 100], "embedder__normalize": [True, False]}, cv=2)
    search.fit(TEXTS, Y)

    assert search.predict(["a small dog", "a big lorry"]).tolist() == ["pet", "road"]
    assert search.best_estimator_[0].get_feature_names_out().shape == (512,)


def test_pickles_without_the_key(monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret-1234567890")
    pipeline = make_pipeline(mm.Embedder(model="local", cache=False), LogisticRegression()).fit(TEXTS, Y)

    data = pickle.dumps(pipeline)

    assert b"sk-secret" not in data
    assert pickle.loads(data).predict(["a cat"]).tolist() == ["pet"]


def test_output_can_be_a_frame():
    X = mm.Embedder(model="local").set_output(transform="pandas").fit_transform(TEXTS[:2])

    assert list(X.columns[:2]) == ["embedder0", "embedder1"]
    assert X.shape == (2, 512)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"modality": "sound"}, "modality must be one of text, image, video, got 'sound'"),
        ({"dimension": 3}, "has no dimension 3"),
        ({"model": "nope"}, "unknown model 'nope'"),
    ],
)
def test_wrong_arguments_are_told_at_fit(options, message):
    with pytest.raises(ValueError, match=message):
        mm.Embedder(**{"model": "local", "cache": False, **options}).fit(TEXTS)


def test_a_wrong_item_is_named():
    with pytest.raises(mm.MMToolkitError, match=r"row 1, id '1', .*blank"):
        mm.Embedder(model="local", cache=False).fit_transform(["a", " "])
    with pytest.raises(TypeError, match="row 0: Text takes a str, got int"):
        mm.Embedder(model="local", cache=False).fit_transform([3])
