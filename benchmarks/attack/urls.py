"""Spellings of URLs, redirects and names that change: none reaches a server on this machine when it must not.

Public names exist here only: a resolver of our own answers, and every connection goes to one server on this machine, which
tells by the address that was asked for whether a private one was reached.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, unquote

import requests

TRIALS = 3_000
_HOSTS = [
    "127.0.0.1",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "0.0.0.0",
    "0",
    "127.1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0x7f.0.0.1",
    "0x7f000001",
    "127.0.0.1.",
    "127.000.000.001",
    "10.0.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "[fe80::1%25lo]",
    "[fc00::1]",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "private.example",
    "mixed.example",
    "mapped.example",
    "turning.example",
]
_SHAPES = (
    "http://{host}:{port}/",
    "HTTP://{host}:{port}/x.png?a=b#c",
    "https://{host}:{port}/",
    "http://{host}:{port}\\@pictures.example/",
    "http://pictures.example\\@{host}:{port}/",
    "http://pictures.example@{host}:{port}/",
    "http://a:b@{host}:{port}/",
    "http://{host}:{port}#@pictures.example/",
    "http://{host}:{port}?@pictures.example/",
    "http:\\\\{host}:{port}/",
    "http:/{host}:{port}/",
    "http:{host}:{port}/",
    "//{host}:{port}/",
    "http://{host}\t:{port}/",
    "http://{host}\x00.pictures.example:{port}/",
    "http://pictures.example\r\nHost: {host}:{port}/",
    " http://{host}:{port}/",
    "http://{host} :{port}/",
    "ftp://{host}:{port}/",
    "http://{host}:0{port}/",
)
_PUBLIC = "93.184.215.14"


def attack(trials: int, seed: int) -> dict[str, Any]:
    """Fetch every spelling of every host, at once and by redirect; `seed` changes nothing."""
    del seed
    from mmtoolkit.errors import MMToolkitError
    from mmtoolkit.providers.download import fetch

    hits: list[str] = []
    reached: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.headers["Host"])
            to = unquote(self.path.partition("/to/")[2])
            self.send_response(302 if to else 200)
            if to:
                self.send_header("Location", to.replace("\r", "").replace("\n", "").encode().decode("latin-1"))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    turn = itertools.count()
    names = {
        "pictures.example": [_PUBLIC],
        "private.example": ["127.0.0.1"],
        "mixed.example": [_PUBLIC, "10.0.0.7"],
        "mapped.example": ["::ffff:127.0.0.1"],
    }
    lookup, connect, peer = socket.getaddrinfo, socket.socket.connect, socket.socket.getpeername

    def resolve(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        found = [("127.0.0.1" if next(turn) % 2 else _PUBLIC)] if host == "turning.example" else names.get(host, [host])
        return [entry for address in found for entry in lookup(address, port, *rest, **more)]

    def lead(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            reached.append(address[0])
            if address[0] != _PUBLIC:
                return connect(sock, address)
            address = ("127.0.0.1", server.server_address[1])
        return connect(sock, address)

    raw: dict[str, str] = {}
    refused = fetched = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    socket.getaddrinfo, socket.socket.connect = resolve, lead  # type: ignore[assignment, method-assign]
    socket.socket.getpeername = lambda sock: (_PUBLIC, 80) if peer(sock)[0] == "127.0.0.1" else peer(sock)  # type: ignore[method-assign, assignment]
    urls = [shape.format(host=host, port=server.server_address[1]) for host in _HOSTS for shape in _SHAPES]
    ways = [way for url in urls for way in (url, f"http://pictures.example/to/{quote(url, safe='')}")][:trials]
    try:
        with requests.Session() as session:
            session.trust_env = False
            for url in ways:
                try:
                    fetch(url, session)
                    fetched += 1
                except MMToolkitError:
                    refused += 1
                except Exception as error:
                    raw.setdefault(type(error).__name__, url)
    finally:
        socket.getaddrinfo, socket.socket.connect, socket.socket.getpeername = lookup, connect, peer  # type: ignore[method-assign]
        with contextlib.suppress(OSError):
            server.shutdown()
    private = [address for address in reached if address != _PUBLIC]
    return {
        "trials": len(ways),
        "spellings": len(urls),
        "refused": refused,
        "fetched from the public address": fetched,
        "private hits": len(private),
        "other": len(private),
        "raw": len(raw),
        "examples": {**raw, **dict.fromkeys(private[:3], "private")},
    }
