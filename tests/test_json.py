"""JSON of others is measured before it is read."""

from __future__ import annotations

import json
import time

import pytest

from mmtoolkit._json import read_json


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "100,000 levels of nesting, at most 64"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "100,000 levels of nesting"),
        ("[" + "[]," * 5_000_001 + "1]", "at most 5,000,000 are read"),
        ("[1e999]", "1e999 is too large"),
        ("[-1E+400]", "too large"),
        ("9" * 5000, "more than 40 digits"),
        ("[NaN]", "NaN is not a number of JSON"),
        ("[Infinity]", "Infinity is not a number of JSON"),
        ('"\\', "Unterminated"),
        ("[1,", "Expecting value"),
        ("[1]".encode("utf-16"), "it is in UTF-16; save it as UTF-8"),
        ("[1]".encode("utf-16-le"), "it is in UTF-16"),
        ('["caf\u00e9 au lait"]'.encode("latin-1"), "it is in Latin-1"),
        (b"\xff\xfe[1]", "begins as UTF-16, but byte 4 is not; save it as UTF-8"),
        (b"", "Expecting value"),
    ],
)
def test_what_cannot_be_read_is_a_value_error_at_once(text, message):
    started = time.perf_counter()

    with pytest.raises(ValueError, match=message):
        read_json(text)

    assert time.perf_counter() - started < 2


def test_a_byte_order_mark_is_no_part_of_the_text():
    assert read_json('{"a": "\u5317"}'.encode("utf-8-sig")) == {"a": "\u5317"}


def test_brackets_and_numbers_inside_texts_count_for_nothing():
    data = {'a"[': "[" * 1000 + '\\"' + "{" * 1000, "b": ["1e999 " + "9" * 100, "\\"], "c": [1e308, -5e-324, 10**39]}

    assert read_json(json.dumps(data)) == data
    assert read_json(json.dumps(data, ensure_ascii=False).encode()) == data
