"""Texts are cut into the pieces that the word vectors were trained with, and into words."""

import hashlib
import time

import pytest

from mmtoolkit.providers.local.pieces import Vocabulary, WordPieces
from mmtoolkit.providers.local.texts import text_files


@pytest.fixture(scope="module")
def cut():
    return WordPieces.read(text_files()[1])


@pytest.mark.parametrize(  # what the tokenizer of the word vectors' author returns (tokenizers 0.22)
    ("text", "numbers"),
    [
        ("a photo of a bird", [263, 15373, 310, 263, 11199]),
        ("x", [921]),
        ("Crème brûlée, 3 €", [6781, 5000, 1506, 30095, 29880, 1318, 29892, 29871, 29941, 25540]),
        ("antidisestablishmentarianism", [3677, 333, 275, 342, 370, 1674, 358, 13956, 1608]),
        ("🦄 𝔘nicorn", [29871, 243, 162, 169, 135, 29871, 243, 160, 151, 155, 7823, 1398]),
        ("aaaaaaaaaaaaa", [263, 27137, 27137, 27137]),
        ("中文 text", [29871, 30275, 30333, 1426]),
        ("f();", [285, 890]),
    ],
)
def test_pieces_are_those_of_the_original_tokenizer(cut, text, numbers):
    assert cut(text) == numbers


def test_twenty_thousand_odd_words_too(cut):
    text = "".join(chr(97 + (i * i + i // 7) % 26) + " " * (i % 11 == 0) for i in range(20_000)).strip()

    numbers = cut(text)

    assert len(numbers) == 11_771
    digest = "8af244ef75719c519d0c82fce4f78cd095bcb1bda7ec90a3be2beeb7fd310929"
    assert hashlib.sha256(str(numbers).encode()).hexdigest() == digest


def test_names_of_special_pieces_are_ordinary_text(cut):
    assert 1 not in cut("<s> </s>")
    assert 2 not in cut("<s> </s>")


def test_nothing_has_no_pieces_and_half_a_character_does_no_harm(cut):
    assert cut("") == []
    assert cut("\ud800")


def test_one_word_of_a_hundred_thousand_characters_takes_seconds_at_most(cut):
    start = time.perf_counter()

    assert len(cut("ab" * 50_000)) < 100_000
    assert len(cut("▁" * 100_000)) < 100_000

    assert time.perf_counter() - start < 30


# words


@pytest.fixture(scope="module")
def vocabulary(cut):
    return Vocabulary(cut, ["dog", "don't", "glass"], ["红色"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a Dog", [0]), ("DOGS, dogs!", [0, 0]), ("the dog's and the dog’s", [0, 0]), ("dogged", []), ("don't", [1]), ("glass", [2]),
        ("dog2dog", [0, 0]), ("", []),
    ],
)  # fmt: skip
def test_known_words_stand_beside_their_pieces(cut, vocabulary, text, words):
    assert vocabulary(text) == [*cut(text), *(len(cut) + number for number in words)]


def test_a_known_chinese_word_between_spaces_stands_for_its_pieces(cut, vocabulary):
    assert vocabulary("a 红色 dog") == [*cut("a dog"), len(cut) + 3, len(cut)]
    assert vocabulary("a红色dog") == cut("a红色dog")


def test_a_text_of_one_chinese_word_has_no_pieces(cut, vocabulary):
    assert vocabulary("红色") == [len(cut) + 3]
