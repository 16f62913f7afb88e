"""Every form of answer is read."""

from __future__ import annotations

import json

import pytest

from mmtoolkit.providers.dashscope.reading import read_answer, read_vectors
from mmtoolkit.providers.secrets import Secret

KEY = Secret("sk-0123456789abcdef")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"code": "X", "message": "m", "request_id": "r"}', "X", "m"),
        (b'{"error": {"code": "X", "message": "m", "type": "t"}, "id": "r"}', "X", "m"),
        (b'{"error": {"code": null, "message": "m", "type": "X"}, "id": "r"}', "X", "m"),
        (b'{"error": {"code": 503, "message": "m", "type": "X"}, "id": "r"}', "X", "m"),
        (b'{"Code": "X", "Message": "m", "RequestId": "r"}', "X", "m"),
        (b'{"detail": [{"loc": 1}]}', "", '[{"loc": 1}]'),
        ('{"code": "X", "message": "无效"}'.encode("gb18030"), "X", "无效"),
        ('{"code": "X", "message": "m"}'.encode("utf-16"), "X", "m"),
        (b'\xef\xbb\xbf{"code": "X", "message": "m"}', "X", "m"),
        (b'{"code": "X", "message": ' + b"[" * 900 + b"]" * 900 + b"}", "X", "[" * 399 + "…"),
        (b"<html>oops</html>", "", "HTTP 503 with '<html>oops</html>' instead of JSON"),
        (b"", "", "HTTP 503 with an empty body"),
        (b"[1]", "", "HTTP 503 with '[1]' instead of JSON"),
    ],
)
def test_every_form_of_error_is_read(body, code, message):
    answer = read_answer(503, {"Retry-After": "7"}, body, None, KEY)

    assert (answer.code, answer.message, answer.retry_after_s) == (code, message, 7.0)


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("99999", 300.0), ("-3", 0.0), ("soon", None), ("nan", None),
                                               ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("1 Jan 99999999999999999999 00:00:00 +0000", None)])  # fmt: skip
def test_retry_after_is_bounded(value, seconds):
    assert read_answer(429, {"retry-after": value}, b"{}", None, KEY).retry_after_s == seconds


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
def test_a_good_answer_is_read_in_any_encoding_of_unicode(encoding):
    body = '{"output": {"embedding": [1.0, 2.0]}, "request_id": "r"}'.encode(encoding)

    answer = read_answer(200, {}, body, None, KEY)

    assert read_vectors(answer.body, 1, 2)[0].tolist() == [1.0, 2.0]


def test_an_error_under_status_200_keeps_its_words():
    answer = read_answer(200, {}, b"", {"error": {"code": "X", "message": "m"}}, KEY)
    plain = read_answer(200, {}, b'{"request_id": "r"}', {"request_id": "r"}, KEY)

    assert (answer.body, plain.body) == (None, None)
    assert (plain.code, plain.message) == ("ProtocolError", "the answer has no output")


@pytest.mark.parametrize("code", ["", None, 0, 200, "200", "Success", "OK"])
def test_a_code_that_says_success_does_not_take_the_vectors_away(code):
    body = {"code": code, "message": "well done", "output": {"embedding": [1.0]}}

    assert read_answer(200, {}, b"", body, KEY).body == body
    assert read_answer(200, {}, b"", body | {"code": "Throttling"}, KEY).body is None


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [2.0]}], "holds 2 vectors for 1 contents"),
        ([], "holds 0 vectors for 1 contents"),
        ([{"index": 1, "embedding": [1.0]}], r"indexes 0 to 0, got \[1\]"),
        ([{"index": True, "embedding": [1.0]}], r"got \[True\]"),
        ([{"index": 0, "embedding": [1.0, 2.0]}], "ignores dimension=1 and answers 2; leave it out"),
    ],
)
def test_an_answer_that_does_not_fit_the_request_is_refused(entries, message):
    with pytest.raises(ValueError, match=message):
        read_vectors({"output": {"embeddings": entries}}, 1, 1, default=2)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([], "has no output"),
        ({"embeddings": 3}, "has no list of embeddings"),
        ({"embeddings": [3]}, "no list of embeddings"),
    ],
)
def test_an_answer_without_vectors_is_refused(output, message):
    with pytest.raises(ValueError, match=message):
        read_vectors({"output": output}, 1, 1)


def test_a_single_vector_needs_no_index_and_several_do():
    one = [{"embedding": [1.0], "index": None, "text_index": 0}]
    assert read_vectors({"output": {"embeddings": one}}, 1, 1)[0].tolist() == [1.0]
    with pytest.raises(ValueError, match=r"got \[None, None\]"):
        read_vectors({"output": {"embeddings": [{"embedding": [1.0]}] * 2}}, 2, 1)


def test_single_vectors_come_under_either_name():
    assert read_vectors({"output": {"embedding": [1.0, 2.0]}}, 1, 2)[0].tolist() == [1.0, 2.0]
    entries = [{"text_index": 1, "embedding": [3.0]}, {"text_index": 0, "embedding": [4.0]}]
    assert [v.tolist() for v in read_vectors({"output": {"embeddings": entries}}, 2, 1)] == [[4.0], [3.0]]


def test_a_key_that_the_service_repeats_is_shown_nowhere_not_even_cut():
    key = Secret("0123456789-no-usual-beginning-of-a-key")
    said = {"code": "x" * 70 + key.reveal(), "message": "x" * 390 + key.reveal(), "request_id": key.reveal()}

    answers = [
        read_answer(400, {}, json.dumps(said).encode(), None, key),
        read_answer(200, {}, b"", {"output": {}, "request_id": key.reveal()}, key),
    ]
    answers += [read_answer(503, {}, b"x" * at + key.reveal().upper().encode(), None, key) for at in (0, 170, 195)]
    with pytest.raises(ValueError, match=r"got \['str'\]") as caught:
        read_vectors({"output": {"embeddings": [{"index": key.reveal(), "embedding": [1.0]}]}}, 1, 1)

    assert not any("01234" in text for a in answers for text in (a.code, a.message, a.request_id))
    assert "01234" not in str(caught.value)
