"""A picture is fetched only from where it may be fetched, and a broken answer fails its item."""

from __future__ import annotations

import contextlib
import socket
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote, unquote

import pytest
import requests

from mmtoolkit.errors import UnreadableItemError
from mmtoolkit.providers.addresses import is_public
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


# the open internet: exists in these tests only

PUBLIC, PUBLIC_6, OTHER = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "151.101.1.69"


@pytest.fixture
def hits():
    """Requests that reached the server."""
    return []


@pytest.fixture
def server(hits):
    """A server on this machine that answers everything with a picture, and /to/URL with a redirect."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            hits.append((self.headers["Host"], self.path))
            to = unquote(self.path.partition("/to/")[2])
            self.send_response(302 if to else 200)
            if to:
                self.send_header("Location", to.encode().decode("latin-1"))
            self.send_header("Content-Length", "0" if to else "4")
            self.end_headers()
            if not to:
                self.wfile.write(b"here")

        def log_message(self, *args):
            pass

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6

        def server_bind(self):
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            super().server_bind()

    with Server(("::", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield running.server_address[1]
        running.shutdown()


@pytest.fixture
def public(internet, server):
    """The same server, seen at public addresses and names, too."""
    internet.routes |= {PUBLIC: server, PUBLIC_6: server, OTHER: server}
    internet.names |= {
        "pictures.example": [PUBLIC],
        "six.example": [PUBLIC_6],
        "b.example": [OTHER],
        "private.example": ["127.0.0.1"],
        "mixed.example": [PUBLIC, "10.0.0.7"],
        "mapped.example": ["::ffff:127.0.0.1"],
        "xn--bcher-kva.example": [PUBLIC],
    }
    return internet


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("http://pictures.example/a.png", "pictures.example", "/a.png"),
        ("http://pictures.example:8080/a%20b.png?x=1#top", "pictures.example:8080", "/a%20b.png?x=1"),
        ("HTTP://Pictures.Example/a b.png", "pictures.example", "/a%20b.png"),
        ("http://pictures.example/@me/x.png?u=a@b", "pictures.example", "/@me/x.png?u=a@b"),
        ("http://six.example/", "six.example", "/"),
        (f"http://[{PUBLIC_6}]/x", f"[{PUBLIC_6}]", "/x"),
        (f"http://{PUBLIC}/x", PUBLIC, "/x"),
        ("http://bücher.example/ü.png", "xn--bcher-kva.example", "/%C3%BC.png"),
    ],
)
def test_public_pictures_are_fetched_by_their_own_names(web, public, hits, url, host, path):
    assert web(url) == b"here"
    assert hits == [(host, path)]


SPELLINGS = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://[::1]:{port}/",
    "http://[0:0:0:0:0:0:0:1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[64:ff9b::a9fe:a9fe]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[2001:0:7f00:1::]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://[fe80::1]:{port}/",
    "http://[fc00::1]:{port}/",
    "http://[ff02::1]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://2130706433:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7F.1:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127.0.0.01:{port}/",
    "http://127.000.000.001:{port}/",
    "http://127.127.127.127:{port}/",
    "http://10.0.0.1:{port}/",
    "http://172.16.0.1:{port}/",
    "http://192.168.0.1:{port}/",
    "http://169.254.169.254:{port}/",
    "http://100.64.0.1:{port}/",
    "http://198.18.0.1:{port}/",
    "http://192.0.2.1:{port}/",
    "http://224.0.0.1:{port}/",
    "http://240.0.0.1:{port}/",
    "http://255.255.255.255:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://１２７.０.０.１:{port}/",
    "http://127。0。0。1:{port}/",
    "http://127．0．0．1:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://ⓛocalhost:{port}/",
    "http://127.0.0.1:{port}\\@pictures.example/",
    "http://pictures.example\\@127.0.0.1:{port}/",
    "http://pictures.example@127.0.0.1:{port}/",
    "http://a:b@127.0.0.1:{port}/",
    "http://@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@pictures.example/",
    "http://127.0.0.1:{port}#@pictures.example/",
    "http://127.0.0.1:{port}?@pictures.example/",
    "http:\\\\127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http://private.example:{port}/",
    "http://mixed.example:{port}/",
    "http://mapped.example:{port}/",
    "http://localhost:0{port}/",
    "http://pictures.example:0/",
    "http://pictures.example:99999/",
    "http://pictures.example:-1/",
    "http://-pictures.example/",
    "http://pictures..example/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/",
    "javascript://127.0.0.1:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://[::1:{port}/",
]
SPELLINGS += [
    "http://127.0.0.1:{port}/\t",
    "http://127.0.0.1\t:{port}/",
    "http://pictures.example/\r\nHost: x",
    "http://pictures.example\n@127.0.0.1:{port}/",
]
SPELLINGS += [
    " http://127.0.0.1:{port}/",
    "http:// 127.0.0.1:{port}/",
    "http://127.0.0.1 :{port}/",
    "http://127.0.0.1\x00.pictures.example:{port}/",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_reaches_a_private_server(web, public, server, hits, spelling):
    url = spelling.replace("{port}", str(server))

    with pytest.raises(UnreadableItemError):
        web(url)

    assert hits == []


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_redirect_reaches_a_private_server(web, public, server, hits, spelling):
    url = spelling.replace("{port}", str(server))

    with contextlib.suppress(UnreadableItemError):  # some are paths below the server that answers
        web(f"http://pictures.example/to/{quote(url, safe='')}")

    assert {host for host, _ in hits} == {"pictures.example"}


def test_a_name_that_changes_its_address_is_asked_for_once(web, public, hits):
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])
    public.names["turning.example"] = lambda: next(answers)

    assert web("http://turning.example/x.png") == b"here"
    assert hits == [("turning.example", "/x.png")]
    with pytest.raises(UnreadableItemError, match=r"turning\.example is a private address"):
        web("http://turning.example/x.png")
    assert len(hits) == 1


def test_redirects_are_followed_thrice_and_relative_ones_too(web, public, hits):
    assert web("http://pictures.example/to/%2F%2Fb.example%2Fy.png") == b"here"
    assert hits[-1] == ("b.example", "/y.png")
    deep = "http://b.example/x"
    for _ in range(4):
        deep = f"http://pictures.example/to/{quote(deep, safe='')}"
    with pytest.raises(UnreadableItemError, match="more than 3 redirects"):
        web(deep)


def test_the_next_address_is_tried_when_one_does_not_answer(web, public, hits):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        public.routes["8.8.4.4"] = unused.getsockname()[1]
    public.names["two.example"] = ["8.8.4.4", PUBLIC]

    assert web("http://two.example/x.png") == b"here"


def test_a_connection_that_ends_elsewhere_is_not_used(web, public, hits, monkeypatch):
    monkeypatch.setattr(socket.socket, "getpeername", lambda self: ("10.0.0.7", 80))

    with pytest.raises(UnreadableItemError, match="cannot fetch"):
        web("http://pictures.example/x.png")

    assert hits == []


def test_behind_a_proxy_nothing_is_fetched_unless_allowed(public, server, hits, monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server}")
    with requests.Session() as session:
        with pytest.raises(UnreadableItemError, match=r"a proxy is set.*allow_private=True"):
            fetch("http://pictures.example/x.png", session)
        assert hits == []
        assert fetch("http://pictures.example/x.png", session, allow_private=True) == b"here"

    assert hits == [("pictures.example", "http://pictures.example/x.png")]


def test_a_server_that_trickles_is_left(web, public, once, monkeypatch):
    monkeypatch.setattr("mmtoolkit.providers.download._TIMEOUT_S", 0.3)

    with once(b"HTTP/1.1 200 OK\r\n", pause_s=5) as host, pytest.raises(UnreadableItemError, match=r"more than 0\.3 s"):
        web(f"{host}/x.png", allow_private=True)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        (PUBLIC, True),
        (PUBLIC_6, True),
        ("64:ff9b::5db8:d70e", True),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b:1::5db8:d70e", False),
        ("::93.184.215.14", False),
        ("2001:db8::1", False),
        ("100.127.255.255", False),
        ("192.0.0.8", False),
    ],
)
def test_public_addresses_however_they_are_wrapped(address, public):
    assert is_public(address) == public
