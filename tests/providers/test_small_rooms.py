"""Tokens, transcoding, fetching: the parts of the client that can be looked at alone."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from functools import partial

import numpy as np
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import mmtoolkit as mm
from mmtoolkit.errors import UnreadableItemError
from mmtoolkit.providers import transcode, wire
from mmtoolkit.providers.dashscope import usage as counting
from mmtoolkit.providers.dashscope.reading import read_answer, read_vectors
from mmtoolkit.providers.fetch import fetch
from mmtoolkit.providers.queue import tokens
from mmtoolkit.providers.secrets import Secret, redact

KEY = Secret("sk-0123456789abcdef")


@given(st.text(min_size=1), st.integers(1, 50))
def test_a_cut_text_is_a_start_of_it_within_the_limit(text, limit):
    kept = tokens.cut(text, limit)

    assert text.startswith(kept)
    assert tokens.text_tokens(kept) <= limit


@pytest.mark.parametrize(
    ("text", "count"), [("cat", 1), ("banking", 2), ("银行", 2), ("a b, c!", 5), ("", 0), ("😀", 1)]
)
def test_token_estimate(text, count):
    assert tokens.text_tokens(text) == count


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"input_tokens": 10, "image_tokens": 896}, (10, 896)),
        (
            {"input_tokens": 30, "input_tokens_details": {"image_tokens": 20, "text_tokens": 10}, "total_tokens": 31},
            (10, 20),
        ),
        ({"total_tokens": 7}, (7, 0)),
        ({"total_usage": 9}, (9, 0)),
        ({"image_tokens": None, "input_tokens": "x"}, (0, 0)),
        ({}, None),
    ],
)
def test_every_spelling_of_usage_is_read(usage, expected):
    assert counting.counted(usage) == expected


def test_large_pixels_end_within_the_limit_whatever_it_is(rng):
    picture = Image.fromarray(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8))

    for limit in (200_000, 60_000, 5_000, 1_000):
        data, kind, size = transcode.encode(picture, limit)
        assert len(data) <= limit
        assert Image.open(io.BytesIO(data)).size == size
        assert kind == Image.open(io.BytesIO(data)).format


def test_transcoding_is_the_same_every_time(rng):
    picture = Image.fromarray(rng.integers(0, 256, (300, 400, 3), dtype=np.uint8))

    assert transcode.encode(picture, 60_000) == transcode.encode(picture, 60_000)


def test_transparency_becomes_white_when_a_picture_is_transcoded():
    buffer = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(buffer, "WEBP", lossless=True)

    data, _, note = transcode.fit(buffer.getvalue(), mm.get_model("multimodal-embedding-v1"), name="x")

    assert np.asarray(Image.open(io.BytesIO(data))).min() == 255
    assert "WEBP sent as" in note


@pytest.mark.parametrize("source", ["jpg", "JPG", "jpeg"])
def test_the_data_uri_names_the_format_of_the_bytes(source, tmp_path):
    path = tmp_path / f"a.{source}"
    Image.new("RGB", (20, 20)).save(path, "PNG")

    data, kind, _ = transcode.fit(path.read_bytes(), mm.get_model("multimodal-embedding-v1"), name="x")

    assert transcode.data_uri(data, kind).startswith("data:image/png;base64,")


@pytest.fixture
def web():
    with requests.Session() as session:
        session.trust_env = False
        yield partial(fetch, session=session)


def test_fetch_refuses_private_addresses_and_other_schemes(emulator, web):
    for url in (
        f"{emulator.host}/media/red.png",
        "http://localhost/x.png",
        "http://[::1]/x",
        "http://10.0.0.1/x",
        "http://169.254.169.254/",
    ):
        with pytest.raises(UnreadableItemError, match="is a private address"):
            web(url)
    with pytest.raises(UnreadableItemError, match="expected an http"):
        web("file:///etc/passwd")
    assert not emulator.records


def test_fetch_reads_when_allowed_and_names_what_fails(emulator, web):
    assert web(f"{emulator.host}/media/blue.png", allow_private=True).startswith(b"\x89PNG")
    with pytest.raises(UnreadableItemError, match="HTTP 404"):
        web(f"{emulator.host}/media/none.png", allow_private=True)
    with pytest.raises(UnreadableItemError, match=r"cannot fetch .*ConnectionError"):
        web("http://127.0.0.1:9/x.png", allow_private=True)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 302 Found\r\nLocation: http://[bad/\r\nContent-Length: 0\r\n\r\n",
        b"no HTTP at all",
    ],
)
def test_a_broken_answer_to_a_fetch_fails_the_item(web, answer):
    with once(answer) as host, pytest.raises(UnreadableItemError, match="cannot fetch"):
        web(f"{host}/x.png", allow_private=True)


def test_a_slow_upload_has_the_whole_time_not_that_of_connecting(web, monkeypatch):
    monkeypatch.setattr(wire, "_CONNECT_S", 0.1)
    exchange = wire.Exchange(wire.session_for(False), 5.0)

    with once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", pause_s=0.4, most=9_000_000) as host:
        exchange.post(f"{host}/", data=b"x" * 9_000_000, headers={})

    assert (exchange.status, exchange.body) == (200, b"{}")


@pytest.mark.parametrize(
    ("answer", "trouble", "sent"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "the answer broke off", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc", "the answer broke off", True),
        (b"", "the connection was closed without an answer", True),
        (None, "the connection was refused", False),
    ],
)
def test_every_broken_exchange_says_what_happened_and_whether_it_was_sent(answer, trouble, sent):
    exchange = wire.Exchange(wire.session_for(False), 5.0)

    with once(answer or b"") as host, pytest.raises(wire.LostError, match=trouble):
        exchange.post("http://127.0.0.1:9/" if answer is None else f"{host}/", data=b"{}", headers={})

    assert (exchange.status, exchange.sent) == (None, sent)


@contextlib.contextmanager
def once(answer, *, pause_s=0.0, most=1):
    """A server that gives everybody the same bytes, after it has read a request, slowly if asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with connection:
                        time.sleep(pause_s)
                        left = most
                        while left > 0 and (piece := connection.recv(1 << 16)):
                            left -= len(piece)
                        connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def test_what_the_service_says_is_freed_of_secrets():
    said = f"key {KEY.reveal()} and sk-other-key-12345 in data:image/png;base64,{'QUJD' * 50}"

    assert redact(said, KEY) == "key <API key> and <API key> in data:image/png;base64,…"
    assert redact("ask-me about risk-taking", KEY) == "ask-me about risk-taking"


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
