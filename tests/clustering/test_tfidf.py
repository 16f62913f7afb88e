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


def test_short_forms_and_fillers_say_nothing():
    assert tokens("It's a pair of Anna's glasses, they don't fit. 这是一只猫") == ["anna", "glasses", "fit", "猫"]


@pytest.mark.parametrize("texts", [["the", "of"], ["", " "], ["one dog", "a cat"]])
def test_a_word_that_one_text_holds_is_no_name(texts):
    table = keywords(texts, np.array([0, 1]), 2)

    assert table["name"].tolist() == ["?", "?"]
    assert table[["margin", "support"]].isna().all(axis=None)


def test_texts_that_are_all_the_same_name_nothing():
    table = keywords(["a black dog"] * 12, np.arange(12) % 3, 3)

    assert table["name"].tolist() == ["?"] * 3
    assert table["words"].tolist() == ["black, dog"] * 3


def test_a_word_must_be_twice_as_frequent_inside_as_outside():
    inside, outside = ["dog"] * 6 + ["cat"] * 4, ["dog"] * 3 + ["fish"] * 7

    assert keywords(inside + outside, np.repeat([0, 1], 10), 2)["name"].tolist() == ["dog, cat", "fish"]
    assert keywords([*inside, *outside, "dog", "dog"], np.repeat([0, 1], [10, 12]), 2)["name"].tolist()[0] == "cat"


def test_noise_counts_as_outside():
    assert keywords(["dog"] * 8, np.array([0] * 4 + [-1] * 4), 1)["name"].tolist() == ["?"]
    assert keywords(["dog"] * 4 + ["fish"] * 4, np.array([0] * 4 + [-1] * 4), 1)["name"].tolist() == ["dog"]


def test_blank_texts_count_nowhere():
    table = keywords(["dog", "dogs", "", "", "", "cat", "cat", ""], np.array([0] * 5 + [1] * 3), 2)

    assert table["name"].tolist() == ["dog", "cat"]
    assert table["support"].tolist() == [1.0, 1.0]


def test_plurals_count_with_their_singular_in_the_commoner_form():
    texts = ["leaves", "green leaves", "leave", "cherry", "a cherry", "cherries", "glasses"]

    table = keywords(texts, np.array([0, 0, 0, 1, 1, 1, 1]), 2)

    assert table["name"].tolist() == ["leaves", "cherry"]
    assert table["support"].tolist() == [1.0, 0.75]


def test_forms_of_a_verb_count_as_one_word():
    texts = ["fix a leak", "fixed a crash", "fixed a hang", "testing a string", "tests a str", "test a red bed"]

    found = keywords(texts, np.array([0, 0, 0, 1, 1, 1]), 2)

    assert found["name"].tolist() == ["fixed", "test"]
    assert {"string", "str", "red", "bed"} <= set(found.loc[1, "words"].split(", "))


def test_a_name_has_a_second_word_for_texts_that_lack_the_first():
    table = keywords(
        ["red car", "fast car", "old car", "big truck", "truck", "bus", "dogs", "dogs"], np.array([0] * 6 + [1] * 2), 2
    )

    assert table["name"].tolist() == ["car, truck", "dogs"]
    assert table["support"][0] == pytest.approx(1 / 2)  # "truck" is not found in one text without the other


def test_words_that_fit_some_texts_by_chance_are_no_name(rng):
    words = [f"{a}{b}word" for a in "abcdefghij" for b in "klmnopqrst"]
    texts = [" ".join(rng.choice(words, 3, replace=False)) for _ in range(200)]

    table = keywords(texts, rng.integers(0, 10, 200), 10)

    assert (table["name"] == "?").all()
    assert (table["words"] != "").all()


def test_a_name_may_need_several_words():
    kinds = [["oak", "elm", "fir", "pine"], ["cat", "dog", "cow", "hen"]]
    texts = [f"a {word} {number}" for words in kinds for word in words for number in ("young", "old", "small", "tall")]

    table = keywords(texts, np.repeat([0, 1], 16), 2)

    assert [set(name.split(", ")) for name in table["name"]] == [set(words) for words in kinds]
    assert table["support"].tolist() == [1.0, 1.0]
