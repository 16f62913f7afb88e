"""Names for clusters."""

import json

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.clustering.names import contrast
from mmtoolkit.clustering.vocabularies import vocabulary
from mmtoolkit.vectors import unit_rows


def test_texts_name_themselves(glosses):
    c = mm.cluster(glosses, 6).with_names()

    assert c.names["name"].is_unique
    assert c.sizes["name"].tolist() == c.names["name"].tolist()
    assert c.recipe["params"]["names"] == c.names["name"].tolist()


def test_pictures_are_named_from_vocabularies(clustered):
    english = clustered.with_names()
    chinese = clustered.with_names(vocabulary="emoji", language="zh")

    assert set(english.names["name"]) <= set(vocabulary("nouns"))
    assert set(chinese.names["name"]) <= set(vocabulary("emoji", "zh"))
    assert english.names["name"].is_unique
    assert english.names["margin"].notna().all()
    assert np.array_equal(english.labels, clustered.labels)


def test_the_right_words_win(clustered, stamps):
    """The classes themselves as vocabulary: most clusters take the class that is commonest in them."""
    own = clustered.with_names(
        vocabulary=["animal", "plant", "vehicle", "coin", "house", "clothes", "food", "person", "tool"]
    )

    vehicles = np.bincount(clustered.labels[stamps.items["label"] == "vehicles"], minlength=8).argmax()
    plants = np.bincount(clustered.labels[stamps.items["label"] == "plants"], minlength=8).argmax()
    assert own.names["name"][vehicles] == "vehicle"
    assert own.names["name"][plants] == "plant"


def test_contrast_ignores_words_near_to_everything():
    centers = np.eye(3, 4)
    words = unit_rows(np.array([[1.0, 1.0, 1.0, 0], [1, 0, 0, 0.5], [0, 1, 0, 0.5], [0, 0, 1, 0.5]]))

    table = contrast(words, centers.astype(np.float32), ["thing", "a", "b", "c"])

    assert table["name"].tolist() == ["a", "b", "c"]
    assert (table["margin"] > 0).all()


def test_a_function_names_and_its_answers_are_recorded(clustered, stamps):
    asked = []
    named = clustered.with_names(function=lambda frame: asked.append(frame) or f"{frame['label'].iloc[0]} & co")

    assert len(asked) == 8
    assert {"text", "score"} <= set(asked[0].columns)
    again = mm.cluster(stamps, **json.loads(json.dumps(named.recipe["params"])))
    assert again.names["name"].tolist() == named.names["name"].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary": ["dog"]}, r"at least two different words to choose between, got \['dog'\]"),
        ({"vocabulary": ["dog", "dog"]}, "at least two different words"),
        ({"vocabulary": []}, "at least two different words"),
        ({"vocabulary": "verbs"}, "no vocabulary 'verbs': it is one of nouns, emoji"),
        ({"language": "fr"}, "language must be one of en, zh, got 'fr'"),
        ({"vocabulary": "nouns", "texts": "text"}, "names come from one source; got vocabulary and texts"),
        ({"texts": "caption"}, "texts='caption' names no column"),
        ({"function": lambda _frame: ""}, "must return a name, got '' for cluster 0"),
    ],
)
def test_bad_names_are_named(clustered, options, message):
    with pytest.raises(ValueError, match=message):
        clustered.with_names(**options)


def test_plain_vectors_have_no_model_to_name_with():
    with pytest.raises(TypeError, match="plain vectors do not have"):
        mm.cluster(np.eye(4), 2).with_names(vocabulary=["a", "b"])
