"""Words of texts, and names from them."""

import numpy as np
import pytest

from mmtoolkit.clustering.tfidf import keywords, tokens


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
