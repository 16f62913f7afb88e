"""A picture is fetched only from where it may be fetched, and a broken answer fails its item."""

from __future__ import annotations

from functools import partial

import pytest
import requests

from mmtoolkit.errors import UnreadableItemError
from mmtoolkit.providers.download import fetch


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
def test_a_broken_answer_to_a_fetch_fails_the_item(web, once, answer):
    with once(answer) as host, pytest.raises(UnreadableItemError, match="cannot fetch"):
        web(f"{host}/x.png", allow_private=True)
