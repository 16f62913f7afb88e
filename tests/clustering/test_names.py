"""Names for clusters."""

import json

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.clustering.names import contrast
from mmtoolkit.clustering.vocabularies import vocabulary
from mmtoolkit.vectors import unit_rows


@pytest.fixture(scope="module")
def emoji():
    """Faces, hearts and vehicles in three clusters, with captions."""
    frame = mm.load_dataset("emoji")
    words = {"face": "face", "heart": "heart", "car": "car|bus|truck|train|tram|taxi"}
    kinds = [frame["text"].str.contains(rf"\b(?:{kind})\b") for kind in words.values()]
    frame = frame[np.any(kinds, axis=0)].reset_index(drop=True)
    return mm.embed(frame, model="local")


def test_texts_name_themselves(glosses):
    c = mm.cluster(glosses, 6).with_names()

    assert c.names["named_by"].dropna().eq("texts").all()
    assert c.sizes["name"].tolist() == c.names["name"].tolist()
    assert c.recipe["params"]["names"] == c.names["name"].tolist()


def test_captions_name_pictures(emoji):
    c = mm.cluster(emoji, 3).with_names()

    shown = c.names[c.names["named_by"] == "texts"]
    assert "face" in shown["name"].tolist()
    for cluster, row in shown.iterrows():
        inside, outside = (
            np.mean([any(word in text for word in row["name"].split(", ")) for text in emoji.items["text"][rows]])
            for rows in (c.labels == cluster, c.labels != cluster)
        )
        assert inside >= max(0.25, 2 * outside)
        assert row["support"] == pytest.approx(inside, abs=0.1)


def test_captions_of_the_language_come_first(emoji):
    names = mm.cluster(emoji, 3).with_names(language="zh").names

    assert "心" in names["name"][names["named_by"] == "texts"].tolist()


def test_without_captions_the_vocabulary_names(emoji):
    some = emoji[emoji.items["text"].str.contains(r"\b(?:face|heart)\b").to_numpy()]
    blind = mm.Embeddings(some.vectors, items=some.items.drop(columns=["text", "text_zh"]), model="local")

    english, chinese = (mm.cluster(blind, 3).with_names(language=language).names for language in ("en", "zh"))

    assert set(english["named_by"].dropna()) == set(chinese["named_by"].dropna()) == {"vocabulary"}
    assert "face" in english["name"].tolist()
    assert "脸" in chinese["name"].tolist()
    assert set(english["name"]) - {"?"} <= set(vocabulary("nouns"))
    assert set(chinese["name"]) - {"?"} <= set(vocabulary("nouns", "zh"))


def test_captions_alone_need_no_model(emoji):
    own = mm.Embeddings(emoji.vectors, items=emoji.items)

    names = mm.cluster(own, 8).with_names().names

    assert names["named_by"].dropna().eq("texts").all()
    assert (names["name"] == "?").any()


def test_the_commonest_label_stands_beside_and_is_not_the_name(clustered, stamps):
    names = clustered.with_names(vocabulary="emoji").names

    for cluster in range(clustered.n_clusters):
        counts = stamps.items["label"][clustered.labels == cluster].value_counts(normalize=True)
        assert names["majority_share"][cluster] == pytest.approx(counts.iloc[0])
        assert counts[names["majority"][cluster]] == counts.iloc[0]
    assert set(names["name"]) - {"?"} <= set(vocabulary("emoji"))
    assert np.array_equal(clustered.with_names(vocabulary="emoji").labels, clustered.labels)


def test_the_right_words_win(clustered, stamps):
    """The classes themselves as vocabulary: clusters of one class take it."""
    own = clustered.with_names(
        vocabulary=["animal", "plant", "vehicle", "coin", "house", "clothes", "food", "person", "tool"]
    )

    vehicles = np.bincount(clustered.labels[stamps.items["label"] == "vehicles"], minlength=8).argmax()
    plants = np.bincount(clustered.labels[stamps.items["label"] == "plants"], minlength=8).argmax()
    assert own.names["name"][vehicles] == "vehicle"
    assert own.names["name"][plants] == "plant"


def _table(words, centers):
    X = np.repeat(centers, 5, axis=0).astype(np.float32)
    names = [f"w{i}" for i in range(len(words))]
    return contrast(unit_rows(words), unit_rows(centers), names, unit_rows(X), np.repeat(np.arange(len(centers)), 5))


def test_contrast_ignores_words_near_to_everything(rng):
    words = 0.1 * rng.standard_normal((200, 100))
    words[0, :3] += 3
    words[[1, 2, 3], [0, 1, 2]] += 3

    table = _table(words, np.eye(3, 100))

    assert table["name"].tolist() == ["w1", "w2", "w3"]
    assert (table["margin"] > 0).all()
    assert table["support"].tolist() == [1.0, 1.0, 1.0]


def test_words_by_chance_are_no_names(rng):
    shown = [
        (_table(rng.standard_normal((n, 64)), rng.standard_normal((8, 64)))["name"] != "?").mean() for n in (50, 800)
    ]

    assert max(shown) <= 0.2


def test_a_word_of_two_clusters_names_neither(rng):
    words = 0.1 * rng.standard_normal((200, 100))
    words[0, :2] += 3

    assert _table(words, np.eye(4, 100))["name"].tolist()[:2] == ["?", "?"]


def test_clusters_without_a_name_of_their_own_are_told_apart(clustered):
    named = clustered.named(["cat", "?", "cat", "?", "dog", "bird", "fish", "car"])

    assert list(named.titles.values())[:5] == [
        "cat (cluster 0)",
        "? (cluster 1)",
        "cat (cluster 2)",
        "? (cluster 3)",
        "dog",
    ]
    assert named.representatives(2).table["group"].nunique() == 8
    assert named.per_item["name"].nunique() == 6


def test_a_function_names_and_its_answers_are_recorded(clustered, stamps):
    asked = []
    named = clustered.with_names(function=lambda frame: asked.append(frame) or f"{frame['label'].iloc[0]} & co")

    assert len(asked) == 8
    assert {"text", "score"} <= set(asked[0].columns)
    again = mm.cluster(stamps, **json.loads(json.dumps(named.recipe["params"])))
    assert again.names["name"].tolist() == named.names["name"].tolist()


def test_answers_are_not_lost_when_a_later_one_fails(clustered):
    answers = iter(["one", "two", None])

    with pytest.raises(ValueError, match="must return a name, got None for cluster 2") as caught:
        clustered.with_names(function=lambda _frame: next(answers))

    assert "it had answered for the clusters before: ['one', 'two']" in caught.value.__notes__[0]


def test_verify_asks_no_function(clustered, tmp_path):
    asked = []
    named = clustered.with_names(function=lambda frame: asked.append(1) or f"name {len(asked)}")

    assert mm.verify(mm.report(named).save(tmp_path / "r.json"), vectors=clustered.source).verdict == "identical"
    assert len(asked) == 8


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
