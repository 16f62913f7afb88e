"""What is in the clusters: representatives, picks, names, classes, noise."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

import mmtoolkit as mm
from mmtoolkit.clustering.against_classes import Agreement
from mmtoolkit.clustering.names import contrast
from mmtoolkit.clustering.tfidf import keywords, tokens
from mmtoolkit.clustering.vocabularies import vocabulary
from mmtoolkit.vectors import unit_rows


@pytest.fixture(scope="module")
def clustered(stamps):
    return mm.cluster(stamps, 8)


@pytest.mark.parametrize("how", ["medoid", "diverse", "boundary", "far"])
def test_representatives_come_from_their_clusters(clustered, how):
    found = clustered.representatives(3, how=how)

    assert (clustered.labels[found.rows] == found.table["cluster"]).all()
    assert found.table.groupby("cluster").size().max() == 3
    assert len(set(found.rows.tolist())) == len(found.rows)
    assert "data:image/webp;base64," in found._repr_html_()


def test_medoids_are_near_and_far_items_are_far(clustered):
    near, far = (clustered.representatives(1, how=how).table["score"].to_numpy() for how in ("medoid", "far"))

    distance = clustered.per_item["distance"].to_numpy()
    for cluster in range(8):
        rows = clustered.labels == cluster
        assert near[cluster] == pytest.approx(distance[rows].min(), abs=1e-3)
        assert far[cluster] == pytest.approx(distance[rows].max(), abs=1e-3)


def test_boundary_items_lie_between_two_clusters(clustered):
    medoid, boundary = (clustered.representatives(2, how=how) for how in ("medoid", "boundary"))

    width = clustered.per_item["silhouette"].to_numpy()
    assert width[boundary.rows].mean() < width[medoid.rows].mean()


def test_representatives_of_plain_vectors_and_bad_arguments(rng):
    c = mm.cluster(rng.standard_normal((20, 4)), 2)

    assert c.representatives(50).table["cluster"].value_counts().sum() == 20
    assert "<table>" in c.representatives(2)._repr_html_()
    with pytest.raises(ValueError, match="medoid, diverse, boundary, far, got 'central'"):
        c.representatives(how="central")
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        c.representatives(0)


def test_texts_shown_are_escaped():
    X = np.eye(4)
    frame = pd.DataFrame({"text": ["<img src=x onerror=alert(1)>"] * 4, "modality": "text"})
    c = mm.cluster(mm.Embeddings(X, items=frame), 2)

    assert "<img src=x" not in c.representatives(2)._repr_html_()


@pytest.mark.parametrize("how", ["typical", "diverse", "outlier"])
def test_picks_are_different_items_and_respect_exclude(stamps, how):
    first = mm.pick(stamps, 10, how)
    barred = np.zeros(len(stamps), dtype=bool)
    barred[first.rows] = True

    second = mm.pick(stamps, 10, how, exclude=barred)

    assert len(set(first.rows.tolist())) == 10
    assert not set(first.rows.tolist()) & set(second.rows.tolist())
    assert first.table.index.tolist() == stamps.ids[first.rows].tolist()
    again = mm.pick(stamps, **json.loads(json.dumps(second.recipe["params"])))
    assert again.evidence() == second.evidence()


def test_outliers_and_diverse_items_are_what_they_say(rng):
    X = np.concatenate([rng.standard_normal((60, 5)) * 0.05 + 3, -np.eye(5)[:1] * 40]).astype(np.float32)

    assert mm.pick(X, 1, "outlier", normalize=False).rows.tolist() == [60]
    assert mm.pick(X, 2, "diverse", normalize=False).rows[1] == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n must be between 1 and the 6 items to choose from, got 0"),
        ({"n": 7}, "n must be between 1 and the 6 items to choose from, got 7"),
        ({"n": 4}, "n=4 is more than the 3 distinct vectors"),
        ({"n": 2, "how": "best"}, "'typical', 'diverse' or 'outlier', got 'best'"),
        ({"n": 2, "exclude": [1, 2]}, "exclude must be a boolean mask of 6 items"),
        ({"n": 1, "exclude": [True] * 6}, "the 0 items to choose from"),
    ],
)
def test_bad_picks_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        mm.pick(np.repeat(np.eye(3), 2, axis=0), **options)


def test_words_are_cut_in_both_languages():
    assert tokens("The Frogs, and 两只青蛙在池塘里!") == ["frogs", "青蛙", "池塘"]
    assert tokens("的了 the 42 _") == []


def test_keywords_tell_clusters_apart():
    texts = ["a red apple", "an apple pie", "苹果", "a blue car", "fast car", "汽车"]

    table = keywords(texts, np.array([0, 0, 0, 1, 1, 1]), 2)

    assert table["words"].str.split(", ").str[0].tolist() == ["apple", "car"]
    assert "苹果" in table["words"][0]
    assert table["margin"].tolist() == pytest.approx([2 / 3, 2 / 3])


def test_a_cluster_without_words_keeps_its_number():
    assert keywords(["the", "a cat"], np.array([0, 1]), 2)["name"].tolist() == ["cluster 0", "cat"]
    assert keywords(["the", "of"], np.array([0, 1]), 2)["name"].tolist() == ["cluster 0", "cluster 1"]


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


def test_vocabularies_are_clean():
    for name in ("nouns", "emoji"):
        for language in ("en", "zh"):
            words = vocabulary(name, language)
            assert len(words) == len(set(words)) > 700
            assert all(word.strip() == word and "\t" not in word for word in words)


def test_agreement_with_classes_equals_scikit_learn(clustered, stamps):
    y = stamps.items["label"].to_numpy()

    found = clustered.compare("label")

    value = found.metrics["value"]
    assert value["v_measure"] == pytest.approx(metrics.v_measure_score(y, clustered.labels))
    assert value["ari"] == pytest.approx(metrics.adjusted_rand_score(y, clustered.labels))
    assert value["ami"] == pytest.approx(metrics.adjusted_mutual_info_score(y, clustered.labels))
    assert found.contingency.to_numpy().sum() == len(stamps)
    assert found.where("plants")["items"].sum() == 10
    assert found.classes["items"].tolist() == [10] * 14
    assert found.figure("contingency").layout.title.text == "<b>Classes and clusters</b>"
    with pytest.raises(ValueError, match="no class 'plant'; the classes are animals"):
        found.where("plant")


def test_accuracy_matches_one_to_one():
    c = mm.cluster(np.eye(3)[[0, 0, 0, 1, 1, 2]], 3)

    assert c.compare(list("aaabbb")).metrics.loc["accuracy", "value"] == pytest.approx(5 / 6)
    assert c.compare(list("zzzyyx")).metrics.loc["accuracy", "value"] == 1.0


def test_items_without_a_class_are_left_out():
    c = mm.cluster(np.eye(3)[[0, 0, 1, 2]], 3)

    found = c.compare(["a", None, "b", "c"])

    assert found.n_without == 1
    assert "1 items without a class left out" in repr(found)
    with pytest.raises(ValueError, match="no item has a class"):
        c.compare([None] * 4)
    with pytest.raises(ValueError, match="y has 2 values for 4 items"):
        c.compare(["a", "b"])


@pytest.fixture(scope="module")
def noisy():
    rng = np.random.default_rng(1)
    dense = np.repeat(rng.standard_normal((3, 8)) * 4, 40, axis=0) + 0.2 * rng.standard_normal((120, 8))
    return np.concatenate([dense, 8 * rng.standard_normal((30, 8))]).astype(np.float32)


def test_hdbscan_leaves_noise_and_max_noise_bounds_it(noisy):
    free = mm.cluster(noisy, algorithm="hdbscan", normalize=False)
    bounded = mm.cluster(noisy, algorithm="hdbscan", normalize=False, max_noise=0.1)

    assert free.n_clusters == bounded.n_clusters == 3
    assert free.scores.loc["noise", "value"] > 0.1 >= bounded.scores.loc["noise", "value"]
    assert (bounded.labels[free.labels >= 0] == free.labels[free.labels >= 0]).all()
    assert "noise" in repr(free)
    assert free.chosen_by == "hdbscan"


def test_hdbscan_assigns_training_rows_their_labels_and_strangers_to_noise(noisy):
    c = mm.cluster(noisy, algorithm="hdbscan", normalize=False)

    assert np.array_equal(c.assign(noisy), c.labels)
    assert c.assign(np.full((1, 8), 500.0, dtype=np.float32)).tolist() == [-1]
    assert c.assign(noisy[:1] + 0.01).tolist() == [c.labels[0]]


def test_noise_stands_apart_in_tables(noisy):
    c = mm.cluster(noisy, algorithm="hdbscan", normalize=False)

    assert c.compare(["x"] * 75 + ["y"] * 75).contingency.columns[0] == "noise"
    assert (c.per_item["name"] == "noise").sum() == (c.labels < 0).sum()
    assert c.per_item.loc[c.labels < 0, "outlier"].isna().all()


def test_all_noise_is_a_result_that_says_so(rng):
    c = mm.cluster(rng.standard_normal((30, 20)), algorithm="hdbscan", min_cluster_size=15)

    assert c.n_clusters == 0
    assert repr(c) == "<Clustering: 0 clusters of 30 items, 30 noise>"
    assert len(c.representatives().rows) == 0
    with pytest.raises(ValueError, match="all items are noise"):
        c.assign(np.ones((1, 20)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_noise": 2}, "max_noise must be a share between 0 and 1, got 2"),
        ({"min_cluster_size": 1}, "min_cluster_size must be between 2 and the 150 items, got 1"),
        ({"n_clusters": 4}, "leave out n_clusters=4"),
    ],
)
def test_bad_hdbscan_options_are_named(noisy, options, message):
    with pytest.raises(ValueError, match=message):
        mm.cluster(noisy, algorithm="hdbscan", **options)


def test_stability_of_a_small_set_has_fewer_clusters_where_a_sample_has_fewer_items(rng):
    s = mm.cluster(rng.normal(size=(10, 4)), 7).stability(20)

    assert len(s.ari) == 20
    assert s.per_cluster["jaccard"].between(0, 1).all()


def test_classes_of_two_types_and_one_name_are_not_merged(clustered):
    n = len(clustered.labels)
    with pytest.raises(ValueError, match="y mixes types: 1 and '1' look the same"):
        clustered.compare([1, "1"] * (n // 2))


def test_stability_is_for_kmeans(noisy):
    with pytest.raises(ValueError, match="says nothing about HDBSCAN"):
        mm.cluster(noisy, algorithm="hdbscan").stability(2)


def test_the_old_name_of_agreement_warns():
    with pytest.warns(DeprecationWarning, match="called Agreement now"):
        from mmtoolkit.clustering.against_classes import Comparison

    assert Comparison is Agreement
    with pytest.raises(ImportError, match="cannot import name 'Contrast'"):
        from mmtoolkit.clustering.against_classes import Contrast  # noqa: F401
