"""Other languages are noticed, and English and Chinese are not taken for them."""

import warnings

import pytest

import mmtoolkit as mm
from mmtoolkit.providers.local.languages import is_foreign


@pytest.mark.parametrize(
    "text",
    [
        "собака", "犬が好きです", "강아지", "שלום", "कुत्ता", "Der Hund läuft über die Straße und bellt", "le chat est sur la table",
        "El perro corre por la calle", "O gato está em cima da mesa", "Il gatto della nonna mangia il pesce", "собака и кот, two words",
    ],
)  # fmt: skip
def test_other_languages_are_noticed(text):
    assert is_foreign(text)


@pytest.mark.parametrize(
    "text",
    [
        "a dog", "狗", "ＤＯＧ", "狗 dog", "café au lait", "Los Angeles", "123", "!!!", "🐶", "x", "", "do you do it", "DES and 3DES, des",
        "東京", "a la carte",
    ],
)  # fmt: skip
def test_english_chinese_and_signs_are_not(text):
    assert not is_foreign(text)


@pytest.mark.parametrize("name", ["stamps", "glosses"])
def test_no_text_of_the_data_sets_is_taken_for_another_language(name):
    frame = mm.load_dataset(name)

    assert not [text for column in ("text", "text_zh") for text in frame[column] if text and is_foreign(text)]


def test_it_is_said_once_for_all_texts_with_a_way_out():
    texts = [mm.Text(text) for text in ("a dog", "собака", "кошка", "птица")]

    with pytest.warns(
        UserWarning, match=r"look like another language: 3, the first 'собака'.*English and Chinese"
    ) as said:
        emb = mm.embed(texts, model="local", cache=False)

    assert len(said) == 1
    assert "DashScope" in str(said[0].message)
    assert said[0].filename == __file__
    assert emb.vectors.any(axis=1).all()


def test_nothing_is_said_of_english_and_chinese():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        mm.embed_texts(["a dog", "狗", "🐶"], model="local", cache=False)

    assert said == []
