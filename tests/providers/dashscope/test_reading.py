"""Every form of answer is read."""

from __future__ import annotations

import pytest

from mmtoolkit.providers.dashscope.reading import read_answer, read_vectors
from mmtoolkit.providers.secrets import Secret

KEY = Secret("sk-0123456789abcdef")


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"code": "X", "message": "m", "request_id": "r"}', "X", "m"),
        (b'{"error": {"code": "X", "message": "m", "type": "t"}, "id": "r"}', "X", "m"),
        (b"<html>oops</html>", "", "HTTP 503 with '<html>oops</html>' instead of JSON"),
        (b"", "", "HTTP 503 with an empty body"),
        (b"[1]", "", "HTTP 503 with '[1]' instead of JSON"),
    ],
)
def test_every_form_of_error_is_read(body, code, message):
    answer = read_answer(503, {"Retry-After": "7"}, body, None, KEY)

    assert (answer.code, answer.message, answer.retry_after_s) == (code, message, 7.0)


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("99999", 300.0), ("-3", 0.0), ("soon", None), ("nan", None),
                                               ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)])  # fmt: skip
def test_retry_after_is_bounded(value, seconds):
    assert read_answer(429, {"retry-after": value}, b"{}", None, KEY).retry_after_s == seconds


def test_single_vectors_come_under_either_name():
    assert read_vectors({"output": {"embedding": [1.0, 2.0]}}, 1, 2)[0].tolist() == [1.0, 2.0]
    entries = [{"text_index": 1, "embedding": [3.0]}, {"text_index": 0, "embedding": [4.0]}]
    assert [v.tolist() for v in read_vectors({"output": {"embeddings": entries}}, 2, 1)] == [[4.0], [3.0]]
