"""Every text in the source has its Chinese, with the same placeholders; the catalogue holds nothing else."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from pathlib import Path

import pytest

import mmtoolkit
from mmtoolkit.words import entries

_ROOT = Path(mmtoolkit.__file__).parent
_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_HALF = re.compile(r"[\u4e00-\u9fff][,;:?!](?!\w)|[\u4e00-\u9fff]\.(?:\s|$)")


def _texts():
    """Yield place and texts of every call of ``say`` and ``word``."""
    for path in sorted(_ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("say", "word"):
                yield f"{path.relative_to(_ROOT)}:{node.lineno}", node.args


def _known():
    return {
        text.value
        for place, texts in _texts()
        if not place.startswith("words/saying.py")
        for text in texts[-1:]
        if isinstance(text, ast.Constant)
    }


def _placeholders(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_texts_are_literals_so_that_they_can_be_found():
    wrong = [
        f"{place}: {ast.unparse(text)}"
        for place, texts in _texts()
        for text in texts
        if not (isinstance(text, ast.Constant) and isinstance(text.value, str))
    ]

    assert [place for place in wrong if not place.startswith("words/saying.py")] == []


def test_every_text_has_its_chinese():
    missing = [f"{_toml(text)} = ''" for text in sorted(_known() - set(entries("zh")))]

    assert not missing, "add to mmtoolkit/words/zh.toml:\n" + "\n".join(missing)


def _toml(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def test_the_catalogue_holds_no_text_that_nobody_says():
    rooms = tomllib.loads((_ROOT / "words" / "zh.toml").read_text("utf-8"))
    said = {english for room, texts in rooms.items() if room != "columns" for english in texts}

    assert sorted(said - _known()) == []


@pytest.mark.parametrize("language", ["zh"])
def test_a_text_and_its_translation_have_the_same_placeholders(language):
    wrong = {a: b for a, b in entries(language).items() if _placeholders(a) != _placeholders(b)}

    assert wrong == {}


def test_every_chinese_entry_is_chinese():
    wrong = {a: b for a, b in entries("zh").items() if re.search("[A-Za-z]{2}", _bare(a)) and not _CHINESE.search(b)}

    assert wrong == {}


def _bare(text):
    return re.sub(r"\{[^}]*\}", "", text)


def test_chinese_sentences_have_chinese_punctuation():
    assert {a: b for a, b in entries("zh").items() if _HALF.search(b)} == {}


def test_no_text_stands_in_two_rooms():
    rooms = tomllib.loads((_ROOT / "words" / "zh.toml").read_text("utf-8"))
    every = [english for room in rooms.values() for english in room]

    assert sorted({text for text in every if every.count(text) > 1}) == []


def test_names_with_an_english_of_their_own_have_their_chinese():
    rooms = tomllib.loads((_ROOT / "words" / "zh.toml").read_text("utf-8"))

    assert sorted(set(entries("en")) - set(rooms["columns"])) == []


def _terms():
    rows = re.findall(r"^\| ([a-z -]+) \| (.+) \|$", (_ROOT.parent / "docs" / "terms.md").read_text("utf-8"), re.M)
    return [(english, chinese.split("、")) for english, chinese in rows if english != "English"]


@pytest.mark.parametrize(("english", "chinese"), _terms())
def test_a_term_is_always_the_same_word(english, chinese):
    named = re.compile(rf"\b{english}(s|es)?\b", re.IGNORECASE)

    assert {a: b for a, b in entries("zh").items() if named.search(_bare(a)) and not any(c in b for c in chinese)} == {}
